"""What a sweep knows of the present versions of its (account, region, kind), so that most rows need no look at them.

Ids and elements are told by 64-bit hashes; ids' by DuckDB's own, which is never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.store.hashes import Hashes
from backends.store.pages import Page
from backends.store.schema import KindTable

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """Ids (hashes), which of them are known, and where those stand."""

    ids: Array
    place: Array
    known: Array


class Present:
    """The versions that were present when a sweep began; nobody else changes them before it ends.

    Of events only those of the instant `oldest` and after.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: KindTable,
        account: str,
        region: str,
        oldest: datetime | None = None,
    ) -> None:
        log = table.kind.log
        young = f' AND ("{log.time}" >= $oldest OR "{log.time}" IS NULL)' if log and oldest else ""
        found = connection.execute(
            f"SELECT hash(id) AS id, coalesce(_raw_hash, 0)::UBIGINT AS told, rowid AS place FROM {table.now}"
            f" WHERE account = $account AND region = $region{young}",
            {"account": account, "region": region} | ({"oldest": oldest} if young else {}),
        ).fetchnumpy()
        order = np.argsort(found["id"])
        self._ids: Array = np.asarray(found["id"], dtype=np.uint64)[order]
        self._told: Array = np.asarray(found["told"], dtype=np.uint64)[order]
        self._places: Array = found["place"][order]
        self._seen = np.zeros(len(order), dtype=bool)
        self._added = Hashes()
        self.repeated = False
        """Whether an id came more than once."""

    def find(self, ids: Array) -> Found:
        """Where ids (hashes) are among the versions that were present."""
        if not len(self._ids):
            return Found(ids, np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=bool))
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return Found(ids, place, self._ids[place] == ids)

    def sort(self, page: Page, found: Found) -> tuple[Array, Array]:
        """Masks of the page's rows that are new, and of those that have to be compared; the rest is as it was."""
        same = found.known.copy()
        if len(self._ids):
            same &= (page.told != 0) & (self._told[found.place] == page.told) & ~self._seen[found.place]
        new = ~found.known
        new &= ~self._added.has(page.ids)
        return new, ~(new | same)

    def met(self, found: Found) -> Array:
        """Whether each id has come in this sweep already."""
        met = self._added.has(found.ids)
        if len(self._ids):
            met |= found.known & self._seen[found.place]
        return met

    def note(self, found: Found, new: Array | None = None) -> None:
        """These ids, those of a mask new ones, have come."""
        self.repeated = self.repeated or bool(self.met(found).any())
        if new is not None:
            self._added.add(found.ids[new])
        if len(self._ids):
            self._seen[found.place[found.known]] = True

    def again(self) -> Present:
        """The same for the next sweep, none of it seen; only where this one changed nothing."""
        self._seen[:] = False
        return self

    def places(self, ids: Array) -> pa.Table:
        """Where the versions of ids (hashes) were when the sweep began, as column `_row`."""
        found = self.find(ids)
        return pa.table({"_row": pa.array(self._places[found.place[found.known]], pa.int64())})

    def missed(self) -> pa.Table:
        """Hashes of the ids that no page had, as column `id`."""
        return pa.table({"id": pa.array(self._ids[~self._seen])})

    def seen(self) -> pa.Table:
        """Hashes of the ids, of those present before, that a page had, as column `id`."""
        return pa.table({"id": pa.array(self._ids[self._seen])})
