"""Rows of pages against the present versions: what is new, what changed, what is only to be brought up to date.

Both sides are small, what is as it was having been told before (`known.py`): they are compared as Arrow arrays, a
column at a time, for which DuckDB would need a plan of hundreds of expressions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column
from backends.store.bits import among
from backends.store.former import told
from backends.store.pages import kept
from backends.store.raw import kept_anew, placed
from backends.store.rows import Values, as_kept, insert, with_cards
from backends.store.schema import KEPT, KindTable
from backends.store.sqltext import registered
from backends.store.versions import Versions, present_versions

Array = np.ndarray[Any, np.dtype[Any]]


def compare(
    connection: duckdb.DuckDBPyConnection,
    table: KindTable,
    waiting: list[pa.Table],
    ids: Array,
    rowids: Array,
    where: tuple[str, str],
    at: datetime,
) -> Compared:
    """What waiting rows ask for, of duplicates the last.

    ids     DuckDB's hash of the id of each
    rowids  where versions of them should be in the table, negative where that is not known
    """
    rows = pa.concat_tables(waiting)
    counting = kept(table, rows, ids)
    if len(counting) < len(ids):
        rows, ids, rowids = rows.take(pa.array(counting)), ids[counting], rowids[counting]
    values = {"account": where[0], "region": where[1], "at": at}
    printed = "_raw_hash" in rows.column_names and pc.all(pc.is_valid(rows.column("_raw_hash"))).as_py()
    new = as_kept(connection, table, rows, values, hashed=printed).append_column("_text", rows.column("_text"))
    return Compared(table, values, new, ids, present_versions(connection, table, new.column("id"), rowids, values))


class Compared:
    """The rows that are not as they were, what is there of them, and doing the work inside the caller's transaction.

    added, changed  how many versions that makes; bringing one up to date makes none
    written         of those versions, in their order, the hashes of their ids
    sought          whether the versions before had to be looked for
    """

    def __init__(self, table: KindTable, values: Values, new: pa.Table, ids: Array, before: Versions) -> None:
        self._table, self._values = table, values
        old, self.sought = before.rows, before.sought
        found = pc.index_in(new.column("id"), value_set=old.column("id"))
        known = np.flatnonzero(np.asarray(found.is_valid()))
        absent = np.flatnonzero(np.asarray(found.is_null()))
        was, after = old.take(found.drop_null()), new.take(pa.array(known))
        differing, fleeting = _lasting(table, was, after), _fleeting(table, was, after)
        lasting = np.logical_or.reduce([np.zeros(was.num_rows, dtype=bool), *differing.values()])
        if series := table.kind.series:
            newer = _newer(was.column(series.time), after.column(series.time))
            lasting, fleeting = lasting & newer, fleeting & newer
        begun = np.asarray(was.column("_from").cast(pa.int64())) < _micros(values["at"])
        changed, refreshed = pa.array(np.flatnonzero(lasting)), pa.array(np.flatnonzero(fleeting & ~lasting))
        self.added, self.changed = len(absent), len(changed)
        self.written = ids[np.concatenate([absent, known[lasting]])]
        self._closed = was.take(pa.array(np.flatnonzero(lasting & begun)))
        self._gone = was.column("_row").take(changed)
        former = told(was.take(changed), {column: mask[lasting] for column, mask in differing.items()})
        self._written = pa.concat_tables([
            _beginning(new.take(pa.array(absent)), pa.array([values["at"]] * self.added, pa.timestamp("us"))),
            _beginning(after.take(changed), was.column("_first_seen").take(changed), former),
        ])  # fmt: skip
        self._refreshed = after.take(refreshed)
        for name, column in (("_first", "_first_seen"), ("_began", "_from"), ("_row", "_row")):
            self._refreshed = self._refreshed.append_column(name, was.column(column).take(refreshed))

    @property
    def news(self) -> bool:
        """Whether there is anything to be done."""
        return bool(self._written.num_rows or self._refreshed.num_rows)

    def apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Closes versions that changed, writes the new ones, brings the others up to date."""
        if self._closed.num_rows:
            self._close(connection)
        if len(self._gone):
            with registered(connection, "gone", pa.table({"_row": self._gone})):
                chosen = among("rowid", np.asarray(self._gone)) or "rowid IN (SELECT _row FROM gone)"
                connection.execute(f"DELETE FROM {self._table.now} WHERE {chosen}")
        if self._written.num_rows:
            began = pa.array([self._values["at"]] * self._written.num_rows, pa.timestamp("us"))
            insert(connection, self._table, self._in_blocks(connection, self._written, began), self._values)
        if self._refreshed.num_rows:
            self._refresh(connection)

    def _in_blocks(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, began: pa.Array) -> pa.Table:
        """Rows with their raw elements and cards kept."""
        texts = rows.column("_text").to_pylist()
        rows = placed(rows.drop_columns(["_text"]), kept_anew(connection, texts))
        return with_cards(connection, self._table, rows, began)

    def _close(self, connection: duckdb.DuckDBPyConnection) -> None:
        names = ", ".join(["account, region, id", *self._table.stored, "_from, _first_seen, _seen", *KEPT])
        with registered(connection, "closed", self._closed):
            connection.execute(
                f"INSERT INTO {self._table.past} ({names}, _to, _end) SELECT {names}, $at, 'changed' FROM closed",
                {"at": self._values["at"]},
            )

    def _refresh(self, connection: duckdb.DuckDBPyConnection) -> None:
        """In place: volatile columns, raw, and late columns that this version had not recorded."""
        table = self._table
        sets = [f"{name} = w.{name}" for name in KEPT]
        sets += [f'"{c.name}" = w."{c.name}"' for c in table.columns if c.volatile or c.name in table.late]
        sets += [f'"_since_{name}" = coalesce(n."_since_{name}", $at)' for name in sorted(table.late)]
        rows = self._in_blocks(connection, self._refreshed, self._refreshed.column("_began"))
        with registered(connection, "work", rows):
            connection.execute(
                f"UPDATE {table.now} AS n SET {', '.join(sets)} FROM work w WHERE n.rowid = w._row",
                {"at": self._values["at"]} if table.late else {},
            )


