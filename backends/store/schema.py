"""The tables of a kind, made from its declaration and kept in step with it.

A kind has `kept.<table>` with the present versions, `kept."<table>~past"` with the closed ones, and the view
`<table>` for SQL. Internal columns begin with "_", which no declared name can. A column declared after the table was
made is *late*: it has a companion `_since_<column>` that says from when on the value was recorded; NULL there means
*not recorded*, and its coming is no change of any resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from backends.model import Column, Kind
from backends.store.errors import StoreError
from backends.store.sqltext import identifier, literal

SQL_TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMP",
    "tags": "VARCHAR",
    "list": "VARCHAR[]",
}
COMMON = {
    "ref": "text",
    "account": "text",
    "region": "text",
    "id": "text",
    "health": "text",
    "health_why": "text",
    "first_seen": "time",
    "seen": "time",
    "flags": "list",
}
"""The columns that every kind's view has beside its own, and their types as filters and JSON see them."""
_COMMON_HEADINGS = {"health_why": "why", "account": "acct"}  # as far as a screen writes them otherwise than they are


KEPT = {
    "_raw_hash": "UBIGINT", "_raw": "BLOB", "_block": "BIGINT", "_block_at": "INTEGER", "_block_size": "INTEGER",
    "_card": "BIGINT",
}  # fmt: skip
"""What a version has in blocks: its raw element (its hash, its block and its place there; old versions the element
itself), and its card (see `cards`)."""


@dataclass(frozen=True, slots=True)
class KindTable:
    """A kind with what its tables look like.

    layout, layouts  the number of the layout of its cards now, and every layout that cards may have: see `cards`
    name_column  the column by which people know a resource; name_place: its place among the columns, None for the id
    """

    kind: Kind
    columns: tuple[Column, ...]
    late: frozenset[str]
    layout: int = 0
    layouts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    name_column: str = field(init=False)
    places: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        places = {column.name: place for place, column in enumerate(self.columns)}
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "name_column", "name" if "name" in places else "id")

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def now(self) -> str:
        """The table of present versions, as SQL."""
        return f"kept.{identifier(self.kind.table)}"

    @property
    def past(self) -> str:
        """The table of closed versions, as SQL."""
        return f'kept."{self.kind.table}~past"'

    @property
    def stored(self) -> list[str]:
        """Every data column of the tables, quoted: declared ones and the companions of late ones."""
        return self.stored_of(self.columns)

    def stored_of(self, columns: Iterable[Column]) -> list[str]:
        """Those columns, quoted, and their companions."""
        chosen = list(columns)
        return [f'"{c.name}"' for c in chosen] + [f'"_since_{c.name}"' for c in chosen if c.name in self.late]

    def recorded(self, column: Column, row: str, at: str = "") -> str:
        """SQL: whether `column` of table alias `row` had been recorded (by the instant `at`, if given)."""
        if column.name not in self.late:
            return "TRUE"
        since = f'{row}."_since_{column.name}"'
        return f"coalesce({since} <= {at}, FALSE)" if at else f"({since} IS NOT NULL)"

    @property
    def closes(self) -> bool:
        """Whether a good sweep sees everything, so that what it missed is gone. Points of a series never are."""
        return self.kind.closes and self.kind.series is None


def headings_of(table: KindTable) -> dict[str, str]:
    """The heading of every column of the kind's view, by name: what filters and sorts may call it as well."""
    common = {name: _COMMON_HEADINGS.get(name, name) for name in COMMON}
    return {column.name: column.heading for column in table.columns} | common


def prepare_kinds(connection: duckdb.DuckDBPyConnection, kinds: Iterable[Kind]) -> dict[str, KindTable]:
    """Makes or alters the tables of every kind, in one transaction; StoreError if a declaration cannot be kept."""
    tables: dict[str, KindTable] = {}
    connection.begin()
    try:
        for kind in kinds:
            if kind.name in tables:
                raise StoreError(f"The kind {kind.name!r} is declared twice.")
            tables[kind.name] = _prepare(connection, kind)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return tables


def known_kinds(cursor: duckdb.DuckDBPyConnection, kinds: Iterable[Kind]) -> dict[str, KindTable]:
    """The tables of those kinds that this program made as they are declared; changes nothing."""
    found = cursor.execute("SELECT kind, name, type, late FROM own.kind_column WHERE NOT retired").fetchall()
    kept = {(kind, name, type_): late for kind, name, type_, late in found}
    tables: dict[str, KindTable] = {}
    for kind in kinds:
        columns = tuple(_checked(kind))
        late = {column.name: kept.get((kind.name, column.name, column.type)) for column in columns}
        if None not in late.values():
            tables[kind.name] = KindTable(kind, columns, frozenset(name for name, is_late in late.items() if is_late))
    return tables


