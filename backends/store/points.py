"""How the points of a series are kept: a point is the number of whose it is, its time and its values.

What is the same for all points of one owner (its id and every column that is not volatile) is kept once, under that
number: a point costs a sixth of what it would with its texts. `series.NAME` is a view that puts both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.model import Column
from backends.store.hashes import Hashes
from backends.store.pages import Page
from backends.store.rows import cleaned
from backends.store.schema import SQL_TYPES, KindTable
from backends.store.sqltext import identifier, registered

_REACH = timedelta(days=2)
"""How much further than asked known points are read: pages go back in time."""
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_MOST_CODES = 1 << 62
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a series is kept: `view` shows it; `fixed` columns belong to an owner, `told` ones to each point."""

    view: str
    points: str
    owners: str
    fixed: tuple[Column, ...]
    told: tuple[Column, ...]

    @property
    def same(self) -> str:
        """SQL: whether `p`, with region, id and fixed columns, is owned by `o`."""
        tests = [f'o."{column.name}" IS NOT DISTINCT FROM p."{column.name}"' for column in self.fixed]
        return " AND ".join(["o.region = p.region", "o.id = p.id", *tests])


def layout_of(table: KindTable) -> Layout:
    """The layout of a kind's series."""
    series = table.kind.series
    assert series is not None
    name = identifier(series.name, "series").strip('"')
    each = (series.time, series.value)
    fixed = tuple(column for column in table.columns if not column.volatile and column.name not in each)
    told = tuple(column for column in table.columns if column not in fixed)
    return Layout(f'series."{name}"', f'own."points_{name}"', f'own."owners_{name}"', fixed, told)


def prepare_points(connection: duckdb.DuckDBPyConnection, table: KindTable) -> None:
    """Makes the tables of a kind's series, or adds the columns they lack; belongs in the caller's transaction."""
    layout = layout_of(table)
    _create(
        connection, layout.owners, "number INTEGER NOT NULL, region VARCHAR NOT NULL, id VARCHAR NOT NULL", layout.fixed
    )
    _create(connection, layout.points, "owner INTEGER NOT NULL", layout.told)
    name = layout.view.partition(".")[2].strip('"')
    whole = connection.execute(
        "SELECT count(*) FROM duckdb_tables()"
        " WHERE database_name = current_database() AND schema_name = 'series' AND table_name = ?",
        [name],
    ).fetchall()
    if whole[0][0]:
        _take_apart(connection, table, layout)
    columns = ", ".join(f'{"o" if column in layout.fixed else "p"}."{column.name}"' for column in table.columns)
    connection.execute(
        f"CREATE OR REPLACE VIEW {layout.view} AS SELECT o.region, o.id, {columns}"
        f" FROM {layout.points} p JOIN {layout.owners} o ON o.number = p.owner"
    )


def _create(connection: duckdb.DuckDBPyConnection, name: str, own: str, columns: Sequence[Column]) -> None:
    declared = "".join(f', "{c.name}" {SQL_TYPES[c.type]}' for c in columns)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({own}{declared})")
    for column in columns:
        connection.execute(f'ALTER TABLE {name} ADD COLUMN IF NOT EXISTS "{column.name}" {SQL_TYPES[column.type]}')


def _take_apart(connection: duckdb.DuckDBPyConnection, table: KindTable, layout: Layout) -> None:
    """Stores once had every point with all its texts in one table."""
    for column in table.columns:
        connection.execute(
            f'ALTER TABLE {layout.view} ADD COLUMN IF NOT EXISTS "{column.name}" {SQL_TYPES[column.type]}'
        )
    add_owners(connection, layout, layout.view)
    told = "".join(f', "{column.name}"' for column in layout.told)
    values = "".join(f', p."{column.name}"' for column in layout.told)
    connection.execute(
        f"INSERT INTO {layout.points} (owner{told}) SELECT o.number{values} FROM {layout.view} p"
        f" JOIN {layout.owners} o ON {layout.same}"
    )
    connection.execute(f"DROP TABLE {layout.view}")


def add_owners(connection: duckdb.DuckDBPyConnection, layout: Layout, source: str) -> None:
    """Numbers the owners in `source` (region, id and fixed columns) that have none; belongs in a transaction."""
    names = ", ".join(["region", "id", *(f'"{column.name}"' for column in layout.fixed)])
    connection.execute(
        f"INSERT INTO {layout.owners} (number, {names})"
        f" SELECT (SELECT coalesce(max(number), 0) FROM {layout.owners}) + row_number() OVER (), {names}"
        f" FROM (SELECT DISTINCT {names} FROM {source}) p"
        f" WHERE NOT EXISTS (SELECT 1 FROM {layout.owners} o WHERE {layout.same})"
    )


