"""Made-up knowledge of Spot for tests: types, markets, forecasts as the store keeps them, and what runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from analytics.advice.prices import Price, PriceList
from analytics.spot.levels import KNOTS, LEVELS
from analytics.spot.pools import Known
from analytics.spot.questions import table
from analytics.spot.risk import SIGHT_SCHEMA

NOW = datetime(2026, 11, 26, 12)
REGION, ACCOUNT = "us-east-1", "111122223333"
TYPES = {"m5.large": (2, 8), "m5.xlarge": (4, 16), "c5.xlarge": (4, 8), "m6g.xlarge": (4, 16), "g4dn.xlarge": (4, 16)}
LIST = {"m5.large": 0.096, "m5.xlarge": 0.192, "c5.xlarge": 0.17, "g4dn.xlarge": 0.526}


def market(kind: str, zone: str, product: str = "Linux/UNIX") -> str:
    return f"{REGION}/{zone}/{kind}/{product}"


def forecast_row(kind: str, zone: str, price: float, spread: float = 0.1, **more: Any) -> dict[str, Any]:
    """A forecast that the price stays, with quantiles that widen with the level and the knot."""
    quantiles = [price * (1 + spread * (level - 0.5) * knot / 168) for knot in KNOTS for level in LEVELS]
    return {
        **{"market": market(kind, zone), "region": REGION, "instance_type": kind, "product": "Linux/UNIX"},
        **{"model": "momentum", "last_price": price, "knots": list(KNOTS), "levels": list(LEVELS)},
        **{"mean": [price] * len(KNOTS), "naive": [price] * len(KNOTS), "quantiles": quantiles},
        **{"mae_skill_24": 0.2, "naive_better": False, "excluded": None},
        **more,
    }


def type_row(name: str) -> dict[str, Any]:
    vcpus, gib = TYPES[name]
    return {
        **{"account": ACCOUNT, "region": REGION, "instance_type": name, "vcpus": vcpus, "memory": gib * 1024},
        **{"architectures": ["arm64"] if "g." in name else ["x86_64"], "gpus": int(name.startswith("g4"))},
        "current_generation": True,
    }


def known(prices: dict[tuple[str, str], float], **more: Any) -> Known:
    """What is known where pools cost that; frames may be replaced by name."""
    forecasts = [forecast_row(kind, zone, price) for (kind, zone), price in prices.items()]
    markets = [
        {"region": REGION, "zone_id": zone, "zone": f"{REGION}a", "instance_type": kind, "product": "Linux/UNIX"}
        | {"price": price, "account": ACCOUNT}
        for (kind, zone), price in prices.items()
    ]
    frames = {
        "spot.price": pl.DataFrame(markets),
        "ec2.instance_type": pl.DataFrame([type_row(name) for name in TYPES]),
        "forecasts": pl.DataFrame(forecasts, infer_schema_length=None),
    }
    listed = {("ec2.linux", REGION, name): Price(value, "USD/h", "a list", "2026") for name, value in LIST.items()}
    facts: dict[str, Any] = {
        "markets": table(frames, "spot.price"),
        "forecasts": table(frames, "forecasts"),
        "types": table(frames, "ec2.instance_type"),
        "offerings": table({}, "ec2.offering"),
        "offering_regions": (),
        "advisor": table({}, "advisor"),
        "scores": table({}, "spot.placement_score"),
        "quotas": table({}, "servicequotas.quota"),
        "running": pl.DataFrame(schema={"region": pl.String, "instance_type": pl.String, "vcpus": pl.Int64}),
        "sights": pl.DataFrame(schema=SIGHT_SCHEMA),
        "prices": PriceList(listed),
        "now": NOW,
    }
    return Known(**(facts | more))


def offerings(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [{"account": ACCOUNT, "region": REGION, "zone_id": zone, "instance_type": kind} for kind, zone in pairs]
    return table({"ec2.offering": pl.DataFrame(rows)}, "ec2.offering")


def quota(value: float, name: str = "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests") -> pl.DataFrame:
    row = {"account": ACCOUNT, "region": REGION, "name": name, "value": value, "spot": True}
    return table({"servicequotas.quota": pl.DataFrame([row])}, "servicequotas.quota")


def advisor(**bands: int) -> pl.DataFrame:
    """Bands of types (with _ for the dot), of yesterday."""
    words = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
    rows = [
        {"region": REGION, "instance_type": name.replace("_", "."), "os": "Linux", "band": band}
        | {"interruptions": words[band], "as_of": NOW - timedelta(days=1)}
        for name, band in bands.items()
    ]
    return table({"advisor": pl.DataFrame(rows)}, "advisor")


def scores(types: list[str], capacity: int, score: int, hours_ago: float = 1.0) -> pl.DataFrame:
    row = {"account": ACCOUNT, "region": REGION, "zone_id": "use1-az1", "types": types, "capacity": capacity}
    row |= {"score": score, "seen": NOW - timedelta(hours=hours_ago)}
    return table({"spot.placement_score": pl.DataFrame([row])}, "spot.placement_score")
