"""Processes that we started and must see gone: found by their parents in /proc, asked first, then killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

Process = tuple[int, str]
"""A pid and the kernel's start time of it: a pid that was given to somebody else meanwhile is not the same process."""

PATIENCE = 8.0


def descendants(roots: Iterable[int]) -> list[Process]:
    """The processes of those pids and all of their children, as they are now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += parents.get(pid, [])
    return [(pid, stat[19]) for pid in found if (stat := _stat(pid))]


def process(pid: int) -> Process | None:
    """The process that has that pid now."""
    return (pid, stat[19]) if (stat := _stat(pid)) else None


def alive(process: Process) -> bool:
    """Whether that very process still runs; a zombie does not."""
    stat = _stat(process[0])
    return stat is not None and stat[19] == process[1] and stat[0] != "Z"


def end_all(family: Sequence[Process]) -> None:
    """Wait until all are gone, and kill what does not go."""
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, family)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid, started in family:
        if alive((pid, started)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    while any(map(alive, family)):
        time.sleep(0.02)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
