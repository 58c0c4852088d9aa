"""Spot price forecasts of many markets at once: momentum where it has earned trust, naive elsewhere, said so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from analytics.spot import lad, rolling
from analytics.spot.clean import MARKET_COLUMNS, clean
from analytics.spot.features import Panel
from analytics.spot.grid import MAX_DAYS, Bools, Floats, hourly
from analytics.spot.levels import KNOTS, LEVELS
from analytics.spot.rolling import Backtester, Fit, Rolling

FORECAST_SCHEMA: dict[str, pl.DataType] = {
    **{name: pl.String() for name in MARKET_COLUMNS},
    "model": pl.String(),
    "as_of": pl.Datetime("us"),
    "last_price": pl.Float64(),
    "knots": pl.List(pl.Int64),
    "levels": pl.List(pl.Float64),
    "mean": pl.List(pl.Float64),
    "naive": pl.List(pl.Float64),
    "quantiles": pl.List(pl.Float64),
    "mae_skill_24": pl.Float64(),
    "crps_skill_24": pl.Float64(),
    "mae_skill_168": pl.Float64(),
    "crps_skill_168": pl.Float64(),
    "coverage80": pl.Float64(),
    "coverage95": pl.Float64(),
    "naive_better": pl.Boolean(),
    "origins": pl.Int64(),
    "hours_known": pl.Int64(),
    "note": pl.String(),
    "excluded": pl.String(),
}
"""One row per market. `mean` is the point forecast (the median of what is expected) and `naive` the last price, at
`knots` hours ahead; `quantiles` are flattened, all levels of the first knot first. USD/h. Skill is 1 − loss ÷ naive's
loss of what was delivered at `origins` past origins (null where naive made no error or there were none); coverage is
the share of outcomes inside the 80 % and 95 % intervals there. An excluded market has its reason and nulls."""


@dataclass(frozen=True, slots=True)
class Forecasts:
    """`frame` has FORECAST_SCHEMA; `excluded` has market and reason."""

    frame: pl.DataFrame
    excluded: pl.DataFrame


def forecast(
    prices: pl.DataFrame, cutoff: datetime, *, seed: int = 0, max_days: int = MAX_DAYS, fit: Fit = lad.fit
) -> Forecasts:
    """Forecast every market of `prices` (columns as in analytics.spot.clean) from `cutoff` (UTC, naive).

    Uses no row later than the cutoff. Markets share what they teach each other but not their record: the skill beside
    each forecast is that market's own.
    """
    cleaned = clean(prices, cutoff)
    empty = pl.DataFrame(schema=FORECAST_SCHEMA)
    frames = [empty]
    if cleaned.markets.height:
        grid = hourly(cleaned.events, cleaned.markets, cutoff, max_days)
        result = Backtester(Panel(grid, cleaned.markets), seed, fit).run()
        last = cleaned.events.group_by("market").last().sort("market").get_column("price").to_numpy()
        frames.append(_frame(cleaned.markets, last, cutoff, result))
    if cleaned.excluded.height:
        names = prices.group_by("market").agg(pl.col(*MARKET_COLUMNS[1:]).min())
        without = cleaned.excluded.join(names, on="market").rename({"reason": "excluded"})
        frames.append(without.with_columns(as_of=pl.lit(cutoff).cast(pl.Datetime("us"))))
    frame = pl.concat(frames, how="diagonal_relaxed").select(*FORECAST_SCHEMA).cast(dict(FORECAST_SCHEMA.items()))
    return Forecasts(frame.sort("market"), cleaned.excluded)


def _frame(markets: pl.DataFrame, last: Floats, end: datetime, result: Rolling) -> pl.DataFrame:
    assert result.model is not None and result.past is not None
    flat, known = result.past.flat[-1], result.past.known[-1]
    enough = known >= rolling.MIN_KNOWN
    used = (result.point != 0).any(axis=1) & enough & ~flat
    size = len(last)
    skills = _skills(result)
    return markets.select(MARKET_COLUMNS).with_columns(
        model=pl.Series(np.where(used, "momentum", "naive")),
        as_of=pl.lit(end).cast(pl.Datetime("us")),
        last_price=pl.Series(last),
        knots=pl.Series([list(KNOTS)] * size, dtype=pl.List(pl.Int64)),
        levels=pl.Series([list(LEVELS)] * size, dtype=pl.List(pl.Float64)),
        mean=_lists(last[:, None] * np.exp(result.point)),
        naive=_lists(np.repeat(last[:, None], len(KNOTS), axis=1)),
        quantiles=_lists((last[:, None, None] * np.exp(result.quantiles)).reshape(size, -1)),
        **skills,
        naive_better=pl.Series(~used),
        hours_known=pl.Series(known),
        note=_notes(markets, used, skills, result),
    )


def _lists(values: Floats) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values)).cast(pl.List(pl.Float64))


def hour_weights(horizon: int) -> Floats:
    """How many of the hours 1…horizon each knot speaks for: the straight line between knots, summed."""
    hours = np.arange(1, horizon + 1)
    return np.stack([np.interp(hours, KNOTS, unit).sum() for unit in np.eye(len(KNOTS))])


def _skills(result: Rolling) -> dict[str, pl.Series]:
    out: dict[str, pl.Series] = {}
    origins = np.zeros(result.error.shape[1], dtype=np.int64)
    for horizon in (24, 168):
        weights = np.where(np.asarray(KNOTS) <= horizon, hour_weights(horizon), 0.0)
        scored = np.isfinite(result.error[:, :, KNOTS.index(horizon)])
        origins = scored.sum(axis=0)
        naive = _total(result.naive_error, scored, weights)
        for name, loss in (("mae", result.error), ("crps", result.crps)):
            with np.errstate(divide="ignore", invalid="ignore"):
                skill = 1 - _total(loss, scored, weights) / naive
            out[f"{name}_skill_{horizon}"] = pl.Series(np.where(naive > 1e-9, skill, np.nan)).fill_nan(None)
    for name, inside in (("coverage80", result.inside_80), ("coverage95", result.inside_95)):
        seen = np.isfinite(inside) * hour_weights(168)
        with np.errstate(invalid="ignore"):
            share = (np.nan_to_num(inside) * seen).sum(axis=(0, 2)) / seen.sum(axis=(0, 2))
        out[name] = pl.Series(share).fill_nan(None)
    return out | {"origins": pl.Series(origins)}


def _total(loss: Floats, scored: Bools, weights: Floats) -> Floats:
    return np.asarray(((np.nan_to_num(loss) * weights).sum(axis=2) * scored).sum(axis=0))


def _notes(markets: pl.DataFrame, used: Bools, skills: dict[str, pl.Series], result: Rolling) -> pl.Series:
    """Why a market's forecast is what it is, in words; empty for momentum without reservations."""
    assert result.model is not None and result.past is not None
    flat, known = result.past.flat[-1], result.past.known[-1]
    gate = result.model.market_gate
    cases = pl.DataFrame(
        {
            "short": known < rolling.MIN_KNOWN,
            "flat": flat,
            "young": known < rolling.SHORT_HISTORY,
            "used": used,
            "taught": np.full(len(known), bool(result.model.beta.any())),
            "late": used & ~gate[:, -1],
            "soon": used & ~gate[:, 0],
            "behind": (skills["mae_skill_24"] < 0) & (skills["mae_skill_168"] < 0),
            "days": (known / 24).round(1),
            "dropped": markets.get_column("note"),
        }
    )
    why = (
        pl.when("short")
        .then(pl.format("naive: only {} days of prices are known, so its interval is pooled and wide", "days"))
        .when("flat")
        .then(pl.lit("naive: the price has not moved for two weeks"))
        .when(~pl.col("used") & ~pl.col("taught"))
        .then(pl.lit("naive: all markets together have too little history to learn momentum from"))
        .when(~pl.col("used"))
        .then(pl.lit("naive: momentum has not been better on this market or in its regime"))
        .when("late")
        .then(pl.lit("momentum to 24 h, then naive, which has been better there"))
        .when("soon")
        .then(pl.lit("naive to 24 h, where it has been better, then momentum"))
        .when("behind")
        .then(pl.lit("momentum on the record of its regime; on this market alone naive has been ahead so far"))
    )
    young = pl.when(pl.col("young") & ~pl.col("short")).then(
        pl.format("only {} days of prices are known: the interval is widened", "days")
    )
    dropped = pl.when(pl.col("dropped") != "").then(pl.col("dropped"))
    return cases.select(
        pl.concat_str([why, young, dropped], separator="; ", ignore_nulls=True).alias("note")
    ).to_series()
