"""Savings: what the fleet costs as it runs, and on demand, as Spot and under a Savings Plan, in all and by line."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.client import Json
from console.freshness import unvouched
from console.reports.text import few
from console.screens.listing import ListingScreen
from console.screens.pools import between, share
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.lines import Panel
from console.widgets.sanitise import fit, sanitise
from console.widgets.table_columns import TableColumn


def _usd(name: str, title: str, *, narrow: bool = True) -> TableColumn:
    return TableColumn(name, title, type="number", unit="USD/h", cells=9, narrow=narrow)


class SavingsScreen(ListingScreen):
    CSS_PATH = "savings.tcss"
    help_page = "savings"
    nothing = "No instance runs in what is observed."
    about = "Running instances"
    topics = frozenset({"forecasts", "savingsplans.rate"})
    default_sort = ("runs_at", True)
    columns = (
        TableColumn("instance_type", "type", fixed=True, cells=14),
        TableColumn("lifecycle", "runs as", cells=9),
        TableColumn("instances", "count", type="integer", cells=6),
        _usd("runs_at", "runs at"),
        _usd("on_demand", "on demand"),
        _usd("spot", "spot"),
        TableColumn("interval", "80 %", cells=15, narrow=False, look=lambda _: "forecast"),
        _usd("plan_1y", "plan 1 y"),
        _usd("plan_3y", "plan 3 y", narrow=False),
        TableColumn("region", "region", narrow=False),
        TableColumn("account", "account", narrow=False),
        TableColumn(
            "unpriced", "unpriced", narrow=False, text=lambda v: sanitise(str(v or "")), look=lambda _: "stale"
        ),
    )

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  comparing …", "stale")]], id="ways")

    async def read(self) -> list[Json]:
        session, client = self.session, self.session.client
        assert client is not None
        found = await client.savings(
            at=session.at, accounts=session.narrowing.accounts, regions=session.narrowing.regions
        )
        self.as_of, self.coverage = str(found["as_of"]), dict(found["coverage"])
        self.query_one("#ways", Panel).set_lines(way_lines(found, session.currency))
        key = ("account", "region", "instance_type", "product", "lifecycle")
        return [
            {
                **line,
                "ref": "/".join(str(line[name]) for name in key),
                "interval": between(line["spot_low"], line["spot_high"]),
            }
            for line in found["lines"]
        ]

    def trail(self) -> str:
        return "spot › savings"

    def identity_of(self, key: str) -> str:
        return key

    def open_row(self, row: Json) -> None:
        if row:
            words = f'instance_type="{row["instance_type"]}" lifecycle={row["lifecycle"]} state=running'
            self.desk.open_kind("ec2.instance", words, trail=f"savings › {row['instance_type']}")


_CELLS = (22, 10, 9, 16, 7, 12)


def way_lines(found: Json, currency: str) -> list[Line]:
    """Each way to pay: over how many instances it is known, what an hour of them costs, what that saves."""
    heads = ("way to pay", "instances", f"{currency}/h", "80 %", "saves", "80 %")
    lines: list[Line] = [[(" " + _row(heads), "muted")]]
    unknown = not found["running"] and unvouched(found)
    for way in found["totals"]:
        known = fmt.MISSING if unknown else f"{way['instances']} of {found['running']}"
        hourly = between(way["hourly_low"], way["hourly_high"])
        low, high = way["saving_low"], way["saving_high"]
        saved = f"{share(low)}…{share(high)}" if low is not None else fmt.MISSING
        saving = share(way["saving"]) if way["saving"] is not None else fmt.MISSING
        cells = (str(way["way"]), known, fmt.money(way["hourly"], "USD/h"), hourly, saving, saved)
        lines.append([(" " + _row(cells), "")])
    told = " saved against on demand, where both are known"
    if found["unpriced"]:
        told += f"; {found['unpriced']} unpriced some way: {few(found['unpriced_types'])}"
    return [*lines, [(told, "stale")]]


def _row(cells: tuple[str, ...]) -> str:
    return "".join(fit(cell, width, n > 0) for n, (cell, width) in enumerate(zip(cells, _CELLS, strict=True)))
