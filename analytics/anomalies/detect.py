"""One causal detector for many series: what a point deviates from, over the largest deviation that series has shown.

Two deviations are measured: of a point from what was expected one step before, and of the recent level from the level
long before. Each is divided by its own running record, so that one threshold serves every series and what is normal
for a series silences itself. Nothing looks ahead: cutting the future off changes no earlier row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from analytics.anomalies.profiles import PROFILES, Profile
from analytics.anomalies.smoothing import Floats, one_step

DECAY = 0.9997
"""Per point; a record fades by half in some 2,300 points."""
MIN_RECORD_POINTS = 10

SCORED_SCHEMA: dict[str, pl.DataType] = {
    "series": pl.String(),
    "at": pl.Datetime("us"),
    "value": pl.Float64(),
    "expected_low": pl.Float64(),
    "expected": pl.Float64(),
    "expected_high": pl.Float64(),
    "score": pl.Float64(),
    "severity": pl.String(),
    "label": pl.String(),
}


def detect(series: pl.DataFrame, *, profile: str = "cost", currency: str = "USD") -> pl.DataFrame:
    """Score every point of `series` (series, at, value; any order, the last of several values of one moment counts).

    Returns SCORED_SCHEMA, ordered by series and time. `severity` is "info", "warn" or "bad" on anomalies, else "";
    `label` says the anomaly in words, or "warming up: …" where too little is known to judge (score null). Values that
    are not finite are dropped. `currency` is what money is in. KeyError names the profiles there are.
    """
    if profile not in PROFILES:
        raise KeyError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
    chosen = replace(PROFILES[profile], unit=PROFILES[profile].unit.replace("USD", currency))
    frame = (
        series.select(
            pl.col("series").cast(pl.String), pl.col("at").cast(pl.Datetime("us")), pl.col("value").cast(pl.Float64)
        )
        .filter(pl.col("value").is_finite() & pl.col("at").is_not_null())
        .group_by("series", "at", maintain_order=True)
        .last()
        .sort("series", "at")
        .with_columns(
            row=(pl.col("series").rank("dense") - 1).cast(pl.Int64), place=pl.int_range(pl.len()).over("series")
        )
    )
    if not frame.height:
        return pl.DataFrame(schema=SCORED_SCHEMA)
    row, place = frame["row"].to_numpy(), frame["place"].to_numpy()
    values = np.full((int(row.max()) + 1, int(place.max()) + 1), np.nan)
    values[row, place] = frame["value"].to_numpy()
    phase = np.zeros(values.shape, dtype=np.int64)
    if chosen.season == 7:
        phase[row, place] = frame["at"].dt.weekday().to_numpy() - 1
    step = one_step(values, phase, chosen.season, chosen.clip)
    surprise = np.abs(values - step.expected)
    score = combine(record_ratio(surprise), record_ratio(level_shift(frame, values.shape, chosen)))
    score = np.where(np.arange(values.shape[1]) < chosen.warm_up, np.nan, score)
    flagged = _flagged(score, surprise, step.error, step.expected, chosen)
    band = np.maximum(chosen.deviations * step.error, chosen.relative * np.abs(step.expected))
    columns = {"expected": step.expected, "band": band, "score": score, "flagged": flagged}
    return _worded(frame.with_columns(pl.Series(name, grid[row, place]) for name, grid in columns.items()), chosen)


def combine(spike: Floats, shift: Floats) -> Floats:
    """The higher of the two records counts: spikes and shifts are seldom both."""
    return np.fmax(spike, shift)


def record_ratio(deviation: Floats) -> Floats:
    """Each deviation over the (slowly fading) largest before it; NaN until ten have been seen."""
    points = np.arange(deviation.shape[1])
    known = np.isfinite(deviation)
    unfaded = np.where(known, deviation, 0.0) / DECAY**points
    record = np.maximum.accumulate(unfaded, axis=1) * DECAY**points
    before = np.concatenate([np.zeros((len(deviation), 1)), record[:, :-1]], axis=1) * DECAY
    enough = np.cumsum(known, axis=1) > MIN_RECORD_POINTS
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(before > 0, deviation / before, np.where(deviation > 0, np.inf, 0.0))
    return np.where(known & enough, np.minimum(ratio, 100.0), np.nan)


def level_shift(frame: pl.DataFrame, shape: tuple[int, ...], profile: Profile) -> Floats:
    """|mean of the last points − median of those before| over their robust spread, as series × points."""
    value = pl.col("value")
    least = min(profile.long, profile.warm_up)
    before = value.shift(profile.short)
    middle = before.rolling_median(profile.long, min_samples=least)
    upper, lower = (before.rolling_quantile(q, window_size=profile.long, min_samples=least) for q in (0.75, 0.25))
    deviation = before.rolling_std(profile.long, min_samples=least)
    spread = pl.max_horizontal((upper - lower) / 1.349, 0.3 * deviation)
    recent = value.rolling_mean(window_size=profile.short)
    shift = ((recent - middle).abs() / pl.max_horizontal(spread, middle.abs() * 1e-3 + 1e-9)).over("series")
    out = np.full(shape, np.nan)
    out[frame["row"].to_numpy(), frame["place"].to_numpy()] = (
        frame.select(shift.alias("shift"))["shift"].fill_null(np.nan).to_numpy()
    )
    return out


def _flagged(score: Floats, surprise: Floats, error: Floats, expected: Floats, profile: Profile) -> Floats:
    """1 where a point is an anomaly: a record, far off, by a share that matters, and above any flag just before."""
    far = (surprise > profile.deviations * error) & (surprise > profile.relative * np.abs(expected))
    candidate = np.where(far & (score >= profile.info), score, 0.0)
    window = np.concatenate([np.zeros((len(score), profile.refractory)), candidate], axis=1)
    views = np.lib.stride_tricks.sliding_window_view(window, profile.refractory, axis=1)
    recent = views[:, : score.shape[1]].max(axis=2)
    return np.asarray((candidate > 0) & (candidate > recent), dtype=np.float64)


def _figure(value: pl.Expr, profile: Profile) -> pl.Expr:
    """A value as people say it: no cents from a hundred on."""
    return (
        pl.when(value.abs() >= 100)
        .then(value.round(0).cast(pl.Int64).cast(pl.String))
        .otherwise(value.round(profile.digits).cast(pl.String))
    )


def _inward(value: pl.Expr, profile: Profile, towards: int) -> pl.Expr:
    """A bound rounded into its band, so that what lies outside never reads as if it lay on the edge."""
    unit = pl.when(value.abs() >= 100).then(1.0).otherwise(10.0**-profile.digits)
    return ((value / unit).ceil() if towards > 0 else (value / unit).floor()) * unit


def _worded(frame: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    low, high = pl.col("expected") - pl.col("band"), pl.col("expected") + pl.col("band")
    score, off = pl.col("score"), (pl.col("value") - pl.col("expected")).abs()
    share = profile.relative * pl.col("expected").abs()
    severity = (
        pl.when(pl.col("flagged") == 0)
        .then(pl.lit(""))
        .when((score >= profile.bad) & (off >= 4 * share))
        .then(pl.lit("bad"))
        .when((score >= profile.warn) & (off >= 2 * share))
        .then(pl.lit("warn"))
        .otherwise(pl.lit("info"))
    )
    stamp = pl.col("at").dt.strftime("%Y-%m-%d" if profile.season == 7 else "%Y-%m-%dT%H:%MZ")
    bounds = _inward(pl.col("expected_low"), profile, 1), _inward(pl.col("expected_high"), profile, -1)
    number = [_figure(value, profile) for value in (pl.col("value"), *bounds)]
    words = pl.format("{} {}: {} " + profile.unit + ", expected {}–{}", pl.col("series"), stamp, *number)
    young = pl.format("warming up: {} of {} points", pl.col("place") + 1, pl.lit(profile.warm_up))
    return (
        frame.with_columns(expected_low=pl.max_horizontal(low, pl.lit(0.0)), expected_high=high, severity=severity)
        .with_columns(pl.col("score", "expected", "expected_low", "expected_high").fill_nan(None))
        .with_columns(
            label=pl.when(pl.col("severity") != "")
            .then(words)
            .when(pl.col("score").is_null())
            .then(young)
            .otherwise(pl.lit(""))
        )
        .select(*SCORED_SCHEMA)
        .cast(dict(SCORED_SCHEMA.items()))
    )
