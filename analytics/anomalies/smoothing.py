"""One step ahead, for many series at once: exponential smoothing at several speeds, the best so far being believed.

Errors are clipped before they teach, so that one wild point neither moves what is expected next nor hides the one
after; a shift that stays is learnt within some points, because clipped errors widen the clip. Time is walked once, all
series abreast; nothing at a point depends on a later one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SPEEDS = np.array([0.05, 0.2, 0.5, 1.0])
SEASON_SPEED = 0.25
ERROR_SPEED = 0.03
SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class OneStep:
    """Series × points: what was expected before each point was seen, and the usual absolute error then; NaN where
    nothing had been seen."""

    expected: Floats
    error: Floats


def one_step(values: Floats, phase: Ints | None = None, season: int = 0, clip: float = 8.0) -> OneStep:
    """Walk `values` (series × points, NaN where missing); `phase` says which point of the season each is;
    errors beyond `clip` usual ones are clipped to that before they teach."""
    series, points = values.shape
    expected, error = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    level = np.full((len(SPEEDS), series), np.nan)
    usual = np.zeros((len(SPEEDS), series))
    offset = np.zeros((max(season, 1), series))
    taught = np.zeros((max(season, 1), series))
    seen = np.zeros(series)
    rows = np.arange(series)
    for point in range(points):
        now = values[:, point]
        here = phase[:, point] if phase is not None and season else np.zeros(series, dtype=np.int64)
        seasonal = offset[here, rows] if season else np.zeros(series)
        best = usual.argmin(axis=0)
        expected[:, point] = level[best, rows] + seasonal
        error[:, point] = np.where(seen > 1, usual[best, rows], np.nan)
        known = np.isfinite(now)
        first = known & ~np.isfinite(level[0])
        miss = np.where(known & ~first, now - seasonal - level, 0.0)
        bound = np.where(seen > 5, clip * usual + SMALLEST, np.inf)
        clipped = np.clip(miss, -bound, bound)
        level = np.where(first, now, level + SPEEDS[:, None] * clipped)
        pace = np.maximum(ERROR_SPEED, 1.0 / np.maximum(seen, 1.0))
        usual = np.where(known & ~first, usual + pace * (np.abs(clipped) - usual), usual)
        if season:
            drift = np.clip(now - level[0] - offset[here, rows], -bound[0], bound[0])
            speed = np.maximum(SEASON_SPEED, 1.0 / (taught[here, rows] + 1))
            teach = known & ~first
            offset[here[teach], rows[teach]] += (speed * drift)[teach]
            taught[here[teach], rows[teach]] += 1
        seen += known
    return OneStep(expected, error)
