"""Everything that can be read from a store, as JSON bytes, Arrow tables or small values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb
import pyarrow as pa

from backends.model import Json, Ref, Scope
from backends.store import (
    audit,
    changes,
    coverage,
    detail,
    finding,
    results,
    series,
    spending,
    summaries,
    user_sql,
    views,
)
from backends.store.coverage import NOTHING_AMISS, Amiss
from backends.store.errors import NotFound, StoreError, guarded
from backends.store.history import ever_seen, full_rows, scope_pairs, within
from backends.store.horizon import held_at
from backends.store.instants import iso, stored, utcnow
from backends.store.recent import Recent
from backends.store.schema import KindTable, data_version
from backends.store.snapshot import snapshot
from backends.store.sqltext import Bound
from backends.store.tallies import Tallies, numbers
from backends.store.view_cache import ViewCache
from backends.store.views import Query


@dataclass(frozen=True, slots=True)
class Shared:
    """What readers and the writer share: declarations (immutable) and the cache of views (locked)."""

    tables: dict[str, KindTable]
    series: dict[str, KindTable]
    cache: ViewCache
    tallies: Tallies = field(default_factory=Tallies)
    recent: Recent = field(default_factory=Recent)

    def table(self, kind: str) -> KindTable:
        """The kind of that name; NotFound if the store has none."""
        try:
            return self.tables[kind]
        except KeyError:
            raise NotFound(f"There is no kind {kind!r} in this store.") from None

    def of_series(self, name: str) -> KindTable:
        """The kind whose points a series holds; NotFound if the store has none."""
        try:
            return self.series[name]
        except KeyError:
            raise NotFound(f"There is no series {name!r} in this store.") from None


_WHOSE = ("ref", "account", "region", "id", "seen")


class Reading(ABC):
    """The reading methods, on whatever cursor the class has. Instants may be aware or naive UTC.

    Every method raises StoreInterrupted after an interrupt, StoreBroken where the store has to be opened again,
    NotFound for what there is not, StoreError with one sentence for what cannot be answered.
    """

    _shared: Shared

    @abstractmethod
    def _cursor(self) -> duckdb.DuckDBPyConnection: ...

    def rows(self, query: Query) -> bytes:
        """The window of a view as the JSON object of POST /v1/rows; FilterError for a filter that is wrong."""
        with guarded("Reading rows"):
            return views.rows(self._cursor(), self._shared.tables, self._shared.cache, query)

    def parse_sort(self, kind: str, text: str) -> tuple[tuple[str, bool], ...]:
        """`-launched,name` as the pairs that a Query takes; StoreError names the columns there are."""
        return views.parse_sort(text, self._shared.table(kind))

    def coverage(self, scope: Scope, at: datetime | None = None, amiss: Amiss = NOTHING_AMISS) -> bytes:
        """What is known of every (account, region, kind) of the scope, as the JSON object of GET /v1/coverage.

        `amiss` is what the store cannot tell of the present.
        """
        with guarded("Reading coverage"):
            return coverage.coverage_json(self._cursor(), self._shared.tables, scope, _at(at), amiss)

    def covered(
        self, kinds: Iterable[str], scope: Scope, at: datetime | None = None, amiss: Amiss = NOTHING_AMISS
    ) -> Json:
        """How well kinds are observed, taken together, as the "coverage" of a window of rows says it of one kind."""
        tables = [self._shared.table(kind) for kind in kinds]
        with guarded("Reading coverage"):
            entries = coverage.known(self._cursor(), tables, scope, _at(at))
            found = coverage.summary(coverage.corrected(entries, amiss, at), _at(at))
        return found | {"problems": list(dict.fromkeys(found["problems"]))}

    def watched(self) -> Scope:
        """Every (account, region) that rows were ever asked for or imported into."""
        with guarded("Reading coverage"):
            return Scope.of(self._cursor().execute("SELECT DISTINCT account, region FROM own.watch").fetchall())

    def version(self, kind: str) -> int:
        """The kind's data version: counts up with every change that a reader could see."""
        with guarded("Reading a version"):
            return data_version(self._cursor(), kind)

    def find(self, word: str, scope: Scope, kinds: Iterable[str] = (), at: datetime | None = None) -> bytes:
        """What has that id, name or ARN, as the JSON object of GET /v1/find; no kinds are all."""
        names = [self._shared.table(kind).name for kind in kinds]
        with guarded("Finding a resource"):
            return finding.find(self._cursor(), self._shared.tables, word, names, scope, _at(at))

    def resource(
        self,
        ref: str | Ref,
        at: datetime | None = None,
        scope: Scope | None = None,
        *,
        last: bool = False,
        amiss: Amiss = NOTHING_AMISS,
    ) -> bytes:
        """One resource as the JSON object of GET /v1/resource; relations are counted within `scope` or its place.

        `last`: one that is gone is told as it was last known, and is no NotFound. `amiss` is what the store cannot
        tell of the present.
        """
        parsed = self._ref(ref)
        place = scope or Scope.of([(parsed.account, parsed.region)])
        cursor, tables = self._cursor(), self._shared.tables
        with guarded("Reading a resource"), snapshot(cursor):
            return detail.resource(cursor, tables, parsed, _at(at), place, last=last, amiss=amiss)

    def raw(self, ref: str | Ref, at: datetime | None = None) -> bytes | None:
        """The element as AWS gave it (secrets redacted), as JSON text; None if none was kept."""
        parsed = self._ref(ref)
        cursor, table = self._cursor(), self._shared.table(parsed.kind)
        with guarded("Reading a resource"), snapshot(cursor):
            return detail.raw(cursor, table, parsed, _at(at))

    def history(self, ref: str | Ref, at: datetime | None = None) -> list[Json]:
        """The versions of a resource, newest first, with the fields that each changed."""
        parsed = self._ref(ref)
        with guarded("Reading history"):
            return detail.history(self._cursor(), self._shared.table(parsed.kind), parsed, _at(at))

    def _ref(self, ref: str | Ref) -> Ref:
        try:
            parsed = Ref.parse(ref) if isinstance(ref, str) else ref
        except ValueError as error:
            raise StoreError(str(error)) from error
        self._shared.table(parsed.kind)
        return parsed

    def changes(
        self,
        since: datetime,
        until: datetime | None,
        kinds: Iterable[str],
        scope: Scope,
        limit: int = 500,
        *,
        ref: Ref | None = None,
        by: str = "",
    ) -> bytes:
        """What changed in (since, until], newest first, as the JSON object of GET /v1/changes.

        Of one resource with `ref`; with `by` only what somebody did whose name has that text in it.
        """
        names = [self._shared.table(kind).name for kind in kinds]
        span = stored(since), stored(until or utcnow())
        cursor, tables = self._cursor(), self._shared.tables
        with guarded("Reading changes"), snapshot(cursor):
            return changes.changes(cursor, tables, names, scope, *span, limit, ref=ref, by=by)

    def counts(self, scope: Scope, at: datetime | None = None) -> dict[str, int]:
        """How many resources of each kind the scope holds."""
        with guarded("Counting"):
            return numbers(self._cursor(), self._shared.tables.values(), scope, _at(at))

    def home(
        self,
        scope: Scope,
        now: datetime | None = None,
        at: datetime | None = None,
        amiss: Amiss = NOTHING_AMISS,
    ) -> bytes:
        """The counters of the home screen as a JSON object, as of an instant where one is given."""
        with guarded("Reading home"):
            moment = stored(now or utcnow())
            shared = self._shared
            return summaries.home(
                self._cursor(), shared.tables, shared.tallies, shared.recent, scope, moment, _at(at), amiss
            )

    def costs(
        self,
        scope: Scope,
        days: int = 90,
        at: datetime | None = None,
        kind: str = "cost.daily",
        amiss: Amiss = NOTHING_AMISS,
    ) -> bytes:
        """Daily costs by service as the JSON object of GET /v1/costs, without anomalies and forecast."""
        with guarded("Reading costs"):
            return summaries.costs(self._cursor(), self._shared.table(kind), scope, days, _at(at), amiss)

    def table(
        self, kind: str, scope: Scope, at: datetime | None = None, *, only: Sequence[str] | None = None
    ) -> pa.Table:
        """All rows of a kind, with the columns of its view, as Arrow: times timestamp[us], tags as JSON text.

        With `only`, of the declared columns those, and ref, account, region, id and seen.
        """
        table, bound = self._shared.table(kind), Bound()
        with guarded("Reading a table"):
            instant = held_at(self._cursor(), kind, _at(at))
            moment = bound(instant) if instant else ""
            wanted = views.column_names(table) if only is None else [*_WHOSE, *only]
            names = ", ".join(f'v."{name}"' for name in wanted)
            used = None if only is None else names
            source = full_rows(table, scope_pairs(table.kind, scope), bound, at=moment, now=instant, used=used)
            order = "ORDER BY v.account, v.region, v.id"
            return self._cursor().execute(f"SELECT {names} FROM ({source}) v {order}", bound.values).to_arrow_table()

    def ever(self, kind: str, scope: Scope, at: datetime | None = None) -> pa.Table:
        """The newest version of all of a kind that was ever seen, as Arrow; `gone` is when it was first missed."""
        table, bound = self._shared.table(kind), Bound()
        with guarded("Reading a table"):
            instant = held_at(self._cursor(), kind, _at(at))
            source = ever_seen(table, scope_pairs(table.kind, scope), bound, bound(instant) if instant else "")
            return self._cursor().execute(f"{source} ORDER BY account, region, id", bound.values).to_arrow_table()

    def looked_since(self, scope: Scope) -> pa.Table:
        """account, region, kind, state and since: from when on the store has looked, null before a first good sweep."""
        bound = Bound()
        with guarded("Reading coverage"):
            where = within(sorted(scope.pairs), bound)
            facts = "account, region, kind, state, first_good_at AS since"
            return self._cursor().execute(f"SELECT {facts} FROM own.watch WHERE {where}", bound.values).to_arrow_table()

    def points(self, name: str, since: datetime | None = None, regions: Sequence[str] = ()) -> pa.Table:
        """The points of a series as Arrow: `market` ("region/id"), region, `at`, the kind's columns."""
        with guarded("Reading points"):
            return series.points(self._cursor(), self._shared.of_series(name), _at(since), regions)

    def newest_point(self, name: str, region: str = "") -> datetime | None:
        """When the newest point of a region, or of all, is from (aware, UTC); None if there is none."""
        with guarded("Reading points"):
            return series.newest_point(self._cursor(), self._shared.of_series(name), region)

    def series(self, name: str, market: str, since: datetime | None = None, at: datetime | None = None) -> bytes:
        """The points (by `at`) of one market ("region/id"): `{"points": [[time, value]…], "as_of", …}`, in order."""
        with guarded("Reading points"):
            return series.series_json(self._cursor(), self._shared.of_series(name), market, _at(since), _at(at))

    def spans(self, name: str, region: str, ids: Sequence[str], since: datetime, until: datetime) -> bytes:
        """`{id: [[time, value]…]}`: the points of several of a region's owners between two instants, in order."""
        with guarded("Reading points"):
            table = self._shared.of_series(name)
            return series.spans(self._cursor(), table, region, ids, stored(since), stored(until))

    def sparks(self, name: str, markets: Sequence[str], now: datetime | None = None, hours: int = 24) -> bytes:
        """`{market: [value…]}`: what held at each of the last full hours, oldest first, null before the first point."""
        with guarded("Reading points"):
            table, moment = self._shared.of_series(name), stored(now or utcnow())
            return series.sparks(self._cursor(), table, markets, moment, hours)

    def results(
        self,
        what: str,
        *,
        scope: Scope | None = None,
        where: dict[str, str] | None = None,
        at: datetime | None = None,
        limit: int = 100_000,
        only: tuple[str, ...] = (),
    ) -> bytes:
        """The newest run of an analysis with its rows: `{"run", "model", "as_of", "score", "rows": [{…}]…}`."""
        with guarded("Reading results"):
            return results.results(self._cursor(), what, scope=scope, where=where, at=_at(at), limit=limit, only=only)

    def result_table(self, what: str, at: datetime | None = None) -> tuple[Json, pa.Table]:
        """The newest run of an analysis (by `at`) and its rows as Arrow, of every scope; {} and no rows without one."""
        with guarded("Reading results"):
            return results.result_table(self._cursor(), what, _at(at))

    def kept_runs(self, what: str) -> list[Json]:
        """The runs of an analysis whose rows are still kept, newest first."""
        with guarded("Reading results"):
            return results.kept_runs(self._cursor(), what)

    def over_runs(
        self, what: str, where: tuple[str, str], only: tuple[str, ...], at: datetime | None = None
    ) -> pa.Table:
        """What every kept run (by `at`) said of what `where` (column, value) names, oldest first; columns `only`."""
        with guarded("Reading results"):
            return results.over_runs(self._cursor(), what, where, only, _at(at))

    def runs(self, what: str, limit: int = 30) -> list[Json]:
        """The newest runs of an analysis, newest first, with their scores."""
        with guarded("Reading results"):
            return results.runs(self._cursor(), what, limit)

    def spent(self, since: date) -> list[Json]:
        """What was asked of AWS on each day from `since` on (see `spending`), the newest day first."""
        with guarded("Reading what was asked of AWS"):
            return spending.spent(self._cursor(), since)

    def audit(self, limit: int = 200, before: int | None = None) -> bytes:
        """`{"records": […newest first], "total"}`."""
        with guarded("Reading the audit trail"):
            return audit.audit_json(self._cursor(), limit, before)

    def audit_records(self) -> list[Json]:
        """Every audit record, oldest first, as it was handed over."""
        with guarded("Reading the audit trail"):
            return audit.audit_records(self._cursor())

    def sql(
        self,
        text: str,
        limit: int = user_sql.DEFAULT_LIMIT,
        at: datetime | None = None,
        amiss: Amiss = NOTHING_AMISS,
    ) -> bytes:
        """The answer to a user's SELECT, as the JSON object of POST /v1/sql; QueryRefused for anything else."""
        scope = self.watched()
        with guarded("The query"):
            cursor, tables = self._cursor(), self._shared.tables
            return user_sql.query(cursor, tables, text, scope, limit=limit, at=_at(at), amiss=amiss)

    def about(self) -> Json:
        """What the store says about itself: schema, partition, endpoint, label."""
        with guarded("Reading about the store"):
            facts: Json = dict(self._cursor().execute("SELECT key, value FROM own.meta").fetchall())
            return facts | {"as_of": iso(utcnow())}


class Reader(Reading):
    """A cursor for one reading thread."""

    def __init__(self, shared: Shared, cursor: duckdb.DuckDBPyConnection) -> None:
        self._shared = shared
        self._own = cursor
        self._interrupted = False

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._interrupted:
            self._interrupted = False
            with suppress(duckdb.TransactionException):
                # One that came late, into the end of a transaction, has left that open, and nothing can be read in it.
                self._own.rollback()
        return self._own

    def interrupt(self) -> None:
        """From any thread: the running call ends with StoreInterrupted. Without one, nothing happens."""
        self._own.interrupt()
        self._interrupted = True

    def close(self) -> None:
        """Gives the cursor back; the reader is of no use afterwards."""
        self._own.close()


def _at(instant: datetime | None) -> datetime | None:
    return stored(instant) if instant else None
