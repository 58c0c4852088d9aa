"""How far back each kind's history can be told: what retention let go of, and what it thinned to one version a day.

A past that was thinned is told as of the end of the day before, which is as it was; what was let go of is *not kept*.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

import duckdb

from backends.store.instants import iso

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Of one kind; times are naive UTC.

    kept_from      before it versions, events, points or rows of a window were deleted: what was then cannot be told
    thinned_until  a midnight; of the days before it only how each ended was kept
    """

    kept_from: datetime | None = None
    thinned_until: datetime | None = None

    def lost(self, at: datetime) -> bool:
        """Whether the instant whose rows would answer for `at` lies before what is kept."""
        return self.kept_from is not None and self.held(at) < self.kept_from

    def thinned(self, at: datetime) -> bool:
        """Whether of the instant's day only its end was kept."""
        return self.thinned_until is not None and at < self.thinned_until

    def held(self, at: datetime) -> datetime:
        """The instant whose rows answer for `at`: itself, or the last end of a day by then where days were thinned."""
        if not self.thinned(at):
            return at
        return datetime.combine((at + _TICK).date(), time()) - _TICK

    def told(self, at: datetime) -> str:
        """What has to be said of the instant; "" where nothing."""
        told = []
        if self.lost(at) and self.kept_from is not None:
            told.append(f"history is kept from {iso(self.kept_from)} on")
            if at < self.kept_from:
                return told[0]
        if self.held(at) != at and self.thinned_until is not None:
            until, of = iso(self.thinned_until), iso(self.held(at))
            told.append(f"one version a day is kept before {until}: this is as of {of}")
        return "; ".join(told)


WHOLE = Horizon()


def horizons(cursor: duckdb.DuckDBPyConnection) -> dict[str, Horizon]:
    """Of every kind of which something was let go."""
    found = cursor.execute("SELECT kind, kept_from, thinned_until FROM own.horizon").fetchall()
    return {kind: Horizon(kept_from, thinned_until) for kind, kept_from, thinned_until in found}


def held_at(cursor: duckdb.DuckDBPyConnection, kind: str, at: datetime | None) -> datetime | None:
    """The instant whose rows of a kind answer for `at`; None for the present."""
    return None if at is None else horizons(cursor).get(kind, WHOLE).held(at)


def move(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    before: Horizon,
    kept_from: datetime | None,
    thinned_until: datetime | None,
) -> None:
    """Moves a kind's horizon on, never back; belongs in the transaction that let go of something."""
    later = Horizon(_later(before.kept_from, kept_from), _later(before.thinned_until, thinned_until))
    if later != before:
        connection.execute("DELETE FROM own.horizon WHERE kind = ?", [kind])
        connection.execute("INSERT INTO own.horizon VALUES (?, ?, ?)", [kind, later.kept_from, later.thinned_until])


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
