"""The rows that a table holds: the ones in view and a prefetch around them, never all that lie behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from console.widgets.table_columns import Row

MOST_ROWS = 320


@dataclass(slots=True)
class Window:
    """Rows by their place in the whole list. `total` is None until a first answer says how many there are."""

    total: int | None = None
    rows: dict[int, Row] = field(default_factory=dict)
    whole: bool = False

    def row(self, index: int) -> Row | None:
        return self.rows.get(index)

    def replace(self, offset: int, rows: Sequence[Row], total: int) -> None:
        """A new state of the list: what was held of the old one is forgotten."""
        self.rows = {offset + place: row for place, row in enumerate(rows)}
        self.total = total

    def extend(self, offset: int, rows: Sequence[Row], total: int) -> None:
        """More of the same state; what is farthest from the new rows is dropped."""
        self.rows.update({offset + place: row for place, row in enumerate(rows)})
        self.total = total
        if len(self.rows) > MOST_ROWS:
            middle = offset + len(rows) // 2
            nearest = sorted(self.rows, key=lambda index: abs(index - middle))[:MOST_ROWS]
            self.rows = {index: self.rows[index] for index in nearest}

    def wanted(self, top: int, height: int) -> tuple[int, int] | None:
        """(offset, limit) of the window to ask for, None while everything in view and half a page around is held."""
        if self.whole or height <= 0:
            return None
        end = self.total if self.total is not None else top + height
        near_top, near_end = max(0, top - height // 2), min(end, top + height + height // 2)
        if self.total is not None and all(index in self.rows for index in range(near_top, near_end)):
            return None
        offset = max(0, top - height)
        return offset, height * 3

    def index_of(self, key: str, key_of: Callable[[Row], str]) -> int | None:
        """Where the row with that key is, among those held."""
        for index, row in self.rows.items():
            if key_of(row) == key:
                return index
        return None
