"""Spot pools for a need: every pool (type × zone) that could serve it, by expected cost, with all that is known of it.

What is not known is null, and said: a pool without a forecast has no cost and is in no mix; a quota, an offering or a
risk that nobody told of limits nothing, unless the need sets a limit to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from analytics.advice.prices import PriceList
from analytics.spot.costs import expected_prices
from analytics.spot.mix import CAPS, Group, Mix, frontier, most_in_a_pool, why_not
from analytics.spot.need import Need
from analytics.spot.quotas import headroom
from analytics.spot.risk import RISK_SCHEMA, bands, risks

SCORE_AGE = timedelta(hours=24)
"""A placement score that is older says nothing of now."""
_ON_DEMAND = {"Linux/UNIX": "ec2.linux"}

POOL_SCHEMA: dict[str, pl.DataType] = {
    "pool": pl.String(),
    "region": pl.String(),
    "zone_id": pl.String(),
    "zone": pl.String(),
    "instance_type": pl.String(),
    "vcpus": pl.Int64(),
    "memory": pl.Float64(),
    "gpus": pl.Int64(),
    "price_now": pl.Float64(),
    "price": pl.Float64(),
    "price_low": pl.Float64(),
    "price_high": pl.Float64(),
    "cost": pl.Float64(),
    "cost_low": pl.Float64(),
    "cost_high": pl.Float64(),
    "model": pl.String(),
    "skill": pl.Float64(),
    "naive_better": pl.Boolean(),
    "on_demand": pl.Float64(),
    "on_demand_source": pl.String(),
    "saving": pl.Float64(),
    "offered": pl.Boolean(),
    "score": pl.Int64(),
    "score_at": pl.Datetime("us"),
    "quota": pl.String(),
    "quota_left": pl.Float64(),
    **{name: kind for name, kind in RISK_SCHEMA.items() if name not in ("region", "zone_id", "instance_type")},
    "why_not": pl.String(),
    "instances": pl.Int64(),
}
"""One row a pool. Prices USD/h on average over the need's hours with their 80 % interval, costs USD of one instance
over all of them; `memory` GiB; `skill` the MAE skill of its forecast at 24 h; `saving` against on demand as a share;
`offered` null where nobody told; `quota_left` vCPUs; `probability` of interruption and what it rests on as in
RISK_SCHEMA; `why_not` is empty for a pool that may be used; `instances` is its part in the mix chosen."""

FRONTIER_SCHEMA: dict[str, pl.DataType] = {
    "cap": pl.Float64(),
    "pools": pl.Int64(),
    "greatest": pl.Float64(),
    "greatest_zone": pl.Float64(),
    "cost": pl.Float64(),
    "cost_low": pl.Float64(),
    "cost_high": pl.Float64(),
    "interruptions": pl.Float64(),
    "unknown": pl.Int64(),
    "chosen": pl.Boolean(),
}
"""One row a mix. `greatest`, `greatest_zone`: the share of the need in one pool, one zone; costs USD of the whole need
over its hours, the interval as if all pools moved together; `interruptions` how many of the instances are expected to
be taken back, of those whose risk is known, null where no risk is; `unknown` the instances whose risk is not."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known, as frames.

    markets     region, zone_id, zone, instance_type, product, price: the prices in force
    forecasts   as stored: analytics.spot.forecast.FORECAST_SCHEMA
    types       region, instance_type, vcpus, memory (MiB), architectures, gpus, current_generation
    offerings   region, zone_id, instance_type; `offering_regions` are those whose offerings are known to be whole
    advisor     region, instance_type, os, band, interruptions, as_of: every import
    scores      region, zone_id, types, capacity, score, seen
    quotas      region, name, value, spot
    running     region, instance_type, vcpus: Spot Instances that run
    sights      analytics.spot.risk.SIGHT_SCHEMA
    past        whether `now` is an instant that has passed
    """

    markets: pl.DataFrame
    forecasts: pl.DataFrame
    types: pl.DataFrame
    offerings: pl.DataFrame
    offering_regions: tuple[str, ...]
    advisor: pl.DataFrame
    scores: pl.DataFrame
    quotas: pl.DataFrame
    running: pl.DataFrame
    sights: pl.DataFrame
    prices: PriceList
    now: datetime
    past: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """`pools` POOL_SCHEMA, the usable ones first by cost; `frontier` FRONTIER_SCHEMA; `problem` one sentence where
    there is no mix at the need's tolerance, else empty; `types` the usable types, to be asked for a placement score."""

    pools: pl.DataFrame
    frontier: pl.DataFrame
    problem: str
    types: tuple[str, ...]


