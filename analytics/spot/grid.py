"""The hourly grid: change events become one log price per market and hour, last observation carried forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
        return int(self.log_price.shape[1])


def hourly(events: pl.DataFrame, markets: pl.DataFrame, cutoff: datetime, max_days: int = MAX_DAYS) -> Grid:
    """`events` (market, at, price; ordered) of `markets` (ordered) as a grid whose last column is the cutoff.

    Hours are counted back from the cutoff; a price counts from the first of them at or after its time, so no cell knows
    anything later than its hour.
    """
    ago = ((pl.lit(cutoff) - pl.col("at")).dt.total_microseconds() // 3_600_000_000).alias("ago")
    dated = events.filter(pl.col("at") <= cutoff).select("market", ago, pl.col("price").log())
    oldest = dated.get_column("ago").max()
    hours = min(oldest if isinstance(oldest, int) else 0, max_days * 24) + 1
    cells = (
        dated.with_columns(column=(hours - 1 - pl.col("ago")).clip(0))
        .group_by("market", "column", maintain_order=True)
        .agg(pl.col("price").last())
        .join(markets.select("market").with_row_index("row"), on="market")
    )
    grid = np.full((markets.height, hours), np.nan)
    grid[cells["row"].to_numpy(), cells["column"].to_numpy()] = cells["price"].to_numpy()
    return Grid(*_carry_forward(grid), cutoff)


def _carry_forward(grid: Floats) -> tuple[Floats, Ints]:
    known = np.isfinite(grid)
    first = np.where(known.any(axis=1), known.argmax(axis=1), grid.shape[1] - 1).astype(np.int64)
    last = np.maximum.accumulate(np.where(known, np.arange(grid.shape[1]), 0), axis=1)
    last = np.maximum(last, first[:, None])
    return np.take_along_axis(grid, last, axis=1), first
