"""What is wrong with observed prices: which rows cannot be used, which markets cannot be forecast, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

MARKET_COLUMNS = ("market", "region", "zone", "instance_type", "product")
EARLIEST = datetime(2009, 12, 1)
"""AWS has sold Spot Instances since December 2009: an older row is a clock that jumped."""
ABSURD = 100.0
"""A price this many times above or below its market's median is not a price."""
DEAREST = 1e7
"""No instance costs so much an hour in any currency, whatever its market's other prices are."""
MINIMUM_HOURS = 24
ROWS_AT_ONCE = 200_000
"""More rows are cleaned market by market in parts, which bounds the memory of it."""


@dataclass(frozen=True, slots=True)
class Clean:
    """`events` (market, at, price), ordered and unique; `markets` (one row each, MARKET_COLUMNS and pool, with `note`
    on dropped rows); `excluded` (market, reason)."""

    events: pl.DataFrame
    markets: pl.DataFrame
    excluded: pl.DataFrame


def clean(prices: pl.DataFrame, cutoff: datetime) -> Clean:
    """Keep the rows up to `cutoff` (UTC, naive) that can be true, and say what became of the rest.

    `prices` holds MARKET_COLUMNS, `at` (Datetime) and `price` (USD/h), optionally `pool` (markets are compared only
    within one, for example an account). Order and repetitions do not matter: of several prices of one moment the
    highest counts. A market is excluded when nothing usable is left, when more than a tenth of its rows is impossible,
    or when less than a day of it is known.
    """
    parts = prices.height // ROWS_AT_ONCE + 1
    if parts == 1:
        return _cleaned(prices, cutoff)
    found = [_cleaned(prices.filter(pl.col("market").hash(0) % parts == part), cutoff) for part in range(parts)]
    return Clean(
        pl.concat([part.events for part in found]).sort("market", "at"),
        pl.concat([part.markets for part in found]).sort("market"),
        pl.concat([part.excluded for part in found]).sort("market"),
    )


def _cleaned(prices: pl.DataFrame, cutoff: datetime) -> Clean:
    whole = prices if "pool" in prices.columns else prices.with_columns(pool=pl.lit(""))
    markets = whole.group_by("market").agg(pl.col(*MARKET_COLUMNS[1:], "pool").min()).sort("market")
    # Numbers instead of names: a million rows of text would take most of the memory.
    numbers = markets.select("market").with_row_index("number")
    frame = (
        prices.select("market", pl.col("at").cast(pl.Datetime("us")), pl.col("price").cast(pl.Float64))
        .filter(pl.col("at").is_null() | (pl.col("at") <= cutoff))
        .join(numbers, on="market", how="left", nulls_equal=True)
        .drop("market")
        .with_columns(
            impossible=~(
                pl.col("price").is_finite() & pl.col("price").is_between(0, DEAREST, closed="right")
            ).fill_null(False),
            clock=pl.col("at").is_null() | (pl.col("at") < EARLIEST),
        )
    )
    usable = frame.filter(~pl.col("impossible") & ~pl.col("clock")).select(
        "number", "at", "price", ratio=pl.col("price") / pl.col("price").median().over("number")
    )
    sane = pl.col("ratio").is_between(1 / ABSURD, ABSURD)
    events = usable.filter(sane).group_by("number", "at").agg(pl.col("price").max()).sort("number", "at")
    counts = (
        numbers.join(
            frame.group_by("number").agg(pl.len().alias("rows"), pl.col("impossible", "clock").sum()), "number", "left"
        )
        .join(usable.group_by("number").agg((~sane).sum().alias("absurd")), on="number", how="left")
        .join(events.group_by("number").agg(pl.col("at").min().alias("first")), on="number", how="left")
        .with_columns(pl.col("rows", "impossible", "clock", "absurd").fill_null(0))
        .with_columns(bad=pl.sum_horizontal(pl.col("impossible", "clock", "absurd").cast(pl.Int64)))
        .with_columns(reason=_reason(cutoff), note=_note())
        .sort("market")
    )
    excluded = counts.filter(pl.col("reason") != "").select("market", "reason")
    kept = (
        markets.join(excluded, on="market", how="anti")
        .join(counts.select("market", "note"), on="market")
        .sort("market")
    )
    able = counts.filter(pl.col("reason") == "").select("number", "market")
    named = events.join(able, on="number", how="inner", maintain_order="left").select("market", "at", "price")
    return Clean(named, kept, excluded)


def _note() -> pl.Expr:
    """What was dropped, in words; empty when nothing was."""
    parts = [
        pl.when(pl.col(name) > 0).then(pl.format("{} of {} rows dropped: " + why, pl.col(name), pl.col("rows")))
        for name, why in (
            ("impossible", "the price is not a positive number, or beyond any price"),
            ("clock", "dated before Spot existed, or not at all"),
            ("absurd", f"over {ABSURD:.0f} times off the median price"),
        )
    ]
    return pl.concat_str([part.otherwise(None) for part in parts], separator="; ", ignore_nulls=True)


def _reason(cutoff: datetime) -> pl.Expr:
    """Why a market cannot be forecast; empty when it can."""
    hours = (pl.lit(cutoff) - pl.col("first")).dt.total_minutes() / 60
    return (
        pl.when(pl.col("rows") == 0)
        .then(pl.lit("no price is known up to the cutoff"))
        .when((pl.col("bad") > 0) & (pl.col("bad") * 10 > pl.col("rows")))
        .then(pl.format("{} of {} prices are impossible", pl.col("bad"), pl.col("rows")))
        .when(hours < MINIMUM_HOURS)
        .then(
            pl.format(
                "only {} hours of prices are known; a forecast needs " + str(MINIMUM_HOURS),
                hours.floor().cast(pl.Int64),
            )
        )
        .otherwise(pl.lit(""))
    )
