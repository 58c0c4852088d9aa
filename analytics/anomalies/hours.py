"""Price events as hourly points, for the detector: the last price known at each whole hour."""

from __future__ import annotations

from datetime import datetime

import polars as pl

MAX_HOURS = 60 * 24


def by_hour(prices: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """`prices` (market, at, price; any order) as series, at, value: one row per hour from each market's first price up
    to `until` (UTC, naive), at most 60 days back. Prices that are not positive numbers are left out."""
    usable = prices.filter(pl.col("price").is_finite() & (pl.col("price") > 0), pl.col("at") <= until)
    events = (
        usable.select(pl.col("market").alias("series"), pl.col("at").cast(pl.Datetime("us")).alias("time"), "price")
        .group_by("series", "time")
        .agg(pl.col("price").max().alias("value"))
        .sort("series", "time")
    )
    end = pl.lit(until).cast(pl.Datetime("us")).dt.truncate("1h")
    hours = (
        events.group_by("series", maintain_order=True)
        .agg(pl.col("time").min().dt.offset_by("59m").dt.offset_by("59s").dt.truncate("1h").alias("first"))
        .with_columns(first=pl.max_horizontal("first", end - pl.duration(hours=MAX_HOURS)))
        .filter(pl.col("first") <= end)
        .with_columns(at=pl.datetime_ranges("first", end, "1h"))
        .select("series", "at")
        .explode("at")
    )
    return hours.join_asof(events, left_on="at", right_on="time", by="series", check_sortedness=False).select(
        "series", "at", "value"
    )
