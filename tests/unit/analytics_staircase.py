"""Synthetic spot prices: staircases of change events whose momentum, pace, step size and noise are given."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 1, 1)
SCHEMA = {
    "market": pl.String,
    "region": pl.String,
    "zone": pl.String,
    "instance_type": pl.String,
    "product": pl.String,
    "at": pl.Datetime("us"),
    "price": pl.Float64,
}


def staircase(
    markets: int = 24,
    days: float = 30,
    *,
    seed: int = 0,
    momentum: float = 0.75,
    hours_between: float = 6.0,
    step: float = 0.004,
    flat_share: float = 0.2,
    re_emitted: bool = True,
    base: float = 0.1,
) -> pl.DataFrame:
    """Events of `markets` markets over `days`. `momentum` is the chance that a step goes the way of the one before:
    above one half prices trend, below they revert."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(markets):
        kind, zone = f"m{number // 3}.large", f"xx-test-1{'abc'[number % 3]}"
        name = (f"xx-test-1/{zone}/{kind}", "xx-test-1", zone, kind, "Linux/UNIX")
        flat = random.random() < flat_share
        price, way, hour = base * float(np.exp(random.normal())), 1.0, float(random.uniform(0, 3))
        last_told = hour
        rows.append((*name, START, price))
        while (hour := hour + float(random.exponential(hours_between))) < days * 24:
            if not flat:
                way = way if random.random() < momentum else -way
                price = max(price * float(np.exp(way * random.exponential(step))), 1e-4)
                rows.append((*name, START + timedelta(hours=hour), price))
            elif re_emitted and hour - last_told > 24:
                last_told = hour
                rows.append((*name, START + timedelta(hours=hour), price))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def end(days: float = 30) -> datetime:
    """The instant at which `staircase(days=days)` ends."""
    return START + timedelta(days=days)
