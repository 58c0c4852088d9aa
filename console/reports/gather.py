"""What a report says: asked of the daemon once, in one plain structure that the HTML, Markdown and JSON forms share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from backends.client import BackendError
from backends.model import GLOBAL_REGION, IMPORTED, Json
from backends.version import VERSION
from console.freshness import as_heard, never_heard, oldest_heard, unvouched

SCHEMA = 1
TABLE_ROWS = 60
FANS = 12
CHANGES = 200
AUDIT = 100


class Reader(Protocol):
    """The part of the daemon's client that a report reads."""

    def status(self) -> Json: ...
    def kinds(self) -> list[Json]: ...
    def home(self, *, at: str = ...) -> Json: ...
    def rows(self, kind: str, *, at: str = ..., limit: int = ...) -> Json: ...
    def changes(self, *, since: str = ..., until: str = ..., limit: int = ...) -> Json: ...
    def forecasts(self, *, at: str = ...) -> list[Json]: ...
    def forecast(self, ref: str, *, at: str = ...) -> Json: ...
    def anomalies(self, *, at: str = ...) -> list[Json]: ...
    def advice(self, *, at: str = ...) -> list[Json]: ...
    def costs(self, *, at: str = ...) -> Json: ...
    def coverage(self, at: str = ...) -> Json: ...
    def audit(self, limit: int = ..., *, at: str = ...) -> list[Json]: ...


def gather(
    client: Reader, *, since: str = "-24h", at: str = "", progress: Callable[[str], None] = lambda _: None
) -> Json:
    """Everything a report holds, as of an instant where one is named. `since` bounds the changes, before that instant;
    `progress` is told each section as it is read.
    """
    progress("status and coverage")
    status, covered = client.status(), client.coverage(**_look(at))
    coverage = covered["rows"]
    # One instant for all of it: "-2d" would be another one with every read.
    look = _look(str(covered["at"]) if at else "")
    progress("inventory")
    inventory = list(_inventory(client, look))
    progress("changes")
    changes = client.changes(since=since, until=look.get("at", ""), limit=CHANGES)
    progress("forecasts")
    markets = client.forecasts(**look)
    progress("findings")
    anomalies, advice = client.anomalies(**look), client.advice(**look)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "store": {name: status.get(name, "") for name in ("store", "partition", "endpoint", "label")},
        # What was imported from files is nobody's.
        "accounts": sorted({row["account"] for row in coverage} - {IMPORTED}),
        "regions": sorted({row["region"] for row in coverage} - {GLOBAL_REGION}),
        "at": look.get("at"),
        "as_of": max((row["last_good"] for row in coverage if row.get("last_good")), default=None),
        "home": client.home(**look),
        "inventory": inventory,
        "changes": changes,
        "forecasts": {"markets": markets, "fans": _fans(client, markets, look)},
        "anomalies": anomalies,
        "advice": advice,
        "costs": client.costs(**look),
        "coverage": coverage,
        "audit": client.audit(limit=AUDIT, **look),
    }


def _look(at: str) -> dict[str, Any]:
    """What a read is handed for an instant; nothing for the present."""
    return {"at": at} if at else {}


def _inventory(client: Reader, look: dict[str, Any]) -> Iterator[Json]:
    """Every kind that may be read: without credentials those whose rows were imported."""
    for kind in client.kinds():
        try:
            yield _table(client, kind, look)
        except BackendError as error:
            if error.code != "no-credentials":
                raise


def _table(client: Reader, kind: Json, look: dict[str, Any]) -> Json:
    """One kind's first rows, in its essential columns, with the total (null: unknown) so that what is cut is told."""
    answer = client.rows(kind["name"], limit=TABLE_ROWS, **look)
    declared = {column["name"]: column for column in kind["columns"] if column["narrow"]}
    wanted = dict.fromkeys(("account", "region", *declared, "health", "health_why"))
    names = [name for name in wanted if name in answer["columns"]]
    places = [answer["columns"].index(name) for name in names]
    unknown = not answer["total"] and unvouched(answer)
    return {
        "kind": kind["name"],
        "title": kind["title"],
        "total": None if unknown else answer["total"],
        "as_of": None if unknown or never_heard(answer) else as_heard(answer),
        "oldest": oldest_heard(answer) or None,
        "oldest_place": answer["coverage"].get("oldest_place"),
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


def _fans(client: Reader, markets: list[Json], look: dict[str, Any]) -> list[Json]:
    """The markets where most is expected to happen, each with its whole forecast."""
    ranked = sorted(markets, key=lambda market: -abs(number(market.get("change_24")) or 0.0))
    return [{"ref": market["ref"], **client.forecast(market["ref"], **look)} for market in ranked[:FANS]]


def number(value: Any) -> float | None:
    """The value as a number, or None where it is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
