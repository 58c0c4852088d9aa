"""Intervals from what forecasts missed before: conformal quantiles per horizon and volatility bin.

The residuals handed in are those of forecasts made without sight of what followed (analytics.spot.rolling sees to
that), so the quantiles promise what was kept before, not what the fit would like to keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.levels import KNOTS, LEVELS

MAX_BINS = 10
ROWS_PER_BIN = 250
MIN_ROWS = 60
WIDEST = 1.5
"""No quantile leaves exp(±1.5) times the last price: 0.22 … 4.5 times it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Quantiles of residual ÷ scale by (volatility bin × knot × level); `edges` part the bins."""

    edges: Floats
    quantiles: Floats

    def at(self, scale: Floats, stretch: Floats) -> Floats:
        """Residual quantiles for markets of these scales, stretched (… × knots): … × knots × levels."""
        return self.quantiles[np.searchsorted(self.edges, scale)] * (scale[..., None] * stretch)[..., None]


def prior() -> Table:
    """What to assume where nothing has been observed: wide double-exponential tails that grow with the horizon.

    A day's typical miss is taken as the market's own daily movement (the scale), growing as horizon^0.85, which is
    wider than what was measured on public prices of 2021.
    """
    levels = np.asarray(LEVELS)
    tail = np.where(levels < 0.5, np.log(2 * levels), -np.log(2 * (1 - levels)))
    growth = (np.asarray(KNOTS) / 24.0) ** 0.85
    return Table(np.empty(0), (growth[:, None] * tail[None, :])[None])


def calibrate(residuals: Floats, scale: Floats, usable: Bools) -> Table:
    """A table from `residuals` (rows × knots, NaN where unknown) of rows with `scale`; knots with too few rows take
    the prior's shape."""
    spread = scale[usable]
    bins = int(np.clip(len(spread) // ROWS_PER_BIN, 1, MAX_BINS))
    edges = np.quantile(spread, np.linspace(0, 1, bins + 1)[1:-1]) if len(spread) else np.empty(0)
    bins = len(edges) + 1
    quantiles = np.repeat(prior().quantiles, bins, axis=0)
    place = np.searchsorted(edges, spread)
    for knot in range(len(KNOTS)):
        ratio = residuals[usable, knot] / spread
        known = np.isfinite(ratio)
        if known.sum() >= MIN_ROWS:
            pooled = by_bin(ratio[known], np.zeros(int(known.sum()), dtype=np.int64), 1)[0]
            found = by_bin(ratio[known], place[known], bins)
            quantiles[:, knot] = np.where(np.isfinite(found), found, pooled)
    return Table(edges, quantiles)


def by_bin(values: Floats, place: Ints, bins: int) -> Floats:
    """Conformal quantiles (bins × levels) of `values` by bin: rank (n + 1)·level, NaN in bins with too few values."""
    order = np.lexsort((values, place))
    ordered, sizes = values[order], np.bincount(place, minlength=bins)
    begin = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    rank = np.clip((sizes[:, None] + 1) * np.asarray(LEVELS)[None, :] - 1, 0, np.maximum(sizes[:, None] - 1, 0))
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(sizes[:, None] - 1, 0))
    last = max(len(ordered) - 1, 0)
    below, above = (ordered[np.minimum(begin[:, None] + index, last)] for index in (low, high))
    out = below + (rank - low) * (above - below)
    return np.where(sizes[:, None] >= MIN_ROWS, out, np.nan)


def sane(quantiles: Floats) -> Floats:
    """Finite, bounded and ascending along the last axis, whatever came in."""
    return np.sort(np.clip(np.nan_to_num(quantiles, nan=0.0, posinf=WIDEST, neginf=-WIDEST), -WIDEST, WIDEST), axis=-1)
