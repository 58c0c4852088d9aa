"""The store as the daemon sees it: one writer, several readers, over one DuckDB file.

Threads. The methods of `Store` that are marked *writer* use the one writing connection and belong to one thread. All
reading is on `Reader` objects (`store.reader()`): one per reading thread, each with a cursor of its own that another
thread may `interrupt()`. As a convenience the reading methods exist on `Store` too, there on a reader kept for each
thread that calls them. A reader sees what was committed when its call began.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import duckdb

from backends.model import Coverage, Kind
from backends.store.database import connect, prepare
from backends.store.errors import guarded
from backends.store.history import view_statements
from backends.store.reading import Reader, Reading, Shared
from backends.store.schema import prepare_kinds
from backends.store.series import prepare_series
from backends.store.sweeps import Finished, Ingested, Sweeps
from backends.store.views import ViewCache


class Store(Reading):
    """An open store. Make one with `Store.open`."""

    def __init__(
        self, path: Path, connection: duckdb.DuckDBPyConnection, shared: Shared, sweeps: Sweeps, label: str
    ) -> None:
        self.path = path
        self.label = label
        self._connection = connection
        self._shared = shared
        self._sweeps = sweeps
        self._local = threading.local()

    @classmethod
    def open(cls, path: Path | str, kinds: Iterable[Kind], *, identity: tuple[str, str], label: str = "") -> Store:
        """Opens or creates the store file, migrates it and makes the tables of `kinds`.

        `identity` is (partition, endpoint). StoreError (SchemaTooNew, WrongStore, StoreLocked, …) with one sentence where
        the file is newer than the program, of another identity, locked, on a network file system or no store.
        """
        file = Path(path)
        connection = connect(file)
        try:
            with guarded(f"Opening the store {file}"):
                kept_label = prepare(connection, file, identity, label)
                tables = prepare_kinds(connection, kinds)
                series = prepare_series(connection, tables)
                for statement in view_statements(tables):
                    connection.execute(statement)
                sweeps = Sweeps(connection, tables)
        except BaseException:
            connection.close()
            raise
        return cls(file, connection, Shared(tables, series, ViewCache()), sweeps, kept_label)

    def reader(self) -> Reader:
        """A reader with a cursor of its own, for one thread; `interrupt()` may come from any. Close it when done."""
        return Reader(self._shared, self._connection.cursor())

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor

    def begin_sweep(self, account: str, region: str, kind: str, started: datetime) -> int:
        """Writer. A sweep's number; it supersedes a sweep of the same three that is still open."""
        with guarded("Beginning a sweep"):
            return self._sweeps.begin(account, region, kind, started)

    def ingest(self, sweep: int, arrow: bytes) -> Ingested:
        """Writer. Takes in a page (Arrow IPC stream); its rows are visible, as partial, when this returns.

        After a StoreError the sweep can go on but will close nothing. Pages of a superseded sweep are ignored.
        """
        with guarded("Storing a page"):
            return self._sweeps.ingest(sweep, arrow)

    def finish_sweep(self, sweep: int, coverage: Coverage, finished: datetime) -> Finished:
        """Writer. One transaction: closes what vanished (only after a good sweep of a kind that closes), writes coverage."""
        with guarded("Finishing a sweep"):
            return self._sweeps.finish(sweep, coverage, finished)

    def checkpoint(self) -> bool:
        """Writer. Moves the write-ahead log into the file; False if open readers were in the way."""
        try:
            self._connection.execute("CHECKPOINT")
        except duckdb.TransactionException:
            return False
        return True

    def close(self) -> None:
        """Writer. Closes the file; readers must have been closed or be idle. Safe to call twice."""
        self._connection.close()
