"""The table as it is drawn: columns, rows in view, overlays, notices; what differs is painted, and nothing else.

Moving about in it is in resource_table.py. Nothing here knows AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.widgets.ink import Line, ink_of, strip_of
from console.widgets.table_columns import (
    Geometry,
    Placed,
    Row,
    TableColumn,
    lay_out,
    sample,
    text_of,
    widths_of,
)
from console.widgets.table_cursor import Cursor, follow
from console.widgets.table_lines import cell_value, header_line, row_line, waiting_line
from console.widgets.table_window import Window

_DRAWN_AT_MOST = 400


class _Look(NamedTuple):
    """All that a drawn row depends on: while it is the same, the line is not drawn again."""

    geometry: int
    now: datetime
    marked: bool
    cursor: bool
    stale: bool
    values: tuple[Any, ...]


class TableCanvas(ScrollView, can_focus=True):
    """State and drawing. `key_column` names the column that identifies a row; `stride`: see `table_cursor.follow`."""

    def __init__(self, *, key_column: str = "ref", stride: int = 1, id: str | None = None) -> None:
        super().__init__(id=id)
        self.key_column = key_column
        self.stride = stride
        self.columns: tuple[TableColumn, ...] = ()
        self.names: list[str] = []
        self.window = Window()
        self.mark = Cursor()
        self.top = 0
        self.left_column = 0
        self.sort: tuple[str, bool] = ("", False)
        self.wide = False
        self.stale = False
        self.now = datetime.now(UTC)
        self.stale_row: Callable[[Row], bool] | None = None
        self.notice: list[Line] = []
        self._overlay: dict[str, dict[str, Any]] = {}
        self._drawn: dict[str, tuple[_Look, Line]] = {}
        self._current = ""
        self._widths: dict[str, int] = {}
        self._sampled: dict[str, int] = {}
        self._geometry: Geometry | None = None
        self._key_index = -1
        self.letters: dict[str, str] | None = None

    # -- what the screen tells the table

    def set_columns(self, columns: Sequence[TableColumn], *, sort: tuple[str, bool] = ("", False)) -> None:
        """Other columns: for another kind. Rows, marks and cursor are forgotten."""
        self.columns = tuple(columns)
        self.sort = sort
        self.mark = Cursor()
        self.top = self.left_column = 0
        self._sampled, self._overlay = {}, {}
        self._current = next((column.name for column in self.columns if column.fixed), "")
        self.forget_rows()

    def forget_rows(self) -> None:
        """Nothing is known about the rows any more (another filter, scope or instant); the cursor keeps its key."""
        self.window = Window()
        self.notice = []
        self._forget_geometry()

    def set_window(
        self,
        names: Sequence[str],
        offset: int,
        rows: Sequence[Row],
        total: int,
        *,
        fresh: bool = True,
        whole: bool = False,
        widths: Mapping[str, int] | None = None,
    ) -> None:
        """Rows from `offset` on, of `total`. `fresh`: they are a new state of the list, what was held is forgotten.

        Only visible lines that look different are painted. Where the cursor's row is among the rows, cursor and view
        move with it.
        """
        before = self._visible_look()
        first = self.window.total is None
        if list(names) != self.names:
            self.names = list(names)
            self._key_index = self.names.index(self.key_column) if self.key_column in self.names else -1
            self._geometry = None
        if first or not self._sampled:
            self._sampled = dict(widths) if widths else sample(self.columns, self.names, rows)
            self._sampled |= sample([column for column in self.columns if column.longest], self.names, rows)
            self._widths, self._geometry = {}, None
        else:
            self._grow(sample([c for c in self.columns if whole or c.longest], self.names, rows))
        if fresh:
            self.window.replace(offset, rows, total)
        else:
            self.window.extend(offset, rows, total)
        self.window.whole = whole
        old_top, old_total = self.top, before[1]
        self._follow_key(total)
        if first or total == 0 or not old_total:
            self.refresh()
        else:
            self._repaint_changed(before)
        self._ask()
        if old_total != total or old_top != self.top:
            self.moved(True)

    def _grow(self, sampled: Mapping[str, int]) -> None:
        """Columns become wider with their texts, never narrower: what is read stays where it is."""
        grown = self._sampled | {name: max(cells, self._sampled.get(name, 0)) for name, cells in sampled.items()}
        if grown != self._sampled:
            self._sampled, self._widths, self._geometry = grown, {}, None

    def set_overlay(self, column: str, values: Mapping[str, Any]) -> None:
        """Values by row key for a column that the rows do not carry."""
        before = self._visible_look()
        self._overlay.setdefault(column, {}).update(values)
        self._repaint_changed(before)

    def set_notice(self, lines: list[Line]) -> None:
        """What is said where there are no rows: why, and what can be done."""
        if lines != self.notice:
            self.notice = lines
            if not self.window.total:
                self.refresh()

    def set_stale(self, stale: bool) -> None:
        if stale != self.stale:
            self.stale = stale
            self.refresh()

    def set_now(self, now: datetime) -> None:
        """The instant that ages count from, to the minute; only lines whose text changes are painted."""
        if (minute := now.replace(second=0, microsecond=0)) == self.now:
            return
        before = self._visible_look()
        self.now = minute
        self._repaint_changed(before)

    def set_wide(self, wide: bool) -> None:
        self.wide = wide
        self.left_column = 0
        self._forget_geometry()

    def set_sort(self, column: str, descending: bool) -> None:
        self.sort = (column, descending)
        self.top = 0
        self.mark.index, self.mark.key = 0, ""
        self.refresh()

    # -- what the screen asks of the table

    @property
    def page_rows(self) -> int:
        """Rows in view."""
        return max(1, self.size.height - 1)

    @property
    def current_row(self) -> Row | None:
        return self.window.row(self.mark.index)

    @property
    def current_key(self) -> str:
        row = self.current_row
        return self.key_of(row) if row is not None else ""

    @property
    def marked_keys(self) -> list[str]:
        return list(self.mark.marks)

    @property
    def current_column(self) -> TableColumn | None:
        return next((column for column in self.columns if column.name == self._current), None)

    @property
    def visible_keys(self) -> list[str]:
        rows = (self.window.row(index) for index in range(self.top, self.top + self.page_rows))
        return [self.key_of(row) for row in rows if row is not None]

    def key_of(self, row: Row) -> str:
        return str(row[self._key_index]) if 0 <= self._key_index < len(row) else ""

    def value(self, row: Row, column: str) -> Any:
        """A row's value by column name; None where the rows have no such column."""
        return row[self.names.index(column)] if column in self.names else None

    def cell_text(self) -> str:
        """The text of the current cell, uncut."""
        row, column = self.current_row, self.current_column
        if row is None or column is None:
            return ""
        source = self.names.index(column.name) if column.name in self.names else -1
        value = cell_value(Placed(column, 0, 0, source), row, self.key_of(row), self._overlay)
        return str(value) if isinstance(value, str) else text_of(column, value)

    def position(self) -> str:
        """`1–48 of 212`, and the number of marked rows; where none were read for a reason, no number."""
        total = self.window.total
        if total is None:
            return "not read" if self.notice else "loading"
        if total == 0:
            return "0 rows"
        text = f"{self.top + 1}–{min(total, self.top + self.page_rows)} of {total:,}"
        return text + (f" · {len(self.mark.marks)} marked" if self.mark.marks else "")

    # -- drawing

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return container.height

    def render_line(self, y: int) -> Strip:
        ink, cells = ink_of(self.app), self.size.width
        geometry = self.geometry
        if y == 0:
            line = header_line(geometry, self.sort, self._current, self.letters)
            return strip_of(line, cells, ink, "bold on-head" if self.has_focus else "on-head")
        if self.window.total == 0 or (self.window.total is None and self.notice):
            at = y - 2
            return strip_of(self.notice[at] if 0 <= at < len(self.notice) else [], cells, ink)
        index = self.top + y - 1
        if self.window.total is not None and index >= self.window.total:
            return strip_of([], cells, ink)
        row = self.window.row(index)
        cursor = index == self.mark.index and self.window.total is not None
        if row is None:
            return strip_of(
                waiting_line(geometry) if y % 2 else [], cells, ink, "cursor-text on-cursor" if cursor else ""
            )
        base = "bold cursor-text on-cursor" if cursor else ""
        return strip_of(self._row_line(index, row, cursor), cells, ink, base)

    def _row_line(self, index: int, row: Row, cursor: bool) -> Line:
        key = self.key_of(row)
        marked = key in self.mark.marks or self.mark.in_range(index)
        stale = self.stale or (self.stale_row is not None and self.stale_row(row))
        geometry = self.geometry
        values = tuple(cell_value(place, row, key, self._overlay) for place in geometry.placed)
        look = _Look(id(geometry), self.now, marked, cursor, stale, values)
        held = self._drawn.get(key)
        if held is None or held[0] != look:
            if len(self._drawn) >= _DRAWN_AT_MOST:
                self._drawn.clear()
            line = row_line(values, geometry, self.now, marked=marked, cursor=cursor, stale=stale)
            held = self._drawn[key] = (look, line)
        return held[1]

    @property
    def geometry(self) -> Geometry:
        if self._geometry is None:
            columns = self.shown_columns
            if not self._widths:
                self._widths = widths_of(columns, self._sampled)
            cells = max(20, self.size.width)
            self._geometry = lay_out(
                columns, self.names, self._widths, cells, self.left_column, essential=not self._all_columns
            )
            self._drawn.clear()
        return self._geometry

    @property
    def shown_columns(self) -> list[TableColumn]:
        """All columns as they come where there is room or `w` asked for it, else small, the narrow ones first."""
        if self._all_columns:
            return list(self.columns)
        return [c.small or c for c in sorted(self.columns, key=lambda column: not (column.narrow or column.fixed))]

    @property
    def _all_columns(self) -> bool:
        return self.wide or self.size.width >= 100

    def _forget_geometry(self) -> None:
        self._geometry = None
        self._widths = {}
        self.refresh()

    def _visible_look(self) -> tuple[list[Line | None], int | None, int]:
        """What each visible line says now, to be compared after a change."""
        if self.window.total is None or not self.size:
            return [], self.window.total, self.top
        lines: list[Line | None] = []
        for index in range(self.top, self.top + self.page_rows):
            row = self.window.row(index)
            lines.append(None if row is None else self._row_line(index, row, index == self.mark.index))
        return lines, self.window.total, self.top

    def _repaint_changed(self, before: tuple[list[Line | None], int | None, int]) -> None:
        if self._geometry is None:
            self.refresh()
            return
        old, old_total, _ = before
        new, total, _ = self._visible_look()
        width = self.size.width
        regions = [
            Region(0, place + 1, width, 1)
            for place in range(max(len(old), len(new)))
            if (old[place] if place < len(old) else None) != (new[place] if place < len(new) else None)
            or (
                (old_total or 0) != (total or 0)
                and ((self.top + place < (old_total or 0)) != (self.top + place < (total or 0)))
            )
        ]
        if regions:
            self.refresh(*regions)

    def _repaint_rows(self, *indexes: int) -> None:
        regions = [
            Region(0, index - self.top + 1, self.size.width, 1)
            for index in set(indexes)
            if self.top <= index < self.top + self.page_rows
        ]
        if regions:
            self.refresh(*regions)

    def _repaint_header(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    # -- movement

    def _follow_key(self, total: int) -> None:
        """After a new state: the cursor goes where its key went, the view with it, so that the eye need not move."""
        cursor = self.mark
        if cursor.key:
            found = self.window.index_of(cursor.key, self.key_of)
            if found is not None and found != cursor.index:
                self.top = max(0, self.top + found - cursor.index)
                cursor.index = found
        cursor.clamp(total)
        self.top = follow(self.top, cursor.index, self.page_rows, total)
        self._remember_key()

    def _remember_key(self) -> None:
        row = self.current_row
        if row is not None:
            self.mark.key = self.key_of(row)

    def _ask(self) -> None:
        wanted = self.window.wanted(self.top, self.page_rows)
        if wanted is not None and self.columns:
            self.wanted(*wanted)

    def on_resize(self, event: events.Resize) -> None:
        self._geometry, self._widths = None, {}
        self.refresh()  # lines may have been drawn for the new size with the old columns
        if self.window.total:
            self.top = follow(self.top, self.mark.index, self.page_rows, self.window.total)
            self._ask()
            self.moved(True)

    def wanted(self, offset: int, limit: int) -> None:
        """Rows that are in view, or soon will be, are not held."""

    def moved(self, scrolled: bool) -> None:
        """The cursor stands on another row, or (`scrolled`) other rows are in view."""
