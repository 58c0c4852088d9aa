"""Sweeps: pages become present versions as they come, and one last transaction closes what vanished.

A sweep's *instant* is when it began (moved on by a microsecond where two would share one): versions begin and end at
instants of sweeps. Everything here belongs to the writer's thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Coverage, CoverageState
from backends.store.errors import StoreError
from backends.store.instants import stored
from backends.store.pages import Page, compare, read_page
from backends.store.schema import KindTable, bump, data_version
from backends.store.series import append_page


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a page did. All zero with `superseded`: a newer sweep has taken over and the page was ignored."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What a sweep did in all, and the kind's data version after it."""

    version: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    superseded: bool = False


Pages = dict[bytes, pa.Array]
"""Digest of a page's bytes → its ids."""


@dataclass
class Sweep:
    """One sweep under way. The ids it saw stay in memory: after a crash it is abandoned and closes nothing."""

    id: int
    table: KindTable
    account: str
    region: str
    at: datetime
    seen: list[pa.Array] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    touched: bool = False
    torn: bool = False
    """A page could not be taken in, so that what was seen is not everything there was."""
    before: Pages = field(default_factory=dict)
    """The pages of the sweep before this one, if it was whole."""
    pages: Pages = field(default_factory=dict)
    worked: list[pa.Array] = field(default_factory=list)
    """The ids of pages that changed something in this sweep."""

    @property
    def same(self) -> bool:
        """Whether it saw exactly the pages of the sweep before it."""
        return bool(self.before) and self.pages.keys() == self.before.keys() and not self.worked

    @property
    def disjoint(self) -> bool:
        """Whether no id came in two pages: of such an id a page alone does not say what the store holds."""
        return len(self.pages) < 2 or len(pc.unique(pa.chunked_array(self.seen))) == sum(map(len, self.seen))

    def knows(self, digest: bytes) -> bool:
        """Whether the store holds this page's rows as they are: the sweep before brought it, and nothing since has
        touched one of its ids."""
        ids = self.before.get(digest)
        return ids is not None and not any(pc.any(pc.is_in(ids, value_set=worked)).as_py() for worked in self.worked)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commits at the end, rolls back on any exception."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        # After a fatal error there is nothing left to roll back; the first exception is the one that matters.
        with suppress(duckdb.Error):
            connection.rollback()
        raise


