"""Classic models of StatsForecast as challengers of our own, with their own intervals.

They are fitted on four weeks of hourly log prices (so that no forecast is negative), one series at a time, and are
far too slow and no better for the console; the backtest shows them beside the momentum model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from analytics.spot.grid import Floats, Grid
from analytics.spot.intervals import sane
from analytics.spot.levels import LEVELS, MEDIAN

FIT_HOURS = 672


def _naive() -> Any:
    from statsforecast.models import Naive

    return Naive()


def _seasonal_naive() -> Any:
    from statsforecast.models import SeasonalNaive

    return SeasonalNaive(season_length=24)


def _holt() -> Any:
    from statsforecast.models import Holt

    return Holt()


def _ets() -> Any:
    from statsforecast.models import AutoETS

    return AutoETS(season_length=1)


CHALLENGERS: dict[str, Callable[[], Any]] = {
    "naive": _naive,
    "seasonal-naive": _seasonal_naive,
    "holt": _holt,
    "ets": _ets,
}


def challenge(name: str, grid: Grid, horizon: int) -> tuple[Floats, Floats]:
    """Point (markets × hours) and quantiles (markets × hours × levels) in USD/h, for hours 1…horizon after the grid.

    Quantiles are clipped as ours are: the library's may be infinite.
    """
    from statsforecast import StatsForecast

    recent = grid.log_price[:, -FIT_HOURS:]
    markets, hours = recent.shape
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(markets), hours),
            "ds": np.tile(np.arange(hours), markets),
            "y": recent.ravel(),
        }
    )
    model = CHALLENGERS[name]()
    widths = [round(100 * (1 - 2 * level)) for level in LEVELS[:MEDIAN]]
    # A flat series has no variance; the library divides by it and says so for every one.
    with np.errstate(all="ignore"):
        found = StatsForecast(models=[model], freq=1, n_jobs=1).forecast(df=frame, h=horizon, level=widths)
    found = found.sort("unique_id", "ds")
    label = str(model)
    columns = [f"{label}-lo-{width}" for width in widths] + [label] + [f"{label}-hi-{width}" for width in widths[::-1]]
    values = found.select(columns).to_numpy().astype(np.float64).reshape(markets, horizon, len(columns))
    now = recent[:, -1][:, None]
    point = np.nan_to_num(values[:, :, MEDIAN] - now, nan=0.0)
    last = np.exp(now)
    return last * np.exp(np.clip(point, -1.5, 1.5)), last[..., None] * np.exp(sane(values - now[..., None]))
