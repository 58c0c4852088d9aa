"""Backtest spot forecasts: `python -m analytics.spot.backtest --prices FILE.parquet --cutoffs T1,T2 --out OUT`.

The price file holds change events: timestamp (UTC), region, availability_zone, instance_type, product, price. At each
cutoff only rows up to it are used. OUT gets one row per market, cutoff and hour with `mean` and 21 quantile columns,
from the first of the models; further models are written beside it as OUT.<model>.parquet. Printed: seconds and peak
memory, each model's skill against naive with the coverage of its intervals, on all and on moving markets, and for the
first model both again by horizon day, cutoff and instance family. A market that the models exclude gets naive with an
interval. `--history 48h` hides all that is older, `--prior` chooses what was learned elsewhere. `--engine dask:ADDRESS`
has StatsForecast's models fitted on a cluster.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics.spot import lad, ridge
from analytics.spot.calibration import Scored, calibration_table, scored, skill_table
from analytics.spot.challengers import CHALLENGERS, challenge
from analytics.spot.clean import DEAREST, EARLIEST, Clean, clean
from analytics.spot.engines import EngineError, opened
from analytics.spot.forecast import forecast
from analytics.spot.grid import MAX_DAYS, Bools, Floats, hourly
from analytics.spot.intervals import plain, sane, wide
from analytics.spot.learning import Prior, Ways
from analytics.spot.levels import KNOTS, LEVELS, level_name
from analytics.spot.prior import PriorError, load, shipped

OURS = {"momentum": Ways(), "linear": Ways(fit=lad.fit, networks=0), "ridge": Ways(fit=ridge.fit, networks=0)}
MODELS = (*OURS, *CHALLENGERS)
COLUMNS = ("timestamp", "region", "availability_zone", "instance_type", "product", "price")
MONTH = 672
UNKNOWN_MOVEMENT = 0.02
"""What a market of which too little is known is taken to move by in a day (log price)."""


class BacktestError(Exception):
    """One sentence for the person at the keyboard."""


@dataclass(slots=True)
class Run:
    """What one model forecast over all cutoffs, and how it did at those whose outcome is known."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    seconds: float = 0.0


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        prices = read_prices(Path(options.prices))
        cutoffs = [_moment(text) for text in options.cutoffs.split(",")]
        history = _hours(options.history) if options.history else MAX_DAYS * 24
        models = options.models.split(",")
        unknown = [model for model in models if model not in MODELS]
        if unknown:
            raise BacktestError(f"there is no model {unknown[0]!r}; the models are {', '.join(MODELS)}")
        foreign = any(model in CHALLENGERS for model in models)
        with opened(options.engine if foreign else "local") as engine:
            runs = backtest(prices, cutoffs, models, options.horizon, history, _prior(options.prior), engine)
    except (BacktestError, EngineError) as problem:
        sys.stderr.write(f"backtest: {problem}\n")
        return 2
    _write(Path(options.out), runs)
    sys.stdout.write(report(runs))
    return 0


def read_prices(path: Path) -> pl.DataFrame:
    """Change events as the forecaster's columns; `market` is zone|type|product."""
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise BacktestError(f"{path} cannot be read as Parquet: {problem}") from problem
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise BacktestError(f"{path} has no column {missing[0]!r}; needed are {', '.join(COLUMNS)}")
    at = pl.col("timestamp")
    zoned = getattr(frame.schema["timestamp"], "time_zone", None)
    return frame.select(
        pl.concat_str(["availability_zone", "instance_type", "product"], separator="|").alias("market"),
        "region",
        pl.col("availability_zone").alias("zone"),
        "instance_type",
        "product",
        (at.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else at)
        .cast(pl.Datetime("us"))
        .alias("at"),
        "price",
    )


def recent(prices: pl.DataFrame, cutoff: datetime, hours: int) -> pl.DataFrame:
    """What AWS would have answered at the cutoff when asked for that many hours: the rows since, and for each market
    the price then in force, dated at the start."""
    start = cutoff - timedelta(hours=hours)
    known = prices.filter(pl.col("at") <= cutoff)
    before = known.filter(pl.col("at") <= start).sort("market", "at").group_by("market", maintain_order=True).last()
    in_force = before.with_columns(at=pl.lit(start).cast(pl.Datetime("us"))).select(prices.columns)
    return pl.concat([in_force, known.filter(pl.col("at") > start)])


