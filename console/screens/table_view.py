"""A screen that is a table: filter, sort, marks, copy, export, and the way to detail, raw JSON and actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical

from backends.client import BackendError
from console.screens.view import View
from console.widgets.ink import Line, Span
from console.widgets.lines import Bar
from console.widgets.resource_table import ResourceTable
from console.widgets.table_columns import headings_of

if TYPE_CHECKING:
    from console.widgets.prompt import Prompt

HINTS: list[Span] = [
    ("/", "link"),
    ("filter", "muted"),
    ("d", "link"),
    ("detail", "muted"),
    ("a", "link"),
    ("act", "muted"),
    ("?", "link"),
    ("help", "muted"),
]
_NAMES_IN_ORDER = ("name", "title", "id")


class TableView(View):
    """`tabs` are (key, title) of what the table can show; more than one makes a tab line."""

    tabs: tuple[tuple[str, str], ...] = ()
    panel_rows = 0

    def __init__(self) -> None:
        super().__init__()
        self.tab = self.tabs[0][0] if self.tabs else ""
        self.filter = self.whole = ""  # what is shown, and the filter that the view was opened with
        self._filter_before = ""
        self.sort = ("", False)

    def compose_body(self) -> ComposeResult:
        if len(self.tabs) > 1:
            yield Bar(id="tabs")
        panel = list(self.compose_panel())
        if panel:
            yield Vertical(*panel, id="panel")
        yield ResourceTable(id="table", stride=self.desk.terminal.stride)

    def compose_panel(self) -> ComposeResult:
        """What stands above the table."""
        yield from ()

    @property
    def table(self) -> ResourceTable:
        return self.query_one(ResourceTable)

    def ready(self) -> None:
        self.table.focus()
        self.draw_tabs()
        super().ready()

    def focus_main(self) -> None:
        self.table.focus()

    # -- bars

    def position(self) -> str:
        return self.table.position()

    def footer_parts(self) -> list[Span]:
        parts: list[Span] = []
        if self.filter:
            parts.append((f"/{self.filter}", "mark"))
        return [*parts, *super().footer_parts()]

    def hints(self) -> list[Span]:
        return [(f"{HINTS[n][0]} {HINTS[n + 1][0]}", "muted") for n in range(0, len(HINTS), 2)]

    def on_resize(self) -> None:
        super().on_resize()
        if self.is_mounted:
            self.draw_tabs()

    def draw_tabs(self) -> None:
        if len(self.tabs) < 2:
            return
        shown = self._tabs_in_sight()
        line: Line = [(" " if shown[0] == self.tabs[0] else "…", "muted")]
        for key, title in shown:
            line.append((f" {title} ", "bold cursor-text on-cursor" if key == self.tab else "muted"))
            line.append((" ", ""))
        if shown[-1] != self.tabs[-1]:
            line.append(("…", "muted"))
        line.append(("  tab next", "stale"))
        self.query_one("#tabs", Bar).set_lines([line])

    def _tabs_in_sight(self) -> Sequence[tuple[str, str]]:
        """All tabs, or where they are too many for the line, those that stand together with the current one."""
        room, page, used = self.app.size.width - 2, list[tuple[str, str]](), 0
        for tab in self.tabs:
            if used + len(tab[1]) + 3 > room:
                if any(key == self.tab for key, _ in page):
                    return page
                page, used = [], 0
            page.append(tab)
            used += len(tab[1]) + 3
        return page

    def on_bar_clicked(self, message: Bar.Clicked) -> None:
        if message.bar.id != "tabs":
            return
        x = 1
        for key, title in self._tabs_in_sight():
            if x <= message.x < x + len(title) + 2:
                self.show_tab(key)
                return
            x += len(title) + 3

    def action_next_tab(self, step: int) -> None:
        keys = [key for key, _ in self.tabs]
        if len(keys) > 1:
            self.show_tab(keys[(keys.index(self.tab) + step) % len(keys)])

    def show_tab(self, key: str) -> None:
        """Show another tab's table."""

    def on_resource_table_moved(self, message: ResourceTable.Moved) -> None:
        if message.scrolled:
            self.draw_bars()
            self.scrolled()
        self.row_changed()

    def scrolled(self) -> None:
        """Other rows are in view."""

    def row_changed(self) -> None:
        """The cursor may stand on another row."""

    # -- filter

    async def action_filter(self) -> None:
        if self.prompt is None:
            self._filter_before = self.filter
        await self.ask(
            "filter", "/", self.filter, live=True, placeholder="text  !text  col=val  col>val  tag:k=v  ~fuzzy"
        )

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        if message.purpose == "filter":
            self.set_filter(message.text)

    def prompt_dropped(self, purpose: str) -> None:
        """Escape while a filter is typed: what was shown before it is shown again."""
        if purpose == "filter":
            self.set_filter(self._filter_before)

    def typed_filter(self, text: str) -> None:
        self.set_filter(text)
        self.close_prompt()

    def command_filter(self, text: str) -> None:
        self.set_filter(text)

    def set_filter(self, text: str) -> None:
        """Show only what matches; the same text again does nothing."""
        text = text.strip()
        if text != self.filter:
            self.filter = text
            self.table.top = self.table.mark.index = 0
            self.reload()
            self.draw_bars()

    def action_escape(self) -> None:
        if self.prompt is None and self.table.clear_marks():
            return
        if self.prompt is None and self.filter != self.whole:
            self.set_filter(self.whole)
        else:
            super().action_escape()

    # -- sort

    def action_sort_by_letter(self) -> None:
        self.table.pick_sort()

    def on_resource_table_sort_wanted(self, message: ResourceTable.SortWanted) -> None:
        self.sort_by(message.column)

    def action_sort_here(self) -> None:
        column = self.table.current_column
        if column is not None:
            self.sort_by(column.name)

    def action_reverse_sort(self) -> None:
        column, descending = self.table.sort
        if column:
            self.apply_sort(column, not descending)

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same again reverses. Numbers and times begin with the largest."""
        present, descending = self.table.sort
        declared = next((known for known in self.table.columns if known.name == column), None)
        first = declared is not None and declared.type in ("number", "integer", "time")
        self.apply_sort(column, not descending if column == present else first)

    def apply_sort(self, column: str, descending: bool) -> None:
        self.sort = (column, descending)
        self.table.set_sort(column, descending)
        self.reload()

    def command_sort(self, text: str) -> None:
        from backends.model import NoSuchColumn, column_called  # the first rows do not wait for the vocabulary

        name, descending = text.lstrip("-+"), text.startswith("-")
        try:
            self.apply_sort(column_called(name, headings_of(self.table.columns)), descending)
        except NoSuchColumn as error:
            self.tell_problem(str(error))

    # -- columns and panel

    def action_wide(self) -> None:
        self.table.set_wide(not self.table.wide)
        self.desk.say("All columns." if self.table.wide else "Columns that fit.")

    def action_toggle_panel(self) -> None:
        for panel in self.query("#panel"):
            panel.display = not panel.display
            return
        super().action_toggle_panel()

    # -- copy and export

    def action_copy_cell(self) -> None:
        text = self.table.cell_text()
        if text:
            self.desk.copy(text, "the cell")

    def action_copy_id(self) -> None:
        keys = self.table.marked_keys or ([self.table.current_key] if self.table.current_key else [])
        texts = [self.identity_of(key) for key in keys]
        if texts:
            self.desk.copy("\n".join(texts), f"{len(texts)} ids" if len(texts) > 1 else texts[0])

    def identity_of(self, key: str) -> str:
        """What `Y` copies for a row: ARN or id."""
        return key

    async def action_export(self) -> None:
        from console.screens.export import default_name

        await self.ask("export", "write to: ", default_name(self.export_name()), placeholder="a .csv or .json file")

    def export_name(self) -> str:
        return self.tab or "view"

    async def typed_export(self, text: str) -> None:
        self.close_prompt()
        await self.command_export(text)

    async def command_export(self, text: str) -> None:
        from console.screens.export import default_name, write

        if self.session.client is None:
            self.tell_problem("Not exported: the daemon has not answered yet.")
            return
        name = text.strip() or default_name(self.export_name())
        try:
            said = await write(name, *await self.all_rows())
        except OSError as error:
            self.tell_problem(f"Not exported to {name}: {(error.strerror or str(error)).lower()}.")
        except (BackendError, ValueError) as error:
            self.tell_problem(f"Not exported: {error}")
        else:
            self.desk.say(said)

    async def all_rows(self) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """Every row of this view, for export."""
        return self.table.names, [self.table.window.rows[index] for index in sorted(self.table.window.rows)]

    # -- what a row leads to

    def row_name(self) -> str:
        """What a person calls the row under the cursor."""
        row = self.table.current_row
        if row is None:
            return ""
        for name in _NAMES_IN_ORDER:
            value = self.table.value(row, name)
            if value:
                return str(value)
        return self.table.current_key