def rank(need: Need, known: Known) -> Ranking:
    """Rank the pools for a need and spread it over them."""
    fitting = fitting_types(need, known.types)
    if not fitting.height:
        return Ranking(
            pl.DataFrame(schema=POOL_SCHEMA), pl.DataFrame(schema=FRONTIER_SCHEMA), _no_type(need, known), ()
        )
    pools = _pools(need, known, fitting)
    usable = pools.filter(pl.col("why_not") == "")
    types = tuple(usable.get_column("instance_type").unique().sort())
    pools = _scored(pools, need, known, types)
    usable = pools.filter(pl.col("why_not") == "")
    mixes, chosen, problem = _spread(need, usable)
    counts = chosen.instances if chosen is not None else np.zeros(usable.height, dtype=np.int64)
    placed = usable.select("pool", instances=pl.Series(counts, dtype=pl.Int64))
    ranked = (
        pools.drop("instances", strict=False)
        .join(placed, on="pool", how="left", maintain_order="left")
        .with_columns(pl.col("instances").fill_null(0))
        .select(*POOL_SCHEMA)
        .cast(dict(POOL_SCHEMA.items()))
    )
    return Ranking(ranked, _frontier_frame(need, usable, mixes, chosen), problem, types)


def fitting_types(need: Need, types: pl.DataFrame) -> pl.DataFrame:
    """The rows of `types` that an instance of the need may be."""
    kept = [row for row in types.iter_rows(named=True) if not _misfit(need, row)]
    return pl.DataFrame(kept, schema=types.schema)


def _misfit(need: Need, row: dict[str, object], *, but: str = "") -> str:
    """The word of the need that a type does not meet, "" where it meets all; `but` leaves one word out."""
    gib = row["memory"] / 1024 if isinstance(row["memory"], int) else None
    architectures = row["architectures"] if isinstance(row["architectures"], list) else []
    tests = {
        "vcpu": isinstance(row["vcpus"], int) and need.vcpu.holds(row["vcpus"]),
        "memory": gib is not None and need.memory.holds(gib),
        "gpu": need.gpu.holds(row["gpus"] if isinstance(row["gpus"], int) else 0),
        "arch": not need.architecture or need.architecture in architectures,
        "generation": not need.current or row["current_generation"] is not False,
        "region": not need.regions or row["region"] in need.regions,
        "type": need.wants_type(str(row["instance_type"])),
    }
    return next((name for name, met in tests.items() if not met and name != but), "")


def _no_type(need: Need, known: Known) -> str:
    """No instance type fits: which word of the need, left out, would let some in."""
    if not known.types.height:
        return (
            "No instance types are known of that instant."
            if known.past
            else "No instance types are known yet: poll ec2.instance_type."
        )
    rows = list(known.types.iter_rows(named=True))
    ways = {
        word: len({str(row["instance_type"]) for row in rows if not _misfit(need, row, but=word)})
        for word in ("vcpu", "memory", "gpu", "arch", "generation", "region", "type")
    }
    word, count = max(ways.items(), key=lambda way: way[1])
    if not count:
        return "No instance type fits, nor would one with any single word of the need left out; ask for less."
    return f"No instance type fits; without its {word} {count} would: relax that."


def _pools(need: Need, known: Known, fitting: pl.DataFrame) -> pl.DataFrame:
    key = ["region", "zone_id", "instance_type"]
    fitted = (
        known.markets.filter(pl.col("product") == need.product)
        .unique(key, keep="first", maintain_order=True)
        .join(fitting.unique(["region", "instance_type"]), on=["region", "instance_type"])
        .with_columns(
            market=pl.concat_str(
                "region", pl.lit("/"), "zone_id", pl.lit("/"), "instance_type", pl.lit("/"), "product"
            ),
            memory=pl.col("memory") / 1024,
        )
        .rename({"price": "price_told"})
    )
    wanted = known.forecasts.join(fitted, on="market", how="semi")
    forecasts = wanted.select("market", "model", "naive_better", "excluded", "last_price", skill="mae_skill_24")
    costs = expected_prices(wanted, need.hours)
    markets = fitted.join(costs, on="market", how="left").join(forecasts, on="market", how="left")
    types = markets.get_column("instance_type").unique().to_list()
    quotas = headroom(known.quotas, known.running, types, spot=True)
    told = bands(known.advisor, need.product, known.now)
    risk = risks(markets, known.sights, told, need.hours)
    offered = known.offerings.select(key).unique().with_columns(listed=pl.lit(True))
    return (
        markets.join(quotas, on=["region", "instance_type"], how="left")
        .join(risk, on=key, how="left")
        .join(offered, on=key, how="left")
        .with_columns(
            pl.coalesce("price_told", "last_price").alias("price_now"),
            *_on_demand(markets, need, known.prices),
            pool=pl.concat_str("region", pl.lit("/"), "zone_id", pl.lit("/"), "instance_type"),
            offered=pl.when(pl.col("listed"))
            .then(True)
            .when(pl.col("region").is_in(list(known.offering_regions)))
            .then(False),
            cost=pl.col("price") * need.hours,
            cost_low=pl.col("price_low") * need.hours,
            cost_high=pl.col("price_high") * need.hours,
        )
        .with_columns(saving=1 - pl.col("price") / pl.col("on_demand"), why_not=_why_not(need))
        .with_columns(_usable=pl.col("why_not") == "")
        .sort("_usable", "cost", "pool", descending=[True, False, False], nulls_last=True)
    )


