"""What is known about each (account, region, kind), now and as of an instant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from backends.model import CoverageState, Json, Kind, Scope
from backends.store.history import scope_pairs, within
from backends.store.horizon import WHOLE, Horizon, horizons
from backends.store.instants import iso
from backends.store.schema import KindTable
from backends.store.sqltext import Bound

OBSERVED_CADENCES = 2
"""How many cadences after a good sweep an instant still counts as observed."""
_GOOD = [state for state in CoverageState if state.good]
UNOBSERVED = "unobserved"
"""The state, in the past, of what nothing vouches for."""
Place = tuple[str, str, str]
"""(account, region, kind)."""
Wanted = list[tuple[KindTable, tuple[str, str]]]
"""Kinds, each with an (account, region)."""


@dataclass(frozen=True, slots=True)
class Known:
    """How the latest sweep of one (account, region, kind) had ended by an instant; times are naive UTC.

    Of a day that was thinned it is told as of the instant whose rows answer for it, the end of a day before.
    """

    account: str
    region: str
    kind: str
    cadence: int
    state: str = "pending"
    problem: str = ""
    rows: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    good_at: datetime | None = None
    last_good: datetime | None = None
    last_try: datetime | None = None
    partial: bool = False
    sweeping: bool = False
    horizon: Horizon = WHOLE

    def observed(self, at: datetime) -> bool:
        """Whether history is kept of `at`, the instant asked about, and a good sweep lies within two cadences before
        the one that answers for it."""
        if self.good_at is None or self.horizon.lost(at):
            return False
        return self.horizon.held(at) - self.good_at <= timedelta(seconds=OBSERVED_CADENCES * self.cadence)

    @property
    def untold(self) -> bool:
        """Whether what there is here was never told whole: what was seen of it is a part. A service that is not
        there, or is switched off, has nothing to tell."""
        return self.last_good is None and self.state not in (CoverageState.UNSUPPORTED, CoverageState.DISABLED)

    @property
    def settled(self) -> bool:
        """Whether no sweep after the newest good one has seen anything: none is under way, failed or was cut off."""
        return self.state in _GOOD and not (self.sweeping or self.partial)

    def as_json(self) -> Json:
        return {
            "account": self.account,
            "region": self.region,
            "kind": self.kind,
            "state": self.state,
            "problem": self.problem,
            "rows": self.rows,
            "calls": self.calls,
            "retries": self.retries,
            "seconds": round(self.seconds, 3),
            "cost": round(self.cost, 9),
            "last_good": _iso(self.last_good),
            "last_try": _iso(self.last_try),
            "cadence": self.cadence,
            "partial": self.partial,
            "sweeping": self.sweeping,
        }


@dataclass(frozen=True, slots=True)
class Amiss:
    """What is amiss at present and no sweep in the store tells, each with why, in a sentence.

    accounts  those that are not polled
    places    (account, region, kind) whose newest sweep could not be kept
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[Place, str] = field(default_factory=dict)

    def of(self, entry: Known) -> str:
        """Why a place is not as its newest sweep in the store says; "" where it is."""
        if why := self.accounts.get(entry.account, ""):
            return why
        why = self.places.get((entry.account, entry.region, entry.kind), "")
        return f"{why} {_left(entry)}" if why else ""


NOTHING_AMISS = Amiss()


def _left(entry: Known) -> str:
    """As of when the rows of a place are whose newest sweep is not in the store."""
    if entry.last_good is None:
        return "What is shown is a part of it." if entry.partial else "No good poll of it was kept before."
    of = f"the last good poll, {iso(entry.last_good)}"
    return f"What is shown is in part newer than {of}." if entry.partial else f"What is shown is as of {of}."


def known(
    cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], scope: Scope, at: datetime | None
) -> list[Known]:
    """One entry for every (account, region) of the scope and kind, *pending* where none was ever swept (by `at`).

    This is where it is decided of which instant coverage is told: of each kind of the one that its rows are of.
    """
    wanted = [(table, pair) for table in tables for pair in scope_pairs(table.kind, scope)]
    if not wanted:
        return []
    past = horizons(cursor) if at else {}
    found: Facts = {}
    if at is None:
        found = facts_of(cursor, {(*pair, table.name) for table, pair in wanted}, _now_sql)
    else:
        for (held,), some in alike(wanted, past, at):
            places = {(*pair, table.name) for table, pair in some}
            found |= _by_then(cursor, places, held, max(table.kind.cadence for table, _ in some))
    entries = []
    for table, (account, region) in wanted:
        facts = found.get((account, region, table.name), _never(table.kind))
        entries.append(Known(account, region, table.name, table.kind.cadence, *facts))
    return [replace(entry, horizon=past.get(entry.kind, WHOLE)) for entry in entries] if past else entries


