"""Advice: what could be better, what it would save, the evidence (`x`), and the action that does it (`a`)."""

from __future__ import annotations

from typing import Any

from backends.client import Json
from console.screens.columns import ACCOUNT, account_of
from console.screens.listing import ListingScreen
from console.screens.text_screen import TextScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import TableColumn


def identity_of(ref: Any) -> str:
    """What AWS calls the resource of a reference: its id, without kind, account and region."""
    return sanitise(str(ref or "").split("/", 2)[-1])


class AdviceScreen(ListingScreen):
    help_page = "advice"
    nothing = "There is no advice: nothing idle, unattached or outdated was found in what is observed."
    topics = frozenset({"advice"})
    analysis = "advice"
    default_sort = ("monthly_saving", True)
    columns = (
        TableColumn("title", "advice", fixed=True, most=56),
        TableColumn(
            "monthly_saving", "USD/month", type="number", unit="USD", cells=10, look=lambda v: "ok" if v else "stale"
        ),
        TableColumn("resource", "resource", whole=True, text=identity_of),
        ACCOUNT,
        TableColumn("confidence", "confidence", cells=11, small=TableColumn("confidence", "conf.", cells=6)),
        TableColumn("act", "action", most=26, narrow=False, look=lambda _: "link"),
        TableColumn("why", "why", most=16, narrow=False, look=lambda _: "muted"),
    )

    async def read(self) -> list[Json]:
        assert self.session.client is not None
        rows = []
        for entry in await self.session.client.advice(**self.session.look):
            action = entry.get("action") or {}
            rows.append(
                {
                    **entry,
                    "resource": entry.get("ref", ""),
                    "account": account_of(entry.get("ref")),
                    "ref": str(entry.get("id")),
                    "act": action.get("name") or "by hand",
                }
            )
        return rows

    def footer_parts(self) -> list[tuple[str, str]]:
        total = sum(float(row.get("monthly_saving") or 0) for row in self.rows)
        unpriced = sum(row.get("monthly_saving") is None for row in self.rows)
        parts = [(f"{total:,.2f} {self.session.currency} a month in all", "ok")] if len(self.rows) > unpriced else []
        return [*super().footer_parts(), *parts, *([(f"{unpriced} unpriced", "stale")] if unpriced else [])]

    def hints(self) -> list[tuple[str, str]]:
        return [("x evidence", "muted"), ("a plan", "muted"), ("enter resource", "muted"), ("? help", "muted")]

    def open_row(self, row: Json) -> None:
        if row.get("resource"):
            self.desk.open_detail(str(row["resource"]), f"advice › {sanitise(str(row.get('title')), 60)}")

    def action_explain(self) -> None:
        if self.current:
            self.desk.push_screen(EvidenceScreen(self.current))

    def action_actions(self) -> None:
        row = self.current
        if row and row.get("action"):
            self.desk.start_action("", [str(row["resource"])], {}, dict(row["action"]))
        elif row:
            self.desk.say("This advice has no action here; x shows what to do and why.")


class EvidenceScreen(TextScreen):
    """What a piece of advice rests on, and what would prove it wrong."""

    help_page = "advice"

    def __init__(self, advice: Json) -> None:
        super().__init__("advice › evidence")
        self.advice = advice

    def reload(self, *, moved: bool = False) -> None:
        self.show(evidence_lines(self.advice, self.session.currency))

    def action_actions(self) -> None:
        if self.advice.get("action"):
            self.desk.start_action("", [str(self.advice["resource"])], {}, dict(self.advice["action"]))


def evidence_lines(advice: Json, currency: str) -> list[Line]:
    saving = advice.get("monthly_saving")
    lines: list[Line] = [
        [(" " + sanitise(str(advice.get("title"))), "bold")],
        [(" " + sanitise(str(advice.get("resource", ""))), "muted")],
        [],
        [(" why        ", "muted"), (sanitise(str(advice.get("why", "")), 1000), "")],
        [
            (" saving     ", "muted"),
            (
                f"{fmt.money(saving)} {currency} a month" if saving is not None else "unpriced",
                "bold ok" if saving else "stale",
            ),
            (f"   price: {sanitise(str(advice.get('price_source') or 'no source'))}", "muted"),
        ],
        [(" confidence ", "muted"), (sanitise(str(advice.get("confidence") or "not stated")), "")],
        [],
        [(" evidence", "bold forecast")],
    ]
    for item in advice.get("evidence") or ():
        source = (
            f"   {sanitise(str(item.get('source', '')))} {fmt.clock(item.get('as_of')) if item.get('as_of') else ''}"
        )
        lines.append(
            [
                ("  • " + sanitise(str(item.get("label", ""))) + ": ", ""),
                (sanitise(str(item.get("value", ""))), "bold"),
                (source, "stale"),
            ]
        )
    if advice.get("assumptions"):
        lines += [
            [],
            [(" assumptions", "bold forecast")],
            *[[("  • " + sanitise(str(text)), "")] for text in advice["assumptions"]],
        ]
    if advice.get("falsified_by"):
        lines += [[], [(" what would prove it wrong: ", "muted"), (sanitise(str(advice["falsified_by"])), "")]]
    lines += [
        [],
        [
            (
                " a plans the action" if advice.get("action") else " no action here does this; it is done by hand",
                "link" if advice.get("action") else "stale",
            )
        ],
    ]
    return lines
