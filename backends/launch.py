"""Finding the daemon of a store, or starting one: from any directory, holding nothing of the client's.

A daemon that cannot start leaves its reason as one sentence in `daemon.problem` beside the store.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.context import Context, private_directory, socket_path, store_home

PROBLEM_FILE = "daemon.problem"
ANNOUNCEMENT_FILE = "daemon.json"
LOG_FILE = "daemon.log"
LOCK_FILE = "daemon.lock"
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV",
              "GLIBC_TUNABLES")  # fmt: skip
_INHERITED_PREFIXES = ("LC_", "XDG_", "QUARTERDECK_", "PYTHON", "COVERAGE_")
QUICK_HEAP = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=512"}
"""DuckDB plans a statement with thousands of small objects: more of them kept at hand spare a quarter of its time."""
_started: list[subprocess.Popen[bytes]] = []
"""Daemons that this process started: kept so that each can be reaped, never waited for at exit."""


class BackendError(Exception):
    """What the daemon, or the way to it, answered instead of data: `message` is a sentence for the operator."""

    def __init__(self, code: str, message: str, status: int = 0, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details

    @classmethod
    def of(cls, answer: Any, status: int) -> BackendError:
        """The error that the daemon answered with."""
        details = dict(answer) if isinstance(answer, dict) else {}
        code = str(details.pop("error", "error"))
        message = str(details.pop("message", "") or f"The daemon refused the request (HTTP {status}).")
        return cls(code, message, status, **details)


@dataclass(frozen=True, slots=True)
class DaemonSpec:
    """Which daemon: the store directory it owns, and how to start it where none runs.

    home      the store's own directory (see `store_home`), made 0700 where missing
    label     shown in front of everything that comes from this store, "SIMULATED AWS"
    linger    seconds that the daemon lives on after its last client; negative: for ever
    paid_every  seconds between two polls of what AWS asks money for; 0: as the daemon has it
    budget    USD that polls may cost in an account in a day; None: as the daemon has it
    """

    home: Path
    endpoint: str = ""
    partition: str = "aws"
    label: str = ""
    linger: float = 600.0
    paid_every: float = 0.0
    budget: float | None = None

    @classmethod
    def of(cls, context: Context, *, home: Path | None = None, label: str = "", linger: float = 600.0) -> DaemonSpec:
        """The daemon of the store that this context's data belongs to."""
        return cls(home or store_home(context), context.endpoint, context.partition, label, linger)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `python -m backends.daemon`."""
        return [
            *("--home", str(self.home.absolute()), "--partition", self.partition, "--linger", f"{self.linger:g}"),
            *(("--endpoint", self.endpoint) if self.endpoint else ()),
            *(("--label", self.label) if self.label else ()),
            *(("--paid-every", f"{self.paid_every:g}") if self.paid_every else ()),
            *(("--budget", f"{self.budget:g}") if self.budget is not None else ()),
        ]


def find_socket(home: Path) -> Path:
    """Where the daemon of that store says that it listens, else where it would."""
    announced = read_json(home / ANNOUNCEMENT_FILE).get("socket", "")
    if isinstance(announced, str) and announced and Path(announced).exists():
        return Path(announced)
    return socket_path(home)


def announced_pid(home: Path) -> int:
    """The pid of the daemon that says it serves that store; 0 where none says so."""
    pid = read_json(home / ANNOUNCEMENT_FILE).get("pid", 0)
    return pid if isinstance(pid, int) else 0


def lock_holder(home: Path) -> int | None:
    """The pid of the process that has that store's lock: a daemon that serves, begins or ends; None where none has."""
    try:
        with (home / LOCK_FILE).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read(20).strip() or 0)
    except (OSError, ValueError):
        return None
    return None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in that file; empty where there is none, or half of one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


async def answers(path: Path) -> bool:
    """Whether anybody accepts connections there."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


async def ensure(spec: DaemonSpec, patience: float = 60.0) -> Path:
    """The socket of a running daemon, started where none answers; BackendError with its own reason if it cannot start.

    Several clients may race: every loser's daemon sees the lock held and leaves, and all find the winner's socket.
    """
    if await answers(path := find_socket(spec.home)):
        return path
    try:
        private_directory(spec.home)
    except OSError as error:
        raise BackendError(
            "home", f"The directory {spec.home} cannot be made: {error.strerror}; set QUARTERDECK_HOME."
        ) from error
    process = spawn(spec)
    deadline = asyncio.get_running_loop().time() + patience
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.03)
        if await answers(path := find_socket(spec.home)):
            return path
        if process.poll() is not None:
            if problem := _problem(spec.home, process.pid):
                raise problem
            if process.returncode != 0:
                raise BackendError(
                    "daemon",
                    f"The daemon stopped while starting (exit {process.returncode}); see {spec.home / LOG_FILE}.",
                )
            await asyncio.sleep(0.2)
            process = spawn(spec)
    raise BackendError("daemon", f"The daemon did not answer within {patience:g} s; see {spec.home / LOG_FILE}.")


def _problem(home: Path, pid: int) -> BackendError | None:
    found = read_json(home / PROBLEM_FILE)
    if found.get("pid") != pid:
        return None
    return BackendError(str(found.get("error", "daemon")), str(found.get("message", "The daemon could not start.")))


def daemon_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a daemon that a client starts gets of the client's environment: no credentials, nothing of the AWS tools."""
    env = os.environ if environment is None else environment
    return QUICK_HEAP | {
        name: value for name, value in env.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }


def spawn(spec: DaemonSpec, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a daemon in its own session, in "/", with its output in its log and none of this process's files.

    It gets no credentials: those travel with each context. -P keeps whatever lies in the directory out of its imports.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    log = os.open(spec.home / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "backends.daemon", *spec.arguments],
            cwd="/",
            env=daemon_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            close_fds=True,
            start_new_session=True,
        )
    finally:
        os.close(log)
    _started.append(process)
    return process
