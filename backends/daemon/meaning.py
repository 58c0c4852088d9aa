"""Results as the API tells them: what the store keeps of a run, with markets as refs and knots drawn out to hours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from analytics.spot.expand import expand, expand_quantiles
from backends.daemon.record import record
from backends.model import Json, Ref, Scope
from backends.store import Reader, iso

PRICES = "spot.price"
SERIES = "spot_price"
_SHOWN = {0.025: "q025", 0.1: "q10", 0.25: "q25", 0.5: "q50", 0.75: "q75", 0.9: "q90", 0.975: "q975"}
_SKILL = ("mae_skill_24", "crps_skill_24", "mae_skill_168", "crps_skill_168")
_SUMMARY = (
    *("market", "region", "zone", "instance_type", "product", "model", "as_of", "last_price", "knots", "mean", "note"),
    *("coverage80", "coverage95", "naive_better", "origins", "excluded", *_SKILL),
)
_HISTORY = timedelta(days=7)
ANALYSES = ("forecasts", "anomalies", "advice")
_NOT_YET = "This market has not been forecast yet; run: quarterdeck spot forecast --fresh"
_NOT_THEN = "This market had not been forecast by then."


def market_of(ref: str) -> str:
    """ "region/id", the store's name of a market, from a ref or from itself."""
    if "@" not in ref:
        return ref
    parsed = Ref.parse(ref)
    return f"{parsed.region}/{parsed.id}"


def ref_of(market: str, scope: Scope) -> str:
    """A market as a resource of the scope: prices are a region's, so any account of the scope there stands for it."""
    region, _, identity = market.partition("/")
    account = next((a for a, r in sorted(scope.pairs) if r == region), scope.accounts[0] if scope.accounts else "")
    return str(Ref(PRICES, account, region, identity))


def rows_of(reader: Reader, what: str, scope: Scope, **more: Any) -> list[Json]:
    """The rows of the newest run of an analysis within a scope, each with its run and, where it has none, its as-of."""
    found = json.loads(reader.results(what, scope=scope, **more))
    head = {"run": found["run"], "as_of": found["as_of"]}
    return [head | row for row in found["rows"]]


def runs_by(reader: Reader, at: datetime | None) -> Json:
    """{analysis: {"run", "as_of", "made"} of the newest run by an instant, null where there was none}."""
    found = {what: json.loads(reader.results(what, at=at, limit=0)) for what in ANALYSES}
    return {
        what: {name: run[name] for name in ("run", "as_of", "made")} if run["run"] is not None else None
        for what, run in found.items()
    }


def anomalies(reader: Reader, scope: Scope, at: datetime | None = None) -> list[Json]:
    """What the newest scan (by an instant) flagged, newest first."""
    rows = rows_of(reader, "anomalies", scope, at=at)
    rows = [row for row in rows if row.get("severity") in ("info", "warn", "bad")]
    return sorted(rows, key=lambda row: str(row.get("at")), reverse=True)


def advice(reader: Reader, scope: Scope, at: datetime | None = None) -> list[Json]:
    """Recommendations of the newest run (by an instant), the greatest saving first."""
    return sorted(rows_of(reader, "advice", scope, at=at), key=lambda row: -(row.get("monthly_saving") or 0.0))


def forecasts(reader: Reader, scope: Scope, at: datetime | None = None) -> list[Json]:
    """Every market that has a forecast, in a line; `at`: the newest forecast by that instant."""
    rows = rows_of(reader, "forecasts", scope, only=_SUMMARY, at=at)
    return [_summary(row, scope) for row in rows if not row.get("excluded")]


def _summary(row: Json, scope: Scope) -> Json:
    ahead = dict(zip(row["knots"] or (), row["mean"] or (), strict=False))
    now, in_a_day = row["last_price"], ahead.get(24)
    return {
        "ref": ref_of(row["market"], scope),
        **{name: row[name] for name in ("region", "zone", "instance_type", "product", "model", "as_of", "run", "note")},
        "now": now,
        "h24": in_a_day,
        "h168": ahead.get(168),
        "change_24": in_a_day / now - 1 if now and in_a_day is not None else None,
        "skill": _skill(row),
        "coverage80": row["coverage80"],
        "coverage95": row["coverage95"],
    }


def _made(reader: Reader, at: datetime | None, back: int) -> datetime | None:
    """When the forecast was made that is asked for; the oldest kept where none is so old; None where there is none."""
    # A run's instant is told in whole milliseconds: it was made within the one after.
    runs = [datetime.fromisoformat(run["as_of"]) + timedelta(milliseconds=1) for run in reader.kept_runs("forecasts")]
    runs = [made for made in runs if at is None or made <= at]
    if not runs or not back:
        return runs[0] if runs else None
    return next((made for made in runs if made <= runs[0] - timedelta(hours=back)), runs[-1])


def _skill(row: Mapping[str, Any]) -> Json:
    return {name.replace("_skill", ""): row[name] for name in _SKILL} | {
        "naive_better": row["naive_better"],
        "origins": row["origins"],
    }


def forecast(reader: Reader, scope: Scope, asked: str, at: datetime | None = None, back: int = 0) -> Json:
    """One market's fan, hour by hour, after its history; `reason` says why where there is no forecast.

    at    the newest forecast by this instant, and no price that came later
    back  the newest one that is so many hours older than that
    The prices that came after the forecast was made are `actual`; `moved` is when they first left the price that it
    started from, null while that holds; `record` is how all kept forecasts of the market turned out.
    """
    market = market_of(asked)
    chosen = _made(reader, at, back)
    rows = rows_of(reader, "forecasts", scope, where={"market": market}, at=chosen) if chosen else []
    row = rows[0] if rows else {}
    start = datetime.fromisoformat(row["as_of"]) if row else None
    told = json.loads(reader.series(SERIES, market, start - _HISTORY if start else None))["points"]
    points = [point for point in told if at is None or datetime.fromisoformat(point[0]) <= at]
    before = [point for point in points if start is None or datetime.fromisoformat(point[0]) <= start]
    actual = points[len(before) :]
    head = {
        "ref": ref_of(market, scope),
        "history": before,
        "actual": actual,
        "record": record(reader, SERIES, market, at),
    }
    if not row or row.get("excluded"):
        reason = row.get("excluded") or (_NOT_THEN if at else _NOT_YET)
        return head | {"run": row.get("run"), "model": None, "as_of": row.get("as_of"), "horizon": [], "reason": reason}
    assert start is not None
    last = row["last_price"]
    levels = {round(level, 3): values for level, values in expand_quantiles(last, row["quantiles"]).items()}
    return head | {
        **{name: row[name] for name in ("run", "model", "as_of", "note", "coverage80", "coverage95")},
        "now": last,
        "moved": next((moment for moment, price in actual if price != last), None),
        "skill": _skill(row),
        "horizon": [iso(start + timedelta(hours=hour)) for hour in range(1, 169)],
        "mean": expand(last, row["mean"]),
        "naive": expand(last, row["naive"]),
        **{name: levels[level] for level, name in _SHOWN.items()},
    }
