"""How long what is kept: closed versions, coverage and points go after their time; what is present never does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from backends.store.cards import block_of
from backends.store.schema import KindTable, bump
from backends.store.sqltext import identifier


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which history (versions and coverage) and points of series are kept."""

    history_days: int = 90
    series_days: int = 400


def prune(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], retention: Retention, now: datetime
) -> int:
    """Deletes what is older; gives how many rows. Belongs in a transaction."""
    oldest = now - timedelta(days=retention.history_days)
    gone = 0
    for table in tables.values():
        versions = _delete(connection, f"{table.past} WHERE _to < ?", oldest)
        if versions:
            bump(connection, table.name)
        gone += versions
        if series := table.kind.series:
            before = now - timedelta(days=retention.series_days)
            gone += _delete(connection, f'series.{identifier(series.name)} WHERE "{series.time}" < ?', before)
    _drop_unused_blocks(connection)
    return gone + _delete(connection, "own.coverage WHERE instant < ?", oldest)


def _drop_unused_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    """Blocks go when no version has anything in them any more; tables of kinds no longer declared count too."""
    present = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_columns() WHERE schema_name = 'kept' AND column_name = '_card'"
    ).fetchall()
    for blocks, used in (("own.raw_block", "_block"), ("own.card_block", block_of("_card"))):
        named = " UNION ".join(
            f'SELECT {used} AS id FROM "{schema}"."{name}" WHERE {used} IS NOT NULL' for schema, name in present
        )
        if named:
            connection.execute(f"DELETE FROM {blocks} WHERE id NOT IN ({named})")


def _delete(connection: duckdb.DuckDBPyConnection, what: str, before: datetime) -> int:
    return int(connection.execute(f"DELETE FROM {what}", [before]).fetchall()[0][0])