class Sweeps:
    """The sweeps under way, at most one for each (account, region, kind)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: dict[str, KindTable]) -> None:
        self._connection = connection
        self._tables = tables
        self._open: dict[int, Sweep] = {}
        self._known: set[int] = set()
        self._whole: dict[tuple[str, str, str], Pages] = {}
        """The pages of the last sweep of each three, while they are all that has been written since."""
        self._abandon_all()

    def _abandon_all(self) -> None:
        """What an earlier process left open is over; rows that it had brought stay visible, as partial."""
        self._connection.execute(
            "UPDATE own.watch SET partial = partial OR touched, sweep = NULL, touched = FALSE WHERE sweep IS NOT NULL"
        )

    def begin(self, account: str, region: str, kind: str, started: datetime) -> int:
        table = self._tables.get(kind)
        if table is None:
            raise StoreError(f"There is no kind {kind!r} in this store.")
        for sweep in [s for s in self._open.values() if (s.account, s.region, s.table.name) == (account, region, kind)]:
            self._supersede(sweep)
        con = self._connection
        number = int(con.execute("SELECT nextval('own.sweep_id')").fetchall()[0][0])
        triple = [account, region, kind]
        with transaction(con):
            known = con.execute(
                "SELECT swept FROM own.watch WHERE account = ? AND region = ? AND kind = ?", triple
            ).fetchall()
            at = stored(started)
            if known:
                at = max(at, known[0][0] + timedelta(microseconds=1))
                con.execute(
                    "UPDATE own.watch SET swept = ?, sweep = ?, partial = partial OR touched, touched = FALSE"
                    " WHERE account = ? AND region = ? AND kind = ?",
                    [at, number, *triple],
                )
            else:
                con.execute(
                    "INSERT INTO own.watch VALUES (?, ?, ?, ?, ?, FALSE, FALSE, 'pending', '',"
                    " 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL)",
                    [*triple, at, number],
                )
        before = self._whole.pop((account, region, kind), {})
        self._open[number] = Sweep(number, table, account, region, at, before=before)
        self._known.add(number)
        return number

    def _supersede(self, sweep: Sweep) -> None:
        with transaction(self._connection):
            self._note_seen(sweep)
        del self._open[sweep.id]

    def ingest(self, number: int, arrow: bytes) -> Ingested:
        sweep = self._find(number)
        if sweep is None:
            return Ingested(superseded=True)
        digest = blake2b(arrow, digest_size=16).digest()
        if sweep.knows(digest):
            # What is polled again is mostly what it was: byte for byte the same, a page needs no comparison.
            ids = sweep.pages[digest] = sweep.before[digest]
            sweep.seen.append(ids)
            return Ingested(unchanged=len(ids))
        try:
            page = read_page(sweep.table, arrow)
            sweep.pages[digest] = page.ids
            return self._take(sweep, page)
        except BaseException:
            sweep.torn = True
            raise

    def _find(self, number: int) -> Sweep | None:
        sweep = self._open.get(number)
        if sweep is None and number not in self._known:
            raise StoreError(f"There is no sweep {number}: it was begun by another process or never.")
        return sweep

    def _take(self, sweep: Sweep, page: Page) -> Ingested:
        if page.rows == 0:
            return Ingested()
        con = self._connection
        con.register("page", page.data)
        try:
            work = compare(con, sweep.table, page, sweep.account, sweep.region, sweep.at)
            added, changed = work.count("added"), work.count("changed") + work.count("again")
            with transaction(con):
                if sweep.table.kind.series:
                    append_page(con, sweep.table, sweep.account, sweep.region)
                if work.rows:
                    work.apply(con)
                    bump(con, sweep.table.name)
                    self._touch(sweep)
                    sweep.worked.append(page.ids)
        finally:
            con.unregister("page")
        sweep.seen.append(page.ids)
        sweep.added += added
        sweep.changed += changed
        return Ingested(added, changed, page.distinct - added - changed)

    def _touch(self, sweep: Sweep) -> None:
        if not sweep.touched:
            self._connection.execute("UPDATE own.watch SET touched = TRUE WHERE sweep = ?", [sweep.id])
            sweep.touched = True

    def _note_seen(self, sweep: Sweep) -> None:
        """Dates the rows that this sweep saw, for sweeps that do not vouch for all rows at once."""
        if not sweep.seen:
            return
        con = self._connection
        con.register("seen_ids", self._seen_table(sweep))
        try:
            con.execute(
                f"UPDATE {sweep.table.now} AS n SET _seen = $at FROM (SELECT DISTINCT id FROM seen_ids) s"
                " WHERE n.id = s.id AND n.account = $account AND n.region = $region",
                {"at": sweep.at, "account": sweep.account, "region": sweep.region},
            )
        finally:
            con.unregister("seen_ids")

    @staticmethod
    def _seen_table(sweep: Sweep) -> pa.Table:
        return pa.table({"id": pa.chunked_array(sweep.seen, type=pa.string())})

    def finish(self, number: int, coverage: Coverage, finished: datetime) -> Finished:
        sweep = self._find(number)
        con = self._connection
        if sweep is None:
            return Finished(0, superseded=True)
        if (coverage.account, coverage.region, coverage.kind) != (sweep.account, sweep.region, sweep.table.name):
            raise StoreError(f"The coverage of {coverage.kind} does not belong to a sweep of {sweep.table.name}.")
        state, problem = coverage.state, coverage.problem
        if sweep.torn and state.good:
            state, problem = CoverageState.ERROR, "A page of the answer could not be stored."
        removed = 0
        with transaction(con):
            if state.good and sweep.table.closes:
                removed = 0 if sweep.same else self._close_vanished(sweep)
            else:
                self._note_seen(sweep)
            visible = self._write_coverage(sweep, coverage, state, problem, stored(finished))
            if removed or visible:
                bump(con, sweep.table.name)
            version = data_version(con, sweep.table.name)
        del self._open[number]
        if state.good and sweep.disjoint:
            self._whole[sweep.account, sweep.region, sweep.table.name] = sweep.pages
        return Finished(version, sweep.added, sweep.changed, removed)

    def _close_vanished(self, sweep: Sweep) -> int:
        con, table = self._connection, sweep.table
        values = {"account": sweep.account, "region": sweep.region}
        con.register("seen_ids", self._seen_table(sweep))
        try:
            gone = con.sql(
                f"SELECT n.rowid AS _row FROM {table.now} n ANTI JOIN seen_ids s ON n.id = s.id"
                " WHERE n.account = $account AND n.region = $region",
                params=values,
            ).to_arrow_table()
        finally:
            con.unregister("seen_ids")
        if gone.num_rows == 0:
            return 0
        con.register("gone", gone)
        try:
            kept = ", ".join(table.stored)
            last_seen = (
                "greatest(_seen, (SELECT max(good_at) FROM own.watch"
                " WHERE account = $account AND region = $region AND kind = $kind))"
            )
            con.execute(
                f"INSERT INTO {table.past}"
                f" (account, region, id, {kept}, _from, _first_seen, _seen, _raw_hash, _raw, _to, _end)"
                f" SELECT account, region, id, {kept}, _from, _first_seen, {last_seen}, _raw_hash, _raw, $at, 'removed'"
                f" FROM {table.now} WHERE rowid IN (SELECT _row FROM gone)",
                values | {"at": sweep.at, "kind": table.name},
            )
            con.execute(f"DELETE FROM {table.now} WHERE rowid IN (SELECT _row FROM gone)")
        finally:
            con.unregister("gone")
        return int(gone.num_rows)

    def _write_coverage(
        self, sweep: Sweep, coverage: Coverage, state: CoverageState, problem: str, finished: datetime
    ) -> bool:
        """Writes how the sweep ended, now and as history; says whether tables show it (state, partial or problem)."""
        con = self._connection
        triple = [sweep.account, sweep.region, sweep.table.name]
        before = con.execute(
            "SELECT state, problem, partial, touched FROM own.watch WHERE account = ? AND region = ? AND kind = ?",
            triple,
        ).fetchall()[0]
        figures = [coverage.rows, coverage.calls, coverage.retries, coverage.seconds, coverage.cost]
        con.execute(
            "INSERT INTO own.coverage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*triple, sweep.id, sweep.at, finished, state.good, str(state), problem, *figures],
        )
        partial = not state.good and (before[2] or before[3])
        good = (
            ", first_good_at = coalesce(first_good_at, $at), good_at = $at, last_good = $finished" if state.good else ""
        )
        values = dict(zip(("account", "region", "kind"), triple, strict=True)) | {
            "partial": partial, "state": str(state), "problem": problem, "finished": finished,
            "rows": figures[0], "calls": figures[1], "retries": figures[2], "seconds": figures[3], "cost": figures[4],
        }  # fmt: skip
        con.execute(
            "UPDATE own.watch SET sweep = NULL, touched = FALSE, partial = $partial, state = $state,"
            " problem = $problem, rows = $rows, calls = $calls, retries = $retries, seconds = $seconds, cost = $cost,"
            f" last_try = $finished{good} WHERE account = $account AND region = $region AND kind = $kind",
            values | ({"at": sweep.at} if state.good else {}),
        )
        return bool(before[:2] != (str(state), problem) or before[2] != partial or before[3])
