"""The daemon's log: small, rotating, and the same file that stdout and stderr go to.

What comes from AWS is logged with %r, so that no escape sequence reaches a terminal that shows the log.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

_SIZE = 1 << 20


class _DaemonLog(RotatingFileHandler):
    """A rotating log which takes stdout and stderr along when it turns the page."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_SIZE, backupCount=2, encoding="utf-8")
        path.chmod(0o600)

    def doRollover(self) -> None:
        super().doRollover()
        if self.stream is not None:
            os.dup2(self.stream.fileno(), 1)
            os.dup2(self.stream.fileno(), 2)


def configure(path: Path | None) -> None:
    """Log to that file, or to stderr where a person runs the daemon in the foreground."""
    handler = logging.StreamHandler() if path is None else _DaemonLog(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
