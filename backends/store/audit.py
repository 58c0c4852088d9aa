"""The audit trail, as it was handed over: sealing and verifying are the actions' business.

Records are only ever appended: nothing here alters or deletes one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from backends.model import Json
from backends.store.errors import StoreError
from backends.store.instants import parse_instant, stored


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
