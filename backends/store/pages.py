"""A page against the present versions: what is new, what changed, what is only to be brought up to date.

What a sweep knows beforehand (`known.py`) tells new rows and unchanged ones apart without looking at the table. The
others are compared in one join in DuckDB, column by column with IS DISTINCT FROM; only rows that need work come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column
from backends.store import cards
from backends.store.errors import StoreError
from backends.store.raw import Raws, blocks_of, kept_anew, placed
from backends.store.schema import KEPT, SQL_TYPES, KindTable
from backends.store.sqltext import registered

ADDED, CHANGED, AGAIN, REFRESHED = "added", "changed", "again", "refreshed"
_KEPT = ", ".join(KEPT)
_MOST_HASHES = 100_000
_HASHES: dict[str, int] = {}
"""DuckDB's hashes of the ids of series, which come again with every page. The writer's thread alone looks here."""
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came, its rows numbered in `_n`.

    keep  the rows that count, each id once: of duplicates the last, of a series' points the newest
    ids   of those rows, a hash each
    told  of those rows, the hash of the raw element and the declaration; 0 where the page does not tell
    hashes  of every row, the hash of its id
    """

    data: pa.Table
    keep: Array
    ids: Array
    told: Array
    raws: Raws | None
    hashes: Array

    @property
    def rows(self) -> int:
        return int(self.data.num_rows)


def read_page(connection: duckdb.DuckDBPyConnection, table: KindTable, arrow: bytes) -> Page:
    """Reads an Arrow IPC stream; StoreError if it is none or lacks a column."""
    try:
        batches = [batch for batch in pa.ipc.open_stream(pa.py_buffer(arrow)) if batch.num_rows]
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"A page of {table.name} is not an Arrow stream: {error}") from error
    if not batches:
        nothing = np.zeros(0, dtype=np.uint64)
        return Page(pa.table({}), nothing.astype(np.int64), nothing, nothing, None, nothing)
    missing = {"id", *(column.name for column in table.columns)} - set(batches[0].schema.names)
    if missing:
        raise StoreError(f"A page of {table.name} lacks {', '.join(sorted(missing))}.")
    raws = blocks_of(batches) if "raw_at" in batches[0].schema.names else None
    data = pa.Table.from_batches(batches).unify_dictionaries()
    ids = data.column("id")
    if ids.null_count:
        raise StoreError(f"A page of {table.name} has a row without an id.")
    data = data.append_column("_n", pa.array(np.arange(data.num_rows)))
    data = _with_raw(data, whole=raws is not None)
    hashes = _hashed(connection, ids)
    keep = _kept(table, data, hashes)
    told = (
        np.asarray(pc.fill_null(data.column("_raw_hash"), 0)) if raws is not None else np.zeros(len(hashes), np.uint64)
    )
    return Page(data, keep, hashes[keep], told[keep], raws, hashes)


def _with_raw(data: pa.Table, *, whole: bool) -> pa.Table:
    """The page with the hash of each raw element as it tells it, or with the elements themselves."""
    if whole:
        hashes = data.column("hash")
        data = data.drop_columns(["hash", "raw", "raw_at", "raw_size"]).append_column("_raw_hash", hashes)
        return data.append_column("_raw", pa.nulls(data.num_rows, pa.binary()))
    raw = data.column("raw") if "raw" in data.column_names else pa.nulls(data.num_rows, pa.binary())
    if "raw" in data.column_names:
        data = data.drop_columns(["raw"])
    return data.append_column("_raw", raw)


def _hashed(connection: duckdb.DuckDBPyConnection, ids: pa.ChunkedArray) -> Array:
    if pa.types.is_dictionary(ids.type) and ids.num_chunks:
        # One dictionary for all: a hash of each of its texts is enough, and of most it is known.
        each = ids.chunk(0).dictionary.to_pylist()
        if unknown := [text for text in each if text not in _HASHES]:
            if len(_HASHES) > _MOST_HASHES:
                _HASHES.clear()
                unknown = each
            _HASHES.update(zip(unknown, _hashed(connection, pa.chunked_array([unknown])).tolist(), strict=True))
        known = np.array([_HASHES[text] for text in each], dtype=np.uint64)
        found: Array = known[np.concatenate([np.asarray(chunk.indices) for chunk in ids.chunks])]
        return found
    with registered(connection, "ids", pa.table({"id": ids.cast(pa.string())})):
        found = connection.sql("SELECT hash(id) AS h FROM ids").fetchnumpy()["h"]
    return found


