"""Sweeps: pages become present versions as they come, and one last transaction closes what vanished.

A sweep's *instant* is the millisecond when it began, moved on where two would share one: versions begin and end at
instants of sweeps. Everything here belongs to the writer's thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from time import monotonic
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.model import Coverage, CoverageState
from backends.store import events
from backends.store.comparing import compare
from backends.store.endings import close_vanished, note_seen
from backends.store.errors import StoreError, SweepLost
from backends.store.instants import stored
from backends.store.known import Present
from backends.store.pages import Page, add, opened, others, prints_of, read_page
from backends.store.points import Points
from backends.store.schema import KindTable, bump, data_version
from backends.store.watch import Watch

_GATHER_SECONDS, _GATHER_LEAST, _GATHER_ROWS = 1.0, 500, 20_000
"""Large pages wait for one another, so long and to so many rows, where those before were applied just now: each time
has its price, however few rows of them changed."""
_GATHER_POINTS_SECONDS, _GATHER_POINTS = 10.0, 1 << 17
"""Of a series, once its first page has been applied: DuckDB writes a full row group at once into its place."""
_LARGEST_COMPARED = 1 << 20
"""Bytes up to which a page is compared as a whole with those of the sweep before: larger ones are cut by chance."""
Array = np.ndarray[Any, np.dtype[Any]]
_NO_IDS: Array = np.zeros(0, dtype=np.uint64)


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

    @property
    def news(self) -> bool:
        """Whether anything is not as it was before."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a page asks for while it waits: the page where it has new rows, a mask of them, and what has to be compared.

    ids, prints  of the rows to be compared, a hash of the id and the print of the element (see `known`)
    """

    page: Page | None
    new: Array
    other: pa.Table | None
    ids: Array
    prints: Array
    rows: int


@dataclass(frozen=True, slots=True)
class Written:
    """What of the waiting pages is in the store once the transaction under way has ended.

    ids     of the versions that were written, in their order, the hashes of their ids
    sought  whether versions did not stand where they should
    """

    waiting: list[Taken] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    news: bool = False
    ids: Array = field(default_factory=lambda: _NO_IDS)
    sought: bool = False


Pages = dict[bytes, Array]
"""Digest of a page's bytes → the hashes of its ids."""


