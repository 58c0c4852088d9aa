"""The collectors that ended without being asked to: whose, when, how, and how often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backends.model import Json
from backends.store import iso, utcnow

if TYPE_CHECKING:
    from backends.aws.tasks import Death

_RECENT = timedelta(hours=1)


@dataclass(slots=True)
class _Fallen:
    """What is known of one context: its newest death, who took the place, and when the recent ones were."""

    accounts: list[str]
    pid: int
    death: Death
    replaced_by: int | None = None
    recent: deque[datetime] = field(default_factory=deque)


class Deaths:
    """The deaths of a daemon's collectors, kept for as long as it lives, after their contexts were let go as well."""

    def __init__(self) -> None:
        self._fallen: dict[str, _Fallen] = {}

    def note(self, context: str, accounts: list[str], pid: int, death: Death) -> None:
        """The collector of a context has died; noting the same death again changes nothing."""
        before = self._fallen.get(context)
        if before is not None and before.death is death:
            return
        recent = before.recent if before is not None else deque()
        recent.append(death.at)
        self._fallen[context] = _Fallen(accounts, pid, death, recent=recent)
        _forget(recent, death.at)

    def replaced(self, context: str, pid: int) -> None:
        """Another collector runs in the place of the one that died last."""
        self._fallen[context].replaced_by = pid

    def told(self) -> list[Json]:
        """{"context", "accounts", "pid", "at", "how", "replaced_by", "last_hour"} of each context, the newest first.

        `replaced_by` is the pid of the collector that was started again, null while none was; `last_hour` is how many
        have died in the last hour.
        """
        now = utcnow()
        for fallen in self._fallen.values():
            _forget(fallen.recent, now)
        newest = sorted(self._fallen.items(), key=lambda item: item[1].death.at, reverse=True)
        return [
            {
                "context": context,
                "accounts": fallen.accounts,
                "pid": fallen.pid,
                "at": iso(fallen.death.at),
                "how": fallen.death.how,
                "replaced_by": fallen.replaced_by,
                "last_hour": len(fallen.recent),
            }
            for context, fallen in newest
        ]


def _forget(recent: deque[datetime], now: datetime) -> None:
    while recent and recent[0] < now - _RECENT:
        recent.popleft()
