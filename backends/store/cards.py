"""Cards: a version's declared cells as a line of JSON, a few lines in a block.

A window shows three hundred rows from anywhere, and to unpack a vector of every column for each of them costs ten times
what three hundred lines do. A card is written with its version and never changed: what is brought up to date in place
gets a new one. Its number tells its block and its line there.

The parts of a line have tabs between them: whose the version is, when it was first seen and when it began, its cells,
and where it followed another one, what of that was otherwise (see `former`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.blocks import packed, unpacked_together
from backends.model import Column
from backends.store.bits import among
from backends.store.former import Former
from backends.store.former import read as read_former
from backends.store.schema import SQL_TYPES, KindTable
from backends.store.sqltext import cell, literal, registered

Array = np.ndarray[Any, np.dtype[Any]]

NOT_RECORDED = object()
"""Stands for a cell of a column that was declared later, or otherwise, than its card was written."""
_ROWS = 12
_LINES = 32
"""A card's number is its block's times this, plus its line."""
_FILL_ROWS = 50_000
_TOGETHER = 50
"""Blocks that are unpacked at once: a megabyte of text or so, which stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Card:
    """A version as it was written: times are microseconds since 1970, UTC.

    whose, cells  account, region and id, and the declared columns: the inside of a JSON array each
    """

    whose: str
    account: str
    region: str
    id: str
    first_seen: int
    began: int
    cells: str


def prepare(connection: duckdb.DuckDBPyConnection, tables: Iterable[KindTable]) -> dict[str, KindTable]:
    """The tables with the layouts of their cards; versions from before there were cards get theirs.

    Belongs in the caller's transaction.
    """
    known: dict[str, dict[int, tuple[str, ...]]] = {}
    for number, kind, columns in connection.execute("SELECT id, kind, columns FROM own.card_layout").fetchall():
        known.setdefault(kind, {})[number] = tuple(columns)
    ready = {table.name: _with_layouts(connection, table, known.get(table.name, {})) for table in tables}
    if connection.execute("DELETE FROM own.meta WHERE key = 'lacks_cards'").fetchall()[0][0]:
        for table in ready.values():
            _fill(connection, table)
    return ready


def known(cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable]) -> dict[str, KindTable]:
    """The tables that have a layout for their cards as they are declared; changes nothing."""
    ready: dict[str, KindTable] = {}
    found = cursor.execute("SELECT kind, id, columns FROM own.card_layout").fetchall()
    for table in tables:
        layouts = {number: tuple(columns) for kind, number, columns in found if kind == table.name}
        wanted = tuple(_as_laid_out(column) for column in table.columns)
        for number in (number for number, columns in layouts.items() if columns == wanted):
            ready[table.name] = replace(table, layout=number, layouts=layouts)
    return ready


def _with_layouts(
    connection: duckdb.DuckDBPyConnection, table: KindTable, known: Mapping[int, tuple[str, ...]]
) -> KindTable:
    wanted = tuple(_as_laid_out(column) for column in table.columns)
    number = next((number for number, columns in known.items() if columns == wanted), None)
    if number is None:
        sql = "INSERT INTO own.card_layout VALUES (nextval('own.card_layout_id'), ?, ?) RETURNING id"
        number = int(connection.execute(sql, [table.name, list(wanted)]).fetchall()[0][0])
    return replace(table, layout=number, layouts={**known, number: wanted})


def _as_laid_out(column: Column) -> str:
    """A column as a layout names it: of another type it is another column."""
    return f"{column.name}:{column.type}"


def _fill(connection: duckdb.DuckDBPyConnection, table: KindTable) -> None:
    line = lines(table, "r.account", "r.region", "r._first_seen", "r._from", "r")
    for name in (table.now, table.past):
        (last,) = connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {name}").fetchall()[0]
        for first in range(0, last + 1, _FILL_ROWS):
            some = f"FROM {name} r WHERE rowid BETWEEN {first} AND {first + _FILL_ROWS - 1} ORDER BY rowid"
            numbered = connection.execute(f"SELECT rowid AS _row {some}").to_arrow_table()
            written = write(connection, table, f"SELECT {line} {some}", {})
            with registered(connection, "filled", numbered.append_column("_card", written)):
                connection.execute(f"UPDATE {name} AS n SET _card = f._card FROM filled f WHERE n.rowid = f._row")


