"""What a market costs over the coming hours, from its forecast as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COST_SCHEMA: dict[str, pl.DataType] = {
    "market": pl.String(),
    "price": pl.Float64(),
    "price_low": pl.Float64(),
    "price_high": pl.Float64(),
    "price_low95": pl.Float64(),
    "price_high95": pl.Float64(),
}
"""USD/h on average over the hours: expected, its 80 % and its 95 % interval."""
_ENDS = {"price_low": 0.1, "price_high": 0.9, "price_low95": 0.025, "price_high95": 0.975}


def hour_weights(knots: Sequence[int], hours: int) -> Floats:
    """How much the price now and the price at each knot count in the mean over the hours 1…`hours`.

    Prices lie on straight lines between knots and stay after the last, as wherever a forecast is drawn.
    """
    places = [0, *knots]
    ahead = np.arange(1, hours + 1)
    return np.stack([np.interp(ahead, places, unit).mean() for unit in np.eye(len(places))])


def expected_prices(forecasts: pl.DataFrame, hours: int) -> pl.DataFrame:
    """COST_SCHEMA of every market of `forecasts` that has one: market, last_price, knots, levels, mean, quantiles.

    An interval's end is the mean of that quantile over the hours, as if the price kept to it all the way: prices move
    slowly, so that it is hardly too wide, and it is never too narrow.
    """
    known = forecasts.filter(pl.col("mean").is_not_null() & pl.col("quantiles").is_not_null())
    parts = [pl.DataFrame(schema=COST_SCHEMA)]
    # Forecasts of one run share knots and levels; those of another model may not.
    for (knots, levels), group in known.group_by("knots", "levels", maintain_order=True):
        parts.append(_of_one_shape(group, list(knots), list(levels), hours))
    return pl.concat(parts)


def _of_one_shape(group: pl.DataFrame, knots: list[int], levels: list[float], hours: int) -> pl.DataFrame:
    weights = hour_weights(knots, hours)
    last = group.get_column("last_price").to_numpy()
    mean = np.asarray(group.get_column("mean").to_list(), dtype=np.float64)
    quantiles = np.asarray(group.get_column("quantiles").to_list(), dtype=np.float64)
    cube = quantiles.reshape(group.height, len(knots), len(levels))

    def average(values: Floats) -> Floats:
        return np.asarray(last * weights[0] + values @ weights[1:])

    ends = {name: average(cube[:, :, _nearest(levels, level)]) for name, level in _ENDS.items()}
    return pl.DataFrame({"market": group.get_column("market"), "price": average(mean), **ends})


def _nearest(levels: list[float], wanted: float) -> int:
    return int(np.argmin(np.abs(np.asarray(levels) - wanted)))
