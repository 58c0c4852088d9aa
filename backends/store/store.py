"""The store as the daemon sees it: one writer, several readers, over one DuckDB file.

Threads. The methods of `Store` that are marked *writer* use the one writing connection and belong to one thread. All
reading is on `Reader` objects (`store.reader()`): one per reading thread, each with a cursor of its own that another
thread may `interrupt()`. As a convenience the reading methods exist on `Store` too, there on a reader kept for each
thread that calls them. A reader sees what was committed when its call began.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from backends.model import Coverage, Json, Kind
from backends.store import audit, cards, events, spending
from backends.store.copies import ANEW, copy_of, swap, write_anew
from backends.store.database import WORK, check, connect, prepare
from backends.store.encryption import CATALOG, Key, WrongKey, extension, is_encrypted
from backends.store.errors import NO_ROOM, StoreBroken, StoreBusy, StoreError, StoreFull, guarded, no_room
from backends.store.guard import Guard
from backends.store.history import view_statements
from backends.store.imported import list_markets, newest_points
from backends.store.instants import stored
from backends.store.reading import Reader, Reading, Shared
from backends.store.results import Run, save_run
from backends.store.retention import Retention, prune
from backends.store.schema import bump, known_kinds, prepare_kinds
from backends.store.series import ingest_points, prepare_series, read_parts
from backends.store.sweeps import Finished, Ingested, Sweeps, transaction
from backends.store.view_cache import ViewCache

log = logging.getLogger(__name__)

_LOG = 16 << 20
"""Bytes of write-ahead log from which on it is moved into the file."""


def encrypt_file(path: Path, key: Key) -> None:
    """Puts an encrypted copy in the place of a plain store that nobody has open; StoreError, and it is as it was."""
    if is_encrypted(path):
        raise WrongKey(f"The store {path} is encrypted already.")
    extension()
    connection = connect(path, encrypting=True)
    anew = path.parent / WORK / ANEW
    try:
        with guarded("Encrypting the store"):
            write_anew(connection, anew, key)
            with closing(Guard(path)) as guard, guard.kept(connection):
                connection.execute("CHECKPOINT")
    except OSError as error:
        raise StoreError(f"The store cannot be encrypted: {error.strerror or error}.") from error
    finally:
        connection.close()
    swap(anew, path)


class Store(Reading):
    """An open store. Make one with `Store.open`."""

    def __init__(
        self,
        path: Path,
        connection: duckdb.DuckDBPyConnection,
        shared: Shared,
        sweeps: Sweeps,
        label: str,
        key: Key | None = None,
    ) -> None:
        self.path = path
        self.label = label
        self._connection = connection
        self._shared = shared
        self._sweeps = sweeps
        self._key = key
        self._guard = Guard(path)
        self._longest_log = _LOG
        self._local = threading.local()

    @classmethod
    def open(
        cls,
        path: Path | str,
        kinds: Iterable[Kind],
        *,
        identity: tuple[str, str],
        label: str = "",
        key: Key | None = None,
    ) -> Store:
        """Opens or creates the store file, migrates it and makes the tables of `kinds`. With a key it is encrypted.

        `identity` is (partition, endpoint). StoreError (SchemaTooNew, WrongStore, StoreLocked, …) with one sentence
        where the file is newer than the program, of another identity, locked, on a network file system, no store, or
        the key is not its own (WrongKey, NoEncryption).
        """
        file = Path(path)
        connection = connect(file, key)
        try:
            with guarded(f"Opening the store {file}"):
                kept_label = prepare(connection, file, identity, label)
                tables = prepare_kinds(connection, kinds)
                with transaction(connection):
                    tables = cards.prepare(connection, tables.values())
                series = prepare_series(connection, tables)
                with transaction(connection):
                    for statement in view_statements(tables):
                        connection.execute(statement)
                sweeps = Sweeps(connection, tables)
        except BaseException:
            connection.close()
            raise
        return cls(file, connection, Shared(tables, series, ViewCache()), sweeps, kept_label, key)

    @classmethod
    def open_to_read(
        cls, path: Path, kinds: Iterable[Kind], *, identity: tuple[str, str], key: Key | None = None
    ) -> Store:
        """Opens a store where nothing can be written, such as on a full disk; every writer's method fails.

        StoreError where there is no store of that identity, or one that this program would first have to migrate.
        """
        connection = connect(path, key, read_only=True)
        try:
            with guarded(f"Opening the store {path} to read"):
                label = check(connection, path, identity)
                tables = cards.known(connection, known_kinds(connection, kinds).values())
                series = {table.kind.series.name: table for table in tables.values() if table.kind.series}
                sweeps = Sweeps(connection, tables, read_only=True)
        except BaseException:
            connection.close()
            raise
        return cls(path, connection, Shared(tables, series, ViewCache()), sweeps, label, key)

    def reader(self) -> Reader:
        """A reader with a cursor of its own, for one thread; `interrupt()` may come from any. Close it when done."""
        with guarded("Opening a reader"):
            return Reader(self._shared, self._new_cursor())

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._new_cursor()
        return cursor

    def _new_cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        if self._key is not None:
            cursor.execute(f"USE {CATALOG}")
        return cursor

    def begin_sweep(self, account: str, region: str, kind: str, started: datetime) -> int:
        """Writer. A sweep's number; it supersedes a sweep of the same three that is still open."""
        with guarded("Beginning a sweep"):
            return self._sweeps.begin(account, region, kind, started)

    def ingest(self, sweep: int, arrow: bytes) -> Ingested:
        """Writer. Takes in a page (Arrow IPC stream); its rows are visible, as partial, when this returns.

        After a StoreError the sweep can go on but will close nothing. Pages of a superseded sweep are ignored.
        """
        with self._writing("Storing a page"):
            return self._sweeps.ingest(sweep, arrow)

    def finish_sweep(self, sweep: int, coverage: Coverage, finished: datetime) -> Finished:
        """Writer. One transaction: closes what vanished (after a good sweep of a kind that closes), writes coverage."""
        with self._writing("Finishing a sweep"):
            return self._sweeps.finish(sweep, coverage, finished)

    def withhold(self, account: str, problem: str, at: datetime) -> None:
        """Writer. From then on nothing of an account is polled, for that reason: its coverage's history says so."""
        with self._writing("Writing what is not polled"):
            self._sweeps.withhold(account, problem, at)

    def ingest_points(self, series: str, parts: Sequence[Path] | bytes) -> int:
        """Writer. Appends points that came as files (Arrow IPC files in the store's work/) or as one IPC stream.

        All of them or, after a StoreError, none; points that are there already count for nothing. Gives how many were
        new.
        """
        table = self._shared.of_series(series)
        with self._writing("Storing points"), transaction(self._connection):
            new = ingest_points(self._connection, table, read_parts(parts, self.work))
            if new:
                bump(self._connection, table.name)
            return new

    def list_imported(self, series: str, parts: Sequence[Path] | bytes, now: datetime) -> None:
        """Writer. Lists the markets of imported points under the account "imported", with their newest values."""
        table = self._shared.of_series(series)
        with self._writing("Listing what was imported"):
            pages = newest_points(self._connection, table, read_parts(parts, self.work))
            list_markets(self._sweeps, table, pages, now)

    def save_run(self, run: Run, frame: bytes) -> int:
        """Writer. Keeps the rows of an analysis (Arrow IPC stream), now the newest; gives the run's number."""
        with self._writing("Storing results"), transaction(self._connection):
            return save_run(self._connection, run, frame)

    def add_audit(self, record: Mapping[str, Any]) -> int:
        """Writer. Appends a sealed record to the audit trail; durable when this returns its sequence number."""
        with guarded("Writing the audit trail"), transaction(self._connection):
            return audit.add_audit(self._connection, record)

    def add_spent(self, rows: Sequence[Json]) -> None:
        """Writer. Adds to what was asked of AWS, day by day and operation by operation (see `spending`)."""
        with guarded("Writing what was asked of AWS"), transaction(self._connection):
            spending.add_spent(self._connection, rows)

    def prune(self, now: datetime, retention: Retention | None = None) -> int:
        """Writer. Deletes history that is older than it is kept for; gives how many rows."""
        with self._writing("Pruning the store"), transaction(self._connection):
            kept = retention or Retention()
            gone = prune(self._connection, self._shared.tables, kept, stored(now))
            gone += events.prune_events(self._connection, self._shared.tables.values(), stored(now), kept.of_events)
            return gone + spending.prune_spent(self._connection, stored(now))

    def checkpoint(self) -> bool:
        """Writer. Moves the write-ahead log into the file; False if open readers were in the way.

        StoreFull where there is no room for that, StoreBroken where DuckDB has given the database up.
        """
        if not self._log:
            return True
        with guarded("A checkpoint"):
            try:
                with self._guard.kept(self._connection):
                    self._connection.execute("CHECKPOINT")
            except duckdb.TransactionException:
                return False
            except OSError as error:
                told = error.strerror or str(error)
                raise (
                    StoreFull(f"A checkpoint failed: {NO_ROOM}")
                    if no_room(told)
                    else StoreError(f"A checkpoint failed: {told}.")
                ) from error
            return True

    @contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """What may write much; when it is done, a long log moves into the file."""
        with guarded(doing):
            yield
        if self._log < self._longest_log:
            return
        done = False
        try:
            done = self.checkpoint()
        except StoreBroken:
            raise
        except StoreError as error:
            # What was to be written is: only the log stays as long as it is.
            log.warning("%s", error)
        self._longest_log = _LOG if done else self._log + _LOG // 4

    def copy_to(self, file: Path) -> int:
        """Writer. A copy of everything that is committed, as a new file of this store's own kind; gives its bytes.

        StoreBusy where a reader holds the checkpoint up (try again), StoreError where the copy cannot be written.
        """
        if not self.checkpoint():
            raise StoreBusy("The store cannot be copied while a long read is going on; try again.")
        try:
            return copy_of(self._guard.descriptor, file)
        except OSError as error:
            raise StoreError(f"The copy {file} cannot be written: {error.strerror or error}.") from error

    def write_anew(self) -> Path:
        """Writer. Everything that is committed in a new file in `work`, without the old one's empty room; its path."""
        anew = self.work / ANEW
        try:
            with guarded("Writing the store anew"):
                write_anew(self._connection, anew, self._key)
        except OSError as error:
            raise StoreError(f"The store cannot be written anew: {error.strerror or error}.") from error
        except BaseException:
            anew.unlink(missing_ok=True)
            raise
        return anew

    @property
    def size(self) -> int:
        """Bytes of the file and of its write-ahead log, which holds what no checkpoint has moved into the file yet."""
        return self.path.stat().st_size + self._log

    @property
    def _log(self) -> int:
        """Bytes of the write-ahead log."""
        try:
            return self.path.with_name(f"{self.path.name}.wal").stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def work(self) -> Path:
        """The directory for Arrow files of jobs, inside the store's own: the only one that DuckDB may touch."""
        return self.path.parent / WORK

    def close(self) -> None:
        """Writer. Closes the file, whole, and every reader of it. Safe to call twice, also on a broken store."""
        with suppress(StoreError):
            self.checkpoint()
        with suppress(duckdb.Error):
            self._connection.close()
        self._guard.close()
