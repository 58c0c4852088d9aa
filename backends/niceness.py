"""Standing back: what works in the background gives way to whoever draws, answers or waits."""

from __future__ import annotations

import os
import time
from pathlib import Path

NICENESS = 10
_TRIES = 3


def stand_back(autogroup: Path = Path("/proc/self/autogroup")) -> None:
    """Lower the priority of this process by NICENESS, against processes of other sessions too.

    Linux weighs sessions against each other first (sched_autogroup, on in most distributions) and compares nice values
    only inside one. So a process that leads a session of its own has to lower that session as well: without it our
    collector took as much of the processor from the event loops of daemon and panes as it liked.
    """
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # somebody else's session, a person's shell perhaps, keeps its weight
    for attempt in range(_TRIES):
        try:
            autogroup.write_text(str(NICENESS))
        except BlockingIOError:  # the kernel takes ten of these a second, from all processes together
            time.sleep(0.05 * (attempt + 1))
        except OSError:
            return  # no autogroups here
        else:
            return
