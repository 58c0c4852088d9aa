"""The anchor file: one line "number hash" per audit record, appended and synced, outside the store."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = "quarterdeck audit anchor 1"
_LINE = re.compile(r"([1-9][0-9]{0,15}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Anchored:
    """Record number → hash as anchored, and what is wrong with the file itself: (record number, what).

    `begun` is False where there is no file: right before the first record, wrong from then on.
    """

    hashes: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[tuple[int, str], ...] = ()
    begun: bool = True

    @property
    def last(self) -> int:
        return max(self.hashes, default=0)


class Anchor:
    """An append-only file, readable by its owner only. Its methods block: they sync to the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self) -> None:
        """Make the file where there is none: whole or not at all, whenever the machine dies."""
        if self._path.exists():
            return
        draft = self._path.with_name(self._path.name + ".new")
        _write(draft, os.O_TRUNC, _HEADER)
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def add(self, sequence: int, digest: str) -> None:
        """Append one head and sync it."""
        _write(self._path, os.O_APPEND, f"{sequence} {digest}")

    def read(self) -> Anchored:
        """What is anchored. A line that a crash cut short is passed over: the record it was for is anchored again."""
        try:
            text = self._path.read_text("ascii", "replace")
        except FileNotFoundError:
            return Anchored({}, ((1, f"its anchor file {self._path.name} is missing"),), begun=False)
        # What follows the last newline was cut short by a crash; `_write` ends it before it goes on.
        first, *lines = text.split("\n")[:-1] or [""]
        anchored = _parsed(lines)
        if first == _HEADER:
            return anchored
        return Anchored(
            anchored.hashes, ((1, f"its anchor file {self._path.name} does not begin as one"), *anchored.problems)
        )


def _write(path: Path, how: int, line: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if torn else "") + line + "\n").encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(lines: list[str]) -> Anchored:
    hashes: dict[int, str] = {}
    problems: list[tuple[int, str]] = []
    last = 0
    for index, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is None:
            following = lines[index + 1] if index + 1 < len(lines) else ""
            if not following.startswith(line):
                problems.append((last + 1, "its line in the anchor file was edited"))
            continue
        number = int(match[1])
        if number != last + 1:
            problems.append((last + 1, f"is not where the anchor file should have it: record {number} stands there"))
        hashes.setdefault(number, match[2])
        last = number
    return Anchored(hashes, tuple(problems))
