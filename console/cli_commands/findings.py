"""What stands out and what to do about it: `anomalies`, `advise`."""

from __future__ import annotations

from collections.abc import Collection

import click

from backends.client import Json, SyncClient
from backends.currency import currency_of
from console.cli_commands.failures import SET_UP, Failure
from console.cli_commands.options import alone, connection, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say, say_json, table
from console.cli_commands.session import session
from console.reports.text import clean, moment, money, plan_command, words


@click.group(invoke_without_command=True)
@past
@output("table", "json", "csv")
@connection
@click.pass_context
def anomalies(ctx: click.Context, form: str, look: dict[str, str]) -> None:
    """List what the latest scan of costs and spot prices flagged, after one where that is nothing; `scan` scans now."""
    if alone(ctx):
        with session(imported=True) as client:
            flags = client.anomalies(**look)
            if look:
                _list(flags, form, scanned=bool(flags) or client.runs(**look)["anomalies"] is not None, then=True)
            else:
                _list(flags, form) if flags else _scan(client, form)


@anomalies.command()
@output("table", "json", "csv")
@connection
def scan(form: str) -> None:
    """Scan costs and spot prices now, then list what was flagged."""
    with session(imported=True) as client:
        _scan(client, form)


def _scan(client: SyncClient, form: str) -> None:
    narrate("Scanning…")
    client.analyze(["anomalies"], wait=True)
    flags = client.anomalies()
    _list(flags, form, scanned=bool(flags) or _observed(client, {"cost.daily", "spot.price"}))


def _observed(client: SyncClient, kinds: Collection[str] = ()) -> bool:
    """Whether a poll of any of these kinds, or of any at all, ever ended well, or an import did."""
    return any(row["last_good"] and (not kinds or row["kind"] in kinds) for row in client.coverage()["rows"])


_FLAG = ("severity", "at", "account", "series", "value", "expected_low", "expected_high", "score", "label")


def _list(flags: list[Json], form: str, *, scanned: bool = True, then: bool = False) -> None:
    if form == "json":
        say_json(flags)
    else:
        rows = [[flag.get(name) for name in _FLAG] for flag in flags]
        headings = [name.upper().replace("_", " ") for name in _FLAG]
        csv_rows(_FLAG, rows) if form == "csv" else table(headings, rows, right=range(4, 8))
    if not scanned:
        now = "Nothing was scanned: neither costs nor spot prices are known yet."
        narrate("Nothing had been scanned by then." if then else now)
        return
    run = f", scanned with data as of {moment(flags[0].get('as_of'))} UTC" if flags else ""
    narrate(f"{counted(len(flags), 'anomaly', 'anomalies')}{run}")


@click.command()
@click.option("--fresh", is_flag=True, help="Judge again, from what is known now.")
@past
@output("table", "json", "csv")
@connection
def advise(fresh: bool, form: str, look: dict[str, str]) -> None:
    """What could be better: evidence, monthly saving and, where there is one, the action."""
    if fresh and look:
        raise Failure("--fresh judges what is known now; leave it out to see what was advised --at an instant.", SET_UP)
    with session() as client:
        advice = client.advice(**look)
        if not look and (fresh or not advice):
            narrate("Judging…")
            client.analyze(["advice"], wait=True)
            advice = client.advice()
        currency = _currency(client, advice)
        observed = bool(advice) or (client.runs(**look)["advice"] is not None if look else _observed(client))
    if form == "json":
        say_json(advice)
    elif form == "csv":
        names = ("id", "kind", "ref", "title", "monthly_saving", "currency", "price_source", "confidence")
        csv_rows(names, [[found.get(name) for name in names] for found in advice])
    else:
        for found in advice:
            _tell(found)
    priced = [found["monthly_saving"] for found in advice if found.get("monthly_saving") is not None]
    unpriced = f"; {len(advice) - len(priced)} unpriced" if priced and len(priced) < len(advice) else ""
    worth = f"{money(sum(priced), currency)} a month" if priced or not advice else "none of it priced"
    if not observed:
        narrate("Nothing had been judged by then." if look else "Nothing was judged: nothing has been observed yet.")
    else:
        narrate(f"{counted(len(advice), 'piece of advice', 'pieces of advice')}, {worth}{unpriced}")


def _currency(client: SyncClient, advice: list[Json]) -> str:
    """What savings are in: advice says so itself, the sum of none has the currency of the store."""
    return str(advice[0]["currency"]) if advice else currency_of(str(client.status().get("partition") or ""))


def _tell(found: Json) -> None:
    """One piece of advice as a paragraph: everything that comes from AWS is one harmless line."""
    saving = money(found.get("monthly_saving"), found["currency"])
    say(f"{clean(found['title'])}  [{saving}{' a month' if saving != 'unpriced' else ''}]")
    say(f"  {clean(found['ref'])}")
    say(f"  {clean(found['why'])}")
    for fact in found.get("evidence", []):
        say(f"    {clean(fact['label'])}: {words(fact['value'])} ({clean(fact['source'])}, {moment(fact['as_of'])})")
    if found.get("action"):
        say(f"  {plan_command(found)}")
    say()
