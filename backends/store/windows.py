"""The rows of a window: from their cards, judged inside DuckDB, as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.model import Column, Ref
from backends.store.cards import Card, read, typed
from backends.store.history import health_sql, judged, seen_sql
from backends.store.schema import COMMON, KindTable
from backends.store.sqltext import Bound, cell, registered

_SAMPLE = 100
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
    "\U0001f300-\U0001faff\U00020000-\U0003fffd]"
)
_TIME_CELLS = 20
Array = np.ndarray[Any, np.dtype[Any]]


def rows_of(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Array, at: datetime | None, now: datetime
) -> list[str]:
    """The rows of those cards, in their order, with every column of the kind's view: a JSON array each."""
    if not len(numbers):
        return []
    found = read(cursor, table, numbers, at)
    judgements = _judged(cursor, table, found, numbers, at, now)
    return [_row(table, card, judgement) for card, judgement in zip(found, judgements, strict=True)]


def _row(table: KindTable, card: Card, judgement: tuple[str | None, ...]) -> str:
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
    bound = Bound()
    names = ("health", "health_why", "first_seen", "seen", "flags")
    cells = ", ".join(f"coalesce(to_json({cell(name, COMMON[name], 'r')})::VARCHAR, 'null')" for name in names)
    ruled = health_sql(table, Bound(), now)[0]
    needed = [column for column in table.columns if f'"{column.name}"' in ruled]
    with registered(cursor, "wanted", _as_rows(found, numbers)):
        rows = _sql_of_cards(table, needed, bound, at, now)
        return cursor.execute(f"SELECT {cells} FROM ({rows}) r ORDER BY r._position", bound.values).fetchall()


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


def _sql_of_cards(table: KindTable, needed: Sequence[Column], bound: Bound, at: datetime | None, now: datetime) -> str:
    """SQL for the registered cards as rows of the kind's view, with the declared columns that are needed."""
    parts, columns = typed(table, needed, "'[' || k._cells || ']'")
    seen, observed = seen_sql(table, bound, bound(at) if at else "")
    base = (
        f"SELECT {', '.join(['k.account, k.region, k.id', *columns])}, k._first_seen AS first_seen, {seen} AS seen,"
        f" k._position FROM (SELECT *, {parts} AS parts FROM wanted k) k {observed}"
    )
    return judged(table, base, bound, now, flags=not at)


def sampled(cards: Array) -> Array:
    """A hundred cards spread over a view."""
    return cards[:: max(1, -(-len(cards) // _SAMPLE))]


def widths_of(rows: Sequence[str], types: Mapping[str, str]) -> dict[str, int]:
    """How many terminal cells most of the values of each column take; nothing where there are no rows."""
    cells = zip(*(json.loads(row) for row in rows), strict=True)
    place = max(0, -(-len(rows) * 95 // 100) - 1)
    return {
        name: sorted(_width(value, type_) for value in values)[place]
        for (name, type_), values in zip(types.items(), cells, strict=False)
    }


def _width(value: Any, type_: str) -> int:
    if value is None:
        return 0
    if type_ == "time":
        return _TIME_CELLS
    if isinstance(value, list) and type_ == "list":
        value = ", ".join(map(str, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))
