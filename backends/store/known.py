"""What a sweep knows of the present versions of its (account, region, kind), so that most rows need no look at them.

Ids and elements are told by 64-bit hashes; ids' by DuckDB's own, which is never kept.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.store.hashes import Hashes
from backends.store.pages import Page
from backends.store.schema import KindTable

Array = np.ndarray[Any, np.dtype[Any]]


class Present:
    """The versions that were present when a sweep began; nobody else changes them before it ends."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: KindTable, account: str, region: str) -> None:
        found = connection.execute(
            f"SELECT hash(id) AS id, coalesce(_raw_hash, 0)::UBIGINT AS told, rowid AS place FROM {table.now}"
            " WHERE account = $account AND region = $region",
            {"account": account, "region": region},
        ).fetchnumpy()
        order = np.argsort(found["id"])
        self._ids: Array = np.asarray(found["id"], dtype=np.uint64)[order]
        self._told: Array = np.asarray(found["told"], dtype=np.uint64)[order]
        self._places: Array = found["place"][order]
        self._seen = np.zeros(len(order), dtype=bool)
        self._added = Hashes()
        self.repeated = False
        """Whether an id came more than once."""

    def sort(self, page: Page) -> tuple[Array, Array]:
        """Masks of the page's rows that are new, and of those that have to be compared; the rest is as it was."""
        if not len(self._ids):
            known = np.zeros(len(page.ids), dtype=bool)
            same = known
        else:
            place = np.minimum(np.searchsorted(self._ids, page.ids), len(self._ids) - 1)
            known = self._ids[place] == page.ids
            same = known & (page.told != 0) & (self._told[place] == page.told) & ~self._seen[place]
        new = ~known
        new &= ~self._added.has(page.ids)
        return new, ~(new | same)

    def met(self, ids: Array) -> Array:
        """Whether each id has come in this sweep already."""
        met = self._added.has(ids)
        if len(self._ids):
            place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
            met |= (self._ids[place] == ids) & self._seen[place]
        return met

    def note(self, ids: Array, new: Array | None = None) -> None:
        """These ids, those of a mask new ones, have come."""
        self.repeated = self.repeated or bool(self.met(ids).any())
        if new is not None:
            self._added.add(ids[new])
        if len(self._ids):
            place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
            self._seen[place[self._ids[place] == ids]] = True

    def again(self) -> Present:
        """The same for the next sweep, none of it seen; only where this one changed nothing."""
        self._seen[:] = False
        return self

    def places(self, ids: Array) -> pa.Table:
        """Where the versions of ids (hashes) were when the sweep began, as column `_row`."""
        if not len(self._ids):
            return pa.table({"_row": pa.array([], pa.int64())})
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return pa.table({"_row": pa.array(self._places[place[self._ids[place] == ids]], pa.int64())})

    def missed(self) -> pa.Table:
        """Hashes of the ids that no page had, as column `id`."""
        return pa.table({"id": pa.array(self._ids[~self._seen])})

    def seen(self) -> pa.Table:
        """Hashes of the ids, of those present before, that a page had, as column `id`."""
        return pa.table({"id": pa.array(self._ids[self._seen])})
