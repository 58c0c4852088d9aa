"""The rows of a window: from their cards, as JSON.

DuckDB takes longer to plan a statement than to run it over three hundred rows: it is asked only what it alone can tell,
which rule of health decides, and the rest is put together here.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np

from backends.model import Health, Json, Ref
from backends.store.cards import Card, read, typed
from backends.store.coverage import Known
from backends.store.history import rule_sql
from backends.store.instants import iso
from backends.store.schema import KindTable
from backends.store.sqltext import Bound

_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
    "\U0001f300-\U0001faff\U00020000-\U0003fffd]"
)
_TIME_CELLS = 20
_json = json.JSONEncoder(ensure_ascii=False).encode
_EPOCH = datetime(1970, 1, 1)
Array = np.ndarray[Any, np.dtype[Any]]
Places = Mapping[tuple[str, str], Known]


def rows_of(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    numbers: Array,
    at: datetime | None,
    now: datetime,
    places: Places,
) -> list[str]:
    """The rows of those cards, in their order, with every column of the kind's view: a JSON array each.

    `places` tells how each (account, region) stood at the instant.
    """
    if not len(numbers):
        return []
    found = read(cursor, table, numbers, at)
    seen = _seen(cursor, table, found, numbers, at, places)
    judgements = _judged(cursor, table, found, seen, now)
    refs = [str(Ref(table.name, card.account, card.region, card.id)) for card in found]
    flags = {} if at else _flags(cursor, refs)
    first = [_moment(card.first_seen) for card in found]
    # Many rows share an instant.
    times: dict[datetime | None, str] = {moment: _json(iso(moment) if moment else None) for moment in {*first, *seen}}
    return [
        f"[{_json(ref)}, {card.whose}, {f'{card.cells}, ' if card.cells else ''}{judgement}, {times[begun]},"
        f" {times[last]}, {_json(flags[ref]) if ref in flags else '[]'}]"
        for ref, card, judgement, begun, last in zip(refs, found, judgements, first, seen, strict=True)
    ]


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _seen(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    found: list[Card],
    numbers: Array,
    at: datetime | None,
    places: Places,
) -> list[datetime | None]:
    """When each was last seen (by the instant `at`), as `versions` tells it."""
    sweeps = [places[card.account, card.region].good_at for card in found]
    if not table.closes:
        dates = _dates(cursor, table, numbers, None, past=at is not None)
        own = [dates.get(number) for number in numbers.tolist()]
        if at is None:
            return own
        return [max(_moment(card.began), min(date, at) if date else at) for card, date in zip(found, own, strict=True)]
    if at is not None:
        return [_latest(_moment(card.began), sweep) for card, sweep in zip(found, sweeps, strict=True)]
    # A row was seen later than by the newest good sweep only by one that is not finished, or failed.
    later: dict[int, datetime] = {}
    if not all(place.settled for place in places.values()):
        known = [sweep for sweep in sweeps if sweep is not None]
        later = _dates(cursor, table, numbers, min(known) if len(known) == len(found) else None)
    return [_latest(later.get(number), sweep) for number, sweep in zip(numbers.tolist(), sweeps, strict=True)]


def _latest(*instants: datetime | None) -> datetime | None:
    return max(filter(None, instants), default=None)


def _dates(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, numbers: Array, after: datetime | None, *, past: bool = False
) -> dict[int, datetime]:
    """Card → when its version was last dated, where that is after an instant."""
    bound = Bound()
    cards = bound(numbers.tolist())
    later = f" AND _seen > {bound(after)}" if after else ""
    dated = " UNION ALL ".join(
        f"SELECT _card, _seen FROM {name} WHERE _card IN (SELECT unnest({cards})){later}"
        for name in ([table.now, table.past] if past else [table.now])
    )
    return dict(cursor.execute(dated, bound.values).fetchall())


def _judged(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    found: list[Card],
    seen: list[datetime | None],
    now: datetime,
) -> list[str]:
    """Health and why of each card, as JSON."""
    bound = Bound()
    rule = rule_sql(table, bound, now)
    if not rule:
        return [_judgement(Health.OK, "")] * len(found)
    own: dict[str, tuple[str, Sequence[Any]]] = {
        "account": ("VARCHAR", [card.account for card in found]),
        "region": ("VARCHAR", [card.region for card in found]),
        "id": ("VARCHAR", [card.id for card in found]),
        "first_seen": ("TIMESTAMP", [_moment(card.first_seen) for card in found]),
        "seen": ("TIMESTAMP", seen),
        "_cells": ("VARCHAR", [card.cells for card in found]),
    }
    # Lists, not a registered table: that takes as long as the statement itself. Side by side they keep their order.
    lists = [
        f"unnest({bound(values)}::{type_}[]) AS {name}"
        for name, (type_, values) in own.items()
        if name == "_cells" or f'b."{name}"' in rule
    ]
    parts, columns = typed(table, [c for c in table.columns if f'b."{c.name}"' in rule], "'[' || _cells || ']'")
    rules = cursor.execute(
        f"SELECT {rule} FROM (SELECT {', '.join(['*', *columns])} FROM (SELECT *, {parts} AS parts"
        f" FROM (SELECT {', '.join(lists)}))) b",
        bound.values,
    ).fetchall()
    said: dict[int | None, str] = {None: _judgement(Health.OK, "")}
    said |= {number: _judgement(rule.state, rule.why) for number, rule in enumerate(table.kind.health)}
    return [said[number] for (number,) in rules]


def _judgement(health: Health, why: str) -> str:
    return f"{_json(str(health))}, {_json(why)}"


def _flags(cursor: duckdb.DuckDBPyConnection, refs: list[str]) -> dict[str, list[Json]]:
    """Ref → its flags, of those that have any."""
    flags: dict[str, list[Json]] = defaultdict(list)
    for ref, severity, label in cursor.execute(
        "SELECT ref, severity, label FROM own.flag WHERE ref IN (SELECT unnest($refs)) ORDER BY what, label",
        {"refs": refs},
    ).fetchall():
        flags[ref].append({"severity": severity, "label": label})
    return flags


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
