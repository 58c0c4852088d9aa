"""Everything that can be read from a store, as JSON bytes, Arrow tables or small dataclasses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

import duckdb

from backends.model import Scope
from backends.store import coverage, views
from backends.store.errors import NotFound, guarded
from backends.store.instants import stored
from backends.store.schema import KindTable, data_version
from backends.store.views import Query, ViewCache


@dataclass(frozen=True, slots=True)
class Shared:
    """What readers and the writer share: declarations (immutable) and the cache of views (locked)."""

    tables: dict[str, KindTable]
    series: dict[str, KindTable]
    cache: ViewCache

    def table(self, kind: str) -> KindTable:
        try:
            return self.tables[kind]
        except KeyError:
            raise NotFound(f"There is no kind {kind!r} in this store.") from None


class Reading(ABC):
    """The reading methods, on whatever cursor the class has."""

    _shared: Shared

    @abstractmethod
    def _cursor(self) -> duckdb.DuckDBPyConnection: ...

    def rows(self, query: Query) -> bytes:
        """The window of a view as the JSON object of POST /v1/rows.

        FilterError for a filter, StoreError for a kind, sort or anchor that cannot be understood.
        """
        with guarded("Reading rows"):
            return views.rows(self._cursor(), self._shared.tables, self._shared.cache, query)

    def coverage(self, scope: Scope, at: datetime | None = None) -> bytes:
        """What is known of every (account, region, kind) of the scope, as the JSON object of GET /v1/coverage."""
        with guarded("Reading coverage"):
            return coverage.coverage_json(self._cursor(), self._shared.tables, scope, stored(at) if at else None)

    def version(self, kind: str) -> int:
        """The kind's data version: counts up with every change that a reader could see."""
        with guarded("Reading a version"):
            return data_version(self._cursor(), kind)


class Reader(Reading):
    """A cursor for one reading thread."""

    def __init__(self, shared: Shared, cursor: duckdb.DuckDBPyConnection) -> None:
        self._shared = shared
        self._own = cursor

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        return self._own

    def interrupt(self) -> None:
        """From any thread: the running call ends with StoreInterrupted. Without one, nothing happens."""
        self._own.interrupt()

    def close(self) -> None:
        """Gives the cursor back; the reader is of no use afterwards."""
        self._own.close()
