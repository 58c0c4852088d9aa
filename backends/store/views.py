"""A view — (kind, scope, filter, sort, instant, data version) — resolves once to an ordered list of versions.

Windows are slices of that list, which is kept in a bounded LRU, so that scrolling never sorts again. The rows of a
window are read from their cards and judged inside DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from backends.model import Column, Json, NoSuchColumn, Ref, Scope, column_called
from backends.store.cards import Card, read, typed
from backends.store.coverage import known, summary
from backends.store.errors import StoreError
from backends.store.filter_sql import compile_filter, is_relative
from backends.store.history import fields, full_rows, health_sql, judged, scope_pairs, seen_sql
from backends.store.instants import iso, stored, utcnow
from backends.store.schema import COMMON, KindTable, data_version, headings_of
from backends.store.snapshot import snapshot
from backends.store.sqltext import Bound, cell, registered
from backends.store.view_cache import Array, View, ViewCache

_SAMPLE = 400
# Everything that is not two cells wide, for RE2.
_NOT_WIDE = (
    "[^\\x{1100}-\\x{115F}\\x{2E80}-\\x{A4CF}\\x{AC00}-\\x{D7A3}\\x{F900}-\\x{FAFF}\\x{FE30}-\\x{FE6F}\\x{FF00}-\\x{FF60}"
    "\\x{FFE0}-\\x{FFE6}\\x{1F300}-\\x{1FAFF}\\x{20000}-\\x{3FFFD}]"
)
_KEY_HASH = "hash({0}::VARCHAR, {1}::VARCHAR, {2}::VARCHAR)"
_HEALTH_ORDER = "CASE {0} WHEN 'ok' THEN 0 WHEN 'unknown' THEN 1 WHEN 'warn' THEN 2 ELSE 3 END"


@dataclass(frozen=True, slots=True)
class Query:
    """Which window of which view is wanted.

    sort    (column, descending) in order of weight; nothing means the kind's own order
    anchor  a ref: the window is moved so that it holds that row, and the answer says where the row is
    """

    kind: str
    scope: Scope
    filter: str = ""
    sort: tuple[tuple[str, bool], ...] = ()
    at: datetime | None = None
    offset: int = 0
    limit: int = 100
    anchor: str | None = None


def rows(cursor: duckdb.DuckDBPyConnection, tables: dict[str, KindTable], cache: ViewCache, query: Query) -> bytes:
    """The answer to /v1/rows as JSON bytes. FilterError or StoreError for what cannot be understood."""
    table = tables.get(query.kind)
    if table is None:
        raise StoreError(f"There is no kind {query.kind!r} in this store.")
    at = stored(query.at) if query.at else None
    now = at or stored(utcnow())
    # One snapshot for the version, the keys and the rows.
    with snapshot(cursor):
        version = data_version(cursor, query.kind)
        view = _resolved(cursor, table, cache, query, at, now, version)
        offset, position = _placed(cursor, view, query)
        body = _window_json(cursor, table, view.cards[offset : offset + max(0, query.limit)], at, now)
        if view.widths is None:
            view.widths = _widths(cursor, table, view, at, now)
        entries = known(cursor, [table], query.scope, at)
    return _answer(
        {
            "kind": query.kind,
            "version": version,
            "total": len(view),
            "offset": offset,
            "anchor": position,
            "at": iso(at) if at else None,
            "as_of": iso(now),
            "columns": column_names(table),
            "keys": "ref",
            "partial": any(entry.partial for entry in entries),
            "coverage": summary(entries, at),
            "widths": view.widths,
        },
        body,
    )


def _answer(head: Json, body: str) -> bytes:
    return (json.dumps(head, ensure_ascii=False)[:-1] + ', "rows": [' + body + "]}").encode()


def column_names(table: KindTable) -> list[str]:
    """The columns of a row, in order: whose it is, the declared ones, what the store adds."""
    declared = [column.name for column in table.columns]
    return ["ref", "account", "region", "id", *declared, "health", "health_why", "first_seen", "seen", "flags"]


def column_types(table: KindTable) -> dict[str, str]:
    """The vocabulary's type of every column of a row."""
    types = COMMON | {column.name: column.type for column in table.columns}
    return {name: types[name] for name in column_names(table)}


