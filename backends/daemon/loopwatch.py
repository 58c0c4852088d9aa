"""How late the event loop is: sampled while there is work, at rest otherwise."""

from __future__ import annotations

import asyncio
from collections import deque

_STEP = 0.05
_IDLE_STEP = 0.5


class LoopWatch:
    """Samples of how many milliseconds a sleep overslept, over the last minute of work.

    It looks twenty times a second, and while nobody is busy twice only: each look wakes the process up.
    """

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=1200)
        self.busy = 0

    async def run(self) -> None:
        """Sample for ever."""
        loop = asyncio.get_running_loop()
        while True:
            step = _STEP if self.busy else _IDLE_STEP
            started = loop.time()
            await asyncio.sleep(step)
            self._late.append(max(0.0, (loop.time() - started - step) * 1000))

    def summary(self) -> dict[str, float]:
        """p50, p99 and max of the stalls in milliseconds; zeros before the first sample."""
        ordered = sorted(self._late) or [0.0]
        return {
            "p50": round(ordered[len(ordered) // 2], 2),
            "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
            "max": round(ordered[-1], 2),
        }
