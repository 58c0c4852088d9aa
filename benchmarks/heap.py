"""What runs in a daemon is measured with a daemon's heap."""

from __future__ import annotations

import os
import sys

from backends.launch import QUICK_HEAP


def like_a_daemon() -> None:
    """Begins this process anew with the heap that a daemon gets, unless it has been told one."""
    if QUICK_HEAP.keys() - os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], QUICK_HEAP | os.environ)
