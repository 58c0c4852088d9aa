"""What is asked of AWS and what it costs, as `quarterdeck daemon status` tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from backends.client import Json
from backends.currency import HOME, prices_elsewhere
from console.cli_commands.output import table
from console.reports.text import clean

_FIGURES = ("calls", "retries", "errors", "throttled", "rows", "seconds", "USD")


def lines(costs: Json, partition: str = HOME) -> Iterator[str]:
    """The budget, what was spent of it account by account, and the prices that it is counted by, of which partition."""
    if not costs:
        return
    per_day = float(costs["per_day"])
    yield f"{'budget':<12}{per_day:.2f} USD for each account and day (per_day under [costs] in config.toml)"
    for spent in costs["spent"]:
        over = ", nothing more is asked today that it is kept for" if spent["today"] >= per_day else ""
        today = f"{clean(spent['account'])}: {usd(spent['today'])} USD today{over}"
        yield f"{'spent':<12}{today}, {usd(spent['month'])} this month"
    if not costs["spent"]:
        yield f"{'spent':<12}nothing this month"
    for price in costs["prices"]:
        name = clean(f"{price['service']}:{price['operation']}")
        each = (
            f"{price['usd'] * 1000:g} USD for 1,000 × {clean(price['per'])}"
            if price["usd"] < 0.001
            else (f"{price['usd']:g} USD a {clean(price['per'])}")
        )
        small = "" if price.get("paced", True) else ", counted only"
        yield f"{'price':<12}{name} {each}{small}, {clean(price['source'])} as of {clean(price['as_of'])}"
    if at := prices_elsewhere(partition):
        yield f"{'':<12}{at}"


def show(operations: Sequence[Json], *more: str) -> None:
    """A table of operations; `more` are the columns before the operation's own: "day", "account"."""
    if not operations:
        return
    rows = [[*(row[name] for name in more), *_row(row)] for row in operations]
    headings = [name.upper() for name in (*more, "operation", *_FIGURES)]
    table(headings, rows, right=range(len(more) + 1, len(headings)))


def _row(row: Json) -> list[Any]:
    counts = [row.get(name, 0) for name in ("calls", "retries", "errors", "throttled", "rows")]
    seconds, cost = f"{row.get('seconds', 0):.1f}", row.get("cost", 0)
    return [f"{row['service']}:{row['operation']}", *counts, seconds, usd(cost) if cost else ""]


def usd(amount: float) -> str:
    """Cents, or what there is of one."""
    if 0 < amount < 0.0001:
        return "<0.0001"
    return f"{amount:.2f}" if amount >= 0.01 or not amount else f"{amount:.4f}"
