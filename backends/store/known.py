"""What the writer knows of the present versions of an (account, region, kind), so that most rows need no look at them.

Ids and elements are told by 64-bit hashes; ids' by DuckDB's own, which is never kept. What was known at the end of a
sweep that saw everything holds for the next one, for nobody else changes versions; after any other end it is read
from the store again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from backends.store.hashes import Hashes
from backends.store.pages import Page
from backends.store.schema import KindTable

_STRETCH = 512
_OUT_OF_STEP = 32
"""How often the order of the sweep before is looked for again before it counts as another one."""
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """Ids (hashes), which of them are known, and where those stand."""

    ids: Array
    place: Array
    known: Array


class Present:
    """The versions that were present when a sweep began, in the order of their ids' hashes.

    rows   where each version is in its table, so far as that is known: a row that has moved is found by its id
    order  the places here of the versions in the order in which the sweep before brought them
    """

    def __init__(self, ids: Array, told: Array, rows: Array, order: Array) -> None:
        self._ids, self._told, self._rows = ids, told, rows
        self._order, self._told_in_order = order, told[order]
        self._next = self._out_of_step = 0
        self._seen = np.zeros(len(ids), dtype=bool)
        self._added = Hashes()
        self._new: list[tuple[Array, Array]] = []
        self._arrived: list[Array] = []
        self._size = len(ids)
        self.repeated = False
        """Whether an id came more than once."""

    @classmethod
    def read(
        cls,
        connection: duckdb.DuckDBPyConnection,
        table: KindTable,
        account: str,
        region: str,
        oldest: datetime | None = None,
    ) -> Present:
        """What the store holds; of events only those of the instant `oldest` and after."""
        log = table.kind.log
        young = f' AND ("{log.time}" >= $oldest OR "{log.time}" IS NULL)' if log and oldest else ""
        found = connection.execute(
            f"SELECT hash(id) AS id, coalesce(_raw_hash, 0)::UBIGINT AS told, rowid AS place FROM {table.now}"
            f" WHERE account = $account AND region = $region{young}",
            {"account": account, "region": region} | ({"oldest": oldest} if young else {}),
        ).fetchnumpy()
        order = np.argsort(found["id"])
        ids = np.asarray(found["id"], dtype=np.uint64)[order]
        return cls(ids, np.asarray(found["told"], dtype=np.uint64)[order], found["place"][order], _NONE)

    def along(self, told: Array) -> Array:
        """Where each row of a page stands that is what it was and comes where it came before; -1 for the others.

        `told` are the hashes of the rows' elements, which tell their ids as well. Those found count as having come.
        """
        places = np.full(len(told), -1, dtype=np.int64)
        if not len(self._order):
            return places
        for start in range(0, len(told), _STRETCH):
            some = told[start : start + _STRETCH]
            same = self._in_step(some)
            if 2 * int(same.sum()) < len(some) and self._find_step(some):
                same = self._in_step(some)
            here = self._order[self._next : self._next + len(some)][same]
            places[start : start + len(same)][same] = here
            self._seen[here] = True
            self._next += len(some)
        return places

    def _in_step(self, told: Array) -> Array:
        """Of the rows that there were from the next place on, whether each is as it was and has not come yet."""
        before = self._told_in_order[self._next : self._next + len(told)]
        told = told[: len(before)]
        came = self._seen[self._order[self._next : self._next + len(before)]]
        same: Array = (told == before) & (told != 0) & ~came
        return same

    def _find_step(self, told: Array) -> bool:
        """Goes where some of these rows came before."""
        for number in range(0, len(told), 1 + len(told) // 3):
            if self._out_of_step >= _OUT_OF_STEP:
                return False
            self._out_of_step += 1
            found = np.flatnonzero(self._told_in_order == told[number])
            if len(found) == 1 and found[0] >= number and not self._seen[self._order[found[0]]]:
                self._next = int(found[0]) - number
                return True
        return False

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

    def note(self, found: Found, new: Array, told: Array) -> Array:
        """These ids, those of a mask new ones, have come; gives where they stand."""
        self.repeated = self.repeated or bool(self.met(found).any())
        places = found.place.copy()
        if new.any():
            self._added.add(found.ids[new])
            self._new.append((found.ids[new], told[new]))
            places[new] = self._size + np.arange(int(new.sum()))
            self._size += int(new.sum())
        if len(self._ids):
            self._seen[found.place[found.known]] = True
        return places

    def arrived(self, places: Array) -> None:
        """The rows of a page have come, those of -1 not counted, in this order."""
        self._arrived.append(places[places >= 0].astype(np.int32))

    def now_told(self, ids: Array, told: Array) -> None:
        """The versions of ids (hashes) are as rows tell that were compared with them: the store has taken them in."""
        found = self.find(ids)
        place = found.place[found.known]
        self._told[place] = told[found.known]
        self._rows[place] = -1

    def again(self, *, closed: bool) -> Present:
        """What the next sweep begins with, once the store has all that this one brought: where those that have not
        come are `closed`, they are no more."""
        order = np.concatenate(self._arrived) if self._arrived else _NONE
        ids, told, rows = self._ids, self._told, self._rows
        if self._new or (closed and not self._seen.all()):
            kept = np.ones(self._size, dtype=bool)
            kept[: len(ids)] = self._seen if closed else True
            ids = np.concatenate([ids, *(new for new, _ in self._new)])[kept]
            told = np.concatenate([told, *(new for _, new in self._new)])[kept]
            rows = np.concatenate([rows, np.full(self._size - len(rows), -1)])[kept]
            by_id = np.argsort(ids, kind="stable")
            ids, told, rows = ids[by_id], told[by_id], rows[by_id]
            moved = np.zeros(self._size, dtype=np.int32)
            moved[np.flatnonzero(kept)[by_id]] = np.arange(len(ids))
            order = moved[order]
        return Present(ids, told, rows, order)

    def rows(self, ids: Array) -> Array:
        """Where the versions of ids (hashes) were last seen in their table, -1 where that is not known."""
        found = self.find(ids)
        return self._rows[found.place[found.known]]

    def missed(self) -> Array:
        """Hashes of the ids that no page had."""
        return self._ids[~self._seen]

    def seen(self) -> Array:
        """Hashes of the ids, of those present before, that a page had."""
        return self._ids[self._seen]


_NONE = np.zeros(0, dtype=np.int32)
