"""How likely AWS takes a Spot Instance of a pool back, from what was seen of it and from the Spot advisor's bands.

Prices do not enter: they tell nothing of interruptions. Interruptions of a pool are taken to come at a rate per
instance-hour that changes slowly: what was seen counts half after `HALF_LIFE_HOURS`. What is believed of the rate
beforehand is a gamma distribution around what the advisor's band means, and worth only `PRIOR_SHAPE` of an
interruption, because a band is a month's average over a whole region and bands persist weakly; what was seen (k
interruptions in T instance-hours) is added to it. Without a band the hours seen stand alone (Jeffreys' prior), once
there are `ENOUGH_HOURS`; before that the risk is unknown, and null.

A placement score is no probability and AWS publishes no table from one to the other: it stands beside the risk.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import polars as pl
from scipy.stats import gamma

BAND_SHARES = (0.025, 0.075, 0.125, 0.175, 0.30)
"""The share of a month's instances that a band stands for: its middle, and for the open one above 20 % a guess."""
MONTH_HOURS = 730.0
PRIOR_SHAPE = 0.5
HALF_LIFE_HOURS = 336.0
ENOUGH_HOURS = 168.0
_IMPORTS = 6
_INTERVAL = (0.1, 0.9)
_TAKEN = (
    "instance-terminated-by-price|instance-terminated-no-capacity|instance-terminated-capacity-oversubscribed"
    "|instance-stopped-by-price|instance-stopped-no-capacity|instance-stopped-capacity-oversubscribed"
    "|instance-terminated-launch-group-constraint|marked-for-termination|marked-for-stop"
)
"""Status codes of a request whose instance AWS took back, or has told that it will."""
_REASONS = "SpotInstanceTermination|SpotInstanceShutdown"
"""State reasons of such an instance."""

SIGHT_SCHEMA: dict[str, pl.DataType] = {
    "instance_id": pl.String(),
    "region": pl.String(),
    "zone_id": pl.String(),
    "instance_type": pl.String(),
    "hours": pl.Float64(),
    "recent_hours": pl.Float64(),
    "taken": pl.Boolean(),
    "recent_taken": pl.Float64(),
    "reason": pl.String(),
    "source": pl.String(),
    "at": pl.Datetime("us"),
}
"""One row a Spot Instance that was seen: for how many hours, and whether and why AWS took it back then; `recent_…` are
the same as they still count."""

RISK_SCHEMA: dict[str, pl.DataType] = {
    "region": pl.String(),
    "zone_id": pl.String(),
    "instance_type": pl.String(),
    "probability": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "interruptions": pl.Int64(),
    "instance_hours": pl.Float64(),
    "instances": pl.Int64(),
    "band": pl.Int64(),
    "band_text": pl.String(),
    "band_as_of": pl.Datetime("us"),
    "bands_kept": pl.Int64(),
    "basis": pl.String(),
}
"""`probability` is that of at least one interruption of one instance over the hours asked about, with its 80 %
interval; null is unknown. `basis` says in words what it rests on."""