def backtest(
    prices: pl.DataFrame,
    cutoffs: list[datetime],
    models: list[str],
    horizon: int = 168,
    history: int = MAX_DAYS * 24,
    prior: Prior | None = None,
    engine: Any = None,
) -> dict[str, Run]:
    """Forecast at every cutoff with every model; score where the outcome is in `prices`.

    StatsForecast's models are fitted on `engine` (analytics.spot.engines). Its own cross-validation would take windows
    of the same distance on series cleaned once; here each cutoff is any moment and sees only what was known by then.
    """
    runs = {name: Run() for name in models}
    newest = prices.get_column("at").max()
    for cutoff in cutoffs:
        known = recent(prices, cutoff, history)
        cleaned = clean(known, cutoff)
        if not cleaned.markets.height:
            raise BacktestError(f"no market has prices up to {cutoff:%Y-%m-%dT%H:%MZ}")
        end = cutoff + timedelta(hours=horizon)
        complete = isinstance(newest, datetime) and newest >= end - timedelta(hours=1)
        truth = _outcome(prices, cleaned.markets, end, horizon) if complete else None
        left_out = _naive(known, cleaned, cutoff, horizon)
        for name, run in runs.items():
            began = time.perf_counter()
            if name in OURS:
                point, quantiles = _ours(known, cutoff, horizon, OURS[name], prior)
            else:
                point, quantiles = challenge(name, hourly(cleaned.events, cleaned.markets, cutoff), horizon, engine)
            run.seconds += time.perf_counter() - began
            run.frames += [_rows(cleaned.markets.get_column("market"), cutoff, point, quantiles), *left_out]
            if truth is not None:
                past, actual, moving = truth
                run.scored.append(scored(cutoff, _families(cleaned.markets), moving, point, quantiles, actual, past))
    return runs


def _outcome(prices: pl.DataFrame, markets: pl.DataFrame, end: datetime, horizon: int) -> tuple[Floats, Floats, Bools]:
    """Prices by the hour of the four weeks up to the cutoff and of the horizon after it, and which markets moved in
    those weeks. All that is known counts here, also what was hidden from the models."""
    events = clean(prices, end).events.filter(pl.col("market").is_in(markets.get_column("market").implode()))
    every = np.exp(hourly(events, markets, end).log_price)
    past = every[:, :-horizon][:, -MONTH:]
    return past, every[:, -horizon:], np.asarray((np.diff(past, axis=1) != 0).any(axis=1))


def _families(markets: pl.DataFrame) -> npt.NDArray[np.str_]:
    return np.array(markets.get_column("instance_type").str.split(".").list.first().to_list(), dtype=np.str_)


def _naive(known: pl.DataFrame, cleaned: Clean, cutoff: datetime, horizon: int) -> list[pl.DataFrame]:
    """The last believable price of the markets that the models exclude, with a wide interval around it."""
    able = (
        known.join(cleaned.excluded, on="market", how="semi")
        .filter(pl.col("price").is_finite(), pl.col("price") > 0, pl.col("price") <= DEAREST, pl.col("at") >= EARLIEST)
        .sort("market", "at", "price")
        .group_by("market", maintain_order=True)
        .last()
    )
    if not able.height:
        return []
    last = able.get_column("price").to_numpy()
    spread = plain(np.full(len(last), UNKNOWN_MOVEMENT))
    quantiles = last[:, None, None] * np.exp(sane(wide().at(spread)))
    point = np.repeat(last[:, None], horizon, axis=1)
    return [_rows(able.get_column("market"), cutoff, point, between(last, quantiles, horizon))]


def _ours(
    known: pl.DataFrame, cutoff: datetime, horizon: int, ways: Ways, prior: Prior | None
) -> tuple[Floats, Floats]:
    frame = forecast(known, cutoff, ways=ways, prior=prior).frame.filter(pl.col("excluded").is_null())
    last = frame.get_column("last_price").to_numpy()
    size = frame.height
    point = frame.get_column("mean").explode().to_numpy().reshape(size, len(KNOTS), 1)
    quantiles = frame.get_column("quantiles").explode().to_numpy().reshape(size, len(KNOTS), len(LEVELS))
    return between(last, point, horizon)[:, :, 0], between(last, quantiles, horizon)


