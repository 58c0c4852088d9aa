"""Figures over many rows: counts by kind and health, daily costs by service, what home shows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import duckdb

from backends.model import Json, Scope
from backends.store.changes import tells
from backends.store.coverage import Amiss, compared_since, corrected, known, summary
from backends.store.errors import StoreError
from backends.store.history import full_rows, scope_pairs
from backends.store.horizon import held_at
from backends.store.instants import iso, stored, utcnow
from backends.store.recent import Recent
from backends.store.schema import KindTable
from backends.store.snapshot import snapshot
from backends.store.sqltext import Bound
from backends.store.tallies import Tallies, counted


def home(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    tallies: Tallies,
    recent: Recent,
    scope: Scope,
    now: datetime,
    at: datetime | None,
    amiss: Amiss,
) -> bytes:
    """The counters of the home screen: counts, health, changes of the last 30 minutes, coverage.

    `at` reads all of them as of that instant, and `now` is then of no matter; `unobserved` are the kinds that nothing
    vouches for then, and where that is all of them it is not known what changed. `partial` are the kinds that some
    place has not told yet; changes are known from `changes_since` on, null where nothing was polled twice.
    """
    now = at or now
    closing = [table for table in tables.values() if tells(table)]
    with snapshot(cursor):
        # Of the past every number is looked for: nothing of it is kept for the next look.
        changes = (Recent() if at else recent).counts(cursor, closing, scope, now - timedelta(minutes=30), now)
        told = counted(cursor, tables.values(), scope, at) if at else tallies.get(cursor, tables, scope, now)
    reasons = {name: told[name].reasons for name, table in tables.items() if table.kind.health}
    entries = known(cursor, tables.values(), scope, at)
    # Of what nobody has looked at nothing is missing.
    waited = [entry for entry in entries if entry.last_try or not tables[entry.kind].kind.on_demand]
    observed = {entry.kind for entry in entries if at is None or entry.observed(at)}
    since = compared_since(cursor, scope, now)
    answer: Json = {
        "counts": {name: tally.count for name, tally in told.items()},
        "health": {
            kind: {health: sum(why.values()) for health, why in states.items()} for kind, states in reasons.items()
        },
        "health_why": reasons,
        "unobserved": [name for name in tables if name not in observed],
        "partial": sorted({entry.kind for entry in waited if entry.untold and tables[entry.kind].kind.polled}),
        "changes_30m": sum(changes.values()) if observed and since else None,
        "changes_since": iso(max(since, now - timedelta(minutes=30))) if since else None,
        "changes_by_kind": changes,
        "coverage": summary(corrected(waited, amiss, at), at),
        "as_of": iso(now),
    }
    return json.dumps(answer, ensure_ascii=False).encode()


def costs(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, scope: Scope, days: int, at: datetime | None, amiss: Amiss
) -> bytes:
    """Daily costs, dearest service first: `{"days", "services": [{"service", "values", "total"}], "total", "as_of"}`.

    `open_from` is the first day that was not over when costs were read last: what is known of it is a part.
    The kind is told apart by its declaration: a key column that is a day, one that is the service, and the first number
    column. A value that is not known is null, never 0.
    """
    day, service, amount = _roles(table)
    bound = Bound()
    held = held_at(cursor, table.name, at)
    moment = bound(held) if held else ""
    source = full_rows(table, scope_pairs(table.kind, scope), bound, at=moment, now=held, flags=False)
    found = cursor.execute(
        f'SELECT "{day}"::DATE AS day, "{service}", sum("{amount}") FROM ({source}) WHERE "{day}" IS NOT NULL'
        f' GROUP BY ALL HAVING day > (SELECT max("{day}"::DATE) FROM ({source})) - {bound(days)}::INTEGER ORDER BY day',
        bound.values,
    ).fetchall()
    span = _span([row[0] for row in found])
    by_service: dict[str, dict[date, float]] = defaultdict(dict)
    for moment_, name, value in found:
        by_service[name or ""][moment_] = value
    services = [
        {
            "service": name,
            "values": [values.get(d) for d in span],
            "total": round(sum(v for v in values.values() if v is not None), 6),
        }
        for name, values in by_service.items()
    ]
    services.sort(key=lambda entry: (-float(str(entry["total"])), str(entry["service"])))
    entries = corrected(known(cursor, [table], scope, at), amiss, at)
    # The account that was read longest ago decides: of a later day its part is missing.
    read = [entry.good_at for entry in entries if entry.good_at]
    answer: Json = {
        "days": [d.isoformat() for d in span],
        "services": services,
        "total": [_total(by_service, d) for d in span],
        "unit": table.kind.column(amount).unit,
        "source": table.kind.service,
        "as_of": summary(entries, at)["newest_good"],
        "open_from": min(read, default=at or stored(utcnow())).date().isoformat(),
        "coverage": summary(entries, at),
    }
    return json.dumps(answer, ensure_ascii=False).encode()


def _roles(table: KindTable) -> tuple[str, str, str]:
    names = [column.name for column in table.columns]
    day = next((n for n in ("day", "date", "start") if n in names), None)
    amount = next((c.name for c in table.columns if c.type == "number"), None)
    if day is None or amount is None or "service" not in names:
        raise StoreError(f"{table.name} is not a kind of daily costs: it needs a day, a service and a number.")
    return day, "service", amount


def _span(days: list[date]) -> list[date]:
    if not days:
        return []
    first, last = min(days), max(days)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _total(by_service: Mapping[str, Mapping[date, float]], day: date) -> float | None:
    values = [values[day] for values in by_service.values() if values.get(day) is not None]
    return round(sum(values), 6) if values else None
