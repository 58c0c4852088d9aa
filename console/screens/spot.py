"""Spot: every market with its last day and forecast; of the one under the cursor the fan, its skill and its record."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from math import isclose
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer

from backends.client import BackendError, Json
from console.screens import chrome
from console.screens.resources import ResourceScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.lines import Panel
from console.widgets.price_chart import Fan, FanChart
from console.widgets.sanitise import fit, sanitise
from console.widgets.table_columns import TableColumn

REST = 0.25  # seconds that the cursor must rest before its fan is read: walking costs no requests
SPARK_CELLS = 24
BACK = 24  # hours: the look "past" shows the forecast that was made so long before the newest, and what came
LOOKS = ("fan", "past", "record")


def change_text(value: Any) -> str:
    return value if isinstance(value, str) else fmt.percent(value)


def change_look(value: Any) -> str:
    if isinstance(value, str):
        return "stale"
    return "warn" if isinstance(value, int | float) and value > 0.02 else "forecast"


class SpotScreen(ResourceScreen):
    CSS_PATH = "spot.tcss"
    help_page = "spot"
    mode_title = "spot"
    kinds = (("spot.price", "markets"),)
    judged = False

    def __init__(self) -> None:
        super().__init__()
        self._resting: Timer | None = None
        self._fan_of = ""
        self._sparked: set[str] = set()
        self._forecasts_read = False
        self._forecasts: dict[str, Json] = {}
        self.look = LOOKS[0]

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  choose a market", "stale")]], id="skill")
        yield Horizontal(FanChart(ascii=self.desk.terminal.ascii, id="fan"), Panel(id="record"), id="beside")

    def ready(self) -> None:
        self.lay_out_panel()
        super().ready()

    def on_resize(self) -> None:
        super().on_resize()
        self.lay_out_panel()

    @property
    def _wide(self) -> bool:
        """Whether chart and record have room beside each other."""
        return self.size.width >= chrome.ROOMY

    def lay_out_panel(self) -> None:
        """The record beside the chart where there is room; else one of them."""
        if self.is_mounted:
            self.query_one("#record").display = self._wide or self.look == "record"
            self.query_one("#fan").display = self._wide or self.look != "record"

    def action_next_look(self) -> None:
        """The newest fan, the fan of a day ago with what came, and, where it has no room beside them, the record."""
        looks = LOOKS[:2] if self._wide else LOOKS
        self.look = looks[(looks.index(self.look) + 1) % len(looks)] if self.look in looks else looks[0]
        self.lay_out_panel()
        self._fan_of = ""
        self._read_fan_now()

    def reload(self, *, moved: bool = False) -> None:
        if moved:
            self._forecasts_read, self._fan_of = False, ""
            self._sparked.clear()
        super().reload(moved=moved)

    def concerns(self, topics: frozenset[str]) -> bool:
        if topics & {"forecasts", "spot.price", "*"}:
            self._forecasts_read = self._forecasts_read and "spot.price" in topics and "forecasts" not in topics
            self._sparked.clear()
            self._fan_of = ""
        return super().concerns(topics) or "forecasts" in topics

    def adapt(self, columns: list[TableColumn]) -> list[TableColumn]:
        added = [
            TableColumn(
                "spark",
                "last 24 h",
                cells=SPARK_CELLS,
                text=lambda v: fmt.sparkline(v, SPARK_CELLS),
                look=lambda _: "forecast",
            ),
            TableColumn("change_24", "in 24 h", type="number", cells=8, text=change_text, look=change_look),
        ]
        names = [column.name for column in columns]
        place = names.index("price") + 1 if "price" in names else len(columns)
        return [*columns[:place], *added, *columns[place:]]

    def rows_shown(self) -> None:
        self.background(self._read_beside, "beside")
        self.row_changed()

    async def _read_beside(self) -> None:
        """Sparklines of the rows in view, and once all forecasts in short."""
        client = self.session.client
        if client is None:
            return
        try:
            wanted = [ref for ref in self.table.visible_keys if ref not in self._sparked]
            if wanted:
                self.table.set_overlay("spark", await client.sparks(wanted, at=self.session.at))
                self._sparked.update(wanted)
            if not self._forecasts_read:
                self._forecasts = {market_of(str(f["ref"])): f for f in await client.forecasts(at=self.session.at)}
                self._forecasts_read = True
            self.table.set_overlay("change_24", {ref: self._change(ref) for ref in self.table.visible_keys})
        except (BackendError, OSError) as error:
            self.desk.say(str(error), bad=True)

    def _change(self, ref: str) -> float | str | None:
        """How much a market's price is expected to change in a day; "stale" where it has moved since the forecast."""
        forecast = self._forecasts.get(market_of(ref), {})
        row = next((row for row in self.table.window.rows.values() if self.table.key_of(row) == ref), None)
        price = self.table.value(row, "price") if row is not None else None
        started = forecast.get("now")
        if price is not None and started is not None and not isclose(price, started):
            return "stale"
        change: float | None = forecast.get("change_24")
        return change

    def scrolled(self) -> None:
        self.background(self._read_beside, "beside")

    def row_changed(self) -> None:
        """Read the fan once the cursor rests."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self._read_fan_now)

    def _read_fan_now(self) -> None:
        ref = self.table.current_key
        if not ref:
            self._fan_of = ""
            self.query_one("#skill", Panel).set_lines([[("  no market is chosen", "stale")]])
            self.query_one(FanChart).set_fan(Fan())
        elif ref != self._fan_of and self.query_one("#panel").display:
            self._fan_of = ref
            self.background(partial(self._read_fan, ref), "fan")

    async def _read_fan(self, ref: str) -> None:
        client = self.session.client
        if client is None:
            return
        skill, record, chart = (
            self.query_one("#skill", Panel),
            self.query_one("#record", Panel),
            self.query_one(FanChart),
        )
        try:
            known = self._forecasts.get(market_of(ref), {})
            back = BACK if self.look == "past" else 0
            forecast = await client.forecast(str(known.get("ref") or ref), at=self.session.at, back=back)
        except (BackendError, OSError) as error:
            skill.set_lines([[("  " + sanitise(str(error)), "bad")]])
            return
        if ref == self.table.current_key:
            roomy = self.size.width >= chrome.ROOMY
            line = skill_line(forecast, self._market_name(), roomy)
            skill.set_lines([[*made_line(forecast), *line] if self.look == "past" or self.session.at else line])
            chart.set_fan(fan_of(forecast))
            record.set_lines(record_lines(forecast))

    def _market_name(self) -> str:
        """Type, zone and product of the market under the cursor."""
        row = self.table.current_row
        parts = (
            [self.table.value(row, name) for name in ("instance_type", "zone", "product")] if row is not None else []
        )
        return " ".join(str(part) for part in parts if part) or self.table.current_key


def market_of(ref: str) -> str:
    """The market without the account that saw it: a zone id's price is the same for all of them."""
    return ref.partition("/")[2]


