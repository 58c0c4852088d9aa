"""A user's own SELECT over the views of the kinds: read-only by parse, by transaction and by a hardened database."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import duckdb

from backends.model import Json
from backends.store.errors import QueryRefused, first_line
from backends.store.instants import iso
from backends.store.snapshot import snapshot

DEFAULT_LIMIT = 1000


def query(cursor: duckdb.DuckDBPyConnection, text: str, limit: int = DEFAULT_LIMIT) -> bytes:
    """`{"columns", "rows", "truncated"}` of one SELECT; QueryRefused for anything else or anything wrong."""
    statement = _only_select(text)
    try:
        with snapshot(cursor):
            relation = cursor.sql(statement).limit(limit + 1)
            columns = list(relation.columns)
            found = relation.fetchall()
    except (duckdb.InterruptException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        raise QueryRefused(f"The query failed: {first_line(error)}") from error
    rows = [[None if isinstance(v, float) and not isfinite(v) else v for v in row] for row in found[:limit]]
    answer: Json = {"columns": columns, "rows": rows, "truncated": len(found) > limit}
    return json.dumps(answer, default=_plain, ensure_ascii=False).encode(errors="replace")


def _only_select(text: str) -> str:
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise QueryRefused(f"This is not SQL that can be understood: {first_line(error)}") from error
    if len(statements) != 1:
        raise QueryRefused(f"One SELECT is expected; this is {len(statements)} statements.")
    statement = statements[0]
    if statement.type != duckdb.StatementType.SELECT:
        raise QueryRefused(f"Only SELECT is allowed here; this is {statement.type.name}.")
    return str(statement.query)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value)
