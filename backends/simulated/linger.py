"""How long the endpoint lives: as long as somebody holds a lock, and a little longer."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from threading import Event

_WITHOUT_ANY = 60.0
_POLL = 0.5


def held(path: Path) -> bool:
    """Whether some process holds the flock on the file; a missing file is held by nobody."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def wait_until_alone(path: Path, linger: float, stopping: Event) -> None:
    """Return when nobody has held the lock for `linger` seconds after a holder was seen, or none came for a minute."""
    alone_since, patience = time.monotonic(), max(_WITHOUT_ANY, linger)
    while not stopping.wait(_POLL):
        if held(path):
            alone_since, patience = time.monotonic(), linger
        elif time.monotonic() - alone_since > patience:
            return