def _resolved(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    cache: ViewCache,
    query: Query,
    at: datetime | None,
    now: datetime,
    version: int,
) -> View:
    flags = _flags_version(cursor)
    minute = now.replace(second=0, microsecond=0) if is_relative(query.filter) or _moving_health(table) else None
    key = (query.kind, query.scope, query.filter, query.sort, at, (version, flags, minute))
    view = cache.get(key)
    if view is None:
        view = _view(cursor, table, query, at, now)
        cache.put(key, view)
    return view


def _flags_version(cursor: duckdb.DuckDBPyConnection) -> int:
    return int(cursor.execute("SELECT coalesce(max(id), 0) FROM own.run").fetchall()[0][0])


def _moving_health(table: KindTable) -> bool:
    return any(is_relative(rule.when) for rule in table.kind.health)


def _view(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, query: Query, at: datetime | None, now: datetime
) -> View:
    bound = Bound()
    types = column_types(table)
    order = ", ".join(_order(name, down, types) for name, down in query.sort or default_sort(table))
    test = compile_filter(query.filter, fields(table, "v"), bound, now)
    flags = "flags" in query.filter or any(name == "flags" for name, _ in query.sort)
    pairs = scope_pairs(table.kind, query.scope)
    placeholder = bound(at) if at else ""
    source = full_rows(table, pairs, bound, at=placeholder, now=now, flags=flags, extra=", n._card")
    found = cursor.execute(
        f"SELECT v._card AS card, {_KEY_HASH.format('v.account', 'v.region', 'v.id')} AS key FROM ({source}) v"
        f" WHERE {test} ORDER BY {order}, v.account, v.region, v.id",
        bound.values,
    ).fetchnumpy()
    return View(np.asarray(found["card"], dtype=np.int64), np.asarray(found["key"], dtype=np.uint64))


def default_sort(table: KindTable) -> tuple[tuple[str, bool], ...]:
    """The kind's own order: its `sort` ("-launched,name"), or its key."""
    types = column_types(table)
    return (
        parse_sort(table.kind.sort, table)
        if table.kind.sort
        else tuple((k, False) for k in table.kind.key if k in types)
    )


def parse_sort(text: str, table: KindTable) -> tuple[tuple[str, bool], ...]:
    """`-launched,name` as (column, descending) pairs, by names or headings; StoreError names the nearest columns."""
    headings = headings_of(table)
    pairs = []
    for part in filter(None, (word.strip() for word in text.split(","))):
        try:
            pairs.append((column_called(part.removeprefix("-"), headings), part.startswith("-")))
        except NoSuchColumn as error:
            raise StoreError(f"{table.name} cannot be sorted so: {error}") from error
    return tuple(pairs)


def _order(name: str, down: bool, types: dict[str, str]) -> str:
    if name not in types:
        raise StoreError(f"There is no column {name!r} to sort by; there are {', '.join(types)}.")
    expression = f'v."{name}"'
    if name == "health":
        expression = _HEALTH_ORDER.format(expression)
    elif types[name] in ("text", "tags"):
        expression = f"lower({expression})"
    return f"{expression} {'DESC' if down else 'ASC'} NULLS LAST"


