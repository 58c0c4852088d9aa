"""Instance refreshes: a group exchanges its instances for new ones, a few each minute, while the rest serve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backends.simulated.fleets import USER_SHUTDOWN, Fleets

_ACTIVE = ("Pending", "InProgress")


@dataclass(slots=True)
class Refresh:
    """One refresh; times are naive UTC.

    left      how many instances are still to be exchanged
    wanted    the configuration asked for, `rollback` the details of taking it back, as AWS writes both
    """

    id: str
    started: datetime
    left: int
    preferences: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] | None = None
    status: str = "Pending"
    percent: int = 0
    reason: str = ""
    ended: datetime | None = None
    rollback: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        return self.status in _ACTIVE

    def end(self, status: str, at: datetime, reason: str = "") -> None:
        """Let it have ended so."""
        self.status, self.ended, self.reason = status, at, reason


def of(group: Any) -> list[Refresh]:
    """A group's refreshes, the oldest first; what is added to the list is the group's."""
    if not hasattr(group, "refreshes"):
        group.refreshes = []
    found: list[Refresh] = group.refreshes
    return found


def advance(fleets: Fleets, group: Any) -> None:
    """Live through one minute of the refresh under way, if there is one."""
    for refresh in of(group):
        if refresh.active:
            _exchange(fleets, group, refresh)


def _exchange(fleets: Fleets, group: Any, refresh: Refresh) -> None:
    total = max(len(group.instance_states), 1)
    healthy = int(refresh.preferences.get("MinHealthyPercentage", 90))
    refresh.status = "InProgress"
    for state in list(_stale(group, refresh))[: max(1, total * (100 - healthy) // 100)]:
        fleets.terminate(group, state, USER_SHUTDOWN, "in response to an instance refresh")
        fleets.launch(group)
    refresh.left = sum(1 for _ in _stale(group, refresh))
    refresh.percent = round(100 * (total - refresh.left) / total)
    if not refresh.left:
        refresh.end("Successful", fleets.moment())


def _stale(group: Any, refresh: Refresh) -> Iterator[Any]:
    return (state for state in group.instance_states if state.instance.launch_time < refresh.started)
