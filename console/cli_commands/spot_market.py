"""`quarterdeck spot rank|risk|savings`: where a need for Spot goes, how likely it is taken back, what it saves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from backends.client import Json
from backends.currency import DECLARED
from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, instant, output
from console.cli_commands.output import covered, csv_rows, narrate, say_json, table, tell_problems
from console.cli_commands.session import session
from console.freshness import unvouched
from console.reports.text import few, moment, money, percent

_POOL_CSV = (
    *(
        "pool",
        "region",
        "zone_id",
        "zone",
        "instance_type",
        "vcpus",
        "memory",
        "gpus",
        "instances",
        "price_now",
        "price",
    ),
    *("price_low", "price_high", "cost", "cost_low", "cost_high", "model", "skill", "naive_better", "on_demand"),
    *("on_demand_source", "saving", "offered", "score", "quota", "quota_left", "probability", "low", "high"),
    *("interruptions", "instance_hours", "band", "band_text", "band_as_of", "basis", "why_not"),
)
_SIGHT = ("at", "region", "zone_id", "instance_type", "instance_id", "reason", "source")
_RISK = (
    *("region", "zone_id", "instance_type", "probability", "low", "high", "interruptions", "instance_hours"),
    *("instances", "band", "band_text", "band_as_of", "bands_kept", "score", "score_of", "basis"),
)
_SUMMED = (
    "Each way is summed over the instances that it and on demand are both known for. A Savings Plan binds for years; "
    "Spot may be taken back."
)
_NO_FORECAST = "no forecast yet"
_PRODUCTS = {"linux": "Linux/UNIX", "windows": "Windows"}


@click.command()
@click.argument("need", nargs=-1)
@click.option("--score", is_flag=True, help="Ask AWS for the placement scores of this request (limited in a day).")
@click.option("--frontier", is_flag=True, help="Show the cheapest mix under each cap instead of the pools.")
@click.option("--all", "everything", is_flag=True, help="Show pools that cannot be used too, each with its reason.")
@instant("--at", metavar="T", help="As of this instant: -2d, 14:02, 2026-11-20T14:02Z.")
@output("table", "json", "csv")
@connection
def rank(need: tuple[str, ...], score: bool, frontier: bool, everything: bool, at: str, form: str) -> None:
    """Rank Spot pools (type and zone) for a NEED by expected cost, and spread it over them.

    NEED is words such as 'vcpu>=4' 'memory>=16' arch=arm64 count=20 hours=48 tolerance=low; quote those with < or >.
    Words: vcpu, memory (GiB) and gpu with =, >=, <=, >, <; arch=x86_64|arm64; generation=current|any;
    product=linux|windows; region=NAME,…; type=m5.*,…; count=N; hours=1…168; tolerance=low|medium|high, which caps a
    pool at 20, 34 or 100 % of the need; cap=25%; risk<=10%, which leaves out pools of higher and of unknown risk;
    account=ID, whose quota counts.

    Costs are expected from the forecasts, with 80 % intervals. What is unknown is a dash, never a guess.
    """
    if score and at:
        raise Failure("AWS rates requests now, not at another instant: --score goes without --at.", 2)
    with session() as client:
        text = " ".join(need)
        found = client.scores(text) if score else client.pools(text, at=at)
        if not at and found["pools"] and all(pool["why_not"] == _NO_FORECAST for pool in found["pools"]):
            narrate("Forecasting…")
            client.analyze(["forecasts"], wait=True)
            found = client.pools(text)
    pools = [pool for pool in found["pools"] if everything or not pool["why_not"]]
    if form == "json":
        say_json(found)
    elif frontier:
        _frontier(found, form)
    elif form == "csv":
        csv_rows(_POOL_CSV, [[pool[name] for name in _POOL_CSV] for pool in pools])
    else:
        _pools(pools, _currency(found))
    _tell_ranking(found, pools)
    tell_problems(found["coverage"])
    if found["problem"]:
        raise Failure(found["problem"])


def _currency(found: Json) -> str:
    """What the money of an answer is in."""
    return str(found.get("currency") or DECLARED)


def _pools(pools: Sequence[Json], currency: str) -> None:
    headings = [
        *(
            "POOL",
            "TAKE",
            f"{currency}/H",
            "80 % INTERVAL",
            "ON DEMAND",
            "SAVES",
            "INTERRUPTED",
            "BAND",
            "SCORE",
            "QUOTA",
            "WHY NOT",
        ),
    ]
    rows = [
        [
            pool["pool"],
            pool["instances"] or "",
            _usd(pool["price"]),
            _between(pool["price_low"], pool["price_high"]),
            _usd(pool["on_demand"]),
            percent(pool["saving"]) if pool["saving"] is not None else None,
            _risk(pool),
            pool["band_text"],
            pool["score"],
            None if pool["quota_left"] is None else f"{pool['quota_left']:.0f} left",
            pool["why_not"],
        ]
        for pool in pools
    ]
    shown = [n for n in range(len(headings)) if n < 10 or any(row[n] for row in rows)]
    table([headings[n] for n in shown], [[row[n] for n in shown] for row in rows], right=(1, 2, 4, 5, 8, 9))


def _frontier(found: Json, form: str) -> None:
    names = (
        "cap",
        "pools",
        "greatest",
        "greatest_zone",
        "cost",
        "cost_low",
        "cost_high",
        "interruptions",
        "unknown",
        "chosen",
    )
    if form == "csv":
        csv_rows(names, [[mix[name] for name in names] for mix in found["frontier"]])
        return
    headings = [
        "CAP A POOL",
        "POOLS",
        "MOST IN ONE",
        "IN ONE ZONE",
        "COST",
        "80 % INTERVAL",
        "INTERRUPTED",
        "RISK UNKNOWN",
        "",
    ]
    currency = _currency(found)
    rows = [
        [
            percent(mix["cap"]),
            mix["pools"],
            percent(mix["greatest"]),
            percent(mix["greatest_zone"]),
            money(mix["cost"], currency),
            f"{money(mix['cost_low'], currency)} … {money(mix['cost_high'], currency)}",
            None if mix["interruptions"] is None else f"{mix['interruptions']:.1f} of {found['count']}",
            mix["unknown"],
            "the tolerance asked for" if mix["chosen"] else "",
        ]
        for mix in found["frontier"]
    ]
    table(headings, rows, right=(0, 1, 2, 3, 4, 5))


def _tell_ranking(found: Json, pools: Sequence[Json]) -> None:
    narrate(f"Need: {found['need']}; quota of account {found['account'] or 'none'}; {_basis(found)}")
    chosen = next((mix for mix in found["frontier"] if mix["chosen"]), None)
    if chosen:
        cost, low, high = (money(chosen[name], _currency(found)) for name in ("cost", "cost_low", "cost_high"))
        narrate(
            f"The cheapest mix with at most {percent(found['cap'])} in one pool: {chosen['pools']} pools, "
            f"{cost} over {found['hours']} h (80 %: {low} … {high})"
        )
    unrated = all(pool["score"] is None for pool in pools)
    left = max(found["scores_a_day"] - len(found["scores_asked"]), 0)
    if unrated and pools and found["at"]:
        narrate("Placement score unknown: this request had not been rated lately by then")
    elif unrated and pools:
        narrate(
            f"Placement score unknown: this request was not rated lately; --score asks AWS ({left} new ones left today)"
        )


@click.command()
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(1, 8760), help="How long an instance is to run."
)
@click.option("--product", default="linux", type=click.Choice(list(_PRODUCTS)), show_default=True, help="What it runs.")
@click.option("--evidence", is_flag=True, help="List every interruption that the store has seen instead.")
@instant("--at", metavar="T", help="As of this instant.")
@output("table", "json", "csv")
@connection
def risk(hours: int, product: str, evidence: bool, at: str, form: str) -> None:
    """How likely a Spot Instance of each pool is taken back, and what that rests on.

    From the interruptions and instance-hours that the store has itself seen, and the imported Spot advisor bands.
    Prices do not enter: they tell nothing of interruptions. Unknown is a dash. The placement score beside it is AWS's
    rating of a whole request that the type was part of; it is no probability and is not made one.
    """
    with session() as client:
        found = client.risk(hours, product=_PRODUCTS[product], at=at)
    if form == "json":
        say_json(found)
    elif evidence:
        _listed(_SIGHT, found["sights"], form)
    elif form == "csv":
        _listed(_RISK, found["risk"], form)
    else:
        headings = ["POOL", f"WITHIN {hours} H", "80 % INTERVAL", "SCORE", "WHAT IT RESTS ON"]
        rows = [
            [
                f"{row['region']}/{row['zone_id']}/{row['instance_type']}",
                None if row["probability"] is None else f"{row['probability']:.1%}",
                None if row["low"] is None else f"{row['low']:.1%} … {row['high']:.1%}",
                row["score"],
                row["basis"],
            ]
            for row in found["risk"]
        ]
        table(headings, rows, right=(1, 2, 3))
    _tell_risk(found)


def _tell_risk(found: Json) -> None:
    unknown = sum(row["probability"] is None for row in found["risk"])
    told = f"{len(found['risk'])} pools, {unknown} of unknown risk"
    narrate(f"{told if found['risk'] or not unvouched(found) else 'Spot pools: not known'}; {_basis(found)}")
    tell_problems(found["coverage"])
    if all(row["band"] is None for row in found["risk"]):
        how = " of that instant" if found["at"] else ": quarterdeck import spot-advisor FILE"
        narrate(f"No Spot advisor band is known{how}")


@click.command()
@click.option(
    "--hours", default=168, show_default=True, type=click.IntRange(1, 168), help="Spot is expected over so long."
)
@click.option("--lines", is_flag=True, help="Show account, region and type line by line instead of the sums.")
@instant("--at", metavar="T", help="As of this instant.")
@output("table", "json", "csv")
@connection
def savings(hours: int, lines: bool, at: str, form: str) -> None:
    """Compare how the fleet could be paid for: as it runs, on demand, as Spot, under a Savings Plan.

    By the hour, in the currency that the partition is billed in. Every sum is over the instances whose figure is known
    and says over how many; unpriced stays unpriced.
    """
    with session() as client:
        found = client.savings(hours, at=at)
        if not at and found["running"] and not any(way["instances"] for way in found["totals"] if way["way"] == "spot"):
            narrate("Forecasting…")
            client.analyze(["forecasts"], wait=True)
            found = client.savings(hours)
    known = bool(found["running"]) or not unvouched(found)
    if not known:
        # A sum over none of the instances is not one over those that nobody knows of.
        totals = [way | {"instances": None} for way in found["totals"]]
        found |= {"running": None, "unpriced": None, "totals": totals}
    if form == "json":
        say_json(found)
    elif lines:
        names = (
            "account",
            "region",
            "instance_type",
            "product",
            "lifecycle",
            "instances",
            "runs_at",
            "on_demand",
            "spot",
        )
        _listed((*names, "spot_low", "spot_high", "plan_1y", "plan_3y", "unpriced"), found["lines"], form)
    elif form == "csv":
        names = (
            "way",
            "instances",
            "hourly",
            "hourly_low",
            "hourly_high",
            "on_demand",
            "saving",
            "saving_low",
            "saving_high",
        )
        _listed(names, found["totals"], form)
    else:
        _ways(found["totals"], found["running"], _currency(found))
    narrate(f"{_running(found) if known else 'Running instances: not known'}; {_basis(found)}")
    tell_problems(found["coverage"])
    if known:
        narrate(_SUMMED)


def _ways(totals: Sequence[Json], running: int, currency: str) -> None:
    """Each way to pay in a row, and over how many of the instances that run."""
    headings = ["WAY TO PAY", "INSTANCES", f"{currency}/H", "80 % INTERVAL", "SAME ON DEMAND", "SAVES", "80 % INTERVAL"]
    rows = [
        [
            way["way"],
            None if way["instances"] is None else f"{way['instances']} of {running}",
            _usd(way["hourly"]),
            _between(way["hourly_low"], way["hourly_high"]),
            _usd(way["on_demand"]),
            None if way["saving"] is None else percent(way["saving"]),
            None if way["saving_low"] is None else f"{percent(way['saving_low'])} … {percent(way['saving_high'])}",
        ]
        for way in totals
    ]
    table(headings, rows, right=(1, 2, 3, 4, 5, 6))


def _running(found: Json) -> str:
    """How many instances run, and how many of them lack a price for any of the ways, with their types."""
    told = f"{found['running']} instances run"
    if not found["unpriced"]:
        return f"{told}, none of them unpriced in any way"
    return f"{told}, {found['unpriced']} of them unpriced in some way ({few(found['unpriced_types'])})"


def _basis(found: Json) -> str:
    """The instant of an answer, and how well what it is about was observed."""
    return f"as of {moment(found['as_of'])} UTC; {covered(found['coverage'])}"


def _listed(names: Sequence[str], rows: Sequence[Json], form: str) -> None:
    cells = [[row.get(name) for name in names] for row in rows]
    headings = [name.upper().replace("_", " ") for name in names]
    csv_rows(names, cells) if form == "csv" else table(headings, [[_short(cell) for cell in row] for row in cells])


def _short(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def _risk(pool: Json) -> str | None:
    return None if pool["probability"] is None else f"{pool['probability']:.1%}"


def _usd(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _between(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.4f} … {high:.4f}"