def sights(instances: pl.DataFrame, requests: pl.DataFrame, zones: pl.DataFrame, watched: pl.DataFrame) -> pl.DataFrame:
    """What was seen of Spot Instances, as SIGHT_SCHEMA.

    instances, requests  the newest version of each ever seen: the columns of ec2.instance and ec2.spot_request, with
                         `account`, `region`, `first_seen`, `seen`
    zones                account, zone, zone_id: what the zone names mean in each account
    watched              account, region, since: from when on the store has looked
    Only hours after `since` count, and only interruptions after it: those before were seen by their survivors alone.
    """
    known = _known(instances, requests)
    if not known.height:
        return pl.DataFrame(schema=SIGHT_SCHEMA)
    until = known.select(pl.max_horizontal(pl.col("seen", "ended", "start").max())).item()
    joined = known.join(zones, on=["account", "zone"], how="left").join(watched, on=["account", "region"], how="left")
    begun = pl.max_horizontal("start", "since")
    # AWS's clock may be ahead of ours: what runs is there until as long after it was last seen.
    ahead = until - known.get_column("seen").max()
    end = pl.coalesce("ended", pl.when("running").then(pl.col("seen") + ahead).otherwise(pl.col("seen")))
    hours = ((end - begun).dt.total_seconds() / 3600).clip(0.0)
    return (
        joined.with_columns(
            begun_at=pl.min_horizontal(begun, end),
            end_at=end,
            hours=hours,
            taken=pl.col("taken") & (pl.col("ended") >= pl.col("since")).fill_null(False),
        )
        .filter(pl.col("zone_id").is_not_null() & pl.col("instance_type").is_not_null() & pl.col("since").is_not_null())
        .filter((pl.col("hours") > 0) | pl.col("taken"))
        .with_columns(
            recent_hours=(_weight(until, "end_at") - _weight(until, "begun_at")) * HALF_LIFE_HOURS / math.log(2),
            recent_taken=pl.when("taken").then(_weight(until, "ended")).otherwise(0.0),
        )
        .with_columns(
            at=pl.col("ended"), reason=pl.when("taken").then("reason"), source=pl.when("taken").then("source")
        )
        .select(*SIGHT_SCHEMA)
        .cast(dict(SIGHT_SCHEMA.items()))
        .sort("region", "zone_id", "instance_type", "instance_id")
    )


def _weight(until: datetime, column: str) -> pl.Expr:
    """How much something of that time still counts at `until`: all of it, half of it, a quarter of it, …"""
    age = (pl.lit(until) - pl.col(column)).dt.total_seconds() / 3600
    return pl.lit(0.5).pow(age / HALF_LIFE_HOURS)


