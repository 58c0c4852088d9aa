"""From knots to hours, for whoever draws a forecast. Plain Python, so that the daemon pays for no library."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from analytics.spot.levels import KNOTS, LEVELS


def expand(last_price: float, values: Sequence[float], horizon: int = 168, knots: Sequence[int] = KNOTS) -> list[float]:
    """`values` at `knots` (hours ahead) as one value per hour 1…horizon.

    Straight lines between knots and from `last_price` at hour 0; flat after the last knot. ValueError when there is
    not one value per knot.
    """
    if len(values) != len(knots) or not knots:
        raise ValueError(f"{len(values)} values do not match {len(knots)} knots")
    hours = [0, *knots]
    prices = [last_price, *values]
    out = []
    for hour in range(1, horizon + 1):
        right = min(bisect_left(hours, hour), len(hours) - 1)
        span = hours[right] - hours[right - 1]
        share = min((hour - hours[right - 1]) / span, 1.0)
        out.append(prices[right - 1] + share * (prices[right] - prices[right - 1]))
    return out


def expand_quantiles(
    last_price: float, quantiles: Sequence[float], horizon: int = 168, levels: Sequence[float] = LEVELS
) -> dict[float, list[float]]:
    """The flattened knots × levels quantiles of one forecast row as level → one value per hour 1…horizon."""
    width = len(levels)
    if len(quantiles) != width * len(KNOTS):
        raise ValueError(f"{len(quantiles)} quantiles do not match {len(KNOTS)} knots × {width} levels")
    return {level: expand(last_price, quantiles[index::width], horizon) for index, level in enumerate(levels)}
