"""A view — (kind, scope, filter, sort, instant, data version) — resolves once to an ordered list of versions.

Windows are slices of that list, which is kept in a bounded LRU, so that scrolling never sorts again; a window at its
top is answered from the first thousand, which are found without sorting the rest. The rows of a window are read from
their cards (`windows`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np

from backends.model import Json, NoSuchColumn, Ref, Scope, column_called
from backends.store.coverage import NOTHING_AMISS, Amiss, corrected, known, summary
from backends.store.errors import StoreError
from backends.store.filter_sql import compile_filter, is_relative, looks_into_texts
from backends.store.history import fields, full_rows, scope_pairs, unrecorded
from backends.store.horizon import held_at
from backends.store.instants import iso, stored, utcnow
from backends.store.schema import COMMON, SQL_TYPES, KindTable, data_version, headings_of
from backends.store.snapshot import snapshot
from backends.store.sqltext import Bound
from backends.store.tallies import moving_health
from backends.store.view_cache import SAMPLE, Array, View, ViewCache, spread
from backends.store.windows import rows_of, widths_of

_HEAD = 1000
"""How many rows are told at once of a view at whose top somebody looks."""
_LARGE = 20_000
"""Of how many rows on sorting all of them takes longer than finding the first and counting the others."""
_VERY_LARGE = 100_000
"""Of how many rows on it is told first how far down the first go: of the others one column is read then, not all."""
_KEY_HASH = "hash({0}::VARCHAR, {1}::VARCHAR, {2}::VARCHAR)"
_KEYS = f"v._card AS card, {_KEY_HASH.format('v.account', 'v.region', 'v.id')} AS key"
_HEALTH_ORDER = "CASE {0} WHEN 'ok' THEN 0 WHEN 'unknown' THEN 1 WHEN 'warn' THEN 2 ELSE 3 END"


@dataclass(frozen=True, slots=True)
class Query:
    """Which window of which view is wanted.

    sort    (column, descending) in order of weight; nothing means the kind's own order
    anchor  a ref: the window is moved so that it holds that row, and the answer says where the row is
    amiss   what the store cannot tell of the present's coverage
    """

    kind: str
    scope: Scope
    filter: str = ""
    sort: tuple[tuple[str, bool], ...] = ()
    at: datetime | None = None
    offset: int = 0
    limit: int = 100
    anchor: str | None = None
    amiss: Amiss = NOTHING_AMISS


def rows(cursor: duckdb.DuckDBPyConnection, tables: dict[str, KindTable], cache: ViewCache, query: Query) -> bytes:
    """The answer to /v1/rows as JSON bytes. FilterError or StoreError for what cannot be understood."""
    table = tables.get(query.kind)
    if table is None:
        raise StoreError(f"There is no kind {query.kind!r} in this store.")
    asked = stored(query.at) if query.at else None
    # One snapshot for the version, the keys and the rows.
    with snapshot(cursor):
        at = held_at(cursor, query.kind, asked)
        now = at or stored(utcnow())
        version = data_version(cursor, query.kind)
        view = _resolved(cursor, table, cache, query, at, now, version)
        offset, position = _placed(cursor, view, query)
        wanted = view.cards[offset : offset + max(0, query.limit)]
        sample = view.sample if view.widths is None else view.sample[:0]
        entries = known(cursor, [table], query.scope, asked)
        places = {(entry.account, entry.region): entry for entry in entries}
        found = rows_of(cursor, table, np.concatenate([wanted, sample]), at, now, places)
        if view.widths is None:
            view.widths = widths_of(found[len(wanted) :], column_types(table))
        missing = unrecorded(cursor, table, at)
    return _answer(
        {
            "kind": query.kind,
            "version": version,
            "total": view.total,
            "offset": offset,
            "anchor": position,
            "at": iso(asked) if asked else None,
            "as_of": iso(now),
            "columns": column_names(table),
            "unrecorded": missing,
            "keys": "ref",
            "partial": any(entry.partial for entry in entries),
            "coverage": summary(corrected(entries, query.amiss, asked), asked),
            "widths": view.widths,
        },
        ", ".join(found[: len(wanted)]),
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
    minute = now.replace(second=0, microsecond=0) if is_relative(query.filter) or moving_health(table) else None
    key = (query.kind, query.scope, query.filter, query.sort, at, (version, flags, minute))
    view = cache.get(key)
    if view is not None and _suffices(cursor, view, query):
        return view
    plan = _plan(table, query, at, now)
    many = cursor.execute(f"SELECT count(*) FROM {table.now}").fetchall()[0][0]
    if view is None and many >= _LARGE and not plan.costly and query.offset + query.limit <= _HEAD:
        view = _head(cursor, plan, many)
        if _suffices(cursor, view, query):
            cache.put(key, view)
            return view
    whole = _whole(cursor, plan)
    if view is not None:
        whole.widths = view.widths
    cache.put(key, whole)
    return whole


def _suffices(cursor: duckdb.DuckDBPyConnection, view: View, query: Query) -> bool:
    """Whether the rows of a window are among those that the view knows."""
    if view.whole:
        return True
    offset, position = _placed(cursor, view, query)
    return offset + query.limit <= len(view.cards) and (position is not None or not query.anchor)


def _flags_version(cursor: duckdb.DuckDBPyConnection) -> int:
    return int(cursor.execute("SELECT coalesce(max(id), 0) FROM own.run").fetchall()[0][0])


@dataclass(frozen=True, slots=True)
class _Plan:
    """SQL for a view: of its rows `v`, FROM on, and of their order, with the values bound in it.

    costly  its test looks into texts: to test all rows twice takes longer than to sort them
    reach   where all rows are wanted, by a number or a time first: SQL for how far down the first rows go by that, and
            for whether a row lies no further down than `$reached`
    """

    rows: str
    order: str
    values: Mapping[str, Any]
    costly: bool
    reach: tuple[str, str] | None


def _plan(table: KindTable, query: Query, at: datetime | None, now: datetime) -> _Plan:
    bound = Bound()
    types = column_types(table)
    sort = query.sort or default_sort(table)
    order = ", ".join(_order(name, down, types) for name, down in sort)
    test = compile_filter(query.filter, fields(table, "v"), bound, now)
    pairs, placeholder = scope_pairs(table.kind, query.scope), bound(at) if at else ""
    source = full_rows(table, pairs, bound, at=placeholder, now=now, extra=", n._card", used=f"{order} {test}")
    rows = f"FROM ({source}) v WHERE {test}"
    order = f"ORDER BY {order}, v.account, v.region, v.id"
    reach = None if query.filter else _reach(*sort[0], types)
    return _Plan(rows, order, bound.values, looks_into_texts(query.filter), reach)


def _reach(name: str, down: bool, types: dict[str, str]) -> tuple[str, str] | None:
    if types[name] not in ("integer", "number", "time"):
        return None
    most, before = ("max", ">=") if down else ("min", "<=")
    # As text: not every time that DuckDB knows is one of Python's.
    furthest = f'{most}(v."{name}", {_HEAD})[{_HEAD}]::VARCHAR'
    return furthest, f'v."{name}" {before} $reached::{SQL_TYPES[types[name]]}'


def _whole(cursor: duckdb.DuckDBPyConnection, plan: _Plan) -> View:
    cards, hashes = _ordered(cursor, f"SELECT {_KEYS} {plan.rows} {plan.order}", plan.values)
    return View(cards, hashes, len(cards), spread(cards))


def _head(cursor: duckdb.DuckDBPyConnection, plan: _Plan, many: int) -> View:
    """The first rows, the number of all, which are `many` or so, and a sample of them."""
    told = f"count(*), list(v._card) FILTER (hash(v._card) % {max(1, many // SAMPLE)} = 0)"
    counted, rows, values = None, plan.rows, plan.values
    if plan.reach and many >= _VERY_LARGE:
        furthest, near = plan.reach
        *counted, reached = cursor.execute(f"SELECT {told}, {furthest} {rows}", values).fetchall()[0]
        if reached is not None:
            rows, values = f"{rows} AND {near}", {**values, "reached": reached}
    first = f"SELECT v.account, v.region, v.id, v._card {rows} {plan.order} LIMIT {_HEAD}"
    cards, hashes = _ordered(cursor, f"SELECT {_KEYS} FROM ({first}) v", values)
    if len(cards) < _HEAD:
        return View(cards, hashes, len(cards), spread(cards))
    total, sample = counted or cursor.execute(f"SELECT {told} {plan.rows}", plan.values).fetchall()[0]
    few = [*(sample or []), *spread(cards).tolist()]
    return View(cards, hashes, total, np.array(few[:SAMPLE], dtype=np.int64))


def _ordered(cursor: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> tuple[Array, Array]:
    found = cursor.execute(sql, values).fetchnumpy()
    return np.asarray(found["card"], dtype=np.int64), np.asarray(found["key"], dtype=np.uint64)


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
    total = view.total
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