def _kept(table: KindTable, data: pa.Table, ids: Array) -> Array:
    order = np.argsort(ids, kind="stable")
    if not np.any(ids[order][1:] == ids[order][:-1]):
        return np.arange(len(ids))
    if table.kind.series:
        times = data.column(table.kind.series.time).cast(pa.timestamp("us")).cast(pa.int64())
        order = np.lexsort((np.arange(len(ids)), np.asarray(pc.fill_null(times, -(2**63) + 1)), ids))
    last = np.append(ids[order][1:] != ids[order][:-1], True)
    return np.sort(order[last])


def cleaned(column: Column) -> str:
    """SQL for a page's column as it is kept: of the declared type, no NaN or infinity, tags only if they are JSON."""
    name = f'"{column.name}"'
    if column.type == "number":
        return f"CASE WHEN isfinite({name}::DOUBLE) THEN {name}::DOUBLE END"
    if column.type == "tags":
        return f"CASE WHEN json_valid({name}) THEN {name} END"
    return f"{name}::{SQL_TYPES[column.type]}"


def _source(table: KindTable, *, hashed: bool, also: str = "_text") -> str:
    """SQL for the registered rows as they are kept."""
    columns = ", ".join(f'{cleaned(column)} AS "{column.name}"' for column in table.columns)
    hash_ = "_raw_hash" if hashed else "hash(_raw::BLOB)"
    return f"SELECT id::VARCHAR AS id, {columns}, _raw::BLOB AS _raw, {hash_} AS _raw_hash, {also} FROM rows"


def others(page: Page, chosen: Array) -> pa.Table:
    """The rows of a mask of those that count, with the text of each raw element that has to be kept anew."""
    numbers = page.keep[chosen]
    rows = _decoded(page.data.take(pa.array(numbers)))
    texts = pa.nulls(len(numbers), pa.binary()) if page.raws is None else page.raws.texts(numbers)
    return rows.append_column("_text", texts)


def _decoded(rows: pa.Table) -> pa.Table:
    """Rows with their texts themselves instead of numbers in a dictionary."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            rows = rows.set_column(place, field.name, rows.column(place).cast(field.type.value_type))
    return rows


def compare(
    connection: duckdb.DuckDBPyConnection,
    table: KindTable,
    waiting: list[pa.Table],
    places: pa.Table,
    where: tuple[str, str],
    at: datetime,
) -> Compared:
    """What waiting rows ask for, of duplicates the last. `places` tells where versions of them should be (`_row`).

    Rows may have moved since: where the ids there are not theirs, they are looked for.
    """
    rows = pa.concat_tables(waiting)
    if len(waiting) > 1:
        rows = rows.drop_columns(["_n"]).append_column("_n", pa.array(np.arange(rows.num_rows)))
        rows = rows.take(pa.array(_kept(table, rows, _hashed(connection, rows.column("id").cast(pa.string())))))
    with registered(connection, "rows", rows):
        old = _present(connection, table, places, where)
        wanted = set(rows.column("id").to_pylist())
        if old.num_rows != len(wanted) or not wanted.issuperset(old.column("id").to_pylist()):
            old = _present(connection, table, None, where)
        hashed = pc.all(pc.is_valid(rows.column("_raw_hash"))).as_py() if "_raw_hash" in rows.column_names else False
        with registered(connection, "old", old):
            found = connection.execute(_comparison(table, hashed=hashed), {"at": at}).to_arrow_table()
    return Compared(table, where, at, found, old)


def _present(
    connection: duckdb.DuckDBPyConnection, table: KindTable, places: pa.Table | None, where: tuple[str, str]
) -> pa.Table:
    """The present versions at those places, or of the registered rows' ids."""
    if places is not None:
        with registered(connection, "places", places):
            return connection.sql(
                f"SELECT rowid AS _row, * FROM {table.now} WHERE rowid IN (SELECT _row FROM places)"
            ).to_arrow_table()
    return connection.execute(
        f"SELECT rowid AS _row, * FROM {table.now}"
        " WHERE account = $account AND region = $region AND id IN (SELECT id::VARCHAR FROM rows)",
        {"account": where[0], "region": where[1]},
    ).to_arrow_table()


def _comparison(table: KindTable, *, hashed: bool) -> str:
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
        "SELECT p.*, n._row, n._first_seen, n._from AS _began,"
        f" CASE WHEN n.id IS NULL THEN '{ADDED}' WHEN {changed} THEN"
        f" CASE WHEN n._from < $at THEN '{CHANGED}' ELSE '{AGAIN}' END ELSE '{REFRESHED}' END AS _what"
        f" FROM ({_source(table, hashed=hashed)}) p LEFT JOIN old n ON n.id = p.id"
        f" WHERE n.id IS NULL OR (({changed} OR {' OR '.join(fleeting)}){newer})"
    )


