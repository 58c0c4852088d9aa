"""What was done from here: the audit records, newest first, and whether their chain holds."""

from __future__ import annotations

from backends.client import Json
from console.screens.listing import ListingScreen
from console.screens.raw import json_lines
from console.screens.text_screen import TextScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.table_columns import TableColumn

_LOOKS = {"done": "ok", "failed": "bad", "refused": "denied", "unknown": "warn"}


class AuditScreen(ListingScreen):
    help_page = "audit"
    nothing = "Nothing has been done from here."
    topics = frozenset({"audit"})
    columns = (
        TableColumn("record", "record", type="integer", cells=7, fixed=True),
        TableColumn("at", "at", cells=12, text=fmt.clock),
        TableColumn("state", "state", cells=10, look=lambda v: _LOOKS.get(str(v), "")),
        TableColumn("action", "action"),
        TableColumn("target", "target"),
        TableColumn("detail", "detail", look=lambda _: "muted"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.verdict = ("", "")

    async def read(self) -> list[Json]:
        client = self.session.client
        assert client is not None
        records = await client.audit(at=self.session.at)
        verified = await client.verify_audit()
        problems = verified.get("problems") or []
        self.verdict = (
            ("chain holds", "ok")
            if verified.get("ok")
            else (f"chain broken: {problems[0] if problems else '?'}", "bad")
        )
        return [self._row(record) for record in records]

    def _row(self, record: Json) -> Json:
        number = record.get("sequence")
        plan: Json = record.get("plan") or {}
        outcome: Json = record.get("outcome") or {}
        return {
            "ref": str(number),
            "record": number,
            "at": record.get("at"),
            "state": outcome.get("state") or record.get("event"),
            "action": record.get("action"),
            "target": ", ".join(str(target).partition("@")[2] for target in plan.get("targets") or ()),
            "detail": outcome.get("detail") or plan.get("title") or record.get("detail"),
            "whole": record,
        }

    def notice(self) -> list[Line]:
        if self.session.at and not self.filter:
            return [[("  Nothing had been done from here by then.", "muted")]]
        return super().notice()

    def trail(self) -> str:
        return "audit"

    def footer_parts(self) -> list[tuple[str, str]]:
        return [*super().footer_parts(), self.verdict] if self.verdict[0] else super().footer_parts()

    def open_row(self, row: Json) -> None:
        if row:
            self.desk.push_screen(RecordScreen(row))


class RecordScreen(TextScreen):
    help_page = "audit"

    def __init__(self, row: Json) -> None:
        super().__init__(f"audit › {row.get('record')}")
        self.row = row

    def reload(self, *, moved: bool = False) -> None:
        self.show(json_lines(self.row["whole"]))
