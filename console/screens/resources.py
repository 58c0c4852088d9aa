"""Tables of kinds, windowed by the daemon. Most screens are this one with their kinds; drilling in pushes another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from backends.client import BackendError, Json
from console.freshness import as_heard, oldest_heard
from console.screens import chrome
from console.screens.columns import columns_of
from console.screens.table_view import TableView
from console.widgets import format as fmt
from console.widgets.ink import wrap
from console.widgets.resource_table import ResourceTable
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import Row, TableColumn

EXPORT_MOST = 200_000


class ResourceScreen(TableView):
    """`kinds` are the tabs as (kind, title); `drills` says which kind enter leads to from which."""

    kinds: tuple[tuple[str, str], ...] = ()
    drills: ClassVar[dict[str, str]] = {}
    mode_title = ""
    judged = True

    def __init__(self, kinds: tuple[tuple[str, str], ...] = (), *, filter: str = "", trail: str = "") -> None:
        if kinds:
            self.kinds = kinds
        self.tabs = self.kinds
        super().__init__()
        self.filter = self.whole = filter
        self._trail = trail
        self.ways = self.drills
        self._looks: dict[str, tuple[str, tuple[str, bool]]] = {}
        self._columns_for: tuple[Any, ...] = ()
        self._version: Any = None
        self._wanted: tuple[int, int] | None = None
        self._fetching = False
        self._filter_shown = filter

    @property
    def kind(self) -> str:
        return self.tab

    def concerns(self, topics: frozenset[str]) -> bool:
        return bool(topics & {self.kind, "advice", "anomalies", "coverage", "*"})

    def trail(self) -> str:
        title = dict(self.kinds).get(self.kind, self.kind)
        return f"{self._start} › {title}"

    @property
    def _start(self) -> str:
        """Where this table was reached from."""
        return self._trail or self.mode_title or self.desk.current_mode

    def focus_on_screen(self) -> None:
        self.desk.focus_kinds([self.kind])

    def show_tab(self, key: str) -> None:
        """Another kind: each remembers its filter and sort."""
        self._looks[self.tab] = (self.filter, self.sort)
        self.tab = key
        self.filter, self.sort = self._looks.get(key, ("", ("", False)))
        self.whole = ""
        self.draw_tabs()
        self.reload(moved=True)
        self.draw_bars()
        self.focus_on_screen()
        self.desk.remember_view()

    # -- rows

    def reload(self, *, moved: bool = False) -> None:
        if moved:
            self.table.forget_rows()
        self.background(self._read, "rows")

    @property
    def rows_in_doubt(self) -> bool:
        return self._filter_shown != self.filter and self.prompt is None and bool(self.table.window.rows)

    def on_resource_table_window_wanted(self, message: ResourceTable.WindowWanted) -> None:
        self._wanted = (message.offset, message.limit)
        if not self._fetching:
            self.background(self._read_windows, "windows", exclusive=False)

    async def _read_windows(self) -> None:
        """Serve the newest wish; those that came while one was served are superseded."""
        self._fetching = True
        try:
            while self._wanted is not None:
                (offset, limit), self._wanted = self._wanted, None
                await self._read(offset, limit)
        finally:
            self._fetching = False

    async def _read(self, offset: int | None = None, limit: int = 0) -> None:
        """Read the rows in view, or those of `offset`; the answer is dropped if the question no longer stands."""
        session = self.session
        await session.connected.wait()
        assert session.client is not None
        question = (session.generation, self.kind, self.filter, self.sort)
        fresh = offset is None
        height = max(self.table.page_rows, self.app.size.height)
        anchor = self.table.mark.key if fresh and self.table.mark.index else ""
        start = max(0, self.table.top - height) if offset is None else offset
        first = session.first_rows(self.kind) if not self.filter and not session.generation else None
        try:
            answer = (
                await first
                if first is not None
                else await session.client.rows(
                    self.kind,
                    filter=self.filter,
                    sort=("-" if self.sort[1] else "") + self.sort[0] if self.sort[0] else "",
                    at=session.at,
                    accounts=session.narrowing.accounts,
                    regions=session.narrowing.regions,
                    offset=start,
                    limit=limit or height * 3,
                    anchor=anchor,
                )
            )
        except (BackendError, OSError) as error:
            if question == (session.generation, self.kind, self.filter, self.sort):
                self._filter_shown = self.filter
                self._unread(error)
            return
        await session.described.wait()
        session.found()
        if question == (session.generation, self.kind, self.filter, self.sort):
            self._filter_shown = self.filter
            self._show(answer, fresh or answer.get("version") != self._version)

    def _lost(self, error: Exception) -> bool:
        """Whether it is the daemon that is gone: what is shown stays, as stale."""
        if getattr(error, "code", "") != "connection-lost" and not isinstance(error, OSError):
            return False
        self.session.lost(str(error))
        self.table.set_stale(True)
        return True

    def _unread(self, error: Exception) -> None:
        """No rows were read: those of another question would pass for the answer, so why stands in their place."""
        if self._lost(error):
            return
        if self.prompt is not None:
            self.prompt.tell_problem(str(error))
        self.table.forget_rows()
        self.table.set_notice(wrap([("  ", ""), (sanitise(str(error)), "bad")], self.size.width, 2))
        self.draw_bars()

    def _show(self, answer: Json, fresh: bool) -> None:
        table, session = self.table, self.session
        self._set_columns(answer)
        if self.prompt is not None:
            self.prompt.tell([])
        self._version = answer.get("version")
        self.coverage = dict(answer.get("coverage") or {})
        said = fmt.instant(answer.get("at")) or fmt.instant(answer.get("as_of"))
        table.set_now(said or datetime.now(UTC))
        table.stale_row = self._staleness(answer)
        table.set_stale(session.state == "reconnecting")
        total = int(answer.get("total") or 0)
        if not total:
            title = dict(self.kinds).get(self.kind, self.kind)
            partial = bool(answer.get("partial"))
            table.set_notice(
                chrome.empty_notice(title, self.coverage, filter=self.filter, at=session.at, partial=partial)
            )
        table.set_window(
            answer["columns"],
            int(answer.get("offset") or 0),
            answer["rows"],
            total,
            fresh=fresh,
            widths=answer.get("widths"),
        )
        self.as_of, self.oldest = as_heard(answer), oldest_heard(answer)
        self.mark_shown()
        self.draw_bars()
        self.rows_shown()

    def _staleness(self, answer: Json) -> Any:
        """A row that later good polls did not see again is stale: three cadences behind the newest."""
        newest = fmt.instant((answer.get("coverage") or {}).get("newest_good"))
        names: list[str] = list(answer["columns"])
        if newest is None or "seen" not in names:
            return None
        place = names.index("seen")
        cadence = float(self.session.kinds.get(self.kind, {}).get("cadence") or 300)
        edge = newest - timedelta(seconds=max(900.0, 3 * cadence))

        def stale(row: Row) -> bool:
            seen = fmt.instant(row[place])
            return seen is not None and seen < edge

        return stale

    def _set_columns(self, answer: Json) -> None:
        """Columns for this kind and scope; kept while both stay, so that cursor and marks do."""
        session = self.session
        wanted = (self.kind, session.several_accounts, session.several_regions)
        if wanted == self._columns_for:
            return
        kind = session.kinds.get(self.kind)
        if kind is None:
            kind = {
                "columns": [{"name": name, "type": "text", "narrow": True} for name in answer["columns"]],
                "key": [],
            }
        declared = str(kind.get("sort") or "")
        shown = self.sort if self.sort[0] else (declared.lstrip("-"), declared.startswith("-"))
        columns = self.adapt(columns_of(kind, accounts=wanted[1], regions=wanted[2], judged=self.judged))
        same_kind = bool(self._columns_for) and self._columns_for[0] == self.kind
        kept = self.table.mark if same_kind else None
        self.table.set_columns(columns, sort=shown)
        if kept is not None:
            self.table.mark = kept
        self._columns_for = wanted

    def adapt(self, columns: list[TableColumn]) -> list[TableColumn]:
        """Where a screen adds its own columns."""
        return columns

    def rows_shown(self) -> None:
        """Rows are on screen: where a screen asks for what goes beside them."""

    def minute(self) -> None:
        if not self.session.at:
            self.table.set_now(self.table.now + timedelta(minutes=1))

    # -- leads

    @property
    def refs(self) -> list[str]:
        return self.table.marked_keys or ([self.table.current_key] if self.table.current_key else [])

    def identity_of(self, key: str) -> str:
        template = str(self.session.kinds.get(self.kind, {}).get("arn") or "")
        row = next((row for row in self.table.window.rows.values() if self.table.key_of(row) == key), None)
        if template and row is not None:
            values = dict(zip(self.table.names, row, strict=False))
            values["partition"] = self.session.status.get("partition") or "aws"
            try:
                return template.format_map(values)
            except (KeyError, ValueError, IndexError):
                return str(values.get("id") or key)
        return key.partition("/")[2].partition("/")[2] or key

    async def on_resource_table_opened(self, message: ResourceTable.Opened) -> None:
        """Follow the relation that this screen is about, else show everything about the row."""
        wanted = self.ways.get(self.kind)
        if not wanted or self.session.client is None:
            self.action_detail()
            return
        try:
            resource = await self.session.client.resource(message.key, at=self.session.at)
        except (BackendError, OSError) as error:
            if not self._lost(error):
                self.tell_problem(str(error))
            return
        for relation in resource.get("relations", ()):
            if relation.get("kind") == wanted:
                trail = f"{self._start} › {self.row_name()}"
                self.desk.open_kind(wanted, str(relation.get("filter", "")), trail=trail, drills=self.ways)
                return
        self.action_detail()

    def action_detail(self) -> None:
        if self.table.current_key:
            self.desk.open_detail(self.table.current_key, f"{self._start} › {self.row_name()}")

    def action_raw(self) -> None:
        if self.table.current_key:
            self.desk.open_raw(self.table.current_key, f"{self._start} › {self.row_name()}")

    def action_explain(self) -> None:
        row = self.table.current_row
        flagged = row is not None and fmt.flags(self.table.value(row, "flags"))
        if row is not None and (flagged or self.table.value(row, "health") not in (None, "ok")):
            self.desk.open_detail(self.table.current_key, f"{self.trail()} › {self.row_name()}")
        else:
            super().action_explain()

    def action_actions(self) -> None:
        if self.refs:
            self.desk.start_action(self.kind, self.refs, self._row_values())

    def _row_values(self) -> Json:
        row = self.table.current_row
        return dict(zip(self.table.names, row, strict=False)) if row is not None else {}

    async def all_rows(self) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """All rows of the view, read in pages; the same filter, sort, scope and instant as on screen."""
        client, session = self.session.client, self.session
        assert client is not None
        names: list[str] = []
        rows: list[Sequence[Any]] = []
        while len(rows) < EXPORT_MOST:
            answer = await client.rows(
                self.kind,
                filter=self.filter,
                sort=("-" if self.sort[1] else "") + self.sort[0] if self.sort[0] else "",
                at=session.at,
                accounts=session.narrowing.accounts,
                regions=session.narrowing.regions,
                offset=len(rows),
                limit=1000,
            )
            names = list(answer["columns"])
            rows += answer["rows"]
            if not answer["rows"] or len(rows) >= int(answer["total"]):
                break
            await asyncio.sleep(0)
        return names, rows