def between(last: Floats, values: Floats, horizon: int) -> Floats:
    """Markets × knots × any as markets × hours × any: straight lines between knots, as analytics.spot.expand draws."""
    start = np.broadcast_to(last[:, None, None], (len(last), 1, values.shape[2]))
    whole = np.concatenate([start, values], axis=1)
    hours, knots = np.arange(1, horizon + 1), np.array([0, *KNOTS])
    right = np.minimum(np.searchsorted(knots, hours), len(knots) - 1)
    share = np.minimum((hours - knots[right - 1]) / (knots[right] - knots[right - 1]), 1.0)[None, :, None]
    left = whole[:, right - 1]
    return np.asarray(left + share * (whole[:, right] - left))


def _rows(names: pl.Series, cutoff: datetime, point: Floats, quantiles: Floats) -> pl.DataFrame:
    markets, horizon = point.shape
    hours = pl.Series("step", np.tile(np.arange(1, horizon + 1), markets))
    flat = quantiles.reshape(-1, len(LEVELS))
    return pl.DataFrame(
        {
            "unique_id": names.gather(np.repeat(np.arange(markets), horizon)),
            "step": hours,
            "mean": point.ravel(),
            **{level_name(level): flat[:, index] for index, level in enumerate(LEVELS)},
        }
    ).select(
        "unique_id",
        pl.lit(cutoff.replace(tzinfo=UTC)).cast(pl.Datetime("us", "UTC")).alias("cutoff"),
        (pl.lit(cutoff.replace(tzinfo=UTC)).cast(pl.Datetime("us", "UTC")) + pl.duration(hours="step")).alias("ds"),
        pl.exclude("unique_id", "step"),
    )


def _write(out: Path, runs: dict[str, Run]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    for index, (name, run) in enumerate(runs.items()):
        pl.concat(run.frames).write_parquet(out if index == 0 else out.with_suffix(f".{name}{out.suffix}"))


def report(runs: dict[str, Run]) -> str:
    """The score table, the calibration of the first model, and the bill. Where no outcome is known, only the bill."""
    lines = [
        f"{'model':<16}{'hours':>6} {'markets':<8}{'pairs':>6}{'MAE skill':>11}{'CRPS skill':>12}{'80 %':>8}{'95 %':>8}"
    ]
    for name, run in runs.items():
        lines += skill_table(name, run.scored) if run.scored else []
    first, run = next(iter(runs.items()))
    lines += [*calibration_table(first, run.scored), ""] if run.scored else []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = ", ".join(f"{name} {run.seconds:.1f} s" for name, run in runs.items())
    return "\n".join([*lines, f"{seconds}; peak memory {peak:.0f} MB", ""])


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analytics.spot.backtest", description=__doc__.split("\n")[0])
    parser.add_argument("--prices", required=True, help="Parquet file of price change events")
    parser.add_argument("--cutoffs", required=True, help="UTC times, comma separated: 2021-04-18,2021-04-25T06:00Z")
    parser.add_argument("--horizon", type=int, default=168, choices=range(1, 169), metavar="HOURS", help="1…168")
    parser.add_argument("--out", required=True, help="Parquet file to write")
    parser.add_argument("--models", default="momentum", help=f"comma separated, of {', '.join(MODELS)}")
    parser.add_argument("--history", default="", help="use only so much past, as 48h or 14d")
    parser.add_argument("--prior", default="", help="what was learned elsewhere: a FILE, or none")
    parser.add_argument(
        "--engine",
        default="local",
        help="where StatsForecast's models are fitted: local, dask[:ADDRESS], ray[:ADDRESS]",
    )
    return parser.parse_args(arguments)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as problem:
        raise BacktestError(f"{text!r} is not a time; write 2021-04-18 or 2021-04-18T06:00Z") from problem
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _prior(text: str) -> Prior | None:
    """The prior that `--prior` names."""
    if text == "none":
        return None
    try:
        return load(Path(text)) if text else shipped()
    except PriorError as problem:
        raise BacktestError(str(problem)) from problem


def _hours(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in ("h", "d") or int(number) == 0:
        raise BacktestError(f"{text!r} is not a length of time; write 48h or 14d")
    return int(number) * (24 if unit == "d" else 1)


if __name__ == "__main__":
    sys.exit(main())
