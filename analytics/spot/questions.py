"""What the daemon's worker answers about Spot on request: the store's tables in, frames and a few words out.

Frames in are named by kind and have the columns of its table (`reader.table`), of `ec2.instance` and `ec2.spot_request`
the newest version of everything ever seen, with `gone`. Besides: "forecasts" as stored, "advisor" every imported band,
"coverage" (account, region, kind, state, since). A frame may be missing or empty: what it would tell is unknown.

Parameters: `now` (UTC instant), `past` where that is not the present, `need` (text, see analytics.spot.need),
`account` whose quota and offerings count, `hours` ahead, `currency` of the prices in the frames ("USD").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from analytics.advice.prices import bundled
from analytics.spot import need as needs
from analytics.spot.forecast import FORECAST_SCHEMA
from analytics.spot.pools import SCORE_AGE, Known, rank
from analytics.spot.risk import bands, risks, sights
from analytics.spot.savings import savings as fleet_savings

Frames = Mapping[str, pl.DataFrame]
_TIME = pl.Datetime("us")
_TEXTS = pl.List(pl.String)
_COLUMNS: dict[str, dict[str, Any]] = {
    "spot.price": {
        **dict.fromkeys(("account", "region", "zone_id", "zone", "instance_type", "product"), pl.String),
        "price": pl.Float64,
    },
    "ec2.instance_type": {
        **{"account": pl.String, "region": pl.String, "instance_type": pl.String, "vcpus": pl.Int64},
        **{"memory": pl.Int64, "architectures": _TEXTS, "gpus": pl.Int64, "current_generation": pl.Boolean},
    },
    "ec2.offering": dict.fromkeys(("account", "region", "zone_id", "instance_type"), pl.String),
    "spot.placement_score": {
        **{"account": pl.String, "region": pl.String, "zone_id": pl.String, "types": _TEXTS},
        **{"capacity": pl.Int64, "score": pl.Int64, "seen": _TIME},
    },
    "servicequotas.quota": {
        **{"account": pl.String, "region": pl.String, "name": pl.String, "value": pl.Float64, "spot": pl.Boolean}
    },
    "ec2.instance": {
        **dict.fromkeys(("account", "region", "instance_id", "zone", "instance_type", "state"), pl.String),
        **dict.fromkeys(("lifecycle", "state_reason", "platform", "auto_scaling_group", "name"), pl.String),
        **{"launched": _TIME, "seen": _TIME, "gone": _TIME},
    },
    "ec2.spot_request": {
        **dict.fromkeys(("account", "region", "instance_id", "zone", "instance_type", "state"), pl.String),
        **{"status": pl.String, "created": _TIME, "status_at": _TIME, "seen": _TIME, "gone": _TIME},
    },
    "savingsplans.rate": {
        **{"account": pl.String, "region": pl.String, "instance_type": pl.String, "term": pl.Int64},
        **{"rate": pl.Float64, "currency": pl.String, "product": pl.String, "plan": pl.String, "seen": _TIME},
    },
    "advisor": {
        **dict.fromkeys(("region", "instance_type", "os", "interruptions"), pl.String),
        **{"band": pl.Int64, "as_of": _TIME},
    },
    "coverage": {
        **dict.fromkeys(("account", "region", "kind", "state"), pl.String),
        "since": _TIME,
    },
    "forecasts": {
        name: FORECAST_SCHEMA[name]
        for name in (
            *(
                "market",
                "region",
                "instance_type",
                "product",
                "model",
                "last_price",
                "knots",
                "levels",
                "mean",
                "naive",
            ),
            *("quantiles", "mae_skill_24", "naive_better", "excluded"),
        )
    },
}


def table(frames: Frames, name: str) -> pl.DataFrame:
    """The frame of that name with just the columns that are used, missing ones null; empty where there is none."""
    wanted = _COLUMNS[name]
    frame = frames.get(name, pl.DataFrame())
    present = [
        pl.col(column).cast(kind) if column in frame.columns else pl.lit(None, kind).alias(column)
        for column, kind in wanted.items()
    ]
    return frame.select(present) if frame.width else pl.DataFrame(schema=wanted)


def moment(parameters: Mapping[str, Any]) -> datetime:
    """The instant to work from, naive UTC."""
    found = datetime.fromisoformat(str(parameters["now"]).replace("Z", "+00:00"))
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _currency(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("currency", "USD"))


def pools(frames: Frames, parameters: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Rank pools for a need: "pools", "frontier" and "said" (one row: problem, types)."""
    wanted = needs.parse(str(parameters["need"]))
    account, past = str(parameters["account"]), bool(parameters.get("past"))
    ranking = rank(wanted, known(frames, moment(parameters), account, past=past, currency=_currency(parameters)))
    said = pl.DataFrame({"problem": [ranking.problem], "types": pl.Series([list(ranking.types)], dtype=_TEXTS)})
    return {"pools": ranking.pools, "frontier": ranking.frontier, "said": said}