def _on_demand(markets: pl.DataFrame, need: Need, prices: PriceList) -> tuple[pl.Series, pl.Series]:
    table = _ON_DEMAND.get(need.product, "")
    found = [prices.find(table, region, kind) for region, kind in markets.select("region", "instance_type").iter_rows()]
    values = [price.value if price else None for price in found]
    sources = [f"{price.source}, {price.as_of}" if price else None for price in found]
    return pl.Series("on_demand", values, pl.Float64), pl.Series("on_demand_source", sources, pl.String)


def _why_not(need: Need) -> pl.Expr:
    """Why a pool may not be used; empty where it may."""
    says = (
        pl.when(pl.col("offered") == False)  # noqa: E712 - null is not false
        .then(pl.lit("not offered in this zone"))
        .when(pl.col("excluded").is_not_null())
        .then(pl.concat_str(pl.lit("no forecast: "), "excluded"))
        .when(pl.col("price").is_null())
        .then(pl.lit("no forecast yet"))
        .when(pl.col("quota_left") < pl.col("vcpus"))
        .then(pl.format("the quota leaves {} vCPU", pl.col("quota_left").cast(pl.Int64)))
    )
    if need.risk is not None:
        says = (
            says.when(pl.col("probability").is_null())
            .then(pl.lit("interruption risk unknown, and the need sets a limit to it"))
            .when(pl.col("probability") > need.risk)
            .then(pl.lit("above the need's limit of interruption risk"))
        )
    return says.otherwise(pl.lit(""))


def _scored(pools: pl.DataFrame, need: Need, known: Known, types: tuple[str, ...]) -> pl.DataFrame:
    """The placement score of just this request where it was asked about lately: AWS rates whole requests, no types."""
    fresh = known.scores.filter(
        (pl.col("capacity") == need.count)
        & (pl.col("types").list.unique().list.sort() == pl.lit(list(types), pl.List(pl.String)))
        & (pl.col("seen") >= known.now - SCORE_AGE)
    )
    newest = fresh.sort("seen", descending=True).unique(["region", "zone_id"], keep="first")
    scores = newest.select("region", "zone_id", "score", score_at="seen")
    return pools.join(scores, on=["region", "zone_id"], how="left", maintain_order="left")


def _spread(need: Need, usable: pl.DataFrame) -> tuple[list[Mix], Mix | None, str]:
    """The frontier's mixes, the one at the need's tolerance, and where there is none, why."""
    costs = usable.get_column("cost").to_numpy()
    room = np.floor(usable.select((pl.col("quota_left") / pl.col("vcpus")).fill_null(np.inf)).to_series().to_numpy())
    groups = _quota_groups(usable)
    if not usable.height:
        return [], None, "No pool can be used: each says why not; relax what most of them name."
    mixes = frontier(costs, need.count, (*CAPS, need.share), room=room, groups=groups)
    most = most_in_a_pool(need.count, need.share)
    chosen = next((mix for mix in mixes if most_in_a_pool(need.count, mix.cap) == most), None)
    if chosen is None:
        return mixes, None, why_not(need.count, need.share, room=room, groups=groups, pools=usable.height)
    return mixes, chosen, ""


def _quota_groups(usable: pl.DataFrame) -> list[Group]:
    """One limit for each region's quota whose headroom is known."""
    groups = []
    vcpus = usable.get_column("vcpus").to_numpy().astype(np.float64)
    for (region, quota), part in usable.filter(pl.col("quota_left").is_not_null()).group_by(
        "region", "quota", maintain_order=True
    ):
        mine = (
            (usable.get_column("region") == region) & (usable.get_column("quota") == quota).fill_null(False)
        ).to_numpy()
        groups.append(Group(f"{region}: {quota}", np.where(mine, vcpus, 0.0), float(part.get_column("quota_left")[0])))
    return groups


def _frontier_frame(need: Need, usable: pl.DataFrame, mixes: list[Mix], chosen: Mix | None) -> pl.DataFrame:
    rows = []
    low, high = (usable.get_column(name).to_numpy() for name in ("cost_low", "cost_high"))
    risk = usable.get_column("probability").to_numpy().astype(np.float64)
    zones = usable.get_column("zone_id").to_numpy()
    for mix in mixes:
        told = np.isfinite(risk)
        taken = float((mix.instances * np.nan_to_num(risk)).sum()) if (told & (mix.instances > 0)).any() else None
        zone = max(mix.instances[zones == name].sum() for name in np.unique(zones))
        rows.append(
            {
                "cap": mix.cap,
                "pools": int((mix.instances > 0).sum()),
                "greatest": float(mix.instances.max()) / need.count,
                "greatest_zone": float(zone) / need.count,
                "cost": mix.cost,
                "cost_low": float(mix.instances @ low),
                "cost_high": float(mix.instances @ high),
                "interruptions": taken,
                "unknown": int(mix.instances[~told].sum()),
                "chosen": mix is chosen,
            }
        )
    return pl.DataFrame(rows, schema=FRONTIER_SCHEMA)
