"""Points of the latest scan that lie outside what was to be expected, with what was expected beside them."""

from __future__ import annotations

from backends.client import Json
from console.screens.columns import ACCOUNT
from console.screens.home import severity_look, severity_text
from console.screens.listing import ListingScreen
from console.widgets import format as fmt
from console.widgets.table_columns import TableColumn


class AnomaliesScreen(ListingScreen):
    help_page = "anomalies"
    nothing = "No anomalies: every point of the latest scan lies where it was to be expected."
    topics = frozenset({"anomalies"})
    analysis = "anomalies"
    default_sort = ("at", True)
    columns = (
        TableColumn("severity", "severity", cells=9, fixed=True, text=severity_text, look=severity_look),
        TableColumn("series", "series", fixed=True, most=40),
        ACCOUNT,
        TableColumn("at", "at", cells=12, text=fmt.clock),
        TableColumn("value", "value", type="number", cells=9),
        TableColumn("expected", "expected", type="number", cells=9),
        TableColumn("label", "what", narrow=False, look=lambda _: "anomaly"),
        TableColumn("expected_low", "from", type="number", cells=10, narrow=False),
        TableColumn("expected_high", "to", type="number", cells=10, narrow=False),
        TableColumn("score", "score", type="number", cells=7, narrow=False),
    )

    async def read(self) -> list[Json]:
        assert self.session.client is not None
        return [
            {
                **anomaly,
                "resource": anomaly.get("ref"),
                "ref": f"{anomaly.get('account')}/{anomaly.get('series')}/{anomaly.get('at')}",
            }
            for anomaly in await self.session.client.anomalies(**self.session.look)
        ]

    def trail(self) -> str:
        return "anomalies"

    def open_row(self, row: Json) -> None:
        resource = str(row.get("resource") or "")
        if "@" in resource:
            self.desk.open_detail(resource, "anomalies")
