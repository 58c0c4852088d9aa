"""Backtest spot forecasts: `python -m analytics.spot.backtest --prices FILE.parquet --cutoffs T1,T2 --out OUT`.

The price file holds change events: timestamp (UTC), region, availability_zone, instance_type, product, price. At each
cutoff only rows up to it are used. OUT gets one row per market, cutoff and hour with `mean` and 21 quantile columns,
from the first of the models; further models are written beside it as OUT.<model>.parquet. Printed: seconds and peak
memory, and each model's skill against naive with the coverage of its intervals, on all and on moving markets.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from analytics.spot import lad, ridge
from analytics.spot.challengers import CHALLENGERS, challenge
from analytics.spot.clean import clean
from analytics.spot.forecast import forecast
from analytics.spot.grid import MAX_DAYS, Bools, Floats, hourly
from analytics.spot.learning import Prior, Ways
from analytics.spot.levels import KNOTS, LEVELS, level_name
from analytics.spot.prior import PriorError, load, shipped
from analytics.spot.score import Losses, losses, summary

OURS = {"momentum": Ways(), "linear": Ways(fit=lad.fit, networks=0), "ridge": Ways(fit=ridge.fit, networks=0)}
MODELS = (*OURS, *CHALLENGERS)
COLUMNS = ("timestamp", "region", "availability_zone", "instance_type", "product", "price")
MONTH = 672


class BacktestError(Exception):
    """One sentence for the person at the keyboard."""


@dataclass(slots=True)
class Run:
    """What one model forecast over all cutoffs, and how it did: horizon → one Losses and moving mask per cutoff."""

    frames: list[pl.DataFrame]
    scored: dict[int, list[Losses]]
    moving: list[Bools]
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
        runs = backtest(prices, cutoffs, models, options.horizon, history, _prior(options.prior))
    except BacktestError as problem:
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
) -> dict[str, Run]:
    """Forecast at every cutoff with every model; score where the outcome is in `prices`."""
    runs = {name: Run([], {hours: [] for hours in sorted({min(24, horizon), horizon})}, []) for name in models}
    for cutoff in cutoffs:
        known = recent(prices, cutoff, history)
        cleaned = clean(known, cutoff)
        if not cleaned.markets.height:
            raise BacktestError(f"no market has prices up to {cutoff:%Y-%m-%dT%H:%MZ}")
        grid = hourly(cleaned.events, cleaned.markets, cutoff)
        until = clean(prices, cutoff + timedelta(hours=horizon))
        names = cleaned.markets.get_column("market")
        outcome = until.events.filter(pl.col("market").is_in(names.implode()))
        actual = np.exp(hourly(outcome, cleaned.markets, cutoff + timedelta(hours=horizon)).log_price)
        truth = actual[:, -horizon:] if actual.shape[1] > horizon else None
        complete = truth is not None and prices.get_column("at").max() >= cutoff + timedelta(hours=horizon - 1)  # type: ignore[operator]
        past = np.exp(grid.log_price[:, -MONTH:])
        for name, run in runs.items():
            began = time.perf_counter()
            if name in OURS:
                point, quantiles = _ours(known, cutoff, horizon, OURS[name], prior)
            else:
                point, quantiles = challenge(name, grid, horizon)
            run.seconds += time.perf_counter() - began
            run.frames.append(_rows(names, cutoff, point, quantiles))
            if complete and truth is not None:
                run.moving.append((np.diff(past, axis=1) != 0).any(axis=1))
                for hours, parts in run.scored.items():
                    parts.append(losses(point, quantiles, truth, past[:, -1], past.mean(axis=1), hours))
    return runs


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
    """The score table and the bill, as text. Where no outcome is known, only the bill."""
    lines = [
        f"{'model':<16}{'hours':>6} {'markets':<8}{'pairs':>6}{'MAE skill':>11}{'CRPS skill':>12}{'80 %':>8}{'95 %':>8}"
    ]
    for name, run in runs.items():
        for hours, parts in run.scored.items():
            for slice_name in ("all", "moving"):
                chosen = [moving if slice_name == "moving" else np.ones_like(moving) for moving in run.moving]
                if not parts:
                    continue
                pairs, mae, crps, low, high = summary(parts, chosen)
                lines.append(
                    f"{name:<16}{hours:>6} {slice_name:<8}{pairs:>6}{mae:>+11.3f}{crps:>+12.3f}{low:>8.3f}{high:>8.3f}"
                )
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
