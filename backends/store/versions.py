"""Reading present versions by where they stand in their table: the columns, or the cards where those take less.

DuckDB unpacks a vector of every column for each row that is wanted, a card tells all cells of one. Both give the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column
from backends.store import cards
from backends.store.bits import among
from backends.store.rows import Values
from backends.store.schema import KEPT, KindTable
from backends.store.sqltext import registered

_VECTOR = 2048
_IN_CARDS = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
             "list": pa.list_(pa.string())}  # fmt: skip
"""The types that a card tells to the last bit: of times it leaves out what is less than a millisecond, and texts that
are JSON it may write otherwise."""
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions with all that is kept of them, each with its row in the table as `_row`, in no certain order.

    sought  whether they did not all stand where they should
    """

    rows: pa.Table
    sought: bool


def present_versions(
    connection: duckdb.DuckDBPyConnection, table: KindTable, ids: pa.ChunkedArray, rowids: Array, values: Values
) -> Versions:
    """The present versions of ids, of some of which there may be none.

    `rowids` are where that of each should stand, negative where that is not known. Rows may have moved: unless all
    ids there are theirs, they are looked for.
    """
    if not (rowids < 0).any():
        found = at_rows(connection, table, rowids)
        if found.num_rows == len(ids) and _are(found, ids, values):
            return Versions(found, sought=False)
    with registered(connection, "wanted", pa.table({"id": ids})):
        rowids = connection.execute(
            f"SELECT rowid AS _row FROM {table.now}"
            " WHERE account = $account AND region = $region AND id IN (SELECT id FROM wanted)",
            {"account": values["account"], "region": values["region"]},
        ).fetchnumpy()["_row"]
    return Versions(at_rows(connection, table, rowids), sought=True)


def _are(versions: pa.Table, ids: pa.ChunkedArray, values: Values) -> bool:
    """Whether versions are of some of those ids, of that account and region."""
    tests = [pc.equal(versions.column(name), values[name]) for name in ("account", "region")]
    tests.append(pc.is_in(versions.column("id"), value_set=ids))
    return all(pc.all(test).as_py() for test in tests)


def at_rows(connection: duckdb.DuckDBPyConnection, table: KindTable, rowids: Array) -> pa.Table:
    """All that is kept of the versions at some rows of the table."""
    told = [column for column in table.columns if column.type in _IN_CARDS and column.name != "flags"]
    if len(rowids) > len(told) * len(np.unique(rowids // _VECTOR)):
        return _columns(connection, table, rowids, "*")
    others = [f'"{column.name}"' for column in table.columns if column not in told]
    others += [f'"_since_{name}"' for name in sorted(table.late)]
    rest = _columns(connection, table, rowids, ", ".join(["_from, _first_seen, _seen", *KEPT, *others]))
    return _with_cards(connection, table, rest, told)


def _columns(connection: duckdb.DuckDBPyConnection, table: KindTable, rowids: Array, columns: str) -> pa.Table:
    with registered(connection, "rowids", pa.table({"_row": rowids})):
        # Not `execute`, which keeps the result in chunks of a few wide rows first.
        chosen = among("rowid", rowids) or "rowid IN (SELECT _row FROM rowids)"
        return connection.sql(f"SELECT rowid AS _row, {columns} FROM {table.now} WHERE {chosen}").to_arrow_table()


def _with_cards(
    connection: duckdb.DuckDBPyConnection, table: KindTable, rows: pa.Table, told: Sequence[Column]
) -> pa.Table:
    """Rows with those columns of theirs, and whose they are, as their cards have them."""
    found = cards.read(connection, table, np.asarray(rows.column("_card"), dtype=np.int64), None)
    cells = json.loads(f"[{','.join([f'[{card.cells}]' for card in found])}]")
    by_column = list(zip(*cells, strict=True)) or [()] * len(table.columns)
    for name in ("account", "region", "id"):
        rows = rows.append_column(name, pa.array([getattr(card, name) for card in found], pa.string()))
    for column, values in zip(table.columns, by_column, strict=True):
        if column in told:
            rows = rows.append_column(column.name, pa.array(values, _IN_CARDS[column.type]))
    return rows