@dataclass
class Sweep:
    """One sweep under way. What it saw stays in memory: after a crash it is abandoned and closes nothing."""

    id: int
    table: KindTable
    account: str
    region: str
    at: datetime
    present: Present | None = None
    points: Points | None = None
    waiting: list[Taken] = field(default_factory=list)
    applied: float = field(default_factory=monotonic)
    added: int = 0
    changed: int = 0
    worked: bool = False
    """Whether it has changed anything."""
    torn: bool = False
    """A page could not be taken in, so that what was seen is not everything there was."""
    before: Pages = field(default_factory=dict)
    """Of points, the pages of the sweep before this one, if it was whole."""
    pages: Pages = field(default_factory=dict)

    @property
    def triple(self) -> tuple[str, str, str]:
        return self.account, self.region, self.table.name


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

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: dict[str, KindTable], *, read_only: bool = False
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._open: dict[int, Sweep] = {}
        self._known: set[int] = set()
        self._remembered: dict[tuple[str, str, str], tuple[Present | None, Pages]] = {}
        """What was present after the last sweep of each three, and of points its pages, while that is all that has been
        written since."""
        self._watch = Watch(connection, read_only=read_only)

    def begin(self, account: str, region: str, kind: str, started: datetime) -> int:
        table = self._tables.get(kind)
        if table is None:
            raise StoreError(f"There is no kind {kind!r} in this store.")
        for sweep in [s for s in self._open.values() if (s.account, s.region, s.table.name) == (account, region, kind)]:
            self._supersede(sweep)
        triple = (account, region, kind)
        number = self._watch.number()
        at = self._watch.begin(triple, number, stored(started))
        present, before = self._remembered.pop(triple, (None, {}))
        self._open[number] = Sweep(number, table, account, region, at, present, before=before)
        self._known.add(number)
        return number

    def _supersede(self, sweep: Sweep) -> None:
        with self._writing(sweep):
            if self._write(sweep).news and not sweep.worked:
                self._watch.touch(sweep.triple)
            self._note_seen(sweep)
        del self._open[sweep.id]

    @contextmanager
    def _writing(self, sweep: Sweep) -> Iterator[None]:
        """A transaction; where it fails, the sweep has not seen everything."""
        try:
            with self._watch.kept(sweep.triple), transaction(self._connection):
                yield
        except BaseException:
            sweep.torn = True
            raise

    def ingest(self, number: int, arrow: bytes) -> Ingested:
        sweep = self._find(number)
        if sweep is None:
            return Ingested(superseded=True)
        try:
            return self._ingest_points(sweep, arrow) if sweep.table.kind.series else self._ingest(sweep, arrow)
        except BaseException:
            sweep.torn = True
            raise

    def _ingest(self, sweep: Sweep, arrow: bytes) -> Ingested:
        batches = opened(sweep.table, arrow)
        if not batches:
            return Ingested()
        present, prints = self._present(sweep), prints_of(batches)
        places = present.along(prints)
        rest = np.flatnonzero(places < 0)
        if not len(rest):
            # What is polled again is mostly what it was, and in the same order.
            present.arrived(places)
            return Ingested(unchanged=len(places))
        page = read_page(self._connection, sweep.table, batches, prints, rest)
        return self._take(sweep, page, places)

    def _ingest_points(self, sweep: Sweep, arrow: bytes) -> Ingested:
        digest = blake2b(arrow, digest_size=16).digest() if len(arrow) <= _LARGEST_COMPARED else b""
        ids = sweep.before.get(digest)
        present = self._present(sweep)
        if ids is not None and not present.met(found := present.find(ids)).any():
            # Byte for byte the same, a page of points brings none.
            present.note(found, ~found.known, ids)
            sweep.pages[digest] = ids
            return Ingested(unchanged=len(ids))
        batches = opened(sweep.table, arrow)
        if not batches:
            return Ingested()
        page = read_page(self._connection, sweep.table, batches, prints_of(batches))
        if digest:
            sweep.pages[digest] = page.ids
        return self._take(sweep, page, np.full(page.rows, -1))

    def _find(self, number: int) -> Sweep | None:
        sweep = self._open.get(number)
        if sweep is None and number not in self._known:
            raise SweepLost("The store was opened again while this poll was under way; the next one begins anew.")
        return sweep

    def _take(self, sweep: Sweep, page: Page, places: Array) -> Ingested:
        """What a page asks for, where the rows that are not to be looked at stand at those places."""
        present, series = self._present(sweep), sweep.table.kind.series is not None
        found = present.find(page.ids)
        new, other = present.sort(page, found)
        places[page.keep] = present.note(found, new, page.prints)
        present.arrived(places)
        unchanged = int((places >= 0).sum())
        if not (new.any() or other.any() or series):
            return Ingested(unchanged=unchanged)
        # A page of a series is kept whole, for all its rows are points; of others only what is new or has changed.
        needed = page if series or new.any() else None
        changed_rows = others(page, other) if other.any() else None
        work = page.rows if needed is not None else int(other.sum())
        sweep.waiting.append(Taken(needed, new, changed_rows, page.ids[other], page.prints[other], work))
        if len(places) >= _GATHER_LEAST and self._waits(sweep):
            return Ingested(unchanged=unchanged)
        with self._writing(sweep):
            written = self._write(sweep)
            if written.news and not sweep.worked:
                self._watch.touch(sweep.triple)
        self._settle(sweep, written)
        return Ingested(written.added, written.changed, max(0, unchanged - written.added - written.changed))

    @staticmethod
    def _waits(sweep: Sweep) -> bool:
        """Whether what waits may go on waiting for more."""
        seconds, most = _GATHER_SECONDS, _GATHER_ROWS
        if sweep.points is not None:
            seconds, most = _GATHER_POINTS_SECONDS, _GATHER_POINTS
        return sum(taken.rows for taken in sweep.waiting) < most and monotonic() - sweep.applied < seconds

    def _write(self, sweep: Sweep) -> Written:
        """Does what the waiting pages ask for; belongs in a transaction, after which `_settle` takes what it gives."""
        waiting, sweep.waiting = sweep.waiting, []
        if not waiting:
            return Written()
        con, table, where = self._connection, sweep.table, (sweep.account, sweep.region)
        if table.kind.series:
            if sweep.points is None:
                sweep.points = Points(con, table, sweep.region)
            sweep.points.append([taken.page for taken in waiting if taken.page is not None])
        added = changed = 0
        written, sought = [], False
        for taken in waiting:
            if taken.page is not None and taken.new.any():
                add(con, table, taken.page, taken.new, where, sweep.at)
                written.append(taken.page.ids[taken.new])
                added += len(written[-1])
        news = bool(added)
        if rows := [taken.other for taken in waiting if taken.other is not None]:
            ids = np.concatenate([taken.ids for taken in waiting])
            compared = compare(con, table, rows, ids, self._present(sweep).rowids(ids), where, sweep.at)
            compared.apply(con)
            written.append(compared.written)
            added, changed, news = added + compared.added, compared.changed, news or compared.news
            sought = compared.sought
        if news:
            bump(con, table.name, sweep.at)
        return Written(waiting, added, changed, news, np.concatenate(written) if written else _NO_IDS, sought)

    def _settle(self, sweep: Sweep, written: Written) -> None:
        """What was written is in the store."""
        if not written.waiting:
            return
        present = self._present(sweep)
        for taken in written.waiting:
            present.taken_in(taken.ids, taken.prints)
        if written.sought:
            present.look(self._connection, sweep.table, sweep.account, sweep.region)
        elif len(written.ids):
            # DuckDB appends: what was written last stands last.
            (last,) = self._connection.execute(f"SELECT max(rowid) FROM {sweep.table.now}").fetchall()[0]
            present.stand(written.ids, last - np.arange(len(written.ids))[::-1])
        sweep.added += written.added
        sweep.changed += written.changed
        sweep.worked = sweep.worked or written.news
        sweep.applied = monotonic()

    def _present(self, sweep: Sweep) -> Present:
        if sweep.present is None:
            sweep.present = Present.read(
                self._connection, sweep.table, sweep.account, sweep.region, self._oldest_compared(sweep)
            )
        return sweep.present

    def _oldest_compared(self, sweep: Sweep) -> datetime | None:
        """Of events, the oldest that this sweep can bring again: older ones need not be known."""
        if sweep.table.kind.log is None:
            return None
        return events.oldest_compared(self._connection, sweep.table.kind, sweep.account, sweep.region)

    def _note_seen(self, sweep: Sweep) -> None:
        """Dates the rows that this sweep saw, where it does not vouch for all rows at once."""
        # An event is seen once: reading it again says nothing new.
        if sweep.present is not None and sweep.table.kind.log is None:
            seen = sweep.present.seen()
            note_seen(self._connection, sweep.table, seen, (sweep.account, sweep.region), sweep.at)

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
        with self._writing(sweep):
            written = self._write(sweep)
            if state.good and sweep.table.closes:
                missed = self._present(sweep).missed()
                removed = close_vanished(con, sweep.table, missed, (sweep.account, sweep.region), sweep.at)
            else:
                self._note_seen(sweep)
            ending = replace(coverage, state=state, problem=problem)
            news = sweep.worked or written.news or bool(removed)
            cadence = sweep.table.kind.cadence
            visible = self._watch.end(sweep.at, ending, stored(finished), cadence=cadence, news=news)
            if state.good and sweep.table.kind.log is not None and coverage.since:
                events.note_span(con, sweep.table.kind, coverage, sweep.at)
            if removed or visible:
                bump(con, sweep.table.name, sweep.at if removed else None)
            version = data_version(con, sweep.table.name)
        self._settle(sweep, written)
        del self._open[number]
        if state.good and sweep.present is not None and not sweep.present.repeated:
            # Of an id that came in two pages, a page alone does not say what the store holds.
            self._remember(sweep, sweep.present, removed)
        return Finished(version, sweep.added, sweep.changed, removed)

    def withhold(self, account: str, problem: str, at: datetime) -> None:
        with transaction(self._connection):
            self._watch.withhold(account, problem, stored(at))

    def _remember(self, sweep: Sweep, present: Present, removed: int) -> None:
        """What the next sweep may go by: this one has seen everything that it was to see."""
        kind = sweep.table.kind
        if kind.series is None and kind.log is None:
            self._remembered[sweep.triple] = present.again(closed=sweep.table.closes), {}
        else:
            # Of events only those are known that can come again, and those are others next time.
            same = None if sweep.worked or removed else present.again(closed=False)
            self._remembered[sweep.triple] = same, sweep.pages
