"""Least absolute deviations by iteratively reweighted least squares: the median of what followed the features."""

from __future__ import annotations

import numpy as np

from analytics.spot.grid import Floats

ROUNDS = 10
SMALLEST = 2e-4
"""Residuals below this (log price, about one tick) weigh alike."""
RIDGE = 1e-4


def fit(features: Floats, target: Floats, start: Floats | None = None) -> Floats:
    """Coefficients minimising Σ|target − features·β|, slightly shrunk to zero. `features` should have unit scale.

    `start` is a former solution to begin from; without it the first round is plain ridge.
    """
    beta = np.zeros(features.shape[1]) if start is None else start
    weight = np.ones(len(target)) if start is None else _weight(target - features @ beta)
    for _ in range(ROUNDS if start is None else ROUNDS // 2):
        weighted = features * weight[:, None]
        normal = weighted.T @ features
        normal.flat[:: len(normal) + 1] += RIDGE * np.trace(normal) / len(normal) + 1e-12
        beta = np.asarray(np.linalg.solve(normal, weighted.T @ target), dtype=np.float64)
        weight = _weight(target - features @ beta)
    return beta


def _weight(residual: Floats) -> Floats:
    return np.asarray(1.0 / np.maximum(np.abs(residual), SMALLEST))
