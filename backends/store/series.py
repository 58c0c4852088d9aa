"""Series: append-only points. A point is known by whose it is and when; the same point twice is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from backends.store.errors import StoreError
from backends.store.instants import iso
from backends.store.points import add_owners, layout_of, prepare_points
from backends.store.rows import cleaned
from backends.store.schema import KindTable
from backends.store.sqltext import Bound, identifier, json_time


def prepare_series(connection: duckdb.DuckDBPyConnection, tables: dict[str, KindTable]) -> dict[str, KindTable]:
    """Makes the tables of every declared series, or adds the columns they lack; gives series name → its kind."""
    found: dict[str, KindTable] = {}
    connection.begin()
    for table in tables.values():
        series = table.kind.series
        if series is None:
            continue
        prepare_points(connection, table)
        found[series.name] = table
    connection.commit()
    return found


def _append(connection: duckdb.DuckDBPyConnection, table: KindTable, part: str) -> int:
    """Appends the rows of `part` (region and the kind's columns) that are no points yet; gives how many those are."""
    series, layout = table.kind.series, layout_of(table)
    assert series is not None
    time, id_ = f'"{series.time}"', "concat_ws('/', " + ", ".join(f'"{name}"' for name in table.kind.key) + ")"
    columns = ", ".join(f'{cleaned(column)} AS "{column.name}"' for column in table.columns)
    fresh = (
        f"(SELECT region::VARCHAR AS region, {id_} AS id, {columns} FROM {part}"
        f" QUALIFY row_number() OVER (PARTITION BY region, id, {time}) = 1)"
    )
    add_owners(connection, layout, f"{fresh} WHERE {time} IS NOT NULL")
    told = "".join(f', "{column.name}"' for column in layout.told)
    values = "".join(f', p."{column.name}"' for column in layout.told)
    # The lower bound lets DuckDB skip the row groups that are older than anything in the part.
    found = connection.execute(
        f"INSERT INTO {layout.points} (owner{told}) SELECT o.number{values} FROM {fresh} p"
        f" JOIN {layout.owners} o ON {layout.same} WHERE p.{time} IS NOT NULL AND NOT EXISTS"
        f" (SELECT 1 FROM {layout.view} s WHERE s.region = p.region AND s.id = p.id"
        f" AND s.{time} = p.{time} AND s.{time} >= (SELECT min({time}) FROM {part}))"
    ).fetchall()
    return int(found[0][0])


def ingest_points(connection: duckdb.DuckDBPyConnection, table: KindTable, parts: Iterable[pa.Table]) -> int:
    """Appends points that did not come by a sweep: `region`, `at` and the kind's columns; what a part lacks is null.

    Belongs in the caller's transaction, so that a series gets all of the parts or none. Gives how many were new.
    """
    series = table.kind.series
    assert series is not None
    new = 0
    for part in parts:
        connection.register("points", completed(table, part))
        try:
            new += _append(connection, table, "points")
        finally:
            connection.unregister("points")
    return new


def completed(table: KindTable, part: pa.Table) -> pa.Table:
    """A part with every column of the kind, what it lacks as null; StoreError where it lacks what makes a point."""
    series = table.kind.series
    assert series is not None
    if "at" in part.column_names and series.time not in part.column_names:
        part = part.rename_columns([series.time if name == "at" else name for name in part.column_names])
    needed = {"region", series.time, series.value, *table.kind.key}
    if missing := needed - set(part.column_names):
        raise StoreError(f"Points of {series.name} lack {', '.join(sorted(missing))}.")
    for column in table.columns:
        if column.name not in part.column_names:
            part = part.append_column(column.name, pa.nulls(part.num_rows, pa.string()))
    return part


def read_parts(parts: Sequence[Path] | bytes, allowed: Path) -> Iterator[pa.Table]:
    """Arrow IPC files of a directory that is the store's own, or one IPC stream, as tables, one at a time."""
    try:
        if isinstance(parts, bytes):
            yield pa.ipc.open_stream(pa.py_buffer(parts)).read_all()
            return
        for path in parts:
            if not path.resolve().is_relative_to(allowed.resolve()):
                raise StoreError(f"{path} is outside the store's work directory {allowed}.")
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield pa.Table.from_batches([reader.get_batch(number)])
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"The points cannot be read: {error}") from error


def points(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, since: datetime | None, regions: Sequence[str]
) -> pa.Table:
    """The points of a series in order of market and time: `market` ("region/id"), region and the kind's columns.

    The column that dates a point is called `at`, whatever the kind calls it.
    """
    series, layout = table.kind.series, layout_of(table)
    assert series is not None
    bound = Bound()
    since_then = f' WHERE p."{series.time}" >= {bound(since)}' if since else ""
    there = f" WHERE region IN ({', '.join(bound(region) for region in regions)})" if regions else ""
    told = "".join(f', p."{column.name}"' for column in layout.told)
    found = cursor.execute(
        f"SELECT p.owner{told} FROM {layout.points} p JOIN (SELECT number, dense_rank() OVER"
        f" (ORDER BY region || '/' || id) AS place FROM {layout.owners}{there}) o ON o.number = p.owner"
        f'{since_then} ORDER BY o.place, p."{series.time}"',
        bound.values,
    ).to_arrow_table()
    # Numbers are sorted and handed on a tenth as fast as texts are. An owner keeps its number for ever.
    owners = cursor.execute(
        f"SELECT *, region || '/' || id AS market FROM {layout.owners} ORDER BY number"
    ).to_arrow_table()
    whose = pa.array(np.searchsorted(np.asarray(owners.column("number")), np.asarray(found.column("owner"))))
    columns = {name: owners.column(name).take(whose) for name in ("market", "region")}
    for column in table.columns:
        name = "at" if column.name == series.time else column.name
        fixed = column in layout.fixed
        columns[name] = owners.column(column.name).take(whose) if fixed else found.column(column.name)
    return pa.table(columns)