def parts(table: KindTable, account: str, region: str, row: str) -> tuple[str, str]:
    """SQL for whose a row of that alias is and for its cells, as its card has them."""
    cells = ", ".join(cell(column.name, column.type, row) for column in table.columns)
    return f"json_array({account}, {region}, {row}.id)::VARCHAR", f"json_array({cells})::VARCHAR"


def lines(table: KindTable, account: str, region: str, first_seen: str, began: str, row: str) -> str:
    """SQL for the card of a row of that alias; the others are SQL for what is not a column there."""
    whose, cells = parts(table, account, region, row)
    return f"{whose} || chr(9) || epoch_us({first_seen}) || chr(9) || epoch_us({began}) || chr(9) || {cells} || chr(10)"


def joined(
    whose: pa.Array, first_seen: pa.Array, began: pa.Array, cells: pa.Array, former: pa.Array | None = None
) -> pa.Array:
    """Cards of which DuckDB has made the `parts`; times in microseconds, UTC.

    `former` (see the module of that name) tells of some what the version before was, null of the others.
    """
    times = [time.cast(pa.int64()).cast(pa.string()) for time in (first_seen, began)]
    last = [] if former is None else [former]
    line = pc.binary_join_element_wise(whose, *times, cells, *last, "\t", null_handling="skip")
    return pc.binary_join_element_wise(line, "\n", "")


def write(connection: duckdb.DuckDBPyConnection, table: KindTable, sql: str, values: Mapping[str, Any]) -> pa.Array:
    """Keeps the cards that `sql` yields, one a row, and gives their numbers. Belongs in the caller's transaction."""
    return keep(connection, table, connection.execute(sql, dict(values)).to_arrow_table().column(0))


