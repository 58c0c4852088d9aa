"""What came from files: its points belong to the series, and its markets are listed under the account "imported"."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import duckdb
import pyarrow as pa

from backends.model import IMPORTED, Coverage, CoverageState
from backends.store.schema import KindTable
from backends.store.series import completed
from backends.store.sweeps import Sweeps


def newest_points(
    connection: duckdb.DuckDBPyConnection, table: KindTable, parts: Iterable[pa.Table]
) -> dict[str, pa.Table]:
    """Region → the newest point of each of its markets in the parts, as a page: `id` and the kind's columns."""
    series = table.kind.series
    assert series is not None
    id_ = "concat_ws('/', " + ", ".join(f'"{name}"' for name in table.kind.key) + ")"
    names = ["region", *(column.name for column in table.columns)]
    wanted = ", ".join(f'"{name}"' for name in names)
    newest: pa.Table | None = None
    for part in parts:
        known = completed(table, part)
        connection.register("points", known if newest is None else pa.concat_tables([newest, known.select(names)]))
        try:
            newest = connection.sql(
                f"SELECT {wanted} FROM points"
                f' QUALIFY row_number() OVER (PARTITION BY region, {id_} ORDER BY "{series.time}" DESC) = 1'
            ).to_arrow_table()
        finally:
            connection.unregister("points")
    if newest is None:
        return {}
    connection.register("points", newest)
    try:
        return {
            region: connection.execute(
                f"SELECT {id_} AS id, * EXCLUDE (region) FROM points WHERE region = $region ORDER BY id",
                {"region": region},
            ).to_arrow_table()
            for (region,) in connection.execute("SELECT DISTINCT region FROM points ORDER BY region").fetchall()
        }
    finally:
        connection.unregister("points")


def list_markets(sweeps: Sweeps, table: KindTable, pages: dict[str, pa.Table], now: datetime) -> None:
    """Keep the markets of the pages as rows of the account "imported", each region with its coverage."""
    for region, page in pages.items():
        sweep = sweeps.begin(IMPORTED, region, table.name, now)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, page.schema) as writer:
            writer.write_table(page)
        sweeps.ingest(sweep, sink.getvalue().to_pybytes())
        coverage = Coverage(IMPORTED, region, table.name, CoverageState.OK, rows=page.num_rows)
        sweeps.finish(sweep, coverage, now)