def newest_point(cursor: duckdb.DuckDBPyConnection, table: KindTable, region: str = "") -> datetime | None:
    """When the newest point of a region, or of all, is from, aware UTC; None if there is none."""
    series = table.kind.series
    assert series is not None
    found = cursor.execute(
        f"SELECT max(\"{series.time}\") FROM series.{identifier(series.name)} WHERE $1 IN (region, '')", [region]
    ).fetchall()
    return found[0][0].replace(tzinfo=UTC) if found[0][0] else None


def series_json(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, market: str, since: datetime | None, at: datetime | None = None
) -> bytes:
    """`{"market", "points": [[time, value]…], "as_of"}` of one market ("region/id") by `at`, oldest first.

    The last point before `since` is included: what it says held at `since`.
    """
    series = table.kind.series
    assert series is not None
    region, _, id_ = market.partition("/")
    name, time, value = f"series.{identifier(series.name)}", f'"{series.time}"', f'"{series.value}"'
    values = {"region": region, "id": id_, "since": since or datetime(1970, 1, 1), "at": at or datetime(9999, 1, 1)}
    found = cursor.execute(
        "SELECT '[' || coalesce(string_agg("
        f"json_array({json_time('t')}, v)::VARCHAR, ',' ORDER BY t), '') || ']', max(t)"
        f" FROM (SELECT {time} AS t, {value} AS v FROM {name} WHERE region = $region AND id = $id"
        f" AND {time} <= $at AND {time} >= coalesce("
        f"(SELECT max({time}) FROM {name} WHERE region = $region AND id = $id AND {time} <= $since), $since))",
        values,
    ).fetchall()
    head = {"series": series.name, "market": market, "as_of": iso(found[0][1]) if found[0][1] else None}
    return (json.dumps(head)[:-1] + f', "points": {found[0][0]}}}').encode()


def spans(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    region: str,
    ids: Sequence[str],
    since: datetime,
    until: datetime,
) -> bytes:
    """`{id: [[time, value]…]}`: the points from `since` to `until` of each that has any, oldest first, gaps as gaps."""
    series = table.kind.series
    assert series is not None
    name, time, value = f"series.{identifier(series.name)}", f'"{series.time}"', f'"{series.value}"'
    found = cursor.execute(
        f"SELECT id, string_agg(json_array({json_time(time)}, {value})::VARCHAR, ',' ORDER BY {time}) FROM {name}"
        f" WHERE region = $region AND list_contains($ids::VARCHAR[], id) AND {time} >= $since AND {time} <= $until"
        f" AND {value} IS NOT NULL GROUP BY id",
        {"region": region, "ids": list(ids), "since": since, "until": until},
    ).fetchall()
    return ("{" + ", ".join(f"{json.dumps(id_)}: [{told}]" for id_, told in found) + "}").encode()


def sparks(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, markets: Sequence[str], now: datetime, hours: int
) -> bytes:
    """`{market: [value…]}`: the value that held at each of the last `hours` full hours, null before the first point."""
    series = table.kind.series
    assert series is not None
    name, time, value = f"series.{identifier(series.name)}", f'"{series.time}"', f'"{series.value}"'
    asked = pa.table({"market": pa.array(dict.fromkeys(markets), pa.string())})
    cursor.register("asked", asked)
    try:
        found = cursor.execute(
            "WITH hours AS (SELECT a.market, split_part(a.market, '/', 1) AS region,"
            " substr(a.market, strpos(a.market, '/') + 1) AS id,"
            " date_trunc('hour', $now::TIMESTAMP) - to_hours(h::INTEGER) AS hour FROM asked a, range($hours) r(h)),"
            f" kept AS (SELECT region, id, {time} AS t, {value} AS v FROM {name}"
            " WHERE region IN (SELECT region FROM hours) AND id IN (SELECT id FROM hours))"
            " SELECT h.market, to_json(list(k.v ORDER BY h.hour))::VARCHAR FROM hours h"
            " ASOF LEFT JOIN kept k ON h.region = k.region AND h.id = k.id AND h.hour >= k.t GROUP BY h.market",
            {"now": now, "hours": hours},
        ).fetchall()
    finally:
        cursor.unregister("asked")
    return ("{" + ", ".join(f"{json.dumps(market)}: {values}" for market, values in found) + "}").encode()