def keep(connection: duckdb.DuckDBPyConnection, table: KindTable, cards: pa.ChunkedArray) -> pa.Array:
    """Keeps cards and gives their numbers. Belongs in the caller's transaction."""
    found = cards.cast(pa.large_string()).combine_chunks()
    texts = found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)
    if len(texts) == 0:
        return pa.array([], pa.int64())
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    starts = np.append(np.arange(0, len(texts), _ROWS), len(texts))
    blocks = [packed(data.slice(ends[first], ends[after] - ends[first])) for first, after in pairwise(starts.tolist())]
    sequence = "SELECT nextval('own.card_block_id') FROM range(?)"
    numbers = np.array([row[0] for row in connection.execute(sequence, [len(blocks)]).fetchall()], dtype=np.int64)
    layout = np.full(len(blocks), table.layout, dtype=np.int32)
    rows = pa.table({"id": numbers, "layout": layout, "data": pa.array(blocks, pa.binary())})
    with registered(connection, "blocks", rows):
        connection.execute("INSERT INTO own.card_block SELECT id, layout, data FROM blocks")
    places = np.arange(len(texts))
    return pa.array(numbers[places // _ROWS] * _LINES + places % _ROWS)


def block_of(card: str) -> str:
    """SQL for the block of a card."""
    return f"({card} // {_LINES})"


def read(cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Array, at: datetime | None) -> list[Card]:
    """The cards of those numbers, in their order, laid out as the kind is declared now.

    Cells that were not recorded, by the instant `at` if it is given, are null.
    """
    missing = _unrecorded(cursor, table, numbers, at) if table.late and at else {}
    lines = _lines_of(cursor, numbers)
    told = [line.split("\t") for _, line in lines]
    keys = json.loads(f"[{','.join(whose for whose, *_ in told)}]")
    cards = []
    for number, (layout, _), line, key in zip(numbers.tolist(), lines, told, keys, strict=True):
        whose, first_seen, began, cells = line[:4]
        if layout != table.layout or number in missing:
            cells = _laid_out(cells, table, layout, missing.get(number, []))
        account, region, id_ = key
        cards.append(Card(whose[1:-1], account, region, id_, int(first_seen), int(began), cells[1:-1]))
    return cards


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a card tells.

    cells   of the columns that are declared now, as JSON has them; NOT_RECORDED where it has none
    former  what of the version before was otherwise, where the card says so
    """

    cells: list[Any]
    former: Former | None


def recorded(cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Sequence[int]) -> dict[int, Recorded]:
    """What each of those cards tells."""
    if not numbers:
        return {}
    lines = _lines_of(cursor, np.array(numbers, dtype=np.int64))
    parts = [line.split("\t") for _, line in lines]
    cells = json.loads(f"[{','.join([part[3] for part in parts])}]")
    wanted = [_as_laid_out(column) for column in table.columns]
    found = {}
    for number, (layout, _), values, part in zip(numbers, lines, cells, parts, strict=True):
        former = read_former(part[4]) if len(part) > 4 else None
        if layout != table.layout:
            told = dict(zip(table.layouts[layout], values, strict=True))
            values = [told.get(name, NOT_RECORDED) for name in wanted]
        found[number] = Recorded(values, former)
    return found


def _lines_of(cursor: duckdb.DuckDBPyConnection, numbers: Array) -> list[tuple[int, str]]:
    """The layout and the line of each card, in order."""
    block, place = np.divmod(numbers, _LINES)
    blocks = np.unique(block)
    chosen = among("id", blocks)
    found = cursor.execute(
        f"SELECT id, layout, data FROM own.card_block WHERE {chosen or 'id IN (SELECT unnest($blocks))'}",
        {} if chosen else {"blocks": blocks.tolist()},
    ).fetchall()
    wanted: dict[int, list[int]] = defaultdict(list)
    for position, which in enumerate(block.tolist()):
        wanted[which].append(position)
    places = place.tolist()
    lines: list[tuple[int, str]] = [(0, "")] * len(places)
    for first in range(0, len(found), _TOGETHER):
        some = found[first : first + _TOGETHER]
        texts, starts = unpacked_together([data for *_, data in some])
        for (which, layout, _), start in zip(some, starts, strict=True):
            for position in wanted[which]:
                lines[position] = layout, _line(texts, start, places[position])
    return lines


def _line(texts: bytes, start: int, place: int) -> str:
    """The line at a place, counted from where one begins."""
    for _ in range(place):
        start = texts.index(b"\n", start) + 1
    return texts[start : texts.index(b"\n", start)].decode()


def _unrecorded(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Array, at: datetime
) -> dict[int, list[str]]:
    """Card → the columns that came with a later declaration and had not been recorded by then."""
    since = ", ".join(
        f"CASE WHEN NOT {table.recorded(column, 'n', '$at')} THEN {literal(column.name)} END"
        for column in table.columns
        if column.name in table.late
    )
    with registered(cursor, "wanted_cards", pa.table({"card": numbers})):
        found = cursor.execute(
            " UNION ALL ".join(
                f"SELECT _card, list_filter([{since}], lambda x: x IS NOT NULL) FROM {name} n"
                " WHERE _card IN (SELECT card FROM wanted_cards)"
                for name in (table.now, table.past)
            ),
            {"at": at},
        ).fetchall()
    return {number: names for number, names in found if names}


def _laid_out(cells: str, table: KindTable, layout: int, missing: Sequence[str]) -> str:
    """Cells in the order of the present declaration; null where they were not recorded."""
    told = dict(zip(table.layouts[layout], json.loads(cells), strict=True))
    row = [None if c.name in missing else told.get(_as_laid_out(c)) for c in table.columns]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def typed(table: KindTable, needed: Sequence[Column], cells: str) -> tuple[str, list[str]]:
    """SQL for cells: an expression that takes them apart at once, and of it, as `parts`, the columns needed."""
    places = [place for place, column in enumerate(table.columns) if column in needed]
    paths = ", ".join(f"'$[{place}]'" for place in places)
    columns = []
    for number, place in enumerate(places, 1):
        column = table.columns[place]
        part = f"parts[{number}]"
        if column.type == "list":
            part = f"({part}::JSON)::VARCHAR[]"
        elif column.type not in ("text", "tags"):
            part = f"{part}::{SQL_TYPES[column.type]}"
        columns.append(f'{part} AS "{column.name}"')
    return (f"json_extract_string({cells}, [{paths}])" if paths else "[]"), columns
