"""How good hourly forecasts were: error, CRPS and coverage beside naive's, as printed by the backtest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.spot.grid import Bools, Floats
from analytics.spot.levels import INSIDE_80, INSIDE_95, LEVELS

NOTHING = 1e-7
"""Where naive has missed by no more than this share of the price, there is no skill to speak of."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Per market, averaged over hours 1…H: errors as shares of the 28-day mean price, and shares inside intervals."""

    mae: Floats
    crps: Floats
    naive: Floats
    inside_80: Floats
    inside_95: Floats


def losses(point: Floats, quantiles: Floats, actual: Floats, last: Floats, scale: Floats, horizon: int) -> Losses:
    """Score `point` (markets × hours) and `quantiles` (… × levels) on `actual`, from `last` price; `scale` in USD/h."""
    y, q, unit = actual[:, :horizon], quantiles[:, :horizon], scale[:, None]
    levels = np.asarray(LEVELS)[1:-1]
    gap = y[..., None] - q[..., 1:-1]
    tiny = 1e-6 * unit
    inside = [
        ((y >= q[..., low] - tiny) & (y <= q[..., high] + tiny)).mean(axis=1) for low, high in (INSIDE_80, INSIDE_95)
    ]
    return Losses(
        (np.abs(point[:, :horizon] - y) / unit).mean(axis=1),
        (2 * np.maximum(levels * gap, (levels - 1) * gap).mean(axis=2) / unit).mean(axis=1),
        (np.abs(last[:, None] - y) / unit).mean(axis=1),
        inside[0],
        inside[1],
    )


def summary(parts: list[Losses], chosen: list[Bools]) -> tuple[int, float, float, float, float]:
    """Pairs, MAE skill, CRPS skill, coverage of the 80 % and the 95 % interval over the chosen markets of all parts.

    Skill is NaN where naive made no error."""
    picked = [
        np.stack([part.mae, part.crps, part.naive, part.inside_80, part.inside_95])[:, keep]
        for part, keep in zip(parts, chosen, strict=True)
    ]
    table = np.concatenate(picked, axis=1)
    if not table.shape[1]:
        return 0, 0.0, 0.0, 0.0, 0.0
    mae, crps, naive, low, high = (float(value) for value in table.mean(axis=1))
    if naive < NOTHING:
        return table.shape[1], np.nan, np.nan, low, high
    return table.shape[1], 1 - mae / naive, 1 - crps / naive, low, high
