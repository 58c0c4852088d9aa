"""The analyses that the daemon's worker runs by name: frames and JSON parameters in, frames out. Deterministic.

Parameters of all: `now`, the UTC instant to work from ("2026-11-23T14:00:00Z"); without it, the input's newest time.
`currency`, what money is in, of the input and so of the output: "USD" where nothing is said; below, USD stands for it.

forecasts   in  "prices": market or ref (text), region, zone, instance_type, product, at (Datetime), price (USD/h);
                also account, zone_id where known. Price *events*: repeated and unordered rows do no harm.
            out "forecasts": analytics.spot.forecast.FORECAST_SCHEMA, and `ref`, `account`, `zone_id` where the input
                has them. `knots` (hours ahead) List(Int64) and `levels` List(Float64); `mean`, `naive` List(Float64),
                one per knot; `quantiles` List(Float64) flattened, all levels of the first knot first
                (analytics.spot.expand turns them into hours); `excluded` says why there is none.
anomalies   in  "costs": account, service, day, amount (USD), ref; "prices" as above. Either may be missing.
            out "anomalies": ANOMALY_SCHEMA, the flagged points only, newest first. `series` is the market or
                "<service> spend"; `ref` is null where the input has none.
advice      in  kind name → that kind's table (ref, account, region, id, seen and the kind's columns)
            out "advice": analytics.advice.advise.ADVICE_SCHEMA
pools, risk, savings, demand   answers to somebody who asks: see analytics.spot.questions, analytics.demand.question
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from analytics.advice.advise import ADVICE_SCHEMA, advise
from analytics.anomalies.detect import SCORED_SCHEMA, detect
from analytics.anomalies.hours import by_hour
from analytics.demand.question import demand
from analytics.spot import questions
from analytics.spot.clean import MARKET_COLUMNS
from analytics.spot.forecast import FORECAST_SCHEMA
from analytics.spot.kept import Kept, caught_up

Json = Mapping[str, Any]
Frames = dict[str, pl.DataFrame]

ANOMALY_SCHEMA: dict[str, pl.DataType] = {
    "ref": pl.String(),
    "account": pl.String(),
    "kind": pl.String(),
    **SCORED_SCHEMA,
}
"""`kind` is "cost.daily" or "spot.price"."""
IDENTITY = ("ref", "account", "zone_id")
_KEPT: dict[str, Kept] = {}
"""What this process has learned and forecast last."""
UNFINISHED_DAYS = 2
"""AWS goes on adding to a day's bill for about so long: a low last day is no anomaly."""


def forecasts(frames: Frames, parameters: Json) -> Frames:
    """Forecast every spot market in "prices"."""
    prices = _prices(frames)
    if prices is None:
        return {"forecasts": pl.DataFrame(schema=FORECAST_SCHEMA)}
    moment = _now(parameters, prices.get_column("at"))
    found, kept = caught_up(_KEPT.get("spot"), prices.with_columns(pool=_pool(prices)), moment)
    _KEPT.clear()
    if kept is not None:
        _KEPT["spot"] = kept
    present = [name for name in IDENTITY if name in prices.columns]
    if present:
        found = found.join(prices.group_by("market").agg(pl.col(*present).max()), on="market", how="left")
    return {"forecasts": found.sort("market")}


def anomalies(frames: Frames, parameters: Json) -> Frames:
    """Flag what is unusual in "costs" and "prices"."""
    found = [
        pl.DataFrame(schema=ANOMALY_SCHEMA),
        _cost_anomalies(frames, parameters),
        _price_anomalies(frames, parameters),
    ]
    flagged = pl.concat(found)
    return {"anomalies": flagged.sort("at", "series", "ref", descending=[True, False, False])}


def advice(frames: Frames, parameters: Json) -> Frames:
    """Recommend what the tables give reason for."""
    if not frames:
        return {"advice": pl.DataFrame(schema=ADVICE_SCHEMA)}
    seen = [frame.get_column("seen") for frame in frames.values() if "seen" in frame.columns and frame.height]
    newest = pl.Series(dtype=pl.Datetime("us")) if not seen else seen[0]
    return {"advice": advise(frames, now=_now(parameters, newest), currency=_currency(parameters))}


