"""One page against the present versions: what is new, what changed, what is only to be brought up to date.

The comparison is one hash join in DuckDB, column by column with IS DISTINCT FROM; only rows that need work come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column
from backends.store.errors import StoreError
from backends.store.schema import SQL_TYPES, KindTable

ADDED, CHANGED, AGAIN, REFRESHED = "added", "changed", "again", "refreshed"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came, its rows numbered in `_n`; `ids` are the distinct ids in it."""

    data: pa.Table
    ids: pa.Array
    rows: int
    distinct: int


def read_page(table: KindTable, arrow: bytes) -> Page:
    """Reads an Arrow IPC stream; StoreError if it is none or lacks a column."""
    try:
        data = pa.ipc.open_stream(pa.py_buffer(arrow)).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"A page of {table.name} is not an Arrow stream: {error}") from error
    missing = {"id", *(column.name for column in table.columns)} - set(data.column_names)
    if missing:
        raise StoreError(f"A page of {table.name} lacks {', '.join(sorted(missing))}.")
    ids = data.column("id").cast(pa.string())
    if ids.null_count:
        raise StoreError(f"A page of {table.name} has a row without an id.")
    distinct = pc.unique(ids)
    if "raw" not in data.column_names:
        data = data.append_column("raw", pa.nulls(data.num_rows, pa.binary()))
    data = data.append_column("_n", pa.array(range(data.num_rows), pa.int64()))
    return Page(data, distinct, data.num_rows, len(distinct))


def cleaned(column: Column) -> str:
    """SQL for a page's column as it is kept: of the declared type, no NaN or infinity, tags only if they are JSON."""
    name = f'"{column.name}"'
    if column.type == "number":
        return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::DOUBLE END"
    if column.type == "tags":
        return f"CASE WHEN json_valid({name}) THEN {name} END"
    return f"{name}::{SQL_TYPES[column.type]}"


def _source(table: KindTable, *, distinct: bool) -> str:
    """SQL for the registered page, each id once: of duplicates the last, of a series' points the newest."""
    columns = ", ".join(f'{cleaned(column)} AS "{column.name}"' for column in table.columns)
    source = f"SELECT id::VARCHAR AS id, {columns}, raw::BLOB AS _raw, hash(raw::BLOB) AS _raw_hash FROM page"
    if distinct:
        return source
    order = f'"{table.kind.series.time}" DESC, _n DESC' if table.kind.series else "_n DESC"
    # The numbers of the rows to keep first: a window over whole rows would copy every raw element.
    keep = f"SELECT _n FROM page QUALIFY row_number() OVER (PARTITION BY id ORDER BY {order}) = 1"
    return f"{source} WHERE _n IN ({keep})"


def compare(
    connection: duckdb.DuckDBPyConnection, table: KindTable, page: Page, account: str, region: str, at: datetime
) -> Work:
    """Compares the registered page with the present versions of (account, region).

    In two steps, because a page's rows lie close together in the table: first their places, which reads the ids only,
    then just those parts of the other columns.
    """
    places = connection.sql(
        f"SELECT rowid AS _row FROM {table.now}"
        " WHERE account = $account AND region = $region AND id IN (SELECT id::VARCHAR FROM page)",
        params={"account": account, "region": region},
    ).to_arrow_table()
    connection.register("places", places)
    try:
        sql = _comparison(table, distinct=page.distinct == page.rows)
        rows = connection.sql(sql, params={"at": at}).to_arrow_table()
    finally:
        connection.unregister("places")
    return Work(table, account, region, at, rows)


