"""Change events of many markets as flat arrays: what the price was at any moment, without a grid of hours.

A market that changes three times a day has a few hundred events where an hourly grid has thousands of cells, so this
is what lets tens of thousands of markets fit into little memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics.spot.grid import Bools, Floats, Ints

MAX_DAYS = 70
"""Longer memory costs time and adds regimes that have passed."""
DAILY_LIMIT = (float(np.log(0.9)), float(np.log(1.1)))
"""Since 2018 a price stays within a tenth of every price that it was given in the 24 hours before (measured: none of
110,000 changes broke it). A price that moves at this limit is on its way to somewhere farther."""
_APART = 1e6
_PER_DAY = 6


@dataclass(frozen=True, slots=True)
class Events:
    """Events ordered by market, then time. `time` is in hours after the cutoff (so ≤ 0), `level` log price, `step` its
    change (0 at a market's first event), `moved` Σ|step| and `area` ∫level·dt so far, `limit` +1 or −1 where the
    step went as far as the daily limit lets it. `start` and `first` (per market): its first event and that one's time.
    """

    market: Ints
    time: Floats
    level: Floats
    step: Floats
    moved: Floats
    area: Floats
    limit: npt.NDArray[np.int8]
    start: Ints
    first: Floats
    key: Floats

    @property
    def markets(self) -> int:
        return len(self.start)

    def at(self, market: Ints, time: Floats) -> Ints:
        """The event in force in each `market` at `time`; before the first one, the first."""
        found = np.searchsorted(self.key, market * _APART + time, side="right") - 1
        return np.maximum(found, self.start[market])


def read(events: pl.DataFrame, markets: pl.DataFrame, cutoff: datetime, max_days: int = MAX_DAYS) -> Events:
    """`events` (market, at, price; ordered) of `markets` (ordered), the last `max_days` before `cutoff`.

    Repeated prices are left out. A market's price at the start of that time counts as given then.
    """
    start = cutoff - timedelta(days=max_days)
    dated = events.filter(pl.col("at") <= cutoff).with_columns(at=pl.col("at").clip(lower_bound=start))
    numbered = dated.join(
        markets.select("market").with_row_index("row"), on="market", how="inner", maintain_order="left"
    )
    # Several events of before the start now share its time: the last of them is in force there.
    kept = numbered.filter(
        ((pl.col("row") != pl.col("row").shift(-1)) | (pl.col("at") != pl.col("at").shift(-1))).fill_null(True)
    )
    changed = kept.filter(
        ((pl.col("row") != pl.col("row").shift(1)) | (pl.col("price") != pl.col("price").shift(1))).fill_null(True)
    )
    ago = (changed.get_column("at") - cutoff).dt.total_microseconds().to_numpy() / 3.6e9
    level = np.log(changed.get_column("price").to_numpy())
    return assemble(changed.get_column("row").to_numpy().astype(np.int64), ago, level, markets.height)


def assemble(market: Ints, time: Floats, level: Floats, markets: int) -> Events:
    """Events from ordered arrays; every one of the `markets` has at least one."""
    start = np.searchsorted(market, np.arange(markets)).astype(np.int64)
    opening = np.zeros(len(market), dtype=np.bool_)
    opening[start] = True
    step = np.where(opening, 0.0, np.diff(level, prepend=0.0))
    span = np.where(opening, 0.0, np.diff(time, prepend=0.0))
    area = np.cumsum(span * np.concatenate(([0.0], level[:-1])))
    limit = _limits(market, time, level, step, start)
    key = market * _APART + time
    return Events(market, time, level, step, np.cumsum(np.abs(step)), area, limit, start, time[start], key)


def _limits(market: Ints, time: Floats, level: Floats, step: Floats, start: Ints) -> npt.NDArray[np.int8]:
    lowest, highest = np.full(len(level), np.inf), np.full(len(level), -np.inf)
    number = np.arange(len(level))
    for back in range(1, _PER_DAY + 1):
        before = np.maximum(number - back, 0)
        within: Bools = (number - back >= start[market]) & (time - time[before] < 24)
        lowest = np.where(within, np.minimum(lowest, level[before]), lowest)
        highest = np.where(within, np.maximum(highest, level[before]), highest)
    # Prices have four decimals, so a price at the limit is up to a tick short of it.
    short = np.maximum(0.0015, 1.2e-4 / np.exp(level))
    up = (step > 0) & (level > lowest + DAILY_LIMIT[1] - short)
    down = (step < 0) & (level < highest + DAILY_LIMIT[0] + short)
    return up.astype(np.int8) - down.astype(np.int8)