def made_line(forecast: Json) -> Line:
    """When a forecast that is not the newest was made, and how much has come since."""
    if not forecast.get("as_of"):
        return []
    came = len(forecast.get("actual") or ())
    since = f"{came} price{'s' * (came != 1)} came since" if came else "no other price came since"
    return [(f" made {fmt.clock(forecast['as_of'])}, ", "muted"), (f"{since} ", "bold mark" if came else "stale")]


def record_lines(forecast: Json) -> list[Line]:
    """This market's backtest, and how the forecasts that were shown of it turned out, horizon by horizon."""
    skill = forecast.get("skill") or {}
    lines: list[Line] = [
        [(" backtest against naive", "bold forecast"), (f"  {skill.get('origins') or 0} past origins", "muted")],
        [(fit("", 16), ""), (fit("24 h", 9, True), "muted"), (fit("7 d", 9, True), "muted")],
    ]
    for title, keys in (("MAE skill", ("mae_24", "mae_168")), ("CRPS skill", ("crps_24", "crps_168"))):
        lines.append([(fit(f" {title}", 16), ""), *(_skill_cell(skill.get(key)) for key in keys)])
    held = [(name, forecast.get(key)) for name, key in (("80 %", "coverage80"), ("95 %", "coverage95"))]
    words = "  ".join(f"{name} held {_share(value)}" for name, value in held)
    lines += [[(f" {words}", "muted")], [], [(" forecasts shown, as they turned out", "bold forecast")]]
    turned_out = forecast.get("record") or ()
    if not turned_out:
        return [*lines, [(" none is old enough to be judged", "stale")]]
    heads = ("after", "shown", "error", "naive", "skill", "80 % held")
    lines.append([(" " + "".join(fit(head, width, True) for head, width in zip(heads, _CELLS, strict=True)), "muted")])
    for row in turned_out:
        cells = (f"{row['hours']} h", str(row["forecasts"]), f"{row['error']:.4f}", f"{row['naive']:.4f}")
        text = " " + "".join(fit(cell, width, True) for cell, width in zip(cells, _CELLS, strict=False))
        lines.append(
            [(text, ""), _skill_cell(row["skill"], _CELLS[4]), (fit(_share(row["inside80"]), _CELLS[5], True), "")]
        )
    return lines


