"""Spot pools for a need: by expected cost, with everything known of each, and above them the mix and its frontier."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult

from backends.client import BackendError, Json
from console.screens import chrome
from console.screens.listing import ListingScreen
from console.screens.text_screen import TextScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.lines import Panel
from console.widgets.sanitise import fit, sanitise
from console.widgets.table_columns import TableColumn

UNKNOWN = "unknown"


def share(value: Any, digits: int = 0) -> str:
    """A share as per cent; what is not known is said."""
    return f"{value * 100:.{digits}f}%" if isinstance(value, int | float) else UNKNOWN


def between(low: Any, high: Any, unit: str = "USD/h") -> str:
    """An interval; nothing where there is none."""
    known = isinstance(low, int | float) and isinstance(high, int | float)
    return f"{fmt.money(low, unit)}…{fmt.money(high, unit)}" if known else fmt.MISSING


class PoolsScreen(ListingScreen):
    CSS_PATH = "pools.tcss"
    help_page = "pools"
    nothing = "No pool fits this need; the line above says what to relax."
    about = "Spot pools"
    topics = frozenset({"forecasts", "spot.placement_score", "spot.advisor"})
    default_sort = ("order", False)
    columns = (
        TableColumn("pool", "pool", fixed=True, cells=22, text=lambda v: sanitise(str(v).partition("/")[2])),
        TableColumn(
            "instances", "take", type="integer", cells=5, text=lambda v: str(v) if v else "", look=lambda _: "ok"
        ),
        TableColumn("price", "USD/h", type="number", unit="USD/h", cells=8),
        TableColumn("interval", "80 %", cells=13, look=lambda _: "forecast"),
        TableColumn(
            "saving", "saves", type="number", cells=6, text=lambda v: share(v) if v is not None else fmt.MISSING
        ),
        TableColumn("probability", "taken back", type="number", cells=10, text=lambda v: share(v, 1)),
        TableColumn("on_demand", "on demand", type="number", unit="USD/h", cells=9, narrow=False),
        TableColumn("band_text", "advisor", cells=8, narrow=False, text=lambda v: sanitise(str(v)) if v else UNKNOWN),
        TableColumn(
            "score", "score", type="integer", cells=7, narrow=False, text=lambda v: UNKNOWN if v is None else str(v)
        ),
        TableColumn("quota_left", "quota left", type="number", cells=10, narrow=False),
        TableColumn("offered", "offered", cells=7, narrow=False),
        TableColumn("model", "model", cells=9, narrow=False, look=lambda _: "muted"),
        TableColumn("why_not", "why not", text=lambda v: sanitise(str(v or "")), look=lambda _: "warn"),
    )

    def __init__(self, need: str) -> None:
        super().__init__()
        self.need = need
        self.found: Json = {}
        self.rate = False

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  ranking …", "stale")]], id="mix")

    async def read(self) -> list[Json]:
        session, client = self.session, self.session.client
        assert client is not None
        scope = {"accounts": session.narrowing.accounts, "regions": session.narrowing.regions}
        rate, self.rate = self.rate, False
        try:
            found = await (
                client.scores(self.need, **scope) if rate else client.pools(self.need, at=session.at, **scope)
            )
        except BackendError as error:
            # The ranking that stands is still true where only the rating was refused.
            if not rate:
                self.query_one("#mix", Panel).set_lines([[("  " + sanitise(str(error)), "bad")]])
                raise
            self.desk.say(str(error), bad=True)
            return self.rows
        self.found, self.coverage = found, dict(found["coverage"])
        self.query_one("#mix", Panel).set_lines(mix_lines(found, self.size.width >= chrome.ROOMY, session.currency))
        return [
            {
                **pool,
                "ref": pool["pool"],
                "order": number,
                "interval": between(pool["price_low"], pool["price_high"]),
                "offered": {True: "yes", False: "no"}.get(pool["offered"], UNKNOWN),
            }
            for number, pool in enumerate(found["pools"])
        ]

    def refill(self) -> None:
        # The daemon's own order: the usable ones by cost, then the others. It is no column.
        if self.sort[0] == "order":
            self.sort = ("", False)
        super().refill()

    def trail(self) -> str:
        return f"spot › pools {self.need or 'for any instance'}"

    def identity_of(self, key: str) -> str:
        return key

    def hints(self) -> list[tuple[str, str]]:
        score = [] if self.session.at else [(":score", "muted")]
        return [(":need …", "muted"), *score, ("x evidence", "muted"), ("? help", "muted")]

    def command_need(self, text: str) -> None:
        """Another need, in the same place."""
        self.need = text
        self.reload(moved=True)
        self.draw_bars()

    def action_score(self) -> None:
        """Ask AWS how it rates the whole request."""
        if self.session.at:
            self.desk.say("AWS rates requests now, not at another instant.", bad=True)
            return
        self.rate = True
        self.reload()

    def target_of(self, row: dict[str, Any]) -> str:
        return ""

    def open_row(self, row: Json) -> None:
        if row:
            self.desk.push_screen(PoolScreen(row))

    def action_explain(self) -> None:
        self.open_row(self.current)


class PoolScreen(TextScreen):
    """Everything known of one pool, each with where it is from; what is not known is named."""

    help_page = "pools"

    def __init__(self, pool: Json) -> None:
        super().__init__(f"spot › pool {sanitise(str(pool['pool']))}")
        self.pool = pool

    def reload(self, *, moved: bool = False) -> None:
        self.show(pool_lines(self.pool, replayed=bool(self.session.at)))


def mix_lines(found: Json, roomy: bool, currency: str) -> list[Line]:
    """The mix chosen in a sentence, then the frontier: the cheapest mix under each cap on one pool's share."""
    problem = str(found.get("problem") or "")
    mixes = list(found.get("frontier") or ())
    chosen = next((mix for mix in mixes if mix["chosen"]), None)
    cap = share(found["cap"])
    lines: list[Line] = []
    if problem:
        lines.append([(" " + sanitise(problem, 400), "bold warn")])
    elif chosen:
        cost = f"{fmt.money(chosen['cost'])} {currency} for {found['count']} × {found['hours']} h"
        interval = f"  80 % {between(chosen['cost_low'], chosen['cost_high'], 'USD')}"
        pools = f"  {chosen['pools']} pools, at most {cap} in one"
        lines.append([(f" {cost}", "bold ok"), (interval if roomy else "", "forecast"), (pools, "")])
    left = max(int(found["scores_a_day"]) - len(found["scores_asked"]), 0)
    account = f" account {sanitise(str(found['account']))}" if roomy else ""
    score = "" if found["at"] else f"  :score has AWS rate it ({left} left today)"
    lines.append([(f" {account}  as of {fmt.clock(found['as_of'])}{score}", "muted")])
    if mixes:
        taken = f"taken back of {found['count']}"
        heads = ("cap", "pools", "in one zone", f"cost {currency}", "80 %", taken, "dearer")
        text = "".join(fit(head, width, True) for head, width in zip(heads, _CELLS, strict=True))
        lines.append([(" " + text, "muted")])
    for mix in mixes:
        lines.append(_mix_line(mix, float(mixes[0]["cost"])))
    return lines


