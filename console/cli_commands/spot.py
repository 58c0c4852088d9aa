"""`quarterdeck spot`: what spot prices will do, and how well that was foreseen before."""

from __future__ import annotations

import subprocess
import sys

import click

from backends.client import Json, SyncClient
from console.cli_commands.demand import demand
from console.cli_commands.failures import SET_UP, Failure, nearest
from console.cli_commands.options import connection, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say, say_json, table
from console.cli_commands.session import session
from console.cli_commands.spot_market import rank, risk, savings
from console.reports.text import clean, moment, percent
from console.settings import SettingsError, forecast_engine


@click.group(invoke_without_command=True)
@click.pass_context
def spot(ctx: click.Context) -> None:
    """Spot: forecasts with their measured skill, pools for a need, interruption risk, savings, demand.

    Without a command the console opens on the spot prices.
    """
    if ctx.invoked_subcommand is None:
        from console.cli_commands.root import open_console

        open_console("spot")


for command in (rank, risk, savings, demand):
    spot.add_command(command)


@spot.command()
@click.argument("market", required=False)
@click.option("--fresh", is_flag=True, help="Forecast again, from the prices known now.")
@click.option("--back", default=0, type=click.IntRange(0, 720), metavar="HOURS", help="The one made so long before.")
@click.option("--record", "judged", is_flag=True, help="How forecasts of MARKET turned out that were shown.")
@past
@output("table", "json", "csv")
@connection
def forecast(market: str | None, fresh: bool, back: int, judged: bool, form: str, look: dict[str, str]) -> None:
    """Forecast spot prices: every market in a line, or one MARKET hour by hour.

    MARKET is a reference as the list shows it, or any part of one that names a single market. With --back, the prices
    that came after that forecast stand beside it.
    """
    if judged and not market:
        raise Failure("--record is of one market; name it.", SET_UP)
    if fresh and look:
        raise Failure("--fresh forecasts from now; leave it out to see what was forecast --at an instant.", SET_UP)
    with session(imported=True) as client:
        markets = client.forecasts(**look)
        if not look and (fresh or not markets):
            narrate("Forecasting…")
            client.analyze(["forecasts"], wait=True)
            markets = client.forecasts()
        if market:
            ref = _match(market, [found["ref"] for found in markets])
            _one(client.forecast(ref, back=back, **look), judged, form)
        elif form == "json":
            say_json(markets)
        elif form == "csv":
            csv_rows(_CSV, [[_cell(found, name) for name in _CSV] for found in markets])
        elif markets:
            headings = ["MARKET", "NOW", "24 H", "7 D", "CHANGE 24 H", "MAE SKILL 24 H"]
            table(headings, [_line(found) for found in markets], right=range(1, 6))
            narrate(
                "Skill is the backtested error saved against the naive forecast (no change); below 0 % naive is better."
            )
        if not markets:
            why = "nothing had been forecast by then." if look else _why_none(client)
            raise Failure(f"There is no forecast: {why}")


def _why_none(client: SyncClient) -> str:
    """What keeps every market from being forecast."""
    known = client.rows("spot.price", limit=1)
    if not known["total"]:
        return "no spot prices are known. Poll spot.price, or import a price history."
    ref = known["rows"][0][known["columns"].index("ref")]
    reason = str(client.forecast(ref).get("reason") or "too little of it is known").rstrip(".")
    return (
        f"of the {counted(known['total'], 'market')} that are known, {ref} for one: {reason}. Import a longer history."
    )


_CSV = (
    *("ref", "region", "zone", "instance_type", "product", "now", "h24", "h168", "change_24", "model", "note"),
    *("mae_24", "crps_24", "mae_168", "crps_168", "naive_better", "coverage80", "coverage95", "as_of"),
)


def _cell(found: Json, name: str) -> object:
    return found["skill"].get(name) if name in found["skill"] else found.get(name)


