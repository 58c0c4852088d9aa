"""Raw elements on their way into the store and out of it: many in a block, each found by its place."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.blocks import BadBlock, packed, unpacked

_MAX_RAW = 32 * 2**20
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Raws:
    """The raw elements of a page, in the blocks that they came in.

    block, at, size  by row: its block's number among `blocks`, and its place in it; size 0 where none is kept
    """

    blocks: list[bytes]
    block: Array
    at: Array
    size: Array

    def texts(self, rows: Array) -> pa.Array:
        """The raw elements of some rows, null where none is kept."""
        found: list[bytes | None] = [None] * len(rows)
        block, at, size = self.block[rows], self.at[rows], self.size[rows]
        open_, number = b"", -1
        for place in np.flatnonzero(size > 0).tolist():
            if block[place] != number:
                number = int(block[place])
                open_ = unpacked(self.blocks[number])
            found[place] = open_[at[place] : at[place] + size[place]]
        return pa.array(found, pa.binary())

    def keep(self, connection: duckdb.DuckDBPyConnection, rows: Array) -> list[pa.Array]:
        """Writes the blocks of those rows, each as it came where all of it is needed, and gives the rows' places.

        Belongs in the caller's transaction.
        """
        has = self.size > 0
        whole = np.bincount(self.block[has], minlength=len(self.blocks))
        wanted = rows[has[rows]]
        needed = np.bincount(self.block[wanted], minlength=len(self.blocks))
        entire = (needed > 0) & (needed == whole)
        numbers = np.full(len(self.blocks), -1, dtype=np.int64)
        numbers[entire] = _insert(connection, [self.blocks[number] for number in np.flatnonzero(entire)])
        block = np.where(has[rows], numbers[self.block[rows]], -1)
        at, size = self.at[rows], self.size[rows]
        partly = np.flatnonzero((block < 0) & has[rows])
        if len(partly):
            for column, values in zip(
                (block, at, size), _anew(connection, self.texts(rows[partly]).to_pylist()), strict=True
            ):
                column[partly] = values
        return _places(block, at, size)


def blocks_of(batches: Sequence[pa.RecordBatch]) -> Raws:
    """The raw elements of a page's batches: each block stands in the first row of those that it holds."""
    blocks: list[bytes] = []
    block: list[Array] = []
    for batch in batches:
        raw = batch.column("raw")
        there = np.asarray(raw.is_valid())
        block.append(np.maximum(len(blocks) + np.cumsum(there) - 1, 0))
        blocks += raw.drop_null().to_pylist()
    at = [np.asarray(batch.column("raw_at").fill_null(0)) for batch in batches]
    size = [np.asarray(batch.column("raw_size").fill_null(0)) for batch in batches]
    return Raws(blocks, np.concatenate(block), np.concatenate(at), np.concatenate(size))


def kept_anew(connection: duckdb.DuckDBPyConnection, texts: list[bytes | None]) -> list[pa.Array]:
    """Writes texts as a block of their own and gives their places; belongs in the caller's transaction."""
    return _places(*_anew(connection, texts))


def _anew(connection: duckdb.DuckDBPyConnection, texts: list[bytes | None]) -> tuple[Array, Array, Array]:
    size = np.array([len(text or b"") for text in texts], dtype=np.int64)
    at = np.cumsum(size) - size
    block = np.full(len(texts), -1, dtype=np.int64)
    if size.any():
        block[size > 0] = _insert(connection, [packed(b"".join(text for text in texts if text))])[0]
    return block, at, size


def _places(block: Array, at: Array, size: Array) -> list[pa.Array]:
    absent = block < 0
    return [
        pa.array(block, pa.int64(), mask=absent),
        pa.array(at.astype(np.int32), mask=absent),
        pa.array(size.astype(np.int32), mask=absent),
    ]


def placed(rows: pa.Table, places: list[pa.Array] | None) -> pa.Table:
    """Rows with where their raw elements are kept."""
    nothing = [pa.nulls(rows.num_rows, type_) for type_ in (pa.int64(), pa.int32(), pa.int32())]
    for name, values in zip(("_block", "_block_at", "_block_size"), places or nothing, strict=True):
        rows = rows.append_column(name, values)
    return rows


def _insert(connection: duckdb.DuckDBPyConnection, blocks: list[bytes]) -> list[int]:
    """Writes blocks; gives their numbers."""
    if not blocks:
        return []
    sql = "SELECT nextval('own.raw_block_id') FROM range(?)"
    numbers = [row[0] for row in connection.execute(sql, [len(blocks)]).fetchall()]
    connection.register("blocks", pa.table({"id": numbers, "data": pa.array(blocks, pa.binary())}))
    try:
        connection.execute("INSERT INTO own.raw_block SELECT id, data FROM blocks")
    finally:
        connection.unregister("blocks")
    return numbers


RAW_COLUMNS = ", n._raw, n._block, n._block_at, n._block_size"


def element(
    cursor: duckdb.DuckDBPyConnection, alone: bytes | None, block: int | None, at: int | None, size: int | None
) -> bytes | None:
    """The raw element of a version as JSON text, keys sorted; None if none was kept or it cannot be read."""
    try:
        if block is None:
            text = zlib.decompressobj().decompress(alone, _MAX_RAW) if alone else None
        else:
            found = cursor.execute("SELECT data FROM own.raw_block WHERE id = ?", [block]).fetchall()
            text = unpacked(found[0][0])[at : (at or 0) + (size or 0)] if found else None
        return None if text is None else json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False).encode()
    except (zlib.error, BadBlock, ValueError):
        return None
