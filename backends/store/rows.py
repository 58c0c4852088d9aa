"""Rows on their way into a kind's table: made what their declaration says, given a card, written.

DuckDB takes milliseconds for every statement that names all columns, however few rows there are: each row goes through
one that reads it as it is to be kept and one that writes it.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from backends.model import Column
from backends.store import cards
from backends.store.schema import KEPT, SQL_TYPES, KindTable
from backends.store.sqltext import literal, registered

Values = dict[str, Any]
"""Whose rows they are and the instant of their sweep: `account`, `region`, `at`."""


def cleaned(column: Column) -> str:
    """SQL for a page's column as it is kept: of the declared type, no NaN or infinity, tags only if they are JSON."""
    name = f'"{column.name}"'
    if column.type == "number":
        return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::DOUBLE END"
    if column.type == "tags":
        return f"CASE WHEN json_valid({name}) THEN {name} END"
    return f"{name}::{SQL_TYPES[column.type]}"


def as_kept(
    connection: duckdb.DuckDBPyConnection, table: KindTable, rows: pa.Table, values: Values, *, hashed: bool
) -> pa.Table:
    """A page's rows as they are kept, in their order: id, declared columns, `_raw`, `_raw_hash`, `_whose`, `_cells`.

    `hashed` says that they tell the hash of their raw element; `_whose` and `_cells` are for their cards.
    """
    columns = ", ".join(f'{cleaned(column)} AS "{column.name}"' for column in table.columns)
    hash_ = "_raw_hash" if hashed else "hash(_raw::BLOB)"
    whose, cells = cards.parts(table, literal(values["account"]), literal(values["region"]), "r")
    with registered(connection, "rows", rows):
        return connection.sql(
            f"SELECT *, {whose} AS _whose, {cells} AS _cells FROM"
            f" (SELECT id::VARCHAR AS id, {columns}, _raw::BLOB AS _raw, {hash_} AS _raw_hash FROM rows) r"
        ).to_arrow_table()


def with_cards(connection: duckdb.DuckDBPyConnection, table: KindTable, rows: pa.Table, began: pa.Array) -> pa.Table:
    """Rows as `as_kept` gives them, with `_first`, each with a card; `began` is when each version did.

    `_former`, where they have it, is told by the card (see the module of that name).
    """
    parts = ["_whose", "_cells", *(["_former"] if "_former" in rows.column_names else [])]
    lines = cards.joined(rows.column("_whose"), rows.column("_first"), began, *map(rows.column, parts[1:]))
    numbers = cards.keep(connection, table, lines)
    return rows.drop_columns(parts).append_column("_card", numbers)


def insert(connection: duckdb.DuckDBPyConnection, table: KindTable, rows: pa.Table, values: Values) -> None:
    """Writes rows that have all that is kept of them, and `_first`, as present versions that begin now."""
    declared = [f'"{column.name}"' for column in table.columns]
    since = ["$at" for column in table.columns if column.name in table.late]
    kept = ", ".join(KEPT)
    names = ", ".join(["account, region, id", *table.stored, "_from, _first_seen, _seen", kept])
    with registered(connection, "rows", rows):
        connection.execute(
            f"INSERT INTO {table.now} ({names})"
            f" SELECT $account, $region, id, {', '.join([*declared, *since])}, $at, _first, $at, {kept} FROM rows",
            values,
        )
