"""Spot price forecasts of many markets at once: momentum where it has earned trust, naive elsewhere, said so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics.spot.clean import MARKET_COLUMNS, Clean, clean
from analytics.spot.events import MAX_DAYS, read
from analytics.spot.features import FLAT_AFTER, Past, hour_of_week
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.learning import Model, Prior, Ways, learn, nothing
from analytics.spot.levels import KNOTS, LEVELS
from analytics.spot.peers import peers
from analytics.spot.record import HORIZONS, Record, records
from analytics.spot.sample import Sample, World, blocks

YOUNG = 2 * FLAT_AFTER
"""Markets known for less than so many hours are said to be."""

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


@dataclass(frozen=True, slots=True)
class Taught:
    """What was learned at a cutoff, of which markets in which order, and their `last` prices (USD/h): all that it takes
    to forecast any of them."""

    markets: pl.DataFrame
    last: Floats
    cutoff: datetime
    world: World
    model: Model
    record: Record


def forecast(
    prices: pl.DataFrame,
    cutoff: datetime,
    *,
    prior: Prior | None = None,
    max_days: int = MAX_DAYS,
    ways: Ways | None = None,
) -> Forecasts:
    """Forecast every market of `prices` (columns as in analytics.spot.clean) from `cutoff` (UTC, naive).

    Uses no row later than the cutoff. Markets share what they teach each other but not their record: the skill beside
    each forecast is that market's own. `prior` is what was learned elsewhere (analytics.spot.prior); None is none.
    """
    cleaned = clean(prices, cutoff)
    taught = teach(cleaned, cutoff, prior=prior, max_days=max_days, ways=ways)
    frames = [] if taught is None else [told(taught, rows) for rows in blocks(cleaned.markets.height)]
    return Forecasts(whole(prices, cutoff, cleaned, frames), cleaned.excluded)


def teach(
    cleaned: Clean,
    cutoff: datetime,
    *,
    prior: Prior | None = None,
    max_days: int = MAX_DAYS,
    ways: Ways | None = None,
) -> Taught | None:
    """What the prices up to `cutoff` and the prior teach; None where no market can be forecast."""
    if not cleaned.markets.height:
        return None
    events = read(cleaned.events, cleaned.markets, cutoff, max_days)
    world = World(events, peers(cleaned.markets), hour_of_week(cutoff))
    model = learn(world, prior or nothing(), ways)
    last = cleaned.events.group_by("market").last().sort("market").get_column("price").to_numpy()
    return Taught(cleaned.markets, last, cutoff, world, model, records(model, events.markets))


def whole(prices: pl.DataFrame, cutoff: datetime, cleaned: Clean, frames: list[pl.DataFrame]) -> pl.DataFrame:
    """`frames` of forecasts and the excluded markets, in FORECAST_SCHEMA."""
    frames = [pl.DataFrame(schema=FORECAST_SCHEMA), *frames]
    if cleaned.excluded.height:
        names = prices.group_by("market").agg(pl.col(*MARKET_COLUMNS[1:]).min())
        without = cleaned.excluded.join(names, on="market").rename({"reason": "excluded"})
        frames.append(without.with_columns(as_of=pl.lit(cutoff).cast(pl.Datetime("us"))))
    frame = pl.concat(frames, how="diagonal_relaxed").select(*FORECAST_SCHEMA).cast(dict(FORECAST_SCHEMA.items()))
    return frame.sort("market")


def told(taught: Taught, rows: Ints) -> pl.DataFrame:
    """The forecasts of these markets (numbers in the order of `taught.markets`) from the cutoff."""
    return row_of(taught, rows, taught.world.rows(0.0, rows), taught.last[rows])


def row_of(taught: Taught, rows: Ints, sample: Sample, last: Floats) -> pl.DataFrame:
    """The forecasts of the markets numbered `rows`, whose present is `sample` and whose price is `last`."""
    model = taught.model
    point, quantiles, used = model.settled.deliver(rows, sample.past, model.fits.guess(sample.past))
    names = taught.markets[rows]
    skills = {
        f"{name}_skill_{horizon}": pl.Series(values[rows]).fill_nan(None)
        for (name, horizon), values in taught.record.skill.items()
    }
    return names.select(MARKET_COLUMNS).with_columns(
        model=pl.Series(np.where(used.any(axis=1), "momentum", "naive")),
        as_of=pl.lit(taught.cutoff).cast(pl.Datetime("us")),
        last_price=pl.Series(last),
        knots=pl.Series([list(KNOTS)] * len(rows), dtype=pl.List(pl.Int64)),
        levels=pl.Series([list(LEVELS)] * len(rows), dtype=pl.List(pl.Float64)),
        mean=_lists(last[:, None] * np.exp(point.astype(np.float64))),
        naive=_lists(np.repeat(last[:, None], len(KNOTS), axis=1)),
        quantiles=_lists((last[:, None, None] * np.exp(quantiles)).reshape(len(rows), -1)),
        **skills,
        coverage80=pl.Series(taught.record.inside_80[rows]).fill_nan(None),
        coverage95=pl.Series(taught.record.inside_95[rows]).fill_nan(None),
        naive_better=pl.Series(~used.any(axis=1)),
        origins=pl.Series(taught.record.moments[rows]),
        hours_known=pl.Series(np.floor(sample.past.known).astype(np.int64)),
        note=_notes(names, used, skills, sample.past, model.fits.taught),
    )


def _lists(values: npt.NDArray[np.floating[Any]]) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values, dtype=np.float64)).cast(pl.List(pl.Float64))


def _notes(markets: pl.DataFrame, used: Bools, skills: dict[str, pl.Series], past: Past, taught: bool) -> pl.Series:
    """Why a market's forecast is what it is, in words; empty for momentum without reservations."""
    cases = pl.DataFrame(
        {
            "flat": past.flat,
            "young": past.known < YOUNG,
            "used": used.any(axis=1),
            "taught": np.full(len(past.known), taught),
            "late": used.any(axis=1) & ~used[:, -1],
            "soon": used.any(axis=1) & ~used[:, KNOTS.index(HORIZONS[0])],
            "behind": (skills["mae_skill_24"] < 0) & (skills["mae_skill_168"] < 0),
            "days": (past.known / 24).round(1),
            "dropped": markets.get_column("note"),
        }
    )
    why = (
        pl.when("flat")
        .then(pl.lit("naive: the price has not moved for four weeks, nor for as long as it is known"))
        .when(~pl.col("used") & ~pl.col("taught"))
        .then(pl.lit("naive: all markets together have too little history to learn from"))
        .when(~pl.col("used"))
        .then(pl.lit("naive: momentum has not been better on this market or in its regime"))
        .when("late")
        .then(pl.lit("momentum to 24 h, then naive, which has been better there"))
        .when("soon")
        .then(pl.lit("naive to 24 h, where it has been better, then momentum"))
        .when("behind")
        .then(pl.lit("momentum on the record of its regime; on this market alone naive has been ahead so far"))
    )
    young = pl.when("young").then(pl.format("only {} days of prices are known", "days"))
    dropped = pl.when(pl.col("dropped") != "").then(pl.col("dropped"))
    return cases.select(
        pl.concat_str([why, young, dropped], separator="; ", ignore_nulls=True).alias("note")
    ).to_series()
