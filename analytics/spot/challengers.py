"""Classic models of StatsForecast as challengers of our own, with their own intervals.

They are fitted on four weeks of hourly log prices (so that no forecast is negative), one series at a time, and are
far too slow and no better for the console; the backtest shows them beside the momentum model. Many markets take many
machines: see analytics.spot.engines.
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


def challenge(name: str, grid: Grid, horizon: int, engine: Any = None) -> tuple[Floats, Floats]:
    """Point (markets × hours) and quantiles (markets × hours × levels) in USD/h, for hours 1…horizon after the grid.

    Quantiles are clipped as ours are: the library's may be infinite. `engine` is what analytics.spot.engines opened;
    the forecasts are the same on each, but for the single precision in which a cluster returns them.
    """
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
    found = _fitted(model, frame, horizon, widths, engine).sort("unique_id", "ds")
    label = str(model)
    columns = [f"{label}-lo-{width}" for width in widths] + [label] + [f"{label}-hi-{width}" for width in widths[::-1]]
    values = found.select(columns).to_numpy().astype(np.float64).reshape(markets, horizon, len(columns))
    now = recent[:, -1][:, None]
    point = np.nan_to_num(values[:, :, MEDIAN] - now, nan=0.0)
    last = np.exp(now)
    return last * np.exp(np.clip(point, -1.5, 1.5)), last[..., None] * np.exp(sane(values - now[..., None]))


def _fitted(model: Any, frame: pl.DataFrame, horizon: int, widths: list[int], engine: Any) -> pl.DataFrame:
    from statsforecast import StatsForecast

    # A flat series has no variance; the library divides by it and says so for every one.
    with np.errstate(all="ignore"):
        library = StatsForecast(models=[model], freq=1, n_jobs=1)
        if engine is None:
            return pl.DataFrame(library.forecast(df=frame, h=horizon, level=widths))
        import fugue.api as fugue

        # Where Fugue has an engine, StatsForecast hands its frames to it, and any frame will do.
        with fugue.engine_context(engine):
            found = fugue.as_pandas(library.forecast(df=frame.to_pandas(), h=horizon, level=widths))
    return pl.from_pandas(found)