def risk(frames: Frames, parameters: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The interruption risk of every pool that is run in or has a band: "risk" and its evidence, "sights"."""
    hours = float(parameters["hours"])
    seen = seen_instances(frames)
    told = bands(table(frames, "advisor"), str(parameters.get("product", "Linux/UNIX")), moment(parameters))
    product = pl.col("product") == str(parameters.get("product", "Linux/UNIX"))
    key = ["region", "zone_id", "instance_type"]
    known_pools = table(frames, "spot.price").filter(product).select(key)
    listed = pl.concat([known_pools, seen.select(key)]).unique()
    found = risks(listed, seen, told, hours).join(_rated(frames, moment(parameters)), on=key, how="left")
    found = found.sort("probability", *key, descending=[True] + [False] * 3, nulls_last=True)
    return {"risk": found, "sights": seen.filter("taken").sort("at", descending=True)}


def _rated(frames: Frames, now: datetime) -> pl.DataFrame:
    """The newest placement score of a request that the type was part of, zone by zone, and that request."""
    scores = table(frames, "spot.placement_score").filter(pl.col("seen") >= now - SCORE_AGE)
    return (
        scores.explode("types")
        .rename({"types": "instance_type"})
        .sort("seen", descending=True)
        .unique(["region", "zone_id", "instance_type"], keep="first")
        .select(
            *("region", "zone_id", "instance_type", "score"),
            score_of=pl.format("{} instances of several types", "capacity"),
        )
    )


def savings(frames: Frames, parameters: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The fleet as it runs against the other ways to pay for it: "lines", "totals" and "said" (running, unpriced,
    unpriced_types)."""
    prices, currency = table(frames, "spot.price"), _currency(parameters)
    zones = prices.select("account", "zone", "zone_id").drop_nulls().unique(["account", "zone"])
    running = (
        table(frames, "ec2.instance")
        .filter((pl.col("state") == "running") & pl.col("gone").is_null())
        .join(zones, on=["account", "zone"], how="left")
        .with_columns(product=pl.col("platform").fill_null("Linux/UNIX"))
    )
    found = fleet_savings(
        running,
        table(frames, "forecasts"),
        prices,
        table(frames, "savingsplans.rate").filter(pl.col("currency").fill_null(currency) == currency),
        bundled(currency),
        int(parameters["hours"]),
    )
    types = pl.Series([list(found.unpriced_types)], dtype=_TEXTS)
    said = pl.DataFrame({"running": [found.running], "unpriced": [found.unpriced], "unpriced_types": types})
    return {"lines": found.lines, "totals": found.totals, "said": said}


def seen_instances(frames: Frames) -> pl.DataFrame:
    """What was seen of Spot Instances, from the newest version of every instance and request ever seen."""
    zones = table(frames, "spot.price").select("account", "zone", "zone_id").drop_nulls().unique(["account", "zone"])
    watched = (
        table(frames, "coverage")
        .filter((pl.col("kind") == "ec2.spot_request") & pl.col("since").is_not_null())
        .select("account", "region", "since")
    )
    return sights(table(frames, "ec2.instance"), table(frames, "ec2.spot_request"), zones, watched)


def known(frames: Frames, now: datetime, account: str, *, past: bool = False, currency: str = "USD") -> Known:
    """What is known for a ranking: prices and sights from everywhere, types, offerings and quotas of the account."""

    def own(name: str) -> pl.DataFrame:
        return table(frames, name).filter(pl.col("account") == account)

    types = own("ec2.instance_type")
    sizes = types.select("region", "instance_type", "vcpus")
    running = (
        own("ec2.instance")
        .filter(
            (pl.col("lifecycle") == "spot") & pl.col("state").is_in(["running", "pending"]) & pl.col("gone").is_null()
        )
        .select("region", "instance_type")
        .join(sizes, on=["region", "instance_type"], how="left")
    )
    covered = table(frames, "coverage").filter(
        (pl.col("account") == account) & (pl.col("kind") == "ec2.offering") & pl.col("state").is_in(["ok", "empty"])
    )
    prices = table(frames, "spot.price")
    if past:
        # Prices in force are kept for the present alone; in the past the forecast's own last price stands for them.
        prices = prices.with_columns(price=pl.lit(None, pl.Float64))
    # The account's own names of the zones, where it knows them.
    markets = prices.with_columns(mine=pl.col("account") == account).sort("mine", descending=True)
    return Known(
        markets=markets,
        forecasts=table(frames, "forecasts"),
        types=types,
        offerings=own("ec2.offering"),
        offering_regions=tuple(covered.get_column("region").unique().sort()),
        advisor=table(frames, "advisor"),
        scores=own("spot.placement_score"),
        quotas=own("servicequotas.quota"),
        running=running,
        sights=seen_instances(frames),
        prices=bundled(currency),
        now=now,
        past=past,
    )
