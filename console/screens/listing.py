"""Tables whose rows come whole: short lists such as advice, coverage, changes. Filtered and sorted here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from backends.client import BackendError
from console.freshness import unvouched
from console.screens import chrome
from console.screens.table_view import TableView
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.resource_table import ResourceTable
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import Row, TableColumn, headings_of, text_of, told_in


class ListingScreen(TableView):
    """Subclasses give `columns`, and `read()` that returns the rows as mappings; the column "ref" is the key."""

    columns: tuple[TableColumn, ...] = ()
    nothing = "There is nothing to show."
    about = ""  # what the rows are of, where the coverage says whether none is none
    default_sort = ("", False)
    analysis = ""  # the analysis whose newest run is listed

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.sort = self.default_sort
        self.read_once = False
        self.judged = True

    async def read(self) -> list[dict[str, Any]]:
        """The rows, from the daemon."""
        raise NotImplementedError

    def ready(self) -> None:
        self._set_columns()
        super().ready()

    def _set_columns(self) -> None:
        """The columns, money in the store's currency; whose a row is only where there are several accounts."""
        self.columns = tuple(told_in(column, self.session.currency) for column in type(self).columns)
        wanted = tuple(c for c in self.columns if c.name != "account" or self.session.several_accounts)
        if wanted != self.table.columns:
            self.table.set_columns(wanted, sort=self.sort)

    def trail(self) -> str:
        return self.desk.current_mode

    def reload(self, *, moved: bool = False) -> None:
        if moved:
            self.table.forget_rows()
            self.rows, self.as_of, self.coverage = [], "", {}
            self.forget()
        self.background(self._read, "rows")

    async def _read(self) -> None:
        session = self.session
        await session.connected.wait()
        # Of which partition the store is, and so what its money is, comes with the status.
        await session.described.wait()
        generation = session.generation
        try:
            rows = await self.read()
            if self.analysis:
                await self._read_run()
        except (BackendError, OSError) as error:
            if getattr(error, "code", "") == "connection-lost" or isinstance(error, OSError):
                session.lost(str(error))
                self.table.set_stale(True)
            else:
                self.table.forget_rows()
                self.table.set_notice([[("  ", ""), (sanitise(str(error)), "bad")]])
            return
        if generation != session.generation:
            return
        self.rows = rows
        self.read_once = True
        self.table.set_stale(False)
        self.table.set_now(fmt.instant(session.at) or datetime.now(UTC))
        self.mark_shown()
        self.refill()

    def forget(self) -> None:
        """Scope or instant changed: what stands above the table no longer holds."""

    async def _read_run(self) -> None:
        """Whether the analysis had been made by the instant, and of what instant its inputs were."""
        assert self.session.client is not None
        run = (await self.session.client.runs(at=self.session.at)).get(self.analysis)
        self.judged = run is not None
        self.as_of = str(run["as_of"]) if run else ""

    def set_filter(self, text: str) -> None:
        self.filter = text.strip()
        if self.read_once:
            self.refill()

    def apply_sort(self, column: str, descending: bool) -> None:
        self.sort = (column, descending)
        self.table.set_sort(column, descending)
        self.refill()

    def refill(self) -> None:
        """Filter and sort what was read, and show it."""
        self._set_columns()
        names = ["ref", *(column.name for column in self.columns if column.name != "ref")]
        rows: list[Row] = [[row.get(name) for name in names] for row in self.rows]
        terms = self._terms()
        rows = [row for row in rows if self._matches(terms, names, row)]
        column, descending = self.sort
        if column in names:
            place = names.index(column)
            known = [row for row in rows if row[place] is not None]
            numeric = all(isinstance(row[place], int | float) for row in known)
            known.sort(key=lambda row: row[place] if numeric else str(row[place]), reverse=descending)
            rows = known + [row for row in rows if row[place] is None]
        if not rows:
            self.table.set_notice(self.notice())
        self.table.set_window(names, 0, rows, len(rows), whole=True)
        self.draw_bars()

    def notice(self) -> list[Line]:
        """What is said where there are no rows."""
        if self.filter:
            return [
                [("  Nothing here matches ", ""), (sanitise(self.filter), "mark"), (". esc clears the filter.", "")]
            ]
        if not self.judged:
            when = "none is kept from that instant or before" if self.session.at else "nothing has been worked out yet"
            return [[(f"  {self.analysis.capitalize()}: {when}.", "stale")]]
        if self.about and unvouched({"at": self.session.at, "coverage": self.coverage}):
            return chrome.empty_notice(self.about, self.coverage, filter="", at=self.session.at, partial=False)
        return [[("  " + self.nothing, "muted")]]

    def _terms(self) -> list[tuple[str, str, bool]]:
        """The filter's words as (column, text, wanted): a text anywhere in the row (column ""), not in it (`!word`), or
        in one column (`column=value`, by its name or its heading)."""
        from backends.model import NoSuchColumn, column_called  # the first rows do not wait for the vocabulary

        headings = {"ref": "ref"} | headings_of(self.columns)
        terms = []
        for word in self.filter.casefold().split():
            text = word.lstrip("!")
            name, equals, value = text.partition("=")
            try:
                column = column_called(name, headings) if equals else ""
            except NoSuchColumn:
                column = ""
            terms.append((column, value if column else text, not word.startswith("!")))
        return terms

    def _matches(self, terms: Sequence[tuple[str, str, bool]], names: Sequence[str], row: Row) -> bool:
        """Whether every term holds for a row."""
        texts = {name: text_of(c, row[names.index(name)]).casefold() for c in self.columns for name in [c.name]}
        texts["ref"] = str(row[0]).casefold()
        texts[""] = " ".join(texts.values())
        return all((text in texts[column]) == wanted for column, text, wanted in terms)

    def identity_of(self, key: str) -> str:
        return key.partition("/")[2].partition("/")[2] or key

    @property
    def current(self) -> dict[str, Any]:
        """What was read for the row under the cursor."""
        key = self.table.current_key
        return next((row for row in self.rows if str(row.get("ref")) == key), {})

    def on_resource_table_opened(self, message: ResourceTable.Opened) -> None:
        self.open_row(self.current)

    def open_row(self, row: dict[str, Any]) -> None:
        """Where enter leads."""

    def action_detail(self) -> None:
        self.open_row(self.current)

    def target_of(self, row: dict[str, Any]) -> str:
        """The resource that a row is about, "" for none."""
        return str(row.get("resource") or "")

    def action_raw(self) -> None:
        target = self.target_of(self.current)
        if target:
            self.desk.open_raw(target, f"{self.trail()} › {target}")

    def action_actions(self) -> None:
        target = self.target_of(self.current)
        if target:
            self.desk.start_action(target.partition("@")[0], [target], {})