def add(
    connection: duckdb.DuckDBPyConnection,
    table: KindTable,
    page: Page,
    chosen: Array,
    where: tuple[str, str],
    at: datetime,
) -> None:
    """Writes the rows of a mask of those that count as new versions; belongs in the caller's transaction."""
    numbers = page.keep[chosen]
    rows = page.data if len(numbers) == page.rows else page.data.take(pa.array(numbers))
    rows = placed(rows, None if page.raws is None else page.raws.keep(connection, numbers))
    values = {"account": where[0], "region": where[1], "at": at}
    hashed = page.raws is not None
    with registered(connection, "rows", rows):
        source = _source(table, hashed=hashed, also="_n")
        line = cards.lines(table, "$account", "$region", "$at", "$at", "r")
        numbers_ = cards.write(connection, table, f"SELECT {line} FROM ({source}) r", values)
    with registered(connection, "rows", rows.append_column("_card", numbers_)):
        source = _source(table, hashed=hashed, also="_block, _block_at, _block_size, _card")
        _write(connection, table, f"({source})", "$at", values)


def _write(
    connection: duckdb.DuckDBPyConnection, table: KindTable, source: str, first_seen: str, values: dict[str, Any]
) -> None:
    declared = [f'"{column.name}"' for column in table.columns]
    since = ["$at" for column in table.columns if column.name in table.late]
    columns = ", ".join(table.stored)
    connection.execute(
        f"INSERT INTO {table.now} (account, region, id, {columns}, _from, _first_seen, _seen, {_KEPT})"
        f" SELECT $account, $region, id, {', '.join([*declared, *since])}, $at, {first_seen}, $at, {_KEPT}"
        f" FROM {source}",
        values,
    )


class Compared:
    """The rows that are not as they were, what is there of them, and doing the work inside the caller's transaction."""

    def __init__(self, table: KindTable, where: tuple[str, str], at: datetime, rows: pa.Table, old: pa.Table) -> None:
        self._table = table
        self._values = {"account": where[0], "region": where[1], "at": at}
        self._rows, self._old = rows, old
        counts = pc.value_counts(rows.column("_what")).to_pylist()
        self._counts = {entry["values"]: entry["counts"] for entry in counts}

    @property
    def rows(self) -> int:
        return int(self._rows.num_rows)

    def count(self, what: str) -> int:
        return int(self._counts.get(what, 0))

    def apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Closes versions that changed, writes the new ones, brings the others up to date."""
        if not self.rows:
            return
        texts = self._rows.column("_text").to_pylist()
        rows = self._with_cards(connection, placed(self._rows.drop_columns(["_text"]), kept_anew(connection, texts)))
        with registered(connection, "work", rows), registered(connection, "old", self._old):
            if self.count(CHANGED):
                self._close(connection)
            if self.count(CHANGED) or self.count(AGAIN):
                connection.execute(
                    f"DELETE FROM {self._table.now} WHERE rowid IN"
                    f" (SELECT _row FROM work WHERE _what IN ('{CHANGED}', '{AGAIN}'))"
                )
            if self.rows > self.count(REFRESHED):
                source = f"(FROM work WHERE _what <> '{REFRESHED}')"
                _write(connection, self._table, source, "coalesce(_first_seen, $at)", self._values)
            if self.count(REFRESHED):
                self._refresh(connection)

    def _with_cards(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
        began = f"CASE WHEN r._what = '{REFRESHED}' THEN r._began ELSE $at END"
        line = cards.lines(self._table, "$account", "$region", "coalesce(r._first_seen, $at)", began, "r")
        with registered(connection, "work", rows):
            return rows.append_column(
                "_card", cards.write(connection, self._table, f"SELECT {line} FROM work r", self._values)
            )

    def _close(self, connection: duckdb.DuckDBPyConnection) -> None:
        kept = ", ".join(["account, region, id", *self._table.stored, "_from, _first_seen, _seen", _KEPT])
        connection.execute(
            f"INSERT INTO {self._table.past} ({kept}, _to, _end) SELECT {kept}, $at, 'changed'"
            f" FROM old WHERE _row IN (SELECT _row FROM work WHERE _what = '{CHANGED}')",
            {"at": self._values["at"]},
        )

    def _refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """In place: volatile columns, raw, and late columns that this version had not recorded."""
        sets = [f"{name} = w.{name}" for name in KEPT]
        sets += [f'"{c.name}" = w."{c.name}"' for c in self._table.columns if c.volatile or c.name in self._table.late]
        sets += [f'"_since_{name}" = coalesce(n."_since_{name}", $at)' for name in sorted(self._table.late)]
        values = {"at": self._values["at"]} if self._table.late else {}
        connection.execute(
            f"UPDATE {self._table.now} AS n SET {', '.join(sets)} FROM work w"
            f" WHERE n.rowid = w._row AND w._what = '{REFRESHED}'",
            values,
        )
