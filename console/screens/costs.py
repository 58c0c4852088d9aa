"""Costs: days as bars with anomalies marked, services by what they cost; enter shows a service's days."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult

from backends.client import BackendError, Json
from console.screens.listing import ListingScreen
from console.widgets import format as fmt
from console.widgets.bars import BarChart
from console.widgets.ink import Line
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import TableColumn


class CostsScreen(ListingScreen):
    CSS_PATH = "costs.tcss"
    help_page = "costs"
    nothing = "No costs are known yet: Cost Explorer has not answered, or may not be asked (! shows why)."
    topics = frozenset({"cost.daily", "anomalies"})
    default_sort = ("total", True)
    columns = (
        TableColumn("service", "service", fixed=True),
        TableColumn("total", "total USD", type="number", unit="USD", cells=12),
        TableColumn("last", "last full day", type="number", unit="USD", cells=13),
        TableColumn(
            "share", "share", type="number", cells=7, text=lambda v: fmt.MISSING if v is None else f"{v * 100:.0f}%"
        ),
        TableColumn("fortnight", "14 days", cells=14, text=lambda v: fmt.sparkline(v, 14), look=lambda _: "forecast"),
        TableColumn(
            "month", "30 days", cells=30, narrow=False, text=lambda v: fmt.sparkline(v, 30), look=lambda _: "forecast"
        ),
        TableColumn("anomaly", "anomaly", text=lambda v: sanitise(str(v)) if v else "", look=lambda _: "anomaly"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.costs: Json = {}
        self.marked: set[int] = set()

    def compose_panel(self) -> ComposeResult:
        yield BarChart(id="bars")

    async def read(self) -> list[Json]:
        client = self.session.client
        assert client is not None
        self.costs = costs = await client.costs(**self.session.look)
        self.as_of = str(costs.get("as_of") or "")
        self.coverage = dict(costs.get("coverage") or {})
        try:
            found = await client.anomalies(**self.session.look)
            anomalies = [a for a in found if "cost" in str(a.get("ref") or a.get("series"))]
        except (BackendError, OSError):
            anomalies = []
        days = [str(day)[:10] for day in costs.get("days") or ()]
        self.marked = {days.index(at) for at in (str(a.get("at"))[:10] for a in anomalies) if at in days}
        self.draw_chart()
        everything = sum(float(service.get("total") or 0) for service in costs.get("services") or ())
        return [self._row(service, everything, anomalies) for service in costs.get("services") or ()]

    def _row(self, service: Json, everything: float, anomalies: list[Json]) -> Json:
        name, whole = str(service.get("service")), list(service.get("values") or ())[: self.whole_days]
        label = next(
            (a.get("label") for a in reversed(anomalies) if name in str(a.get("series") or a.get("ref"))), None
        )
        total = service.get("total")
        return {
            "ref": name,
            "service": name,
            "total": total,
            "last": whole[-1] if whole else None,
            "share": total / everything if total is not None and everything else None,
            "fortnight": whole,
            "month": whole,
            "anomaly": (label or "anomalous") if service.get("anomaly") else None,
        }

    @property
    def whole_days(self) -> int:
        """How many of the days were over when they were read: of the rest only a part is known."""
        first_open = str(self.costs.get("open_from") or "9999")
        return sum(str(day) < first_open for day in self.costs.get("days") or ())

    def draw_chart(self) -> None:
        days = [str(day)[:10] for day in self.costs.get("days") or ()]
        self.query_one(BarChart).set_bars(list(self.costs.get("total") or ()), days, self.marked, self.whole_days)

    def notice(self) -> list[Line]:
        if self.session.at and not self.filter:
            return [[("  Costs were not observed by that instant.", "stale")]]
        return super().notice()

    def trail(self) -> str:
        return "costs"

    def footer_parts(self) -> list[tuple[str, str]]:
        source = self.costs.get("source")
        said = [(f"from {sanitise(str(source))}", "muted")] if source and self.as_of else []
        return [*super().footer_parts(), *said]

    def open_row(self, row: Json) -> None:
        if row:
            self.desk.open_kind("cost.daily", f'service="{row["service"]}"', trail=f"costs › {row['service']}")

    def identity_of(self, key: str) -> str:
        return key

    def target_of(self, row: dict[str, Any]) -> str:
        return ""