def _known(instances: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """One row an instance: what its own row and its request's tell, the request first where both do."""
    own = instances.filter(pl.col("lifecycle") == "spot").select(
        *("account", "region", "instance_id", "zone", "instance_type", "seen"),
        start="launched",
        running=pl.col("state").is_in(["running", "pending"]) & pl.col("gone").is_null(),
        own_reason=pl.when(pl.col("state_reason").str.contains(_REASONS)).then("state_reason"),
    )
    asked = requests.filter(pl.col("instance_id").is_not_null() & (pl.col("instance_id") != "")).select(
        *("account", "region", "instance_id", "created", "status_at"),
        asked_zone="zone",
        asked_type="instance_type",
        asked_seen="seen",
        active=pl.col("state") == "active",
        code=pl.when(pl.col("status").str.contains(f"^({_TAKEN})")).then("status"),
    )
    both = own.join(asked, on=["account", "region", "instance_id"], how="full", coalesce=True)
    ended = pl.when(~pl.col("active").fill_null(True) | pl.col("code").is_not_null()).then("status_at")
    return both.select(
        *("account", "region", "instance_id"),
        zone=pl.coalesce("zone", "asked_zone"),
        instance_type=pl.coalesce("instance_type", "asked_type"),
        seen=pl.max_horizontal("seen", "asked_seen"),
        start=pl.coalesce("start", "created"),
        running=pl.coalesce("running", "active").fill_null(False) & pl.col("code").is_null(),
        taken=pl.col("code").is_not_null() | pl.col("own_reason").is_not_null(),
        reason=pl.coalesce("code", "own_reason"),
        source=pl.when(pl.col("code").is_not_null())
        .then(pl.lit("DescribeSpotInstanceRequests"))
        .otherwise(pl.lit("DescribeInstances")),
        ended=pl.coalesce(ended, pl.when(pl.col("own_reason").is_not_null()).then("seen")),
    )


def bands(advisor: pl.DataFrame, product: str, at: datetime | None = None) -> pl.DataFrame:
    """Region and type → the newest band with its day, how many imports are kept, and the mean share of the newest six.

    advisor  region, instance_type, os, band, interruptions, as_of: every import
    """
    system = "Windows" if product.startswith("Windows") else "Linux"
    mine = advisor.filter((pl.col("os") == system) & pl.col("band").is_between(0, len(BAND_SHARES) - 1))
    if at is not None:
        mine = mine.filter(pl.col("as_of") <= at)
    shares = pl.col("band").replace_strict(dict(enumerate(BAND_SHARES)), return_dtype=pl.Float64)
    return (
        mine.sort("as_of", descending=True)
        .group_by("region", "instance_type", maintain_order=True)
        .agg(
            band=pl.col("band").first(),
            band_text=pl.col("interruptions").first(),
            band_as_of=pl.col("as_of").first(),
            bands_kept=pl.len().cast(pl.Int64),
            month_share=shares.head(_IMPORTS).mean(),
        )
    )


def risks(pools: pl.DataFrame, seen: pl.DataFrame, told: pl.DataFrame, hours: float) -> pl.DataFrame:
    """The risk of each of `pools` (region, zone_id, instance_type) over `hours`, as RISK_SCHEMA.

    seen  of `sights`;  told  of `bands`
    """
    key = ["region", "zone_id", "instance_type"]
    counted = seen.group_by(key).agg(
        interruptions=pl.col("taken").sum().cast(pl.Int64),
        instance_hours=pl.col("hours").sum(),
        recent_taken=pl.col("recent_taken").sum(),
        recent_hours=pl.col("recent_hours").sum(),
        instances=pl.len().cast(pl.Int64),
    )
    joined = (
        pools.select(key)
        .unique(maintain_order=True)
        .join(counted, on=key, how="left", maintain_order="left")
        .join(told, on=["region", "instance_type"], how="left", maintain_order="left")
        .with_columns(
            pl.col("interruptions", "instances").fill_null(0),
            pl.col("instance_hours", "recent_taken", "recent_hours").fill_null(0.0),
        )
    )
    share = joined.get_column("month_share").cast(pl.Float64).to_numpy()
    events = joined.get_column("recent_taken").to_numpy()
    exposure = joined.get_column("recent_hours").to_numpy()
    told_of, known = np.isfinite(share), joined.get_column("instance_hours").to_numpy() >= ENOUGH_HOURS
    rate = -np.log1p(-np.where(told_of, share, 0.5)) / MONTH_HOURS
    shape = np.where(told_of, PRIOR_SHAPE, 0.5) + events
    scale = np.where(told_of, PRIOR_SHAPE / rate, 0.0) + exposure
    usable = told_of | known
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # An instance's rate is not known exactly: averaged over what it may be, the tail is heavier than exp(-rate·h).
        mean = 1 - (scale / (scale + hours)) ** shape
        low, high = (1 - np.exp(-gamma.ppf(level, shape) / scale * hours) for level in _INTERVAL)
    columns = {
        name: pl.Series(np.where(usable, values, np.nan)).fill_nan(None)
        for name, values in (("probability", mean), ("low", low), ("high", high))
    }
    basis = [
        _basis(*row)
        for row in joined.select(
            "instances", "interruptions", "instance_hours", "band_text", "band_as_of", "bands_kept"
        ).iter_rows()
    ]
    return (
        joined.with_columns(basis=pl.Series(basis, dtype=pl.String), **columns)
        .select(*RISK_SCHEMA)
        .cast(dict(RISK_SCHEMA.items()))
    )


def _basis(
    instances: int, interruptions: int, hours: float, band: str | None, as_of: datetime | None, kept: int | None
) -> str:
    """What a risk rests on, in words; why it is unknown, where it is."""
    seen = (
        f"{interruptions} interruption{'s' * (interruptions != 1)} in {hours:,.0f} instance-hours "
        f"of {instances} instance{'s' * (instances != 1)} seen"
        if instances
        else "no instance seen"
    )
    if band is not None and as_of is not None:
        imports = f", {kept} imports" if kept and kept > 1 else ""
        return f"{seen}; advisor band {band} a month, of {as_of:%Y-%m-%d}{imports}"
    if hours >= ENOUGH_HOURS:
        return f"{seen}; no advisor band"
    return f"{seen}; no advisor band, and under {math.ceil(ENOUGH_HOURS)} instance-hours say too little"