def _prepare(connection: duckdb.DuckDBPyConnection, kind: Kind) -> KindTable:
    identifier(kind.table, "kind")
    columns = tuple(_checked(kind))
    known = {
        name: (type_, late, retired)
        for name, type_, late, retired in connection.execute(
            "SELECT name, type, late, retired FROM own.kind_column WHERE kind = ?", [kind.name]
        ).fetchall()
    }
    table = KindTable(kind, columns, frozenset())
    if not known:
        _create(connection, table)
        return table
    _add_kept(connection, table)
    late = {name for name, (_, is_late, retired) in known.items() if is_late and not retired}
    for column in columns:
        type_, _, retired = known.get(column.name, ("", False, True))
        if retired or type_ != column.type:
            _add_late(connection, table, column, known=column.name in known)
            late.add(column.name)
    declared = [column.name for column in columns]
    connection.execute(
        "UPDATE own.kind_column SET retired = TRUE WHERE kind = ? AND NOT list_contains(?::VARCHAR[], name)",
        [kind.name, declared],
    )
    return KindTable(kind, columns, frozenset(late & set(declared)))


def _checked(kind: Kind) -> Iterable[Column]:
    """The columns to keep. `id`, `account` and `region` are the store's own: declaring them adds nothing."""
    seen: set[str] = set()
    for column in kind.columns:
        identifier(column.name, f"column of {kind.name}")
        if column.name in ("id", "account", "region"):
            continue
        if column.name in COMMON or column.name in seen:
            raise StoreError(f"The kind {kind.name} declares the column {column.name!r}, which is taken; rename it.")
        seen.add(column.name)
        yield column


def _create(connection: duckdb.DuckDBPyConnection, table: KindTable) -> None:
    declared = "".join(f', "{c.name}" {SQL_TYPES[c.type]}' for c in table.columns)
    common = "account VARCHAR NOT NULL, region VARCHAR NOT NULL, id VARCHAR NOT NULL"
    version = "_from TIMESTAMP NOT NULL, _first_seen TIMESTAMP NOT NULL, _seen TIMESTAMP NOT NULL"
    kept = ", ".join(f"{name} {type_}" for name, type_ in KEPT.items())
    connection.execute(f"CREATE TABLE {table.now} ({common}{declared}, {version}, {kept})")
    # _end is 'changed' or 'removed'; of a removed one _seen is when it was last seen and _to when it was first missed.
    ended = "_to TIMESTAMP NOT NULL, _end VARCHAR NOT NULL"
    connection.execute(f"CREATE TABLE {table.past} ({common}{declared}, {version}, {kept}, {ended})")
    connection.execute(
        "INSERT INTO own.kind_column SELECT ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), FALSE, FALSE",
        [table.name, [column.name for column in table.columns], [column.type for column in table.columns]],
    )
    connection.execute("INSERT INTO own.kind_version VALUES (?, 0, TIMESTAMP 'epoch')", [table.name])


def _add_kept(connection: duckdb.DuckDBPyConnection, table: KindTable) -> None:
    """Gives tables made before something was kept in blocks what names it."""
    for name in (table.now, table.past):
        present = {row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()}
        for column, type_ in KEPT.items():
            if column not in present:
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {column} {type_}")


def _add_late(connection: duckdb.DuckDBPyConnection, table: KindTable, column: Column, *, known: bool) -> None:
    """Adds a column to tables that have rows; one of that name with other contents is put aside first."""
    for name in (table.now, table.past):
        if known:
            _put_aside(connection, name, column.name)
        connection.execute(f'ALTER TABLE {name} ADD COLUMN "{column.name}" {SQL_TYPES[column.type]}')
        connection.execute(f'ALTER TABLE {name} ADD COLUMN "_since_{column.name}" TIMESTAMP')
    connection.execute("DELETE FROM own.kind_column WHERE kind = ? AND name = ?", [table.name, column.name])
    connection.execute(
        "INSERT INTO own.kind_column VALUES (?, ?, ?, TRUE, FALSE)", [table.name, column.name, column.type]
    )


def _put_aside(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    schema, _, name = table.partition(".")
    present = {
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?",
            [schema, name.strip('"')],
        ).fetchall()
    }
    number = 1
    while f"_old{number}_{column}" in present:
        number += 1
    connection.execute(f'ALTER TABLE {table} RENAME COLUMN "{column}" TO "_old{number}_{column}"')
    if f"_since_{column}" in present:
        connection.execute(f'ALTER TABLE {table} DROP COLUMN "_since_{column}"')


def bump(connection: duckdb.DuckDBPyConnection, kind: str, at: datetime | None = None) -> None:
    """Counts the kind's data version up; belongs in the transaction that changed something visible.

    `at` is the instant of the sweep, where that made or closed versions.
    """
    connection.execute(
        "UPDATE own.kind_version SET version = version + 1, changed = greatest(changed, $at::TIMESTAMP)"
        " WHERE kind = $kind",
        {"at": at, "kind": kind},
    )


def data_version(connection: duckdb.DuckDBPyConnection, kind: str) -> int:
    """The kind's data version."""
    rows = connection.execute("SELECT version FROM own.kind_version WHERE kind = ?", [kind]).fetchall()
    return int(rows[0][0]) if rows else 0


def quoted_list(names: Iterable[str]) -> str:
    """Column names (already quoted) as an SQL list."""
    return ", ".join(names)


__all__ = [
    "COMMON",
    "KEPT",
    "SQL_TYPES",
    "KindTable",
    "bump",
    "data_version",
    "literal",
    "prepare_kinds",
    "quoted_list",
]
