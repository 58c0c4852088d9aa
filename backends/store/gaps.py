"""What of a span of time was not observed, so that changes in it may be unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import zip_longest

import duckdb

from backends.model import Json, Scope
from backends.store.coverage import (
    OBSERVED_CADENCES,
    Known,
    Place,
    Wanted,
    alike,
    among,
    facts_of,
    shortly_before,
)
from backends.store.history import scope_pairs
from backends.store.horizon import WHOLE, Horizon
from backends.store.instants import iso
from backends.store.schema import KindTable
from backends.store.sqltext import Bound

_FEW = 5_000
"""How many runs are looked through here: DuckDB takes longer to plan a look at their order than to hand them over."""


def unobserved(
    cursor: duckdb.DuckDBPyConnection,
    tables: Iterable[KindTable],
    scope: Scope,
    since: datetime,
    until: datetime,
    past: Mapping[str, Horizon],
) -> list[Json]:
    """Where an instant of the span has no good sweep within two cadences before it; of days that were thinned their
    ends alone count.

    `{"account", "region", "kind", "since", "until", "times", "seen"}`: when the last good sweep before the first such
    time had ended (null: there was none), when the next began (null: not in the span), how many such times there are,
    and whether any part of the span was observed. What was swept for the first time within the span may have two.
    `past` is what is kept of each kind's history, where not all of it is.
    """
    wanted = [(table, pair) for table in tables for pair in scope_pairs(table.kind, scope)]
    good: dict[Place, list[_Run]] = {}
    for (first, last), some in alike(wanted, past, since, until):
        good |= _good_runs(cursor, some, first, last)
    gaps: list[Json] = []
    for table, (account, region) in wanted:
        place, kept = (account, region, table.name), past.get(table.name, WHOLE)
        span = _Span(Known(*place, table.kind.cadence, horizon=kept), since, until)
        told = span.gaps(good.get(place, []))
        gaps += [{"account": account, "region": region, "kind": table.name} | gap for gap in told]
    return gaps


@dataclass(frozen=True, slots=True)
class _Run:
    """Good sweeps that followed one another: when the first and the last began and ended; `next`: when the next run
    began, None where none did by the end of the span."""

    instant: datetime
    until: datetime
    finished: datetime
    last_finished: datetime
    next: datetime | None = None

    def ended_by(self, at: datetime) -> datetime:
        """When the newest of its sweeps by an instant ended: in its midst, where one followed the other, then."""
        return self.last_finished if self.until <= at else max(self.finished, at)


@dataclass(frozen=True, slots=True)
class _Span:
    """A span of one place."""

    place: Known
    since: datetime
    until: datetime

    def gaps(self, runs: list[_Run]) -> list[Json]:
        """What is told of it by its good runs, ascending."""
        kept = self.place.horizon
        since, until = kept.held(self.since), kept.held(self.until)
        first = next((run for run in reversed(runs) if run.instant <= since), None)
        last = runs[-1] if runs else None
        begins = first is not None and self._vouches(first, since, self.since)
        ends = last is not None and self._vouches(last, until, self.until)
        within = last is not None and last.until > since and not kept.lost(self.until)
        seen, gaps = begins or within, []
        if first is None:
            gaps.append(_gap(None, None, 1, seen=seen))
            if not seen:
                return gaps
        if holes := [run for run in runs if run.next and run.next > since and self._hole(run.until, run.next)]:
            gaps.append(_gap(holes[0].last_finished, holes[0].next, len(holes) + (not ends), seen=seen))
        elif last is not None and not ends:
            gaps.append(_gap(last.ended_by(until), None, 1, seen=seen))
        elif first is not None and not begins:
            # Of its beginning nothing is kept.
            gaps.append(_gap(first.ended_by(since), None, 1, seen=seen))
        return gaps

    def _vouches(self, run: _Run, held: datetime, at: datetime) -> bool:
        return replace(self.place, good_at=min(run.until, held)).observed(at)

    def _hole(self, before: datetime, after: datetime) -> bool:
        """Whether between two good sweeps there is an instant, of thinned days an end, that nothing vouches for."""
        until = self.place.horizon.thinned_until
        told = datetime.combine(after.date(), time()) if until and after <= until else after
        return told - before > timedelta(seconds=OBSERVED_CADENCES * self.place.cadence)


def _gap(since: datetime | None, until: datetime | None, times: int, *, seen: bool) -> Json:
    return {
        "since": iso(since) if since else None,
        "until": iso(until) if until else None,
        "times": times,
        "seen": seen,
    }


def _good_runs(
    cursor: duckdb.DuckDBPyConnection, wanted: Wanted, since: datetime, until: datetime
) -> dict[Place, list[_Run]]:
    """The good runs of each place that began by `until`, ascending.

    Of those by `since` there is the newest, of the others those before a gap and the last.
    """
    cadences = {table.name: table.kind.cadence for table, _ in wanted}
    places = {(*pair, table.name) for table, pair in wanted}
    found = _runs(cursor, places, cadences, (shortly_before(since, max(cadences.values())), since, until))
    begun = "SELECT account, region, kind, first_good_at FROM own.watch WHERE first_good_at IS NOT NULL AND "
    swept = facts_of(cursor, places, lambda where, _: begun + where)
    lacking = {
        place
        for place, (first,) in swept.items()
        if first <= since and (place not in found or found[place][0].instant > since)
    } & places
    if not lacking:
        return found
    far = _runs(cursor, lacking, cadences, (datetime.min, since, until))
    return found | {place: runs for place, runs in far.items() if place in lacking}


def _runs(
    cursor: duckdb.DuckDBPyConnection,
    places: set[Place],
    cadences: Mapping[str, int],
    span: tuple[datetime, datetime, datetime],
) -> dict[Place, list[_Run]]:
    """The good runs that ended after the first and began by the last of three instants."""
    begun, since, by = span
    bound = Bound()
    facts = "account, region, kind, instant, until, finished, last_finished"
    source = (
        f"FROM own.coverage_run WHERE good AND until > {bound(begun)} AND instant <= {bound(by)}"
        f" AND {among(places, bound)}"
    )
    rows = cursor.execute(f"SELECT {facts} {source} LIMIT {_FEW + 1}", bound.values).fetchall()
    vouched = {kind: timedelta(seconds=OBSERVED_CADENCES * cadence) for kind, cadence in cadences.items()}
    found: dict[Place, list[_Run]] = {}
    if len(rows) <= _FEW:
        rows.sort()
        for (*place, instant, until, finished, last), after in zip_longest(rows, rows[1:]):
            then = after[3] if after and [*after[:3]] == place else None
            if then is None or (then > since and (instant <= since or then - until > vouched[place[2]])):
                account, region, kind = place
                found.setdefault((account, region, kind), []).append(_Run(instant, until, finished, last, then))
        return found
    first = bound(since)
    kinds, seconds = bound(list(cadences)), bound([one.total_seconds() for one in vouched.values()])
    rows = cursor.execute(
        f"SELECT {facts}, lead(instant) OVER one AS next {source} WINDOW one AS"
        f" (PARTITION BY account, region, kind ORDER BY instant) QUALIFY next IS NULL OR (next > {first}"
        f" AND (instant <= {first}"
        f" OR next > until + to_seconds(({seconds}::DOUBLE[])[list_position({kinds}::VARCHAR[], kind)])))",
        bound.values,
    ).fetchall()
    for account, region, kind, *times in sorted(rows, key=lambda row: row[:4]):
        found.setdefault((account, region, kind), []).append(_Run(*times))
    return found
