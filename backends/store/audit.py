"""The audit trail and plans, as they were handed over: sealing and verifying are the actions' business.

Records are only ever appended: nothing here alters or deletes one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb

from backends.model import Json
from backends.store.errors import NotFound, StoreError
from backends.store.instants import iso, parse_instant, stored, utcnow


def add_audit(connection: duckdb.DuckDBPyConnection, record: Mapping[str, Any]) -> int:
    """Appends a sealed record (`sequence`, `previous`, `hash`, `at` and anything else); gives its sequence number.

    StoreError if it does not follow the last one: then somebody else has written meanwhile. Belongs in a transaction.
    """
    try:
        sequence, previous, digest = int(record["sequence"]), str(record["previous"]), str(record["hash"])
        instant = stored(parse_instant(str(record["at"])))
        text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"An audit record cannot be kept: {error} is missing or not as it should be.") from error
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM own.audit").fetchall()[0][0]
    if sequence <= last:
        raise StoreError(f"Audit record {sequence} does not follow record {last}: the trail has moved on.")
    connection.execute("INSERT INTO own.audit VALUES (?, ?, ?, ?, ?)", [sequence, instant, text, previous, digest])
    return sequence


def audit_records(cursor: duckdb.DuckDBPyConnection) -> list[Json]:
    """Every record, oldest first, as it was handed over; a record that is no longer JSON reads as `{"sequence": n}`."""
    found = cursor.execute("SELECT seq, record FROM own.audit ORDER BY seq, instant").fetchall()
    return [_parsed(sequence, text) for sequence, text in found]


def _parsed(sequence: int, text: str) -> Json:
    try:
        record = json.loads(text)
    except ValueError:
        return {"sequence": sequence}
    return record if isinstance(record, dict) else {"sequence": sequence}


def audit_json(cursor: duckdb.DuckDBPyConnection, limit: int, before: int | None) -> bytes:
    """`{"records": […newest first], "total"}`; `before` is the sequence number to go on from."""
    found = cursor.execute(
        "SELECT seq, record FROM own.audit WHERE seq < ? ORDER BY seq DESC LIMIT ?", [before or 2**62, limit]
    ).fetchall()
    total = cursor.execute("SELECT count(*) FROM own.audit").fetchall()[0][0]
    return json.dumps({"records": [_parsed(*row) for row in found], "total": total}).encode()


def save_plan(connection: duckdb.DuckDBPyConnection, plan: Json, state: str) -> None:
    """Keeps a plan (`Plan.as_json()`) under its id, or replaces it. Belongs in a transaction."""
    now = stored(utcnow())
    connection.execute("DELETE FROM own.plan WHERE id = ?", [plan["id"]])
    body = json.dumps(plan, sort_keys=True)
    connection.execute("INSERT INTO own.plan VALUES (?, ?, ?, ?, ?)", [plan["id"], now, state, now, body])


def set_plan_state(connection: duckdb.DuckDBPyConnection, plan_id: str, state: str) -> None:
    """Notes how far a plan has come; NotFound if there is no such plan."""
    found = connection.execute(
        "UPDATE own.plan SET state = ?, updated = ? WHERE id = ?", [state, stored(utcnow()), plan_id]
    ).fetchall()
    if not found[0][0]:
        raise NotFound(f"There is no plan {plan_id!r}.")


def plan(cursor: duckdb.DuckDBPyConnection, plan_id: str) -> tuple[Json, str]:
    """A plan as it was kept, and its state; NotFound if there is no such plan."""
    found = cursor.execute("SELECT body, state FROM own.plan WHERE id = ?", [plan_id]).fetchall()
    if not found:
        raise NotFound(f"There is no plan {plan_id!r}.")
    return json.loads(found[0][0]), str(found[0][1])


def plans(cursor: duckdb.DuckDBPyConnection, since: datetime | None = None) -> list[Json]:
    """Plans made since an instant, newest first: id, title, action, state, made."""
    found = cursor.execute(
        "SELECT id, state, made, body FROM own.plan WHERE made >= ? ORDER BY made DESC", [since or datetime(1970, 1, 1)]
    ).fetchall()
    listed = []
    for plan_id, state, made, body in found:
        kept = json.loads(body)
        entry = {"id": plan_id, "state": state, "made": iso(made)}
        listed.append(entry | {name: kept.get(name) for name in ("title", "action", "account", "region", "targets")})
    return listed
