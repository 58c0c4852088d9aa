"""Who is the daemon of a store, and how anybody else finds out.

The lock is an flock on `daemon.lock` beside the store: the kernel lets it go however the process ends, so no lock is
ever stale. The socket file may be: whoever holds the lock replaces it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backends.launch import ANNOUNCEMENT_FILE, LOCK_FILE, PROBLEM_FILE

_RACE_SECONDS = 0.6


class StartProblem(Exception):
    """Why the daemon cannot serve, in one sentence that reaches the client which started it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class Election:
    """The won election: holds the lock until the process ends."""

    home: Path
    descriptor: int

    @classmethod
    def win(cls, home: Path, patience: float = _RACE_SECONDS) -> Election | None:
        """Take the lock, or None where another daemon keeps it for `patience` seconds.

        A little patience, since others may hold the lock for a moment only to see whether anybody does.
        """
        deadline = time.monotonic() + patience
        while True:
            descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            else:
                election = cls(home, descriptor)
                if election.valid:
                    # Always as long, over what an earlier one wrote: whoever reads it meanwhile finds a whole pid.
                    os.pwrite(descriptor, f"{os.getpid():<10}\n".encode(), 0)
                    return election
                os.close(descriptor)
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.05)

    @property
    def valid(self) -> bool:
        """Whether the locked file is still the one at its path; not so once the store's directory was removed."""
        try:
            there = (self.home / LOCK_FILE).stat()
        except OSError:
            return False
        mine = os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


@dataclass
class Door:
    """The socket that clients come in by: bound by us, so that its mode and its removal are ours."""

    path: Path
    made: tuple[int, int] = (0, 0)
    """Inode and time of our socket file: an inode alone may be given again to the next file."""

    def bind(self) -> socket.socket:
        """A listening socket at the path, replacing whatever a dead daemon left there. Mode 0600."""
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(self.path))
        except OSError as error:
            raise StartProblem("socket", f"The socket {self.path} cannot be made: {error.strerror}.") from error
        finally:
            os.umask(before)
        listener.listen(128)
        listener.setblocking(False)
        self.made = self._there()
        return listener

    def _there(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns

    @property
    def standing(self) -> bool:
        """Whether the path still leads to our socket."""
        try:
            return self._there() == self.made
        except OSError:
            return False

    def remove(self) -> None:
        if self.standing:
            self.path.unlink(missing_ok=True)


def announce(home: Path, facts: Mapping[str, Any]) -> None:
    """Write `daemon.json` for clients and people, in one step; forget an earlier daemon's problem."""
    (home / PROBLEM_FILE).unlink(missing_ok=True)
    _write(home / ANNOUNCEMENT_FILE, {"pid": os.getpid(), "started": iso(datetime.now(UTC)), **facts})


def withdraw(home: Path) -> None:
    """The last thing that a daemon does which stops on purpose."""
    (home / ANNOUNCEMENT_FILE).unlink(missing_ok=True)


def report_problem(home: Path, problem: StartProblem) -> None:
    """Leave the reason for the client that waits for this process."""
    _write(home / PROBLEM_FILE, {"pid": os.getpid(), "error": problem.code, "message": problem.message})


def _write(path: Path, value: Mapping[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    part.chmod(0o600)
    part.replace(path)


def iso(moment: datetime) -> str:
    """An aware UTC datetime as everything on the wire writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
