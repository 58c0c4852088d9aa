"""Series: append-only points. A point is known by whose it is and when; the same point twice is one."""

from __future__ import annotations

import duckdb

from backends.store.pages import cleaned
from backends.store.schema import SQL_TYPES, KindTable
from backends.store.sqltext import identifier


def prepare_series(connection: duckdb.DuckDBPyConnection, tables: dict[str, KindTable]) -> dict[str, KindTable]:
    """Makes the table of every declared series, or adds the columns it lacks; gives series name → its kind."""
    found: dict[str, KindTable] = {}
    connection.begin()
    for table in tables.values():
        series = table.kind.series
        if series is None:
            continue
        name = identifier(series.name, "series")
        columns = "".join(f', "{c.name}" {SQL_TYPES[c.type]}' for c in table.columns)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS series.{name} (region VARCHAR NOT NULL, id VARCHAR NOT NULL{columns})"
        )
        for column in table.columns:
            connection.execute(
                f'ALTER TABLE series.{name} ADD COLUMN IF NOT EXISTS "{column.name}" {SQL_TYPES[column.type]}'
            )
        found[series.name] = table
    connection.commit()
    return found


def append_page(connection: duckdb.DuckDBPyConnection, table: KindTable, account: str, region: str) -> int:
    """Appends the points of the registered `page` that are new; gives how many. The account does not matter to a price."""
    return _append(connection, table, "page", "id::VARCHAR", "$region", {"region": region})


def _append(
    connection: duckdb.DuckDBPyConnection, table: KindTable, source: str, id_: str, region: str, values: dict[str, str]
) -> int:
    series = table.kind.series
    assert series is not None
    name, time = f"series.{identifier(series.name)}", f'"{series.time}"'
    columns = ", ".join(f'{cleaned(column)} AS "{column.name}"' for column in table.columns)
    declared = ", ".join(f'"{column.name}"' for column in table.columns)
    points = ", ".join(f'p."{column.name}"' for column in table.columns)
    # The lower bound lets DuckDB skip the row groups that are older than anything in the page.
    found = connection.execute(
        f"INSERT INTO {name} (region, id, {declared})"
        f" SELECT p._region, p._id, {points} FROM"
        f" (SELECT {region}::VARCHAR AS _region, {id_} AS _id, {columns} FROM {source}"
        f"  QUALIFY row_number() OVER (PARTITION BY _region, _id, {time}) = 1) p"
        f" WHERE p.{time} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {name} s WHERE s.region = p._region AND s.id = p._id"
        f" AND s.{time} = p.{time} AND s.{time} >= (SELECT min({time}) FROM {source}))",
        values,
    ).fetchall()
    return int(found[0][0])
