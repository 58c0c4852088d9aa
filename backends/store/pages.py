"""Pages as they come from a collector, and the rows of them that are new.

What a sweep knows beforehand (`known.py`) tells new rows and unchanged ones apart without looking at the table; the
others are compared (`comparing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.store.errors import StoreError
from backends.store.raw import Raws, blocks_of, placed
from backends.store.rows import as_kept, insert, with_cards
from backends.store.schema import KindTable
from backends.store.sqltext import registered

_FEW = 500
"""So many ids are handed over sooner as values than as a table."""
_MOST_HASHES = 100_000
_HASHES: dict[str, int] = {}
"""DuckDB's hashes of the ids of series, which come again with every page. The writer's thread alone looks here."""
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came, of which some rows are looked at: all, or those that are not what they were.

    keep  the rows that count, each id once: of duplicates the last, of a series' points the newest
    ids   of those rows, a hash each
    prints  of those rows, the print of the element (see `known`); 0 where the page does not tell
    hashes  of every row that is looked at, the hash of its id
    """

    data: pa.Table
    keep: Array
    ids: Array
    prints: Array
    raws: Raws | None
    hashes: Array

    @property
    def rows(self) -> int:
        """How many are looked at."""
        return len(self.hashes)


def opened(table: KindTable, arrow: bytes) -> list[pa.RecordBatch]:
    """The batches of an Arrow IPC stream that have rows; StoreError if it is none or lacks a column."""
    try:
        batches = [batch for batch in pa.ipc.open_stream(pa.py_buffer(arrow)) if batch.num_rows]
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"A page of {table.name} is not an Arrow stream: {error}") from error
    for batch in batches:
        missing = {"id", *(column.name for column in table.columns)} - set(batch.schema.names)
        if missing:
            raise StoreError(f"A page of {table.name} lacks {', '.join(sorted(missing))}.")
        if batch.column("id").null_count:
            raise StoreError(f"A page of {table.name} has a row without an id.")
    return batches


def prints_of(batches: Sequence[pa.RecordBatch]) -> Array:
    """Of every row the print: the hash of the raw element and the declaration; 0 where the page does not tell."""
    hashes = [
        np.asarray(batch.column("hash").fill_null(0))
        if "raw_at" in batch.schema.names
        else np.zeros(batch.num_rows, dtype=np.uint64)
        for batch in batches
    ]
    return np.concatenate(hashes) if len(hashes) > 1 else hashes[0]


def read_page(
    connection: duckdb.DuckDBPyConnection,
    table: KindTable,
    batches: Sequence[pa.RecordBatch],
    prints: Array,
    rows: Array | None = None,
) -> Page:
    """The page of those batches, of which there is at least one; `rows` are those to be looked at, None: all."""
    raws = blocks_of(batches) if "raw_at" in batches[0].schema.names else None
    data = _with_raw(pa.Table.from_batches(batches).unify_dictionaries(), whole=raws is not None)
    ids = data.column("id")
    hashes = hashed(connection, ids if rows is None else ids.take(pa.array(rows)))
    keep = kept(table, data, hashes)
    numbers = keep if rows is None else rows[keep]
    return Page(data, numbers, hashes[keep], prints[numbers], raws, hashes)


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


def hashed(connection: duckdb.DuckDBPyConnection, ids: pa.ChunkedArray) -> Array:
    """DuckDB's hash of each id."""
    if pa.types.is_dictionary(ids.type) and ids.num_chunks:
        # One dictionary for all: a hash of each of its texts is enough, and of most it is known.
        each = ids.chunk(0).dictionary.to_pylist()
        if unknown := [text for text in each if text not in _HASHES]:
            if len(_HASHES) > _MOST_HASHES:
                _HASHES.clear()
                unknown = each
            _HASHES.update(zip(unknown, hashed(connection, pa.chunked_array([unknown])).tolist(), strict=True))
        known = np.array([_HASHES[text] for text in each], dtype=np.uint64)
        found: Array = known[np.concatenate([np.asarray(chunk.indices) for chunk in ids.chunks])]
        return found
    if len(ids) <= _FEW:
        few = connection.execute("SELECT hash(unnest($ids::VARCHAR[])) AS h", {"ids": ids.to_pylist()})
        return np.asarray(few.fetchnumpy()["h"], dtype=np.uint64)
    with registered(connection, "ids", pa.table({"id": ids.cast(pa.string())})):
        found = connection.sql("SELECT hash(id) AS h FROM ids").fetchnumpy()["h"]
    return found


def kept(table: KindTable, data: pa.Table, ids: Array) -> Array:
    """The rows that count, each id (a hash) once."""
    order = np.argsort(ids, kind="stable")
    if not np.any(ids[order][1:] == ids[order][:-1]):
        return np.arange(len(ids))
    if table.kind.series:
        times = data.column(table.kind.series.time).cast(pa.timestamp("us")).cast(pa.int64())
        order = np.lexsort((np.arange(len(ids)), np.asarray(pc.fill_null(times, -(2**63) + 1)), ids))
    last = np.append(ids[order][1:] != ids[order][:-1], True)
    return np.sort(order[last])


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
    rows = page.data if len(numbers) == page.data.num_rows else page.data.take(pa.array(numbers))
    values = {"account": where[0], "region": where[1], "at": at}
    found = as_kept(connection, table, rows, values, hashed=page.raws is not None)
    times = pa.array([at] * len(numbers), pa.timestamp("us"))
    found = placed(found, None if page.raws is None else page.raws.keep(connection, numbers))
    insert(connection, table, with_cards(connection, table, found.append_column("_first", times), times), values)