JOBS: dict[str, Callable[[Frames, Json], Frames]] = {
    **{"forecasts": forecasts, "anomalies": anomalies, "advice": advice},
    **{"pools": questions.pools, "risk": questions.risk, "savings": questions.savings},
    "demand": demand,
}


def _prices(frames: Frames) -> pl.DataFrame | None:
    """The price events with a `market`; None where there are none."""
    prices = frames.get("prices")
    if prices is None or not prices.height:
        return None
    if "market" not in prices.columns:
        prices = prices.with_columns(market=pl.col("ref"))
    missing = [pl.lit(None, pl.String).alias(name) for name in MARKET_COLUMNS if name not in prices.columns]
    return prices.with_columns(*missing, pl.col("at").cast(pl.Datetime("us"))).filter(pl.col("market").is_not_null())


def _pool(prices: pl.DataFrame) -> pl.Expr:
    """Markets are compared within an account: two accounts see the same market, and the same twice teaches nothing."""
    return pl.col("account").fill_null("") if "account" in prices.columns else pl.lit("")


def _currency(parameters: Json) -> str:
    return str(parameters.get("currency", "USD"))


def _now(parameters: Json, times: pl.Series) -> datetime:
    text = parameters.get("now")
    if text:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    newest = times.max()
    return newest if isinstance(newest, datetime) else datetime(1970, 1, 1)


def _cost_anomalies(frames: Frames, parameters: Json) -> pl.DataFrame:
    costs = frames.get("costs")
    if costs is None or not costs.height:
        return pl.DataFrame(schema=ANOMALY_SCHEMA)
    day = pl.col("day").cast(pl.String).str.slice(0, 10).str.to_date(strict=False).cast(pl.Datetime("us"))
    costs = costs.with_columns(day=day, amount=pl.col("amount").cast(pl.Float64, strict=False))
    closed = _now(parameters, costs.get_column("day")) - timedelta(days=UNFINISHED_DAYS)
    daily = (
        costs.filter(pl.col("day") <= closed)
        .group_by("account", "service", "day")
        .agg(pl.col("amount").sum(), pl.col("ref").max())
        .with_columns(series=pl.format("{}\n{} spend", "account", "service"))
    )
    points = daily.select("series", pl.col("day").alias("at"), pl.col("amount").alias("value"))
    scored = detect(points, profile="cost", currency=_currency(parameters))
    names = daily.select("series", "ref", "account", "service", pl.col("day").alias("at"))
    joined = scored.filter(pl.col("severity") != "").join(names, on=["series", "at"], how="left")
    plain = _renamed(joined.with_columns(words=pl.format("{} spend", "service"))).with_columns(series="words")
    return plain.with_columns(kind=pl.lit("cost.daily")).select(*ANOMALY_SCHEMA).cast(dict(ANOMALY_SCHEMA.items()))


def _renamed(flagged: pl.DataFrame) -> pl.DataFrame:
    """Labels begin with `words` for people where the detector put the series."""
    rest = pl.col("label").str.slice(pl.col("series").str.len_chars())
    return flagged.with_columns(label=pl.concat_str("words", rest))


def _price_anomalies(frames: Frames, parameters: Json) -> pl.DataFrame:
    prices = _prices(frames)
    if prices is None:
        return pl.DataFrame(schema=ANOMALY_SCHEMA)
    hours = by_hour(prices, _now(parameters, prices.get_column("at")))
    scored = detect(hours, profile="spot", currency=_currency(parameters))
    identity = [
        pl.col(name).max() if name in prices.columns else pl.lit(None, pl.String).alias(name)
        for name in ("ref", "account")
    ]
    words = pl.concat_str("instance_type", "zone", "product", separator=" ", ignore_nulls=True).first().alias("words")
    names = prices.group_by("market").agg(*identity, words).rename({"market": "series"})
    joined = scored.filter(pl.col("severity") != "").join(names, on="series", how="left")
    named = _renamed(joined).with_columns(kind=pl.lit("spot.price"))
    return named.select(*ANOMALY_SCHEMA).cast(dict(ANOMALY_SCHEMA.items()))