def _mix_line(mix: Json, cheapest: float) -> Line:
    """One point of the frontier: what spreading the need that far costs, and how much more than not spreading it."""
    taken = fmt.MISSING if mix["interruptions"] is None else f"{mix['interruptions']:.2f}"
    unknown = f" + {mix['unknown']} unknown" if mix["unknown"] else ""
    dearer = mix["cost"] / cheapest - 1 if cheapest else 0.0
    cells = (
        *(share(mix["cap"]), str(mix["pools"]), share(mix["greatest_zone"]), fmt.money(mix["cost"])),
        *(between(mix["cost_low"], mix["cost_high"], "USD"), taken + unknown, f"+{dearer:.1%}"),
    )
    text = "".join(fit(cell, width, True) for cell, width in zip(cells, _CELLS, strict=True))
    bar = "▇" * min(round(dearer * 40), 40)
    return [("▸" if mix["chosen"] else " ", "mark"), (text, "bold" if mix["chosen"] else ""), (f" {bar}", "anomaly")]


_CELLS = (5, 6, 12, 9, 17, 18, 8)


def pool_lines(pool: Json, *, replayed: bool = False) -> list[Line]:
    """One pool: what it costs, what it is, whether it can be had, and what its risk rests on. `replayed`: then."""

    def fact(title: str, text: str, source: str = "") -> Line:
        look = "stale" if text in (UNKNOWN, fmt.MISSING, "unpriced") else ""
        return [
            (fit(f" {title}", 20), "muted"),
            (sanitise(text, 600), look),
            (f"   {sanitise(source)}" if source else "", "stale"),
        ]

    memory = f"{pool['memory']:g} GiB" if pool["memory"] is not None else UNKNOWN
    quota = UNKNOWN if pool["quota_left"] is None else f"{pool['quota_left']:.0f} vCPU left"
    naive = "naive, which has been better here" if pool["naive_better"] else str(pool["model"] or UNKNOWN)
    risk_interval = f"   80 % {share(pool['low'], 1)} … {share(pool['high'], 1)}" if pool["low"] is not None else ""
    return [
        [(" " + sanitise(str(pool["pool"])), "bold"), (f"   {pool['vcpus']} vCPU, {memory}", "muted")],
        [(" " + sanitise(str(pool["why_not"])), "warn")] if pool["why_not"] else [(" can be used", "ok")],
        [],
        [(" cost", "bold forecast")],
        fact("price now", fmt.money(pool["price_now"], "USD/h")),
        fact("expected", fmt.money(pool["price"], "USD/h"), f"80 % {between(pool['price_low'], pool['price_high'])}"),
        fact("forecast by", naive, f"MAE skill against naive {fmt.percent(pool['skill'], 0)}"),
        fact("on demand", fmt.money(pool["on_demand"], "USD/h"), str(pool["on_demand_source"] or "")),
        fact("one instance", fmt.money(pool["cost"]), f"80 % {between(pool['cost_low'], pool['cost_high'], 'USD')}"),
        [],
        [(" to be had", "bold forecast")],
        fact("offered here", str(pool["offered"])),
        fact("quota", quota, str(pool["quota"] or "no quota is known for this family")),
        fact(
            "placement score",
            UNKNOWN if pool["score"] is None else f"{pool['score']} of 10, for the whole request in this zone",
            f"rated {fmt.clock(pool['score_at'])}" if pool["score_at"] else "" if replayed else ":score asks AWS",
        ),
        [],
        [(" interruption", "bold forecast")],
        fact("taken back", share(pool["probability"], 1) + risk_interval, "of one instance over the need's hours"),
        fact("it rests on", str(pool["basis"] or UNKNOWN)),
        fact("price movement", "says nothing of interruptions, and is not counted"),
    ]
