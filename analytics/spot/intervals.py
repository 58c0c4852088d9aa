"""Intervals from what forecasts missed before: conformal quantiles per horizon and per bin of expected movement.

The misses handed in are those of forecasts made without sight of what followed (analytics.spot.learning sees to that),
so the quantiles promise what was kept before, not what the fit would like to keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.spot.features import Singles
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.levels import KNOTS, LEVELS

MAX_BINS = 8
ROWS_PER_BIN = 250
MIN_ROWS = 60
WIDEST = 1.5
"""No quantile leaves exp(±1.5) times the last price: 0.22 … 4.5 times it."""
_DAY = KNOTS.index(24)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far above and below its point each forecast is expected to miss: rows × knots, log price."""

    below: Singles
    above: Singles

    @property
    def size(self) -> Singles:
        """One number for each row: what is expected within a day."""
        return np.asarray(np.log(self.below[:, _DAY] + self.above[:, _DAY]))

    def parts(self, rows: Bools | Ints) -> Spread:
        return Spread(self.below[rows], self.above[rows])


@dataclass(frozen=True, slots=True)
class Table:
    """Quantiles of miss ÷ spread by (bin of expected movement × knot × level); `edges` part the bins."""

    edges: Floats
    quantiles: Floats

    def at(self, spread: Spread) -> Floats:
        """Quantiles of the miss: rows × knots × levels."""
        ratio = self.quantiles[np.searchsorted(self.edges, spread.size)]
        unit = np.where(ratio < 0, spread.below[..., None], spread.above[..., None])
        return np.asarray(ratio * unit, dtype=np.float64)


def wide() -> Table:
    """What to assume where nothing has been observed: double-exponential tails, twice as wide as usually needed."""
    levels = np.asarray(LEVELS)
    tail = np.where(levels < 0.5, np.log(2 * levels), -np.log(2 * (1 - levels)))
    return Table(np.empty(0), np.repeat(tail[None, None, :], len(KNOTS), axis=1))


def plain(scale: Floats) -> Spread:
    """The spread where no network tells it: a market's own daily movement, growing with the horizon."""
    growth = (np.asarray(KNOTS) / 24.0) ** 0.85
    both = (scale[:, None] * growth).astype(np.float32)
    return Spread(both, both)


def calibrate(misses: Singles, spread: Spread, otherwise: Table) -> Table:
    """A table from `misses` (rows × knots, NaN where unknown); a knot with too few rows is as `otherwise` has it."""
    size = spread.size
    bins = int(np.clip(len(size) // ROWS_PER_BIN, 1, MAX_BINS))
    edges = np.quantile(size, np.linspace(0, 1, bins + 1)[1:-1]) if len(size) else np.empty(0)
    place = np.searchsorted(edges, size)
    middles = np.array([np.median(size[place == b]) if (place == b).any() else 0.0 for b in range(bins)])
    quantiles = otherwise.quantiles[np.searchsorted(otherwise.edges, middles)].copy()
    ratios = misses / np.where(misses < 0, spread.below, spread.above)
    for knot in range(len(KNOTS)):
        known = np.isfinite(ratios[:, knot])
        if known.sum() >= MIN_ROWS:
            values = ratios[known, knot].astype(np.float64)
            pooled = by_bin(values, np.zeros(len(values), dtype=np.int64), 1)[0]
            found = by_bin(values, place[known], bins)
            quantiles[:, knot] = np.where(np.isfinite(found), found, pooled)
    return Table(np.asarray(edges, dtype=np.float64), quantiles)


def mixed(own: Table, other: Table, share: Floats) -> Table:
    """`own` with a weight of `share` (per knot) and `other` with the rest."""
    bins = len(own.edges) + 1
    middles = np.concatenate([own.edges[:1] - 0.5, (own.edges[1:] + own.edges[:-1]) / 2, own.edges[-1:] + 0.5])
    rest = other.quantiles[np.searchsorted(other.edges, middles)] if bins > 1 else other.quantiles.mean(axis=0)[None]
    weight = share[None, :, None]
    return Table(own.edges, weight * own.quantiles + (1 - weight) * rest)


def by_bin(values: Floats, place: Ints, bins: int) -> Floats:
    """Conformal quantiles (bins × levels) of `values` by bin: rank (n + 1)·level, NaN in bins with too few values."""
    if not len(values):
        return np.full((bins, len(LEVELS)), np.nan)
    order = np.lexsort((values, place))
    ordered, sizes = values[order], np.bincount(place, minlength=bins)
    begin = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    rank = np.clip((sizes[:, None] + 1) * np.asarray(LEVELS)[None, :] - 1, 0, np.maximum(sizes[:, None] - 1, 0))
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(sizes[:, None] - 1, 0))
    last = len(ordered) - 1
    below, above = (ordered[np.minimum(begin[:, None] + index, last)] for index in (low, high))
    out = below + (rank - low) * (above - below)
    return np.where(sizes[:, None] >= MIN_ROWS, out, np.nan)


def sane(quantiles: Floats) -> Floats:
    """Finite, bounded and ascending along the last axis, whatever came in."""
    return np.sort(np.clip(np.nan_to_num(quantiles, nan=0.0, posinf=WIDEST, neginf=-WIDEST), -WIDEST, WIDEST), axis=-1)