def _line(found: dict[str, object]) -> list[object]:
    skill = found.get("skill")
    mae = skill.get("mae_24") if isinstance(skill, dict) else None
    name = str(found["ref"]).partition("@")[2]
    change = percent(found.get("change_24"), signed=True)
    return [name, found.get("now"), found.get("h24"), found.get("h168"), change, percent(mae, signed=True)]


def _match(text: str, refs: list[str]) -> str:
    """The one market that `text` names."""
    found = [text] if text in refs else [ref for ref in refs if text in ref]
    if len(found) == 1:
        return found[0]
    if found:
        raise Failure(
            f"{text!r} names {len(found)} markets, such as {found[0]} and {found[1]}; say more of it.", SET_UP
        )
    raise Failure(
        f"There is no forecast for a market {text!r}. {nearest(text, refs, 'The list without it shows all.')}", SET_UP
    )


_LEVELS = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")


def _one(found: Json, judged: bool, form: str) -> None:
    if form == "json":
        say_json(found)
        return
    if judged:
        _record(found, form)
        return
    if not found.get("horizon"):
        raise Failure(f"There is no forecast for {found['ref']}: {found.get('reason') or 'no reason was given'}")
    came = _held(found)
    rows = [
        [at, *(found[level][n] for level in _LEVELS), found["naive"][n], *([came[n]] if found.get("actual") else [])]
        for n, at in enumerate(found["horizon"])
    ]
    names = ["naive", *(["actual"] if found.get("actual") else [])]
    if form == "csv":
        csv_rows(["at", *_LEVELS, *names], rows)
        return
    say(clean(found["ref"]))
    headings = [
        "AT (UTC)",
        "2.5 %",
        "10 %",
        "25 %",
        "MEDIAN",
        "75 %",
        "90 %",
        "97.5 %",
        *(name.upper() for name in names),
    ]
    table(headings, rows, right=range(1, len(headings)))
    skill = found.get("skill") or {}
    at24, at168 = percent(skill.get("mae_24"), signed=True), percent(skill.get("mae_168"), signed=True)
    held80, held95 = percent(found.get("coverage80")), percent(found.get("coverage95"))
    narrate(f"{found.get('model')}, made {moment(found.get('as_of'))} UTC")
    narrate(f"MAE against naive: {at24} at 24 h, {at168} at 7 d (above 0 is better)")
    narrate(f"the 80 % interval held {held80} of the time, the 95 % one {held95}")
    if skill.get("naive_better"):
        narrate("Here the naive forecast has done better: expect no change.")


def _held(found: Json) -> list[float | None]:
    """The price that held at each hour of a past forecast, as far as it is known."""
    points = [(str(at), price) for at, price in [*found.get("history", ())[-1:], *found.get("actual", ())]]
    until = points[-1][0] if points else ""
    held: list[float | None] = []
    for hour in found["horizon"]:
        before = [price for at, price in points if at <= hour]
        held.append(before[-1] if before and hour <= until else None)
    return held


def _record(found: Json, form: str) -> None:
    names = ("hours", "forecasts", "error", "naive", "skill", "inside80", "inside95")
    rows = [[row[name] for name in names] for row in found.get("record") or ()]
    if form == "csv":
        csv_rows(names, rows)
    else:
        table(["AFTER H", "SHOWN", "ERROR", "NAIVE", "SKILL", "80 % HELD", "95 % HELD"], rows, right=range(7))
    narrate(f"{len(rows)} horizons have passed for forecasts of {found['ref']} that were shown")


@spot.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def backtest(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Measure the forecast on past prices (all arguments go to `python -m analytics.spot.backtest`).

    StatsForecast's models are fitted where `--engine local|dask[:ADDRESS]|ray[:ADDRESS]` says, else where `engine`
    under `[forecast]` in `config.toml` of the configuration directory says.
    """
    try:
        engine = forecast_engine()
    except SettingsError as problem:
        raise Failure(str(problem), SET_UP) from problem
    # Of a repeated option the last one counts.
    ctx.exit(subprocess.call([sys.executable, "-m", "analytics.spot.backtest", "--engine", engine, *arguments]))