def alike(
    wanted: Wanted, past: Mapping[str, Horizon], *instants: datetime
) -> Iterable[tuple[tuple[datetime, ...], Wanted]]:
    """What is wanted, by the instants whose rows answer for those."""
    found: dict[tuple[datetime, ...], Wanted] = {}
    for table, pair in wanted:
        horizon = past.get(table.name, WHOLE)
        found.setdefault(tuple(horizon.held(at) for at in instants), []).append((table, pair))
    return found.items()


def _never(kind: Kind) -> tuple[str, ...]:
    """What is known of a kind that nothing was asked about yet: of what is polled only that it is to come."""
    if kind.on_demand:
        return ("pending", "nobody has looked at any yet: quarterdeck metrics --help")
    return () if kind.polled else ("pending", "nothing was imported yet: quarterdeck import --help")


_FACTS = "state, problem, rows, calls, retries, seconds, cost"
_GOOD_AT = 7
"""The place of `good_at` among what is told of a place."""
_NEAR = timedelta(hours=1)
_NEAR_CADENCES = 4
Facts = dict[Place, tuple[Any, ...]]


def facts_of(cursor: duckdb.DuckDBPyConnection, places: Iterable[Place], sql: Callable[[str, Bound], str]) -> Facts:
    """What `sql` (of a condition) tells of those places, and of those between them."""
    bound = Bound()
    where = among(places, bound)
    found = cursor.execute(sql(where, bound), bound.values).fetchall()
    return {(account, region, kind): tuple(facts) for account, region, kind, *facts in found}


def among(places: Iterable[Place], bound: Bound) -> str:
    """SQL: whether a row's account, region and kind are among those of the places, each for itself."""
    some = set(places)
    # One list: a hundred values take as long to plan as the whole rest.
    kinds = bound(sorted({kind for *_, kind in some}))
    pairs = sorted({(account, region) for account, region, _ in some})
    return f"list_contains({kinds}::VARCHAR[], kind) AND {within(pairs, bound)}"


def _by_then(cursor: duckdb.DuckDBPyConnection, places: set[Place], at: datetime, cadence: int) -> Facts:
    """How things stood at an instant.

    What was swept shortly before it tells that, as a rule; all that ever was is looked through only for a place that
    was swept, or was so well, no later than that.
    """
    since = shortly_before(at, cadence)
    found = facts_of(cursor, places, lambda where, bound: _past_sql(f"{where} AND until > {bound(since)}", bound(at)))
    swept = "SELECT account, region, kind, first_good_at FROM own.watch WHERE state <> 'pending' AND "
    watched = facts_of(cursor, places, lambda where, _: swept + where)
    lacking = {
        place
        for place, (first_good,) in watched.items()
        if place not in found or (found[place][_GOOD_AT] is None and first_good is not None and first_good <= at)
    } & places
    if not lacking:
        return found
    far = facts_of(cursor, lacking, lambda where, bound: _past_sql(where, bound(at)))
    return found | {place: facts for place, facts in far.items() if place in lacking}


def shortly_before(at: datetime, cadence: int) -> datetime:
    """Since when something was swept, as a rule, that has a cadence of so many seconds and was well then."""
    return at - min(max(_NEAR, timedelta(seconds=_NEAR_CADENCES * cadence)), at - datetime.min)


def _now_sql(where: str, _: Bound) -> str:
    # While a first sweep runs its rows are partial; later ones make a table partial only once they change something.
    partial = "(partial OR (sweep IS NOT NULL AND touched))"
    return (
        f"SELECT account, region, kind, {_FACTS}, good_at, last_good, last_try, {partial}, sweep IS NOT NULL"
        f" FROM own.watch WHERE {where}"
    )


def _ended_by(at: str) -> str:
    """SQL for when the newest sweep of a run by an instant ended: in its midst, where one followed the other, then."""
    return f"CASE WHEN until <= {at} THEN last_finished ELSE greatest(finished, {at}) END"


def _past_sql(where: str, at: str) -> str:
    facts = ", ".join(f"'{fact}': {fact}" for fact in [*_FACTS.split(", "), "partial"])
    ended = _ended_by(at)
    return (
        f"SELECT account, region, kind, {', '.join(f'newest.{fact}' for fact in _FACTS.split(', '))},"
        " good_at, last_good, last_try, newest.partial, FALSE FROM ("
        f"SELECT account, region, kind, arg_max({{{facts}}}, instant) AS newest,"
        f" max(least(until, {at})) FILTER (good) AS good_at,"
        f" max({ended}) FILTER (good) AS last_good, max({ended}) AS last_try"
        f" FROM (SELECT *, NOT good AND rows > 0 AS partial FROM own.coverage_run) WHERE instant <= {at} AND {where}"
        " GROUP BY account, region, kind)"
    )


