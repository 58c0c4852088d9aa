"""How late the event loop is: sampled while there is work, at rest otherwise."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_STEP = 0.05
_IDLE_STEP = 0.5


class LoopWatch:
    """Samples of how many milliseconds a timer was late, over the last minute of work.

    It looks twenty times a second, and while nobody works twice only: each look wakes the process up. A sweep that
    waits for its turn to ask AWS is no work; a page of it that is stored is.
    """

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=1200)
        self.at_work = 0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Sample until `stop`."""
        self._look_in(_STEP if self.at_work else _IDLE_STEP)

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """While this lasts it looks closely."""
        self.at_work += 1
        if self.at_work == 1 and self._next is not None:
            self._next.cancel()
            self._look_in(_STEP)
        try:
            yield
        finally:
            self.at_work -= 1

    def summary(self) -> dict[str, float]:
        """p50, p99 and max of the stalls in milliseconds; zeros before the first sample."""
        ordered = sorted(self._late) or [0.0]
        return {
            "p50": round(ordered[len(ordered) // 2], 2),
            "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
            "max": round(ordered[-1], 2),
        }

    def _look_in(self, step: float) -> None:
        self._next = asyncio.get_running_loop().call_later(step, self._look)

    def _look(self) -> None:
        assert self._next is not None
        self._late.append(max(0.0, (asyncio.get_running_loop().time() - self._next.when()) * 1000))
        self._look_in(_STEP if self.at_work else _IDLE_STEP)