class Points:
    """The points that a series is known to have, for a sweep that appends to one region of it.

    A point is told by a hash of whose it is and its time. What was kept before is read as far back as pages reach.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: KindTable, region: str) -> None:
        assert table.kind.series is not None
        self._connection, self._region = connection, region
        self._layout, self._time = layout_of(table), table.kind.series.time
        self._known = Hashes()
        self._from: datetime | None = None
        self._numbers: dict[tuple[Any, ...], int] = {}

    def append(self, pages: Sequence[Page]) -> None:
        """Appends the points of pages that are new; belongs in the caller's transaction. A price is everybody's."""
        needed = ["id", *(column.name for column in (*self._layout.fixed, *self._layout.told))]
        data = pa.concat_tables([page.data.select(needed) for page in pages])
        times = data.column(self._time).cast(pa.timestamp("us"))
        dated = np.asarray(times.is_valid())
        if not dated.any():
            return
        self._reach(pc.min(times).as_py())
        moments = np.asarray(times.cast(pa.int64()).fill_null(0)).view(np.uint64)
        marks = _marks(np.concatenate([page.hashes for page in pages]), moments)
        new = self._new(marks, dated)
        if not len(new):
            return
        rows = data if len(new) == data.num_rows else data.take(pa.array(new))
        self._insert(rows)
        self._known.add(marks[new])

    def _new(self, marks: Array, dated: Array) -> Array:
        """The rows of points that are not known, each once."""
        rows = np.flatnonzero(dated)
        # In order, so that looking them up walks through what is known but once.
        order = rows[np.argsort(marks[rows])]
        found = marks[order]
        once = np.append(True, found[1:] != found[:-1])
        if not once.all():
            # Of a point that comes twice the first counts, which the faster order does not say.
            order = rows[np.argsort(marks[rows], kind="stable")]
        return np.sort(order[once & ~self._known.has(found)])

    def _insert(self, rows: pa.Table) -> None:
        told = ", ".join(f'"{column.name}"' for column in self._layout.told)
        values = ", ".join(cleaned(column) for column in self._layout.told)
        points = rows.select([column.name for column in self._layout.told])
        points = points.append_column("_owner", pa.array(self._owners(rows), pa.int32()))
        with registered(self._connection, "page", points):
            self._connection.execute(
                f"INSERT INTO {self._layout.points} (owner, {told}) SELECT _owner, {values} FROM page"
            )

    def _owners(self, rows: pa.Table) -> Array:
        """Each row's owner, by number."""
        names = ["id", *(column.name for column in self._layout.fixed)]
        texts = [_encoded(rows.column(name)) for name in names]
        codes, size = np.zeros(rows.num_rows, dtype=np.int64), 1
        for column in texts:
            if size * (len(column.dictionary) + 1) > _MOST_CODES:
                known, codes = np.unique(codes, return_inverse=True)
                size = len(known)
            size *= len(column.dictionary) + 1
            codes = codes * (len(column.dictionary) + 1) + np.asarray(column.indices.fill_null(len(column.dictionary)))
        firsts, places = different(codes, size)
        each = pa.table(dict(zip(names, (column.take(pa.array(firsts)) for column in texts), strict=True)))
        keys = list(zip(*each.to_pydict().values(), strict=True))
        unknown = [place for place, key in enumerate(keys) if key not in self._numbers]
        if unknown:
            numbers = self._numbered(each.take(pa.array(unknown)))
            self._numbers.update(zip([keys[place] for place in unknown], numbers, strict=True))
        found: Array = np.array([self._numbers[key] for key in keys], dtype=np.int32)[places]
        return found

    def _numbered(self, owners: pa.Table) -> list[int]:
        """The numbers of owners, in order; who has none gets one."""
        fixed = "".join(f', {cleaned(column)} AS "{column.name}"' for column in self._layout.fixed)
        with registered(self._connection, "owners", owners.append_column("_n", pa.array(np.arange(owners.num_rows)))):
            found = self._connection.execute(
                f"SELECT $region::VARCHAR AS region, id::VARCHAR AS id{fixed}, _n FROM owners", {"region": self._region}
            ).to_arrow_table()
        with registered(self._connection, "named", found):
            add_owners(self._connection, self._layout, "named")
            numbers = self._connection.execute(
                f"SELECT o.number FROM named p JOIN {self._layout.owners} o ON {self._layout.same} ORDER BY p._n"
            ).fetchall()
        return [number for (number,) in numbers]

    def _reach(self, first: datetime) -> None:
        """Knows every point from a while before `first` on."""
        if self._from is not None and first >= self._from:
            return
        until, self._from = self._from, first - _REACH
        time = f'p."{self._time}"'
        found = self._connection.execute(
            f"SELECT o.h, epoch_us({time}) AS at FROM {self._layout.points} p"
            f" JOIN (SELECT number, hash(id) AS h FROM {self._layout.owners} WHERE region = $region) o"
            f" ON o.number = p.owner WHERE {time} >= $first AND ({time} < $until OR $until IS NULL)",
            {"region": self._region, "first": self._from, "until": until},
        ).fetchnumpy()
        self._known.add(_marks(np.asarray(found["h"], np.uint64), np.asarray(found["at"], np.int64).view(np.uint64)))


def different(codes: Array, size: int) -> tuple[Array, Array]:
    """Where each different code comes first, and for every code which of those it is; codes are less than `size`."""
    if size > 4 * len(codes) + (1 << 16):
        _, firsts, places = np.unique(codes, return_index=True, return_inverse=True)
        return firsts, places
    first = np.full(size, -1)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    there = first >= 0
    return first[there], (np.cumsum(there) - 1)[codes]


def _marks(ids: Array, moments: Array) -> Array:
    """What points are told by, from hashes of whose they are and their times."""
    found: Array = ids ^ (moments * _MIXER)
    return found


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
