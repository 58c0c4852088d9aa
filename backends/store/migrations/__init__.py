"""The store's schema, step by step: each numbered .sql file takes a file from the step before to its own number.

What a kind or a series needs is not here: that follows from the declarations (`kind_tables`, `series`).
"""

from __future__ import annotations

import re
from importlib import resources

import duckdb

from backends.store.errors import SchemaTooNew, StoreError, first_line

_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql\Z")


def released() -> dict[int, str]:
    """Every migration: its number → its SQL."""
    found: dict[int, str] = {}
    for file in resources.files(__package__).iterdir():
        if match := _NAME.match(file.name):
            found[int(match[1])] = file.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


def newest() -> int:
    """The schema that this program keeps."""
    return max(released())


def migrate(connection: duckdb.DuckDBPyConnection, present: int, path: str) -> int:
    """Takes the schema from version `present` (0: an empty file) to the newest, each step in one transaction.

    A file from a newer program is refused (SchemaTooNew) and left as it is.
    """
    steps = released()
    if present > newest():
        raise SchemaTooNew(
            f"The store {path} has schema {present}, this program knows {newest()}: install a newer Quarterdeck, "
            "or move the file away to start afresh."
        )
    for number, sql in steps.items():
        if number > present:
            _step(connection, number, sql, path)
    return newest()


def _step(connection: duckdb.DuckDBPyConnection, number: int, sql: str, path: str) -> None:
    connection.begin()
    try:
        connection.execute(sql)
        connection.execute("DELETE FROM own.meta WHERE key = 'schema'")
        connection.execute("INSERT INTO own.meta VALUES ('schema', ?)", [str(number)])
        connection.commit()
    except duckdb.Error as error:
        connection.rollback()
        raise StoreError(f"The store {path} could not be taken to schema {number}: {first_line(error)}") from error
