"""What the fleet costs as it runs, and what it would on demand, as Spot and under a Savings Plan. Unpriced stays so.

Instance by instance: on demand from the list prices, Spot from the forecast of its own market (type, zone, product),
a Savings Plan from AWS's rate for its type. Sums are over the instances for which a figure is known, and say over how
many; two figures are only ever compared over instances that have both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from analytics.advice.prices import PriceList
from analytics.spot.costs import expected_prices

YEAR = 31_536_000
_TERMS = {YEAR: "plan_1y", 3 * YEAR: "plan_3y"}
_ON_DEMAND = {"Linux/UNIX": "ec2.linux"}

LINE_SCHEMA: dict[str, pl.DataType] = {
    "account": pl.String(),
    "region": pl.String(),
    "instance_type": pl.String(),
    "product": pl.String(),
    "lifecycle": pl.String(),
    "instances": pl.Int64(),
    "runs_at": pl.Float64(),
    "on_demand": pl.Float64(),
    "spot": pl.Float64(),
    "spot_low": pl.Float64(),
    "spot_high": pl.Float64(),
    "plan_1y": pl.Float64(),
    "plan_3y": pl.Float64(),
    "unpriced": pl.String(),
}
"""USD/h of all the line's instances together: as it runs, and each other way; `spot` is expected over the hours, with
its 80 % interval. A figure is null where any instance of the line lacks it; `unpriced` names what is missing."""

TOTAL_SCHEMA: dict[str, pl.DataType] = {
    "way": pl.String(),
    "instances": pl.Int64(),
    "hourly": pl.Float64(),
    "hourly_low": pl.Float64(),
    "hourly_high": pl.Float64(),
    "on_demand": pl.Float64(),
    "saving": pl.Float64(),
    "saving_low": pl.Float64(),
    "saving_high": pl.Float64(),
}
"""One row a way to pay. `instances` have both this figure and an on-demand price; `hourly` is their cost in USD/h with
its interval where it is a forecast, `on_demand` what the same ones cost on demand, `saving` the share below that."""
_WAYS = {"as it runs": "runs_at", "spot": "spot", "savings plan, 1 year": "plan_1y", "savings plan, 3 years": "plan_3y"}


@dataclass(frozen=True, slots=True)
class Savings:
    """`lines` LINE_SCHEMA, the dearest first; `totals` TOTAL_SCHEMA; `running` counts instances, `unpriced` those that
    lack any of the figures; `unpriced_types` are the types of these, the most numerous first."""

    lines: pl.DataFrame
    totals: pl.DataFrame
    running: int
    unpriced: int
    unpriced_types: tuple[str, ...]


def savings(
    running: pl.DataFrame,
    forecasts: pl.DataFrame,
    markets: pl.DataFrame,
    rates: pl.DataFrame,
    prices: PriceList,
    hours: int,
) -> Savings:
    """Compare the ways to pay.

    running    account, region, zone_id, instance_type, product, lifecycle: one row a running instance
    forecasts  as stored; markets: region, zone_id, instance_type, product, price in force
    rates      account, region, instance_type, term (s), rate (USD/h)
    """
    priced = _priced(running, forecasts, markets, rates, prices, hours)
    key = ["account", "region", "instance_type", "product", "lifecycle"]
    names = ["runs_at", "on_demand", "spot", "spot_low", "spot_high", "plan_1y", "plan_3y"]
    # A sum that leaves an instance out would look like a saving.
    whole = [pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name) for name in names]
    lines = (
        priced.group_by(key, maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("instances"), *whole)
        .with_columns(unpriced=_missing(("on_demand", "spot", "plan_1y", "plan_3y")))
        .sort(pl.coalesce("runs_at", "on_demand"), *key, descending=[True] + [False] * len(key), nulls_last=True)
    )
    totals = pl.DataFrame([_total(priced, way, name) for way, name in _WAYS.items()], schema=TOTAL_SCHEMA)
    lacking = priced.filter(pl.any_horizontal(pl.col("on_demand", *_WAYS.values()).is_null()))
    types = lacking.group_by("instance_type").len().sort("len", "instance_type", descending=[True, False])
    return Savings(
        lines.select(*LINE_SCHEMA).cast(dict(LINE_SCHEMA.items())),
        totals,
        priced.height,
        lacking.height,
        tuple(types.get_column("instance_type")),
    )


def _priced(
    running: pl.DataFrame,
    forecasts: pl.DataFrame,
    markets: pl.DataFrame,
    rates: pl.DataFrame,
    prices: PriceList,
    hours: int,
) -> pl.DataFrame:
    """Every instance with what an hour of it costs each way."""
    market = pl.concat_str("region", pl.lit("/"), "zone_id", pl.lit("/"), "instance_type", pl.lit("/"), "product")
    now = markets.with_columns(market=market).unique("market", keep="first").select("market", spot_now="price")
    costs = expected_prices(forecasts, hours).select(
        "market", spot="price", spot_low="price_low", spot_high="price_high"
    )
    key = ["account", "region", "instance_type"]
    frame = running.with_columns(market=market).join(now, on="market", how="left").join(costs, on="market", how="left")
    for term, name in _TERMS.items():
        mine = rates.filter(pl.col("term") == term).unique(key, keep="first")
        frame = frame.join(mine.select(*key, pl.col("rate").alias(name)), on=key, how="left")
    listed = [
        price.value if (price := prices.find(_ON_DEMAND.get(product, ""), region, kind)) else None
        for region, kind, product in frame.select("region", "instance_type", "product").iter_rows()
    ]
    linux = pl.col("product") == "Linux/UNIX"
    return frame.with_columns(
        *(pl.when(linux).then(name).alias(name) for name in _TERMS.values()),
        on_demand=pl.Series(listed, dtype=pl.Float64),
    ).with_columns(runs_at=pl.when(pl.col("lifecycle") == "spot").then("spot_now").otherwise("on_demand"))


def _missing(names: Sequence[str]) -> pl.Expr:
    says = [pl.when(pl.col(name).is_null()).then(pl.lit(name.replace("_", " "))) for name in names]
    return pl.concat_str(says, separator=", ", ignore_nulls=True)


def _total(priced: pl.DataFrame, way: str, name: str) -> dict[str, object]:
    both = priced.filter(pl.col(name).is_not_null() & pl.col("on_demand").is_not_null())
    hourly, on_demand = float(both.get_column(name).sum()), float(both.get_column("on_demand").sum())
    forecast = name == "spot"
    low, high = (float(both.get_column(f"spot_{end}").sum()) if forecast else None for end in ("low", "high"))

    def saved(cost: float | None) -> float | None:
        return 1 - cost / on_demand if cost is not None and on_demand else None

    return {
        "way": way,
        "instances": both.height,
        "hourly": hourly if both.height else None,
        "hourly_low": low if both.height else None,
        "hourly_high": high if both.height else None,
        "on_demand": on_demand if both.height else None,
        "saving": saved(hourly) if both.height else None,
        # The dearest Spot may get saves the least.
        "saving_low": saved(high),
        "saving_high": saved(low),
    }
