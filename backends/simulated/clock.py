"""The simulated clock: it starts at the wall clock, stands still until started, then keeps pace with it.

So nothing that the simulated AWS tells is later than the operator's own clock, unless a speed above 1 is asked for.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock


class Clock:
    """Simulated time in UTC. `running` and `speed` (simulated seconds per second) may change at any moment."""

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self.start = (start or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        self._lock = Lock()
        self._elapsed = 0.0
        self._since: float | None = None
        self._speed = speed

    @property
    def running(self) -> bool:
        return self._since is not None

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> datetime:
        """The simulated moment, with zone UTC."""
        with self._lock:
            return self.start + timedelta(seconds=self._seconds())

    def naive(self) -> datetime:
        """The simulated moment as moto keeps time: UTC without a zone, at whole seconds."""
        return self.now().replace(tzinfo=None, microsecond=0)

    def elapsed(self) -> timedelta:
        """Simulated time since the start."""
        with self._lock:
            return timedelta(seconds=self._seconds())

    def set(self, running: bool | None = None, speed: float | None = None, catch_up: bool = False) -> None:
        """Start, stop or change the speed; ValueError for a speed that is not positive.

        `catch_up` lets a clock that stood still jump to the wall clock: else what happens from now on would be dated
        before the polls that saw the world stand still.
        """
        if speed is not None and not speed > 0:
            raise ValueError(f"speed must be a positive number of simulated seconds per second, not {speed}")
        with self._lock:
            self._elapsed = self._seconds()
            if speed is not None:
                self._speed = speed
            run = self._since is not None if running is None else running
            if run and catch_up:
                self._elapsed = max(self._elapsed, (datetime.now(UTC) - self.start).total_seconds())
            self._since = time.monotonic() if run else None

    def advance(self, minutes: float) -> None:
        """Jump ahead by hand."""
        with self._lock:
            self._elapsed += minutes * 60

    def _seconds(self) -> float:
        if self._since is None:
            return self._elapsed
        return self._elapsed + (time.monotonic() - self._since) * self._speed
