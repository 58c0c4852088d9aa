"""The hourly grid: change events become one log price per market and hour, last observation carried forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_DAYS = 70
"""Longer memory costs time and adds regimes that have passed."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`log_price` is (markets × hours), the last column being the cutoff. Before `first` (hour index of the first
    observation, per market) the first price is repeated, so that returns there are zero."""

    log_price: Floats
    first: Ints
    end: datetime

    @property
    def hours(self) -> int:
        return self.log_price.shape[1]


def whole_hour(moment: datetime) -> datetime:
    """The hour that `moment` lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def hourly(events: pl.DataFrame, markets: pl.DataFrame, cutoff: datetime, max_days: int = MAX_DAYS) -> Grid:
    """`events` (market, at, price; ordered) of `markets` (ordered) as a grid that ends at the cutoff's whole hour.

    A price counts from the first whole hour at or after its time, so no cell knows anything later than its hour.
    """
    end = whole_hour(cutoff)
    start = end - timedelta(days=max_days)
    if events.height:
        oldest = whole_hour(events.get_column("at").min() + timedelta(hours=1))  # type: ignore[operator,arg-type]
        start = min(max(start, oldest), end)
    hours = int((end - start).total_seconds() // 3600) + 1
    cells = (
        events.filter(pl.col("at") <= end)
        .with_columns(hour=(((pl.col("at") - start).dt.total_microseconds() / 3.6e9).ceil().cast(pl.Int64)).clip(0))
        .group_by("market", "hour", maintain_order=True)
        .agg(pl.col("price").last().log())
        .join(markets.select("market").with_row_index("row"), on="market")
    )
    grid = np.full((markets.height, hours), np.nan)
    grid[cells["row"].to_numpy(), cells["hour"].to_numpy()] = cells["price"].to_numpy()
    return Grid(*_carry_forward(grid), end)


def _carry_forward(grid: Floats) -> tuple[Floats, Ints]:
    known = np.isfinite(grid)
    first = np.where(known.any(axis=1), known.argmax(axis=1), grid.shape[1] - 1).astype(np.int64)
    last = np.maximum.accumulate(np.where(known, np.arange(grid.shape[1]), 0), axis=1)
    last = np.maximum(last, first[:, None])
    return np.take_along_axis(grid, last, axis=1), first
