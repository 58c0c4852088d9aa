"""The table of resources: line-rendered, holding only what is in view, its cursor and marks following keys.

It asks for rows with `WindowWanted` and is answered with `set_window`. Moving the cursor repaints two lines; a refresh
repaints the lines that differ. Nothing here knows AWS.
"""

from __future__ import annotations

from textual import events
from textual.message import Message

from console import keymap
from console.widgets.table_canvas import TableCanvas
from console.widgets.table_cursor import follow
from console.widgets.table_lines import letters_for


class ResourceTable(TableCanvas):
    """See the module; the canvas draws, this moves, marks, picks columns and follows the mouse."""

    BINDINGS = keymap.bindings("table")
    DEFAULT_CSS = "ResourceTable { overflow: hidden; height: 1fr; }"

    class WindowWanted(Message):
        """Rows that are in view, or soon will be, are not held."""

        def __init__(self, table: ResourceTable, offset: int, limit: int) -> None:
            super().__init__()
            self.table, self.offset, self.limit = table, offset, limit

    class Opened(Message):
        """Enter, or a click on the row under the cursor."""

        def __init__(self, table: ResourceTable, key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

    class Moved(Message):
        """The cursor stands on another row, or other rows are in view."""

        def __init__(self, table: ResourceTable, scrolled: bool) -> None:
            super().__init__()
            self.table, self.scrolled = table, scrolled

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ResourceTable.Moved) and message.scrolled <= self.scrolled

    class SortWanted(Message):
        """A heading was chosen, by letter or by mouse."""

        def __init__(self, table: ResourceTable, column: str) -> None:
            super().__init__()
            self.table, self.column = table, column

    def wanted(self, offset: int, limit: int) -> None:
        self.post_message(self.WindowWanted(self, offset, limit))

    def moved(self, scrolled: bool) -> None:
        self.post_message(self.Moved(self, scrolled))

    # -- movement

    def go_to(self, index: int, *, page: bool = False) -> None:
        """Put the cursor on a row, and the view where it shows."""
        total = self.window.total
        if not total:
            return
        old, old_top = self.mark.index, self.top
        self.mark.index = max(0, min(index, total - 1))
        if self.mark.index == old:
            return
        self.top = follow(self.top, self.mark.index, self.page_rows, total, 1 if page else self.stride)
        self.mark.key = ""
        self._remember_key()
        if self.top != old_top:
            self.refresh()
        elif self.mark.anchor is not None:
            self._repaint_rows(*range(min(old, self.mark.index), max(old, self.mark.index) + 1))
        else:
            self._repaint_rows(old, self.mark.index)
        self._ask()
        self.moved(self.top != old_top)

    def scroll_view(self, rows: int) -> None:
        """Move the view, taking the cursor along only where it would leave it."""
        total = self.window.total or 0
        top = max(0, min(self.top + rows, total - self.page_rows))
        if top == self.top:
            return
        self.top = top
        self.mark.index = max(top, min(self.mark.index, top + self.page_rows - 1))
        self.mark.key = ""
        self._remember_key()
        self.refresh()
        self._ask()
        self.moved(True)

    def action_move(self, rows: int) -> None:
        self.go_to(self.mark.index + rows)

    def action_page(self, pages: int) -> None:
        total = self.window.total or 0
        self._page_by(pages * self.page_rows, total)

    def action_half_page(self, pages: int) -> None:
        self._page_by(pages * max(1, self.page_rows // 2), self.window.total or 0)

    def _page_by(self, rows: int, total: int) -> None:
        """View and cursor move together, as in a pager."""
        if not total:
            return
        top = max(0, min(self.top + rows, total - self.page_rows))
        if top == self.top:
            self.go_to(self.mark.index + rows, page=True)
            return
        self.mark.index = max(0, min(self.mark.index + top - self.top, total - 1))
        self.top = top
        self.mark.key = ""
        self._remember_key()
        self.refresh()
        self._ask()
        self.moved(True)

    def action_top(self) -> None:
        self.go_to(0, page=True)

    def action_bottom(self) -> None:
        self.go_to((self.window.total or 1) - 1, page=True)

    def action_column(self, step: int) -> None:
        """The current column: copied by `c`, sorted by `o`; the view scrolls to it."""
        shown = self.shown_columns
        names = [column.name for column in shown]
        if not names:
            return
        place = names.index(self._current) if self._current in names else 0
        self._current = names[max(0, min(place + step, len(names) - 1))]
        moving = [column.name for column in shown if not column.fixed]
        old = self.left_column
        if self._current in moving:
            at = moving.index(self._current)
            self.left_column = min(self.left_column, at)
            self._geometry = None
            while self.left_column < at and not any(p.column.name == self._current for p in self.geometry.placed):
                self.left_column += 1
                self._geometry = None
        elif step < 0:
            self.left_column = 0
            self._geometry = None
        if self.left_column != old:
            self.refresh()
        else:
            self._repaint_header()

    def action_open(self) -> None:
        if self.current_row is not None:
            self.post_message(self.Opened(self, self.current_key))

    # -- marks

    def action_mark(self) -> None:
        key = self.current_key
        if key:
            self.mark.toggle(key)
            self._repaint_rows(self.mark.index)
            self.action_move(1)
            self.moved(True)

    def action_mark_range(self) -> None:
        """First `V` opens a range, the second marks what it covers."""
        cursor = self.mark
        if cursor.anchor is None:
            cursor.anchor = cursor.index
            self.notify("Range started; move, then V again to mark it, esc to drop it.", timeout=3)
        else:
            low, high = sorted((cursor.anchor, cursor.index))
            rows = [self.window.row(index) for index in range(low, high + 1)]
            for row in rows:
                if row is not None:
                    cursor.marks[self.key_of(row)] = None
            cursor.anchor = None
            missing = rows.count(None)
            if missing:
                self.notify(f"{missing} rows of the range are not loaded and stay unmarked.", severity="warning")
        self.refresh()
        self.moved(True)

    def clear_marks(self) -> bool:
        """Drop the open range, else all marks; False if there was nothing to drop."""
        cursor = self.mark
        if cursor.anchor is None and not cursor.marks:
            return False
        if cursor.anchor is not None:
            cursor.anchor = None
        else:
            cursor.marks.clear()
        self.refresh()
        self.moved(True)
        return True

    # -- choosing a column by letter, and the mouse

    def pick_sort(self) -> None:
        """Show each column's letter in the header; the next key chooses."""
        self.letters = letters_for([place.column for place in self.geometry.placed])
        self._repaint_header()

    def on_key(self, event: events.Key) -> None:
        if self.letters is None:
            return
        event.stop()
        event.prevent_default()
        letters, self.letters = self.letters, None
        self._repaint_header()
        placed = [place.column.name for place in self.geometry.placed]
        name = next((column for column, letter in letters.items() if letter == event.character), "")
        if not name and event.key.isdigit() and 0 < int(event.key) <= len(placed):
            name = placed[int(event.key) - 1]
        if name:
            self.post_message(self.SortWanted(self, name))

    def on_click(self, event: events.Click) -> None:
        place = self.geometry.at(event.x)
        if event.y == 0:
            if place is not None:
                self.post_message(self.SortWanted(self, place.column.name))
            return
        index = self.top + event.y - 1
        if index >= (self.window.total or 0):
            return
        if place is not None and place.column.name != self._current:
            self._current = place.column.name
            self._repaint_header()
        if event.chain >= 2:
            self.action_open()
        else:
            self.go_to(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_view(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_view(-3)

    def on_focus(self) -> None:
        self._repaint_header()

    def on_blur(self) -> None:
        self._repaint_header()
