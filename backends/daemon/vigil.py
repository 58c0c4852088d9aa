"""How long a daemon waits with nobody there: for its first client longer than for the next one."""

from __future__ import annotations

_FIRST_SECONDS = 60.0
"""A busy machine takes its time between the start of a daemon and the pane that it was started for."""


class Vigil:
    """`linger` is in seconds, negative for ever; instants are of one clock that only goes forward, in seconds."""

    def __init__(self, linger: float, now: float) -> None:
        self._linger = linger
        self._quiet_since = now
        self.patience = max(_FIRST_SECONDS, linger)
        """Seconds that it waits at present."""

    def over(self, now: float, *, busy: bool) -> bool:
        """Whether nobody has needed the daemon for long enough; `busy`: somebody does at this instant."""
        if busy:
            self._quiet_since, self.patience = now, self._linger
        return not busy and self._linger >= 0 and now - self._quiet_since >= self.patience
