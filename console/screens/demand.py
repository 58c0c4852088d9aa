"""Demand: the size that each Auto Scaling group will need, beside naive, and of the one under the cursor its week."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.app import ComposeResult

from backends.client import BackendError, Json
from console.screens.listing import ListingScreen
from console.screens.spot import fan_of
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.lines import Panel
from console.widgets.price_chart import Fan, FanChart
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import TableColumn

TARGET = 60
NO_WEEK = Fan(nothing="enter draws the week of the group under the cursor")


def size(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else fmt.MISSING


class DemandScreen(ListingScreen):
    CSS_PATH = "demand.tcss"
    help_page = "demand"
    nothing = "No Auto Scaling group is known."
    about = "Auto Scaling groups"
    topics = frozenset({"cloudwatch.group_load", "autoscaling.group"})
    default_sort = ("name", False)
    columns = (
        TableColumn("name", "group", fixed=True, most=28),
        TableColumn("desired", "desired", type="integer", cells=7),
        TableColumn("now", "needs", type="number", cells=6, text=size),
        TableColumn("need_1", "15 min", type="number", cells=6, text=size, look=lambda _: "forecast"),
        TableColumn("need_96", "24 h", type="number", cells=6, text=size, look=lambda _: "forecast"),
        TableColumn("need_672", "7 d", type="number", cells=6, text=size, look=lambda _: "forecast"),
        TableColumn("size_96", "size 24 h", type="integer", cells=9),
        TableColumn("naive_96", "naive", type="number", cells=6, narrow=False, text=size),
        TableColumn("seasonal_96", "seasonal", type="number", cells=8, narrow=False, text=size),
        TableColumn("model_96", "model", cells=8, narrow=False, look=lambda _: "muted"),
        TableColumn("skill_96", "skill", type="number", cells=7, text=lambda v: fmt.percent(v, 0)),
        TableColumn("region", "region", narrow=False),
        TableColumn("note", "note", text=lambda v: sanitise(str(v or "")), look=lambda _: "warn"),
    )

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  all groups", "stale")]], id="said")
        yield FanChart(ascii=self.desk.terminal.ascii, id="fan")

    def ready(self) -> None:
        self.query_one(FanChart).set_fan(NO_WEEK)
        super().ready()

    async def read(self) -> list[Json]:
        session, client = self.session, self.session.client
        assert client is not None
        found = await client.demand(target=TARGET, at=session.at, **self._scope)
        self.as_of, self.coverage = str(found["as_of"]), dict(found["coverage"])
        return [
            {**row, "ref": f"{row['account']}/{row['region']}/{row['name']}", "note": row["unknown"] or row["beyond"]}
            for row in found["groups"]
        ]

    @property
    def _scope(self) -> dict[str, Any]:
        return {"accounts": self.session.narrowing.accounts, "regions": self.session.narrowing.regions}

    def trail(self) -> str:
        return f"fleets › demand at {TARGET} % CPU"

    def open_row(self, row: Json) -> None:
        """The week of this group, hour by hour."""
        if row:
            self.background(partial(self._read_week, row), "week")

    async def _read_week(self, row: Json) -> None:
        client = self.session.client
        if client is None:
            return
        scope = {"accounts": [row["account"]], "regions": [row["region"]]}
        try:
            found = await client.demand(row["name"], target=TARGET, at=self.session.at, **scope)
        except (BackendError, OSError) as error:
            self.desk.say(str(error), bad=True)
            return
        self.query_one("#said", Panel).set_lines([said_line(row, found)])
        self.query_one(FanChart).set_fan(fan_of(week_of(found)) if found.get("path") else NO_WEEK)

    def identity_of(self, key: str) -> str:
        return key


def said_line(row: Json, found: Json) -> Line:
    """Whose week it is, and how the model shown has done at each horizon."""
    line: Line = [(f" {sanitise(str(row['name']))}  ", "bold")]
    if not found.get("path"):
        return [*line, (sanitise(str(row.get("unknown") or "nothing is known of it")), "stale")]
    for score in found["scores"]:
        if score["shown"]:
            skill = fmt.percent(score["skill"], 0) if score["skill"] is not None else "not measured"
            line.append((f"{score['horizon']} {score['model']} {skill}  ", "muted"))
    return [*line, ("against naive; instances", "stale")]


def week_of(found: Json) -> Json:
    """The week as the chart of prices takes a forecast: the present, the middle, one band and naive."""
    path = list(found.get("path") or ())
    whole = [step for step in path if step["low"] is not None]
    return {
        "as_of": found.get("as_of"),
        "history": [],
        "horizon": [step["at"] for step in path],
        "q50": [step["need"] for step in path],
        "naive": [step["naive"] for step in path],
        **({"q10": [s["low"] for s in path], "q90": [s["high"] for s in path]} if len(whole) == len(path) else {}),
    }
