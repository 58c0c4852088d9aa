"""Coverage: what is observed, how well, and every error; above it what the polling has cost in calls and money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from textual.app import ComposeResult

from backends.client import Json
from backends.currency import HOME, prices_elsewhere
from console.collectors import fallen
from console.freshness import measured
from console.screens.chrome import STATE_LOOKS
from console.screens.columns import ACCOUNT
from console.screens.listing import ListingScreen
from console.screens.text_screen import TextScreen
from console.widgets import format as fmt
from console.widgets.ink import Line, wrap
from console.widgets.lines import Panel
from console.widgets.sanitise import fit, sanitise
from console.widgets.table_columns import TableColumn

_ORDER = ("denied", "error", "throttled", "pending", "unobserved", "disabled", "unsupported", "empty", "ok")
_GLYPHS = {"ok": "●", "empty": "○", "denied": "⊘", "error": "✖", "throttled": "▲", "pending": "…", "unobserved": "·"}
MOST_OPERATIONS = 5


class CoverageScreen(ListingScreen):
    CSS_PATH = "coverage.tcss"
    help_page = "coverage"
    nothing = "Nothing is polled yet."
    topics = frozenset({"coverage", "polling", "status"})
    default_sort = ("order", False)
    columns = (
        TableColumn(
            "state",
            "state",
            cells=13,
            fixed=True,
            text=lambda v: f"{_GLYPHS.get(v, '?')} {v}",
            look=lambda v: STATE_LOOKS.get(v, "warn"),
        ),
        TableColumn("kind", "kind", fixed=True),
        ACCOUNT,
        TableColumn("region", "region", cells=14),
        TableColumn("rows", "rows", type="integer", cells=6),
        TableColumn("last_good", "good", type="time", cells=7),
        TableColumn("calls", "calls", type="integer", cells=7, narrow=False),
        TableColumn("retries", "retries", type="integer", cells=8, narrow=False),
        TableColumn("seconds", "seconds", type="number", cells=8, narrow=False),
        TableColumn("cost", "cost", type="number", unit="USD", cells=7, narrow=False),
        TableColumn("problem", "problem", look=lambda _: "warn"),
    )

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  waiting for the daemon …", "stale")]], id="summary")

    async def read(self) -> list[Json]:
        client = self.session.client
        assert client is not None
        answer = await client.coverage(**self.session.look)
        self.as_of = self.session.at or datetime.now(UTC).isoformat()
        status = await client.status()
        self.query_one("#summary", Panel).set_lines(status_lines(status, self.size.width, self.session.at))
        rows = []
        for row in answer.get("rows", ()):
            ref = f"{row.get('kind')}@{row.get('account')}/{row.get('region')}"
            state = str(row.get("state"))
            rows.append({**measured(row), "ref": ref, "order": _ORDER.index(state) if state in _ORDER else 0})
        rows.sort(key=lambda row: (row["order"], row["kind"], row["region"]))
        return rows

    def refill(self) -> None:
        if self.sort[0] == "order":
            self.sort = ("", False)
        super().refill()

    def open_row(self, row: Json) -> None:
        if row:
            self.desk.push_screen(CoverageNote(row))

    def target_of(self, row: dict[str, Any]) -> str:
        return ""


class CoverageNote(TextScreen):
    """All that is known of how one (account, region, kind) is polled."""

    help_page = "coverage"

    def __init__(self, row: Json) -> None:
        super().__init__(f"coverage › {row.get('kind')} {row.get('region')}")
        self.row = row

    def reload(self, *, moved: bool = False) -> None:
        names = [name for name in self.row if name not in ("ref", "order")]
        lines: list[Line] = [
            [
                ("  " + fit(name.replace("_", " "), 14), "muted"),
                (sanitise(str(self.row[name] if self.row[name] is not None else fmt.MISSING)), ""),
            ]
            for name in names
        ]
        permissions = self.session.kinds.get(str(self.row.get("kind")), {}).get("permissions") or ()
        lines += [[], [("  it needs ", "muted"), (sanitise(", ".join(permissions)) or "no permission", "link")]]
        self.show(lines)


def _money(status: Json) -> str:
    """What polls cost: today in all accounts, against what they may, where the daemon tells."""
    costs, at = status.get("costs"), prices_elsewhere(str(status.get("partition") or HOME))
    whose = f" ({at})" if at else ""
    if not costs:
        return f"   {float((status.get('polling') or {}).get('money') or 0):.2f} USD spent on calls{whose}"
    today = sum(float(spent["today"]) for spent in costs["spent"])
    return f"   {today:.2f} USD spent on calls today, {float(costs['per_day']):.2f} allowed an account{whose}"


def status_lines(status: Json, cells: int, at: str = "") -> list[Line]:
    """The daemon in a few lines: polling, calls and money, the busiest operations; where `at` is past it says "now"."""
    polling = status.get("polling") or {}
    state = "paused" if polling.get("paused") else "polling"
    first: Line = [
        ("  daemon now, not replayed " if at else "  daemon ", "muted"),
        (f"{status.get('version', '?')} pid {status.get('pid', '?')}", ""),
        (f"   {state}", "warn" if polling.get("paused") else "ok"),
        (f"   {polling.get('done', 0)}/{polling.get('total', 0)} tasks, {polling.get('in_flight', 0)} in flight", ""),
        (f"   {polling.get('calls', 0):,} calls", "bold"),
        (f"   {polling.get('errors', 0)} failing", "bad" if polling.get("errors") else "muted"),
        (_money(status), ""),
    ]
    lines = wrap(first, cells, 2)
    if problem := status.get("store_problem"):
        lines.append([(f"  {sanitise(str(problem))}", "bold bad")])
    lines += [
        [("  collector ", "muted"), (fallen(ended), "warn")]
        for ended in status.get("collectors_ended") or ()
        if ended["last_hour"]
    ]
    operations = sorted(status.get("operations") or (), key=lambda operation: -int(operation.get("calls") or 0))
    for operation in operations[:MOST_OPERATIONS]:
        name = sanitise(f"{operation.get('service')}:{operation.get('operation')}")
        lines.append(
            [
                ("    " + fit(name, min(44, cells // 2)), "link"),
                (fit(f"{operation.get('calls', 0):,}", 7, right=True), ""),
                (" calls", "muted"),
                (fit(f"{float(operation.get('seconds') or 0):.1f}", 8, right=True), ""),
                (" s", "muted"),
                (f"   {operation['errors']} errors" if operation.get("errors") else "", "bad"),
                (f"   {operation['retries']} retries" if operation.get("retries") else "", "warn"),
            ]
        )
    return [*lines, []]
