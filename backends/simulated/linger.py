"""How long the endpoint lives: as long as somebody holds a lock, and a little longer."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from threading import Event

_WITHOUT_ANY = 60.0
_POLL = 0.5


def wait_until_alone(path: Path, linger: float, stopping: Event) -> None:
    """Return when nobody has held the lock for `linger` seconds after a holder was seen, or none came for a minute."""
    alone_since, patience = time.monotonic(), max(_WITHOUT_ANY, linger)
    while not stopping.wait(min(_POLL, linger / 4 + 0.01)):
        if listed(path):
            alone_since, patience = time.monotonic(), linger
        elif time.monotonic() - alone_since > patience:
            if not held(path):
                return
            alone_since, patience = time.monotonic(), linger


def listed(path: Path) -> bool:
    """Whether the kernel lists a flock on the file. Looking does not touch the lock, so nobody's own attempt fails."""
    try:
        inode = f":{path.stat().st_ino}"
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    return any("FLOCK" in line and any(part.endswith(inode) for part in line.split()) for line in lines)


def held(path: Path) -> bool:
    """Whether some process holds the flock, found out by trying: for file systems whose locks are listed under other
    numbers. A missing file is held by nobody."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
