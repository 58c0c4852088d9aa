"""Composing SQL safely: identifiers come from declarations and are quoted, values are bound or rendered as literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from backends.store.errors import StoreError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def identifier(name: str, what: str = "name") -> str:
    """`name` quoted as an SQL identifier; StoreError if it is not lower-case letters, digits and underscores."""
    if not _NAME.match(name):
        raise StoreError(f"The {what} {name!r} cannot be kept: use lower-case letters, digits and underscores only.")
    return f'"{name}"'


def literal(value: Any) -> str:
    """`value` as an SQL literal, for the bodies of views, where nothing can be bound."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return f"({value!r})"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.strftime('%Y-%m-%d %H:%M:%S.%f')}'"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    text = str(value).replace("'", "''")
    # A NUL would end the statement for DuckDB's parser.
    return " || chr(0) || ".join(f"'{part}'" for part in text.split("\0"))


class Bound:
    """Collects the values of one statement; calling it with a value gives the placeholder that stands for it."""

    now_sql = ""
    """SQL for the present where relative times must keep moving; empty where they are fixed with the statement."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __call__(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"${name}"


class Rendered(Bound):
    """Like `Bound`, for the bodies of views: a value becomes a literal in place, and relative times stay relative."""

    now_sql = "(now() AT TIME ZONE 'UTC')"

    def __call__(self, value: Any) -> str:
        return literal(value)


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> Iterator[None]:
    """While it lasts, statements of the connection know the rows by that name."""
    connection.register(name, rows)
    try:
        yield
    finally:
        connection.unregister(name)


def json_time(expression: str) -> str:
    """SQL for a TIMESTAMP as the wire writes it: ISO 8601 with Z, milliseconds only where there are some."""
    return f"replace(strftime({expression}, '%Y-%m-%dT%H:%M:%S.%gZ'), '.000Z', 'Z')"


def cell(name: str, type_: str, row: str) -> str:
    """SQL for one cell of a row as JSON; flags are a list always."""
    expression = f'{row}."{name}"'
    if name == "flags":
        return f"coalesce({expression}, '[]')::JSON"
    return json_value(expression, type_)


def json_value(expression: str, type_: str) -> str:
    """SQL that turns a column of one of the vocabulary's types into what belongs in a JSON document."""
    if type_ == "time":
        return json_time(expression)
    if type_ == "tags":
        return f"({expression})::JSON"
    if type_ == "list":
        return f"to_json({expression})"
    return expression
