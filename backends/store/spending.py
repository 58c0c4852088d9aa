"""What was asked of AWS day by day, operation by operation: kept so that a budget outlives the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa

from backends.model import Json

FIGURES = ("calls", "retries", "errors", "throttled", "rows", "seconds", "cost")
_KEY = ("day", "account", "service", "operation")
_KEPT_DAYS = 400


def add_spent(connection: duckdb.DuckDBPyConnection, rows: Sequence[Json]) -> None:
    """Adds to the days' figures; each row has `day` (a date), account, service, operation and every figure."""
    if not rows:
        return
    connection.register("more", pa.Table.from_pylist(list(rows)))
    same = " AND ".join(f"s.{name} = m.{name}" for name in _KEY)
    sums = ", ".join(f"{name} = s.{name} + m.{name}" for name in FIGURES)
    names = ", ".join((*_KEY, *FIGURES))
    try:
        connection.execute(f"UPDATE own.spent AS s SET {sums} FROM more m WHERE {same}")
        connection.execute(
            f"INSERT INTO own.spent ({names}) SELECT {names} FROM more m"
            f" WHERE NOT EXISTS (SELECT 1 FROM own.spent s WHERE {same})"
        )
    finally:
        connection.unregister("more")


def spent(cursor: duckdb.DuckDBPyConnection, since: date) -> list[Json]:
    """The rows of the days from `since` on, as `add_spent` takes them, the newest day first."""
    names = (*_KEY, *FIGURES)
    found = cursor.execute(
        f"SELECT {', '.join(names)} FROM own.spent WHERE day >= ? ORDER BY day DESC, account, service, operation",
        [since],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def prune_spent(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Deletes days that are older than they are kept; gives how many rows. Belongs in a transaction."""
    oldest = (now - timedelta(days=_KEPT_DAYS)).date()
    return int(connection.execute("DELETE FROM own.spent WHERE day < ?", [oldest]).fetchall()[0][0])