def _placed(cursor: duckdb.DuckDBPyConnection, view: View, query: Query) -> tuple[int, int | None]:
    """The window's offset, and the position of the anchor in the view (None if it is not in it)."""
    total = len(view)
    offset = max(0, min(query.offset, max(0, total - 1)))
    if not query.anchor:
        return offset, None
    try:
        ref = Ref.parse(query.anchor)
    except ValueError as error:
        raise StoreError(str(error)) from error
    key = cursor.execute(f"SELECT {_KEY_HASH.format('?', '?', '?')}", [ref.account, ref.region, ref.id]).fetchall()[0]
    found = np.flatnonzero(view.hashes == np.uint64(key[0]))
    if not len(found):
        return offset, None
    position = int(found[0])
    if not offset <= position < offset + query.limit:
        offset = max(0, min(position - query.limit // 2, total - query.limit))
    return offset, position


def _window_json(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Array, at: datetime | None, now: datetime
) -> str:
    """The rows of a window as the inside of a JSON array."""
    found = read(cursor, table, numbers, at)
    judged_ = _judged(cursor, table, found, numbers, at, now)
    return ", ".join(_row(table, card, judgement) for card, judgement in zip(found, judged_, strict=True))


def _row(table: KindTable, card: Card, judgement: tuple[str | None, ...]) -> str:
    """A row as JSON: health, why, first seen, seen and flags, as JSON each, come after the card's cells."""
    ref = json.dumps(str(Ref(table.name, card.account, card.region, card.id)), ensure_ascii=False)
    return f"[{', '.join(filter(None, (ref, card.whose, card.cells, *judgement)))}]"


def _judged(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    found: list[Card],
    numbers: Array,
    at: datetime | None,
    now: datetime,
) -> list[tuple[str | None, ...]]:
    """Of each card health, why, first seen, seen and flags, as JSON."""
    if not found:
        return []
    bound = Bound()
    names = ("health", "health_why", "first_seen", "seen", "flags")
    cells = ", ".join(f"coalesce(to_json({cell(name, COMMON[name], 'r')})::VARCHAR, 'null')" for name in names)
    ruled = health_sql(table, Bound(), now)[0]
    needed = [column for column in table.columns if f'"{column.name}"' in ruled]
    with registered(cursor, "wanted", _as_rows(found, numbers)):
        rows = _rows_of_cards(table, needed, bound, at, now)
        return cursor.execute(f"SELECT {cells} FROM ({rows}) r ORDER BY r._position", bound.values).fetchall()


def _widths(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, view: View, at: datetime | None, now: datetime
) -> dict[str, int]:
    """How wide the cells of each column are, 95 % of them, by a few hundred rows spread over the view."""
    numbers = view.cards[:: max(1, -(-len(view) // _SAMPLE))]
    if not len(numbers):
        return {}
    bound = Bound()
    types = column_types(table)
    widths = ", ".join(f"quantile_disc({_cells(name, type_)}, 0.95)" for name, type_ in types.items())
    with registered(cursor, "wanted", _as_rows(read(cursor, table, numbers, at), numbers)):
        rows = _rows_of_cards(table, table.columns, bound, at, now)
        found = cursor.execute(f"SELECT {widths} FROM ({rows}) r", bound.values).fetchall()[0]
    return {name: int(width or 0) for name, width in zip(types, found, strict=True)}


def _as_rows(found: list[Card], numbers: Array) -> pa.Table:
    moment = pa.timestamp("us")
    return pa.table(
        {
            "account": [card.account for card in found],
            "region": [card.region for card in found],
            "id": [card.id for card in found],
            "_card": numbers,
            "_cells": [card.cells for card in found],
            "_first_seen": pa.array([card.first_seen for card in found], pa.int64()).cast(moment),
            "_from": pa.array([card.began for card in found], pa.int64()).cast(moment),
            "_position": np.arange(len(numbers)),
        }
    )


def _rows_of_cards(table: KindTable, needed: Sequence[Column], bound: Bound, at: datetime | None, now: datetime) -> str:
    """SQL for the registered cards as rows of the kind's view, with the declared columns that are needed."""
    parts, columns = typed(table, needed, "'[' || k._cells || ']'")
    seen, observed = seen_sql(table, bound, bound(at) if at else "")
    base = (
        f"SELECT {', '.join(['k.account, k.region, k.id', *columns])}, k._first_seen AS first_seen, {seen} AS seen,"
        f" k._position FROM (SELECT *, {parts} AS parts FROM wanted k) k {observed}"
    )
    return judged(table, base, bound, now, flags=not at)


def _cells(name: str, type_: str) -> str:
    expression = f'r."{name}"'
    if type_ == "time":
        return f"CASE WHEN {expression} IS NULL THEN 0 ELSE 20 END"
    if name != "flags" and type_ == "list":
        expression = f"array_to_string({expression}, ', ')"
    text = f"coalesce({expression}::VARCHAR, '')"
    stripped = f"regexp_replace({text}, '{_NOT_WIDE}', '', 'g')"
    wide = f"CASE WHEN strlen({text}) = length({text}) THEN 0 ELSE length({stripped}) END"
    return f"length({text}) + {wide}"
