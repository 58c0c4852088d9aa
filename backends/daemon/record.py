"""How the forecasts that were shown of a market turned out: every kept one against the prices that came.

This is no backtest: each forecast was made, stored and shown before the prices were known.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.model import Json
from backends.store import Reader

HORIZONS = (1, 6, 12, 24, 72, 168)
_COLUMNS = ("as_of", "knots", "levels", "mean", "naive", "quantiles", "excluded")
_INTERVALS = {"inside80": (0.1, 0.9), "inside95": (0.025, 0.975)}


def record(reader: Reader, series: str, market: str, at: datetime | None = None) -> list[Json]:
    """For each horizon that has passed for some kept forecast: how many, the mean absolute error of it and of naive,
    its skill (1 - error ÷ naive's, null where naive made none), and the share of prices inside the intervals."""
    if not reader.kept_runs("forecasts"):
        return []
    made = reader.over_runs("forecasts", ("market", market), _COLUMNS, at).to_pylist()
    points = json.loads(reader.series(series, market))["points"]
    times = [datetime.fromisoformat(time) for time, _ in points]
    prices = [price for _, price in points]
    # A price holds until it changes, but only until now: the newest forecast's instant is the last that is known of.
    until = max((_aware(row["as_of"]) for row in made), default=datetime.min.replace(tzinfo=UTC))
    passed: dict[int, list[Json]] = {}
    # A market whose price is not new keeps its forecast from run to run: that is one forecast.
    for row in {row["as_of"]: row for row in made}.values():
        if row["excluded"] or not row["mean"]:
            continue
        for hours in HORIZONS:
            moment = _aware(row["as_of"]) + timedelta(hours=hours)
            if hours in row["knots"] and times and times[0] <= moment <= until:
                passed.setdefault(hours, []).append(_outcome(row, hours, prices[bisect_right(times, moment) - 1]))
    return [_summary(hours, outcomes) for hours, outcomes in sorted(passed.items())]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _outcome(row: Json, hours: int, price: float) -> Json:
    place = row["knots"].index(hours)
    width = len(row["levels"])
    quantiles: Sequence[float] = row["quantiles"][place * width : (place + 1) * width]
    levels = [round(level, 4) for level in row["levels"]]
    inside = {
        name: quantiles[levels.index(low)] <= price <= quantiles[levels.index(high)]
        for name, (low, high) in _INTERVALS.items()
        if low in levels and high in levels
    }
    return {"error": abs(row["mean"][place] - price), "naive": abs(row["naive"][place] - price), **inside}


def _summary(hours: int, outcomes: list[Json]) -> Json:
    count = len(outcomes)
    error, naive = (sum(outcome[name] for outcome in outcomes) / count for name in ("error", "naive"))

    def share(name: str) -> Any:
        known = [outcome[name] for outcome in outcomes if name in outcome]
        return sum(known) / len(known) if known else None

    return {
        "hours": hours,
        "forecasts": count,
        "error": error,
        "naive": naive,
        "skill": 1 - error / naive if naive > 1e-9 else None,
        "inside80": share("inside80"),
        "inside95": share("inside95"),
    }
