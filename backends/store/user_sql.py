"""A user's own SELECT over the views of the kinds: read-only by parse, by transaction and by a hardened database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import duckdb

from backends.model import IMPORTED, Json, Scope
from backends.store.coverage import NOTHING_AMISS, Amiss, corrected, known, summary
from backends.store.errors import QueryRefused, first_line
from backends.store.history import full_rows
from backends.store.horizon import held_at
from backends.store.instants import iso
from backends.store.schema import KindTable
from backends.store.snapshot import snapshot
from backends.store.sqltext import Rendered, identifier, literal

DEFAULT_LIMIT = 1000
_HIDING = {"query", "query_table", "json_execute_serialized_sql"}
"""Table functions that read what a text says: nobody could tell of which kinds and of when."""
_AT_ONCE = {"range", "generate_series", "repeat", "lpad", "rpad", "list_resize", "array_resize"}
"""Functions whose value is as large as a number that they are given says."""
_LARGEST = 1_000_000
"""DuckDB makes such a value while it plans: outside of its memory limit, and deaf to an interrupt."""


def query(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    text: str,
    scope: Scope,
    *,
    limit: int = DEFAULT_LIMIT,
    at: datetime | None = None,
    amiss: Amiss = NOTHING_AMISS,
) -> bytes:
    """`{"columns", "rows", "truncated", "at", "kinds", "coverage"}` of one SELECT; QueryRefused for anything else or
    anything wrong.

    With `at` the views of kinds show what was known then. `kinds` are those that the statement names, `coverage` says
    how well they are observed in `scope`.
    """
    statement = _only_select(text)
    try:
        with snapshot(cursor):
            kinds = _kinds(cursor, tables, statement, past=at is not None)
            if at is not None:
                for table in kinds:
                    _show_past(cursor, table, at)
            relation = cursor.sql(statement).limit(limit + 1)
            columns = list(relation.columns)
            found = relation.fetchall()
            entries = corrected(known(cursor, kinds, scope, at), amiss, at)
            # Nobody waits for an import of what is polled.
            entries = [entry for entry in entries if entry.account != IMPORTED or entry.last_try]
    except (duckdb.InterruptException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        raise QueryRefused(f"The query failed: {first_line(error)}") from error
    rows = [[None if isinstance(v, float) and not isfinite(v) else v for v in row] for row in found[:limit]]
    answer: Json = {
        "columns": columns,
        "rows": rows,
        "truncated": len(found) > limit,
        "at": iso(at) if at else None,
        "kinds": [table.name for table in kinds],
        "coverage": summary(entries, at),
    }
    return json.dumps(answer, default=_plain, ensure_ascii=False).encode(errors="replace")


def _kinds(
    cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], statement: str, *, past: bool
) -> list[KindTable]:
    """The kinds whose views a statement names; where it is about the past, QueryRefused for anything else it names."""
    views = {table.kind.table: table for table in tables.values()}
    (told,) = cursor.execute("SELECT json_serialize_sql($sql::VARCHAR)", {"sql": statement}).fetchall()[0]
    tree = json.loads(told)
    if hiding := sorted(_functions(tree) & _HIDING):
        raise QueryRefused(f"{hiding[0]}() hides what is read; write its SELECT, or the view's name, in its place.")
    if large := _made_at_once(tree):
        raise QueryRefused(f"{large}() would make over {_LARGEST:,} values at once; FROM range() makes each in turn.")
    named, defined = _named(tree)
    if past and (others := sorted(named - views.keys() - defined)):
        raise QueryRefused(
            f"{others[0]} tells of the present only; of the past there are the views of kinds, such as ec2_instance."
        )
    return [views[name] for name in sorted(named & views.keys())]


def _named(tree: Any) -> tuple[set[str], set[str]]:
    """The tables that a parsed statement names, schema and all where it says one, and those that it defines itself."""
    named: set[str] = set()
    defined: set[str] = set()
    for node in _nodes(tree):
        if node.get("type") == "BASE_TABLE":
            parts = (node.get(part) for part in ("catalog_name", "schema_name", "table_name"))
            named.add(".".join(filter(None, parts)).lower())
        if isinstance(common := node.get("cte_map"), dict):
            defined |= {str(entry["key"]).lower() for entry in common.get("map", ())}
    return named, defined


def _functions(tree: Any) -> set[str]:
    """The table functions that a parsed statement reads from."""
    read = [node["function"] for node in _nodes(tree) if node.get("type") == "TABLE_FUNCTION"]
    return {str(function.get("function_name")).lower() for function in read}


def _made_at_once(tree: Any) -> str:
    """The function of a parsed statement that makes a value too large for the memory there may be, "" for none."""
    in_turn = {id(node["function"]) for node in _nodes(tree) if node.get("type") == "TABLE_FUNCTION"}
    for node in _nodes(tree):
        name = str(node.get("function_name")).lower()
        if name in _AT_ONCE and id(node) not in in_turn:
            given = [child.get("child") if child.get("class") == "CAST" else child for child in node["children"]]
            sizes = [one["value"].get("value") for one in given if one.get("class") == "CONSTANT"]
            if any(isinstance(size, int | float) and abs(size) > _LARGEST for size in sizes):
                return name
    return ""


def _nodes(tree: Any) -> Iterator[Json]:
    """Every object in a parsed statement."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            yield node
            waiting += node.values()


def _show_past(cursor: duckdb.DuckDBPyConnection, table: KindTable, at: datetime) -> None:
    """For this connection and the transaction that it is in, a kind's view shows what was known at an instant."""
    held = held_at(cursor, table.name, at) or at
    rows = full_rows(table, None, Rendered(), at=literal(held), now=held)
    cursor.execute(f"CREATE TEMP VIEW {identifier(table.kind.table)} AS {rows}")


def _only_select(text: str) -> str:
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise QueryRefused(f"This is not SQL that can be understood: {first_line(error)}") from error
    if len(statements) != 1:
        raise QueryRefused(f"One SELECT is expected; this is {len(statements)} statements.")
    statement = statements[0]
    if statement.type != duckdb.StatementType.SELECT:
        raise QueryRefused(f"Only SELECT is allowed here; this is {statement.type.name}.")
    return str(statement.query)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return str(value)
