"""What the writer knows of the present versions of an (account, region, kind), so that most rows need no look at them.

Ids and elements are known by 64-bit hashes; ids by DuckDB's own, which is never kept, an element with its declaration
by its *print*, which the collector makes and the store keeps as `_raw_hash` (0: none, equal to nothing).

What holds, and who sees to it (`Sweeps`, in the writer's thread; it alone writes and closes versions):

- What was known at the end of a sweep holds for the next one only where that end was good, had no id twice and no other
  sweep of the three has begun since: `begin` takes what was remembered away, a good `finish` alone gives it back.
  After any other end it is read from the store again.
- A print here is that of the version in the store, or of a row that waits to be written; `taken_in` says when it is.
- Where a row is in its table is a guess: compaction and what is rewritten move rows. Whoever reads there makes sure of
  the ids that it finds.
- No version counts as having come twice: of a row whose id has come before it is compared anew.
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

    ids     their hashes, ascending: the *place* of a version is its index here, behind them come those that are new
    prints  of each the print of its element
    rowids  of each where it should stand in its table, -1 where that is not known
    order   the places in the order in which the sweep before brought them; in step with it, rows need no search
    """

    def __init__(self, ids: Array, prints: Array, rowids: Array, order: Array) -> None:
        self._ids, self._prints, self._rowids = ids, prints, rowids
        self._order, self._prints_in_order = order, prints[order]
        self._next = self._out_of_step = 0
        self._seen = np.zeros(len(ids), dtype=bool)
        self._added = Hashes()
        self._new: list[tuple[Array, Array]] = []
        self._stand: list[tuple[Array, Array]] = []
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
            f"SELECT hash(id) AS id, coalesce(_raw_hash, 0)::UBIGINT AS _print, rowid AS _row FROM {table.now}"
            f" WHERE account = $account AND region = $region{young}",
            {"account": account, "region": region} | ({"oldest": oldest} if young else {}),
        ).fetchnumpy()
        order = np.argsort(found["id"])
        ids = np.asarray(found["id"], dtype=np.uint64)[order]
        return cls(ids, np.asarray(found["_print"], dtype=np.uint64)[order], found["_row"][order], _NONE)

    def along(self, prints: Array) -> Array:
        """Where each row of a page stands that is what it was and comes where it came before; -1 for the others.

        `prints` are the hashes of the rows' elements, which tell their ids as well. Those found count as having come.
        """
        places = np.full(len(prints), -1, dtype=np.int64)
        if not len(self._order):
            return places
        for start in range(0, len(prints), _STRETCH):
            some = prints[start : start + _STRETCH]
            same = self._in_step(some)
            if 2 * int(same.sum()) < len(some) and self._find_step(some):
                same = self._in_step(some)
            here = self._order[self._next : self._next + len(some)][same]
            places[start : start + len(same)][same] = here
            self._seen[here] = True
            self._next += len(some)
        return places

    def _in_step(self, prints: Array) -> Array:
        """Of the rows that there were from the next place on, whether each is as it was and has not come yet."""
        before = self._prints_in_order[self._next : self._next + len(prints)]
        prints = prints[: len(before)]
        came = self._seen[self._order[self._next : self._next + len(before)]]
        same: Array = (prints == before) & (prints != 0) & ~came
        return same

    def _find_step(self, prints: Array) -> bool:
        """Goes where some of these rows came before."""
        for number in range(0, len(prints), 1 + len(prints) // 3):
            if self._out_of_step >= _OUT_OF_STEP:
                return False
            self._out_of_step += 1
            found = np.flatnonzero(self._prints_in_order == prints[number])
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
            same &= (page.prints != 0) & (self._prints[found.place] == page.prints) & ~self._seen[found.place]
        new = ~found.known
        new &= ~self._added.has(page.ids)
        return new, ~(new | same)

    def met(self, found: Found) -> Array:
        """Whether each id has come in this sweep already."""
        met = self._added.has(found.ids)
        if len(self._ids):
            met |= found.known & self._seen[found.place]
        return met

    def note(self, found: Found, new: Array, prints: Array) -> Array:
        """These ids, those of a mask new ones, have come; gives where they stand."""
        self.repeated = self.repeated or bool(self.met(found).any())
        places = found.place.copy()
        if new.any():
            self._added.add(found.ids[new])
            self._new.append((found.ids[new], prints[new]))
            places[new] = self._size + np.arange(int(new.sum()))
            self._size += int(new.sum())
        if len(self._ids):
            self._seen[found.place[found.known]] = True
        return places

    def arrived(self, places: Array) -> None:
        """The rows of a page have come, those of -1 not counted, in this order."""
        self._arrived.append(places[places >= 0].astype(np.int32))

    def taken_in(self, ids: Array, prints: Array) -> None:
        """The versions of ids (hashes) are as rows tell that were compared with them: the store has taken them in."""
        found = self.find(ids)
        self._prints[found.place[found.known]] = prints[found.known]

    def again(self, *, closed: bool) -> Present:
        """What the next sweep begins with, once the store has all that this one brought: where those that have not
        come are `closed`, they are no more."""
        order = np.concatenate(self._arrived) if self._arrived else _NONE
        ids, prints, rowids = self._ids, self._prints, self._rowids
        if self._new or (closed and not self._seen.all()):
            kept = np.ones(self._size, dtype=bool)
            kept[: len(ids)] = self._seen if closed else True
            ids = np.concatenate([ids, *(new for new, _ in self._new)])[kept]
            prints = np.concatenate([prints, *(new for _, new in self._new)])[kept]
            rowids = np.concatenate([rowids, np.full(self._size - len(rowids), -1)])[kept]
            by_id = np.argsort(ids, kind="stable")
            ids, prints, rowids = ids[by_id], prints[by_id], rowids[by_id]
            moved = np.zeros(self._size, dtype=np.int32)
            moved[np.flatnonzero(kept)[by_id]] = np.arange(len(ids))
            order = moved[order]
        present = Present(ids, prints, rowids, order)
        for new, rows in self._stand:
            present.stand(new, rows)
        return present

    def rowids(self, ids: Array) -> Array:
        """Where the version of each id (a hash) should stand in its table, -1 where that is not known."""
        found = self.find(ids)
        return np.where(found.known, self._rowids[found.place], -1) if len(self._ids) else np.full(len(ids), -1)

    def stand(self, ids: Array, rowids: Array) -> None:
        """The versions of ids (hashes), those of this sweep among them, stand in those rows of the table."""
        found = self.find(ids)
        self._rowids[found.place[found.known]] = rowids[found.known]
        if not found.known.all():
            self._stand.append((ids[~found.known], rowids[~found.known]))

    def look(self, connection: duckdb.DuckDBPyConnection, table: KindTable, account: str, region: str) -> None:
        """Looks where all versions stand now; belongs outside of a transaction that has written some."""
        found = connection.execute(
            f"SELECT hash(id) AS id, rowid AS _row FROM {table.now} WHERE account = $account AND region = $region",
            {"account": account, "region": region},
        ).fetchnumpy()
        self._rowids[:] = -1
        self._stand.clear()
        self.stand(np.asarray(found["id"], dtype=np.uint64), found["_row"])

    def missed(self) -> Array:
        """Hashes of the ids that no page had."""
        return self._ids[~self._seen]

    def seen(self) -> Array:
        """Hashes of the ids, of those present before, that a page had."""
        return self._ids[self._seen]


_NONE = np.zeros(0, dtype=np.int32)