def compared_since(cursor: duckdb.DuckDBPyConnection, scope: Scope, by: datetime) -> datetime | None:
    """From when on changes are known by an instant: the first good sweep of whatever had been swept well again by then.

    None where nothing had: what was seen once can be compared with nothing.
    """
    bound = Bound()
    where = f"{within(sorted(scope.pairs), bound)} AND first_good_at < least(good_at, {bound(by)})"
    row = cursor.execute(f"SELECT min(first_good_at) FROM own.watch WHERE {where}", bound.values).fetchone()
    return row[0] if row else None


def corrected(entries: list[Known], amiss: Amiss, at: datetime | None) -> list[Known]:
    """The entries of the present, those of what is amiss as errors that say why; of the past as then."""
    if at is not None or amiss == NOTHING_AMISS:
        return entries
    return [
        replace(entry, state=CoverageState.ERROR.value, problem=why) if (why := amiss.of(entry)) else entry
        for entry in entries
    ]


def summary(entries: list[Known], at: datetime | None) -> Json:
    """What a table shows of its coverage: counts of states, the span of the good sweeps and whose is the oldest, of how
    many that are not well there is what an earlier sweep saw, what is wrong in sentences.

    In the past an (account, region) without a good sweep within two cadences counts as "unobserved", and so does what
    lies before the history that is kept; a thinned past says as of when it is.
    """
    states: Counter[str] = Counter()
    problems: list[str] = []
    for entry in entries:
        place = f"{entry.account}/{entry.region}"
        unobserved = at is not None and not entry.observed(at)
        states[UNOBSERVED if unobserved else entry.state] += 1
        if at is not None and unobserved:
            problems.append(f"{place}: {not_observed(entry, at)}")
        elif entry.problem:
            problems.append(f"{place}: {entry.problem}")
    if at is not None:
        told = {entry.kind: entry.horizon.told(at) for entry in entries if not entry.horizon.lost(at)}
        problems += [f"{kind}: {sentence}" for kind, sentence in told.items() if sentence]
    good = sorted((entry.last_good, f"{entry.account}/{entry.region}") for entry in entries if entry.last_good)
    oldest, newest = (good[0], good[-1]) if good else ((None, None), (None, None))
    return {
        "states": dict(states),
        "oldest_good": _iso(oldest[0]),
        "oldest_place": oldest[1],
        "newest_good": _iso(newest[0]),
        "stale": sum(1 for entry in entries if entry.state not in _GOOD and entry.last_good),
        "problems": problems,
    }


def not_observed(entry: Known, at: datetime) -> str:
    """The words for an instant that nothing vouches for."""
    if entry.horizon.lost(at):
        return entry.horizon.told(at)
    told = f"not observed since {iso(entry.last_good)}" if entry.last_good else "not observed before this instant"
    return f"{told}: {entry.problem}" if entry.problem and entry.last_try else told


def coverage_json(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    scope: Scope,
    at: datetime | None,
    amiss: Amiss,
) -> bytes:
    """`{"at", "rows": […]}`; in the past each row says whether the instant was observed."""
    rows = []
    for entry in corrected(known(cursor, tables.values(), scope, at), amiss, at):
        if _waited(entry, tables[entry.kind].kind):
            rows.append(_told(entry, at))
    return json.dumps({"at": _iso(at), "rows": rows}).encode()


def _waited(entry: Known, kind: Kind) -> bool:
    """Whether anything is to be said of a place: nobody has to import a kind, or to look at any."""
    return entry.last_try is not None or (kind.polled and not kind.on_demand)


def _told(entry: Known, at: datetime | None) -> Json:
    """A place as GET /v1/coverage tells it; of the past whether the instant was observed."""
    row = entry.as_json()
    if at is not None:
        row["observed"] = entry.observed(at)
        if not row["observed"]:
            row["state"] = UNOBSERVED
            row["problem"] = not_observed(entry, at)
        if not entry.horizon.lost(at) and (thinned := entry.horizon.told(at)):
            row["problem"] = "; ".join(filter(None, (row["problem"], thinned)))
    return row


def of_place(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    pair: tuple[str, str],
    at: datetime | None,
    amiss: Amiss = NOTHING_AMISS,
) -> Json | None:
    """What GET /v1/coverage tells of a kind in one (account, region); None where that is nothing."""
    entries = corrected(known(cursor, [table], Scope.of([pair]), at), amiss, at)
    mine = [entry for entry in entries if (entry.account, entry.region) == pair and _waited(entry, table.kind)]
    return _told(mine[0], at) if mine else None


def _iso(instant: datetime | None) -> str | None:
    return iso(instant) if instant else None
