"""What a report says: asked of the daemon once, in one plain structure that the HTML, Markdown and JSON forms share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from backends.client import BackendError
from backends.model import GLOBAL_REGION, Json
from backends.version import VERSION

SCHEMA = 1
TABLE_ROWS = 60
FANS = 12
CHANGES = 200
AUDIT = 100


class Reader(Protocol):
    """The part of the daemon's client that a report reads."""

    def status(self) -> Json: ...
    def kinds(self) -> list[Json]: ...
    def home(self) -> Json: ...
    def rows(self, kind: str, *, limit: int = ...) -> Json: ...
    def changes(self, *, since: str = ..., limit: int = ...) -> Json: ...
    def forecasts(self) -> list[Json]: ...
    def forecast(self, ref: str) -> Json: ...
    def anomalies(self) -> list[Json]: ...
    def advice(self) -> list[Json]: ...
    def costs(self) -> Json: ...
    def coverage(self) -> Json: ...
    def audit(self, limit: int = ...) -> list[Json]: ...


def gather(client: Reader, *, since: str = "-24h", progress: Callable[[str], None] = lambda _: None) -> Json:
    """Everything a report holds. `since` bounds the changes; `progress` is told each section as it is read."""
    progress("status and coverage")
    status, coverage = client.status(), client.coverage()["rows"]
    progress("inventory")
    inventory = list(_inventory(client))
    progress("changes")
    changes = client.changes(since=since, limit=CHANGES)
    progress("forecasts")
    markets = client.forecasts()
    progress("findings")
    anomalies, advice = client.anomalies(), client.advice()
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "store": {name: status.get(name, "") for name in ("store", "partition", "endpoint", "label")},
        "accounts": sorted({row["account"] for row in coverage}),
        "regions": sorted({row["region"] for row in coverage} - {GLOBAL_REGION}),
        "as_of": max((row["last_good"] for row in coverage if row.get("last_good")), default=None),
        "home": client.home(),
        "inventory": inventory,
        "changes": changes,
        "forecasts": {"markets": markets, "fans": _fans(client, markets)},
        "anomalies": anomalies,
        "advice": advice,
        "costs": client.costs(),
        "coverage": coverage,
        "audit": client.audit(limit=AUDIT),
    }


def _inventory(client: Reader) -> Iterator[Json]:
    """Every kind that may be read: without credentials those whose rows were imported."""
    for kind in client.kinds():
        try:
            yield _table(client, kind)
        except BackendError as error:
            if error.code != "no-credentials":
                raise


def _table(client: Reader, kind: Json) -> Json:
    """One kind's first rows, in its essential columns, with the total so that what is cut is told."""
    answer = client.rows(kind["name"], limit=TABLE_ROWS)
    declared = {column["name"]: column for column in kind["columns"] if column["narrow"]}
    wanted = dict.fromkeys(("account", "region", *declared, "health", "health_why"))
    names = [name for name in wanted if name in answer["columns"]]
    places = [answer["columns"].index(name) for name in names]
    return {
        "kind": kind["name"],
        "title": kind["title"],
        "total": answer["total"],
        "as_of": answer.get("as_of"),
        "partial": answer.get("partial", False),
        "coverage": answer["coverage"]["states"],
        "problems": answer["coverage"].get("problems", []),
        "columns": [_heading(declared.get(name), name) for name in names],
        "rows": [[row[place] for place in places] for row in answer["rows"]],
    }


def _heading(column: Json | None, name: str) -> Json:
    """A column's name, what stands over it, and its type; the store's own columns are text."""
    if column is None:
        return {"name": name, "heading": name.replace("_", " "), "type": "text", "unit": ""}
    return {key: column[key] for key in ("name", "heading", "type", "unit")}


def _fans(client: Reader, markets: list[Json]) -> list[Json]:
    """The markets where most is expected to happen, each with its whole forecast."""
    ranked = sorted(markets, key=lambda market: -abs(number(market.get("change_24")) or 0.0))
    return [{"ref": market["ref"], **client.forecast(market["ref"])} for market in ranked[:FANS]]


def number(value: Any) -> float | None:
    """The value as a number, or None where it is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