_CELLS = (6, 6, 8, 8, 7, 10)


def _skill_cell(value: Any, cells: int = 9) -> tuple[str, str]:
    if not isinstance(value, int | float):
        return fit("–", cells, True), "stale"
    return fit(fmt.percent(value, 0), cells, True), "ok" if value > 0 else "warn"


def _share(value: Any) -> str:
    return f"{value * 100:.0f}%" if isinstance(value, int | float) else "–"


def fan_of(forecast: Json) -> Fan:
    """The chart of what /v1/forecasts answers for one market; times become hours from its as-of."""
    history = [(fmt.instant(at), value) for at, value in forecast.get("history") or ()]
    known = [(at, float(value)) for at, value in history if at is not None and value is not None]
    now = fmt.instant(forecast.get("as_of")) or (known[-1][0] if known else datetime.now(UTC))
    horizon = [fmt.instant(at) for at in forecast.get("horizon") or ()]
    hours = [(at - now).total_seconds() / 3600 for at in horizon if at is not None]
    bands = [
        (forecast[low], forecast[high])
        for low, high in (("q025", "q975"), ("q10", "q90"), ("q25", "q75"))
        if forecast.get(low) and forecast.get(high)
    ]
    return Fan(
        [((at - now).total_seconds() / 3600, value) for at, value in known],
        hours,
        forecast.get("q50") or forecast.get("mean") or (),
        bands,
        forecast.get("naive") or (),
        [
            ((at - now).total_seconds() / 3600, float(value))
            for time, value in forecast.get("actual") or ()
            if (at := fmt.instant(time)) is not None and value is not None
        ],
    )


def skill_line(forecast: Json, name: str, roomy: bool = True) -> Line:
    """How this forecast has done against the naive one, measured; and when the naive one is better, that.

    Where there is little room the score comes first and the market, which the cursor points at, goes without.
    """
    if not roomy and not forecast.get("reason"):
        return _short_skill_line(forecast)
    line: Line = [(" " + sanitise(name) + "  ", "bold")]
    if forecast.get("reason"):
        return [*line, ("no forecast: ", "stale"), (sanitise(str(forecast["reason"])), "stale")]
    skill = forecast.get("skill") or {}
    if skill.get("naive_better"):
        line.append(("naive is better here  ", "bold warn"))
    measured = any(isinstance(skill.get(key), int | float) for key in ("mae_24", "crps_24", "mae_168", "crps_168"))
    line.append(("vs naive ", "muted") if measured else ("" if skill else "skill not measured  ", "stale"))
    for label, key in (("MAE 24h", "mae_24"), ("7d", "mae_168"), ("CRPS 24h", "crps_24"), ("7d", "crps_168")):
        value = skill.get(key)
        if isinstance(value, int | float):
            line += [(f"{label} ", "muted"), (f"{fmt.percent(value, 0)} ", "ok" if value > 0 else "warn")]
    line.append((" ", ""))
    for label, key in (("80%", "coverage80"), ("95%", "coverage95")):
        value = forecast.get(key)
        if isinstance(value, int | float):
            line.append((f"{label} held {value * 100:.0f}%  ", "muted"))
    return [*line, _made(forecast)]


def _made(forecast: Json) -> tuple[str, str]:
    """The model, or when it was asked where the price has moved since."""
    if forecast.get("moved"):
        return f"stale: made {fmt.clock(forecast.get('as_of'))}, price moved since", "warn"
    return sanitise(str(forecast.get("model") or "")), "stale"


def _short_skill_line(forecast: Json) -> Line:
    """The same figures in 80 cells: a day's and a week's beside each other."""
    skill = forecast.get("skill") or {}
    line: Line = [(" ", ""), ("naive is better  ", "bold warn")] if skill.get("naive_better") else [(" ", "")]
    scores: Line = []
    for label, keys in (("MAE", ("mae_24", "mae_168")), ("CRPS", ("crps_24", "crps_168"))):
        values = [value for key in keys if isinstance(value := skill.get(key), int | float)]
        if len(values) == len(keys):
            text = "/".join(fmt.percent(value, 0).rstrip("%") for value in values)
            scores += [(f" {label} ", "muted"), (f"{text}%", "ok" if min(values) > 0 else "warn")]
    line += [("vs naive, 24h/7d", "muted"), *scores] if scores else [("skill not measured", "stale")]
    for label, key in (("80%", "coverage80"), ("95%", "coverage95")):
        value = forecast.get(key)
        if isinstance(value, int | float):
            line.append((f"  {label} held {value * 100:.0f}%", "muted"))
    text, look = _made(forecast)
    return [*line, ("  " + text, look)]