def _beginning(rows: pa.Table, first: pa.Array | pa.ChunkedArray, former: pa.Array | None = None) -> pa.Table:
    """Rows of new versions with when their resources were first seen, and what the versions before them were."""
    former = pa.nulls(rows.num_rows, pa.string()) if former is None else former
    return rows.append_column("_first", first).append_column("_former", former)


def _lasting(table: KindTable, before: pa.Table, after: pa.Table) -> dict[Column, Array]:
    """Of the columns that make history, in which versions differ, where they do and had been recorded."""
    differing = {}
    for column in table.columns:
        if column.volatile:
            continue
        differs = differ(before.column(column.name), after.column(column.name))
        if column.name in table.late:
            differs = differs & np.asarray(before.column(f"_since_{column.name}").is_valid())
        if differs.any():
            differing[column] = differs
    return differing


def _fleeting(table: KindTable, before: pa.Table, after: pa.Table) -> Array:
    """Whether versions differ in what is kept current without history."""
    changed = differ(before.column("_raw_hash"), after.column("_raw_hash"))
    for column in table.columns:
        if column.volatile:
            differs = differ(before.column(column.name), after.column(column.name))
            if column.name in table.late:
                differs = differs & np.asarray(before.column(f"_since_{column.name}").is_valid())
            changed |= differs
        if column.name in table.late:
            changed |= np.asarray(before.column(f"_since_{column.name}").is_null())
    return changed


def _newer(before: pa.ChunkedArray, after: pa.ChunkedArray) -> Array:
    """Of points, whether the one after is of a later time than the one before, or that of none."""
    later = pc.fill_null(pc.greater(after, before), False)
    return np.asarray(pc.or_(later, before.is_null()))


def differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Array:
    """For each row whether two columns of one type differ; two nulls do not."""
    if one.equals(other):
        return np.zeros(len(one), dtype=bool)
    first, second = _one_array(one), _one_array(other)
    if pa.types.is_list(first.type):
        return _lists_differ(first, second)
    unequal = pc.fill_null(pc.not_equal(first, second), False)
    if first.null_count or second.null_count:
        unequal = pc.or_(unequal, pc.xor(first.is_null(), second.is_null()))
    return np.asarray(unequal)


def _lists_differ(one: pa.Array, other: pa.Array) -> Array:
    sizes = [np.asarray(pc.fill_null(pc.list_value_length(lists), -1)) for lists in (one, other)]
    found: Array = sizes[0] != sizes[1]
    same = np.flatnonzero(~found)
    one, other = one.take(pa.array(same)), other.take(pa.array(same))
    items = differ(pa.chunked_array([pc.list_flatten(one)]), pa.chunked_array([pc.list_flatten(other)]))
    found[same[np.asarray(pc.list_parent_indices(one))[items]]] = True
    return found


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def _micros(at: datetime) -> int:
    return int(np.datetime64(at, "us").astype(np.int64))
