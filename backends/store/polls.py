"""The polls that first saw something: when each ended, and when the good one before it had begun."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from backends.store.coverage import Place, shortly_before
from backends.store.history import within
from backends.store.sqltext import Bound

Moment = tuple[str, str, str, datetime]
"""Account, region, kind and when a poll of them began, naive UTC; to the millisecond is enough."""
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Poll:
    """What is known of one.

    before  when the newest good one before it began, if there was one
    ended   None while it is under way, or where that is no longer kept
    """

    before: datetime | None = None
    ended: datetime | None = None


def polls(cursor: duckdb.DuckDBPyConnection, moments: Iterable[Moment], cadence: int) -> dict[Moment, Poll]:
    """Each of the polls, of kinds whose cadence is at most that (seconds)."""
    wanted = set(moments)
    if not wanted:
        return {}
    near = shortly_before(min(moment for *_, moment in wanted), cadence)
    good, ended = _around(cursor, wanted, near)
    found = {}
    for moment in wanted:
        swept = good.get(moment[:3], [])
        place = bisect_left(swept, moment[3])
        found[moment] = Poll(swept[place - 1] if place else None, ended.get((moment[:3], _milliseconds(moment[3]))))
    if far := {moment for moment, poll in found.items() if poll.before is None}:
        last = _last_good(cursor, far, near)
        found |= {moment: Poll(last.get(moment[:3]), found[moment].ended) for moment in far}
    return found


def _around(
    cursor: duckdb.DuckDBPyConnection, wanted: set[Moment], near: datetime
) -> tuple[dict[Place, list[datetime]], dict[tuple[Place, int], datetime]]:
    """Of each place when good polls from `near` on began, ascending, and when any poll ended, by its milliseconds."""
    bound = Bound()
    last = max(moment for *_, moment in wanted) + _MILLISECOND
    rows = cursor.execute(
        "SELECT account, region, kind, good, instant, until, finished, last_finished FROM own.coverage_run"
        f" WHERE until > {bound(near)} AND instant < {bound(last)} AND {_places(wanted, bound)}",
        bound.values,
    ).fetchall()
    begun: dict[Place, set[datetime]] = {}
    ended: dict[tuple[Place, int], datetime] = {}
    for account, region, kind, good, instant, until, finished, last_finished in rows:
        place = account, region, kind
        ended[place, _milliseconds(instant)] = finished
        ended[place, _milliseconds(until)] = last_finished
        if good:
            begun.setdefault(place, set()).update((instant, until))
    return {place: sorted(instants) for place, instants in begun.items()}, ended


def _last_good(cursor: duckdb.DuckDBPyConnection, wanted: set[Moment], until: datetime) -> dict[Place, datetime]:
    """Of each place when the newest good poll until then began."""
    bound = Bound()
    rows = cursor.execute(
        f"SELECT account, region, kind, max(until) FROM own.coverage_run WHERE good AND until <= {bound(until)}"
        f" AND {_places(wanted, bound)} GROUP BY ALL",
        bound.values,
    ).fetchall()
    return {(account, region, kind): newest for account, region, kind, newest in rows}


def _places(wanted: set[Moment], bound: Bound) -> str:
    pairs = sorted({(account, region) for account, region, *_ in wanted})
    kinds = bound(sorted({kind for _, _, kind, _ in wanted}))
    return f"list_contains({kinds}::VARCHAR[], kind) AND {within(pairs, bound)}"


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND
