"""A view — (kind, scope, filter, sort, instant, data version) — resolves once to an ordered list of keys.

Windows are slices of that list; the keys are kept in a bounded LRU, so that scrolling never sorts again. The rows of
a window are made into JSON inside DuckDB.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Json, NoSuchColumn, Ref, Scope, column_called
from backends.store.coverage import known, summary
from backends.store.errors import StoreError
from backends.store.filter_sql import compile_filter, is_relative
from backends.store.history import fields, full_rows, scope_pairs
from backends.store.instants import iso, stored, utcnow
from backends.store.schema import COMMON, KindTable, data_version, headings_of
from backends.store.sqltext import Bound, json_value
from backends.store.view_cache import View, ViewCache

_SAMPLE = 400
# Everything that is not two cells wide, for RE2.
_NOT_WIDE = (
    "[^\\x{1100}-\\x{115F}\\x{2E80}-\\x{A4CF}\\x{AC00}-\\x{D7A3}\\x{F900}-\\x{FAFF}\\x{FE30}-\\x{FE6F}\\x{FF00}-\\x{FF60}"
    "\\x{FFE0}-\\x{FFE6}\\x{1F300}-\\x{1FAFF}\\x{20000}-\\x{3FFFD}]"
)
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
    cursor.begin()
    try:
        version = data_version(cursor, query.kind)
        view = _resolved(cursor, table, cache, query, at, now, version)
        offset, position = _placed(view, query)
        window = view.keys.slice(offset, max(0, query.limit))
        body = _window_json(cursor, table, query.scope, window, view, at, now)
        entries = known(cursor, [table], query.scope, at)
    finally:
        cursor.rollback()
    return _answer(
        {
            "kind": query.kind,
            "version": version,
            "total": len(view.keys),
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
        view = View(_keys(cursor, table, query, at, now))
        cache.put(key, view)
    return view


def _flags_version(cursor: duckdb.DuckDBPyConnection) -> int:
    return int(cursor.execute("SELECT coalesce(max(id), 0) FROM own.run").fetchall()[0][0])


def _moving_health(table: KindTable) -> bool:
    return any(is_relative(rule.when) for rule in table.kind.health)


def _keys(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, query: Query, at: datetime | None, now: datetime
) -> pa.Array:
    bound = Bound()
    types = column_types(table)
    order = ", ".join(_order(name, down, types) for name, down in query.sort or default_sort(table))
    test = compile_filter(query.filter, fields(table, "v"), bound, now)
    flags = "flags" in query.filter or any(name == "flags" for name, _ in query.sort)
    placeholder = bound(at) if at else ""
    source = full_rows(table, scope_pairs(table.kind, query.scope), bound, at=placeholder, now=now, flags=flags)
    sql = (
        f"SELECT v.account || '/' || v.region || '/' || v.id AS key FROM ({source}) v WHERE {test}"
        f" ORDER BY {order}, v.account, v.region, v.id"
    )
    found = cursor.execute(sql, bound.values).to_arrow_table().column("key").combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


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


def _placed(view: View, query: Query) -> tuple[int, int | None]:
    """The window's offset, and the position of the anchor in the view (None if it is not in it)."""
    total = len(view.keys)
    offset = max(0, min(query.offset, max(0, total - 1)))
    if not query.anchor:
        return offset, None
    try:
        ref = Ref.parse(query.anchor)
    except ValueError as error:
        raise StoreError(str(error)) from error
    position = pc.index(view.keys, f"{ref.account}/{ref.region}/{ref.id}").as_py()
    if position < 0:
        return offset, None
    if not offset <= position < offset + query.limit:
        offset = max(0, min(position - query.limit // 2, total - query.limit))
    return offset, position


def _window(keys: pa.Array, sample: pa.Array) -> pa.Table:
    """Keys as account, region, id and position, to be joined with the rows; those of a sample are marked."""
    parts = [key.split("/", 2) for key in [*keys.to_pylist(), *sample.to_pylist()]]
    return pa.table(
        {
            "account": pa.array([p[0] for p in parts], pa.string()),
            "region": pa.array([p[1] for p in parts], pa.string()),
            "id": pa.array([p[2] for p in parts], pa.string()),
            "_position": pa.array(range(len(parts)), pa.int64()),
            "_sample": pa.array([place >= len(keys) for place in range(len(parts))], pa.bool_()),
        }
    )


def _window_rows(
    table: KindTable, scope: Scope, bound: Bound, at: datetime | None, now: datetime, *, flags: bool
) -> str:
    placeholder = bound(at) if at else ""
    source = full_rows(table, scope_pairs(table.kind, scope), bound, at=placeholder, now=now, flags=flags)
    return f"SELECT v.*, k._position, k._sample FROM ({source}) v JOIN wanted_keys k USING (account, region, id)"


def _window_json(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    scope: Scope,
    keys: pa.Array,
    view: View,
    at: datetime | None,
    now: datetime,
) -> str:
    """The rows of a window as the inside of a JSON array.

    With a view's first window come the widths of its columns: fetching rows costs the same for a few more.
    """
    sample = keys.slice(0, 0) if view.widths is not None else _sampled(view.keys)
    if len(keys) + len(sample) == 0:
        view.widths = {}
        return ""
    bound = Bound()
    types = column_types(table)
    cells = ", ".join(cell_sql(name, type_, "r") for name, type_ in types.items())
    widths = ", ".join(
        f"quantile_disc({_cells(name, type_)}, 0.95) FILTER (r._sample)" for name, type_ in types.items()
    )
    source = _window_rows(table, scope, bound, at, now, flags=True)
    cursor.register("wanted_keys", _window(keys, sample))
    try:
        found = cursor.execute(
            "SELECT string_agg(json_array("
            f"{cells})::VARCHAR, ',' ORDER BY r._position) FILTER (NOT r._sample)"
            f"{', ' + widths if view.widths is None else ''} FROM ({source}) r",
            bound.values,
        ).fetchall()[0]
    finally:
        cursor.unregister("wanted_keys")
    if view.widths is None:
        view.widths = {name: int(width or 0) for name, width in zip(types, found[1:], strict=True)}
    return str(found[0] or "")


def _sampled(keys: pa.Array) -> pa.Array:
    """A few hundred keys spread over the view, for the 95 % quantile of each column's display width in cells."""
    step = max(1, -(-len(keys) // _SAMPLE))
    return keys.take(pa.array(range(0, len(keys), step), pa.int64()))


def cell_sql(name: str, type_: str, row: str) -> str:
    """SQL for one cell of a row as JSON; flags are a list always."""
    expression = f'{row}."{name}"'
    if name == "flags":
        return f"coalesce({expression}, '[]')::JSON"
    return json_value(expression, type_)


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