def _comparison(table: KindTable, *, distinct: bool) -> str:
    def differs(column: Column) -> str:
        test = f'n."{column.name}" IS DISTINCT FROM p."{column.name}"'
        return f"({table.recorded(column, 'n')} AND {test})" if column.name in table.late else test

    lasting = [differs(column) for column in table.columns if not column.volatile]
    fleeting = [differs(column) for column in table.columns if column.volatile]
    fleeting += [f'n."_since_{name}" IS NULL' for name in sorted(table.late)]
    fleeting.append("n._raw_hash IS DISTINCT FROM p._raw_hash")
    changed = " OR ".join(lasting) or "FALSE"
    newer = ""
    if series := table.kind.series:
        newer = f' AND (n."{series.time}" IS NULL OR p."{series.time}" > n."{series.time}")'
    return (
        "SELECT p.*, n._row, n._first_seen,"
        f" CASE WHEN n.id IS NULL THEN '{ADDED}' WHEN {changed} THEN"
        f" CASE WHEN n._from < $at THEN '{CHANGED}' ELSE '{AGAIN}' END ELSE '{REFRESHED}' END AS _what"
        f" FROM ({_source(table, distinct=distinct)}) p LEFT JOIN"
        f" (SELECT rowid AS _row, * FROM {table.now} WHERE rowid IN (SELECT _row FROM places)) n ON n.id = p.id"
        f" WHERE n.id IS NULL OR (({changed} OR {' OR '.join(fleeting)}){newer})"
    )


class Work:
    """The rows of a page that need work, and doing it inside the caller's transaction."""

    def __init__(self, table: KindTable, account: str, region: str, at: datetime, data: pa.Table) -> None:
        self._table = table
        self._values = {"account": account, "region": region, "at": at}
        self._data = data
        counts = pc.value_counts(data.column("_what"))
        self._counts = {entry["values"]: entry["counts"] for entry in counts.to_pylist()}
        self.rows = data.num_rows

    def count(self, what: str) -> int:
        return int(self._counts.get(what, 0))

    def apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Closes versions that changed, writes the new ones, brings the others up to date."""
        connection.register("work", self._data)
        try:
            if self.count(CHANGED):
                self._close(connection)
            if self.count(CHANGED) or self.count(AGAIN):
                connection.execute(
                    f"DELETE FROM {self._table.now} WHERE rowid IN"
                    f" (SELECT _row FROM work WHERE _what IN ('{CHANGED}', '{AGAIN}'))"
                )
            if self.rows > self.count(REFRESHED):
                self._write(connection)
            if self.count(REFRESHED):
                self._refresh(connection)
        finally:
            connection.unregister("work")

    def _close(self, connection: duckdb.DuckDBPyConnection) -> None:
        kept = ", ".join(self._table.stored)
        connection.execute(
            f"INSERT INTO {self._table.past}"
            f" (account, region, id, {kept}, _from, _first_seen, _seen, _raw_hash, _raw, _to, _end)"
            f" SELECT account, region, id, {kept}, _from, _first_seen, _seen, _raw_hash, _raw, $at, 'changed'"
            f" FROM {self._table.now} WHERE rowid IN (SELECT _row FROM work WHERE _what = '{CHANGED}')",
            {"at": self._values["at"]},
        )

    def _write(self, connection: duckdb.DuckDBPyConnection) -> None:
        declared = [f'"{column.name}"' for column in self._table.columns]
        since = ["$at" for column in self._table.columns if column.name in self._table.late]
        columns = ", ".join(self._table.stored)
        values = ", ".join([*declared, *since])
        connection.execute(
            f"INSERT INTO {self._table.now}"
            f" (account, region, id, {columns}, _from, _first_seen, _seen, _raw_hash, _raw)"
            f" SELECT $account, $region, id, {values}, $at, coalesce(_first_seen, $at), $at, _raw_hash, _raw"
            f" FROM work WHERE _what <> '{REFRESHED}'",
            self._values,
        )

    def _refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """In place: volatile columns, raw, and late columns that this version had not recorded."""
        sets = ["_raw = w._raw", "_raw_hash = w._raw_hash"]
        sets += [f'"{c.name}" = w."{c.name}"' for c in self._table.columns if c.volatile or c.name in self._table.late]
        sets += [f'"_since_{name}" = coalesce(n."_since_{name}", $at)' for name in sorted(self._table.late)]
        values = {"at": self._values["at"]} if self._table.late else {}
        connection.execute(
            f"UPDATE {self._table.now} AS n SET {', '.join(sets)} FROM work w"
            f" WHERE n.rowid = w._row AND w._what = '{REFRESHED}'",
            values,
        )
