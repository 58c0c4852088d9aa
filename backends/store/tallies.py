"""How many resources of each kind there are and how they do, counted again only for kinds that have changed."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from backends.model import Scope
from backends.store.filter_sql import is_relative
from backends.store.history import full_rows, scope_pairs, within
from backends.store.horizon import WHOLE, held_at, horizons
from backends.store.schema import KindTable
from backends.store.sqltext import Bound, literal

_MOST = 4000

Reasons = dict[str, dict[str, int]]
"""Health → why → how many."""
_Key = tuple[str, Scope]
_Stand = tuple[int, datetime | None]
"""A kind's data version, and the minute where its rules move with the clock."""


@dataclass(frozen=True, slots=True)
class Tally:
    """`reasons`: the most frequent first, "" where no rule spoke; empty for kinds without rules."""

    count: int
    reasons: Reasons


class Tallies:
    """What was counted of the present; safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Key, tuple[_Stand, Tally]] = {}

    def get(
        self, cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], scope: Scope, now: datetime
    ) -> dict[str, Tally]:
        """The tally of every kind; belongs in a snapshot."""
        versions = dict(cursor.execute("SELECT kind, version FROM own.kind_version").fetchall())
        minute = now.replace(second=0, microsecond=0)
        stands = {
            name: (int(versions.get(name, 0)), minute if moving_health(table) else None)
            for name, table in tables.items()
        }
        with self._lock:
            kept = {name: self._kept.get((name, scope)) for name in tables}
        found = {name: entry[1] for name, entry in kept.items() if entry is not None and entry[0] == stands[name]}
        new = counted(cursor, [table for name, table in tables.items() if name not in found], scope, None)
        with self._lock:
            if len(self._kept) > _MOST:
                self._kept.clear()
            self._kept |= {(name, scope): (stands[name], tally) for name, tally in new.items()}
        return found | new


def moving_health(table: KindTable) -> bool:
    """Whether the kind's health moves with the clock."""
    return any(is_relative(rule.when) for rule in table.kind.health)


def counted(
    cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], scope: Scope, at: datetime | None
) -> dict[str, Tally]:
    """The tally of each kind, of the present or an instant."""
    chosen = list(tables)
    counts = numbers(cursor, chosen, scope, at)
    return {
        table.name: Tally(counts[table.name], _reasons(cursor, table, scope, at) if counts[table.name] else {})
        for table in chosen
    }


def numbers(
    cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], scope: Scope, at: datetime | None
) -> dict[str, int]:
    """How many resources of each kind the scope holds."""
    bound = Bound()
    past = horizons(cursor) if at else {}
    never = "SELECT kind, 0 FROM own.kind_version WHERE changed = TIMESTAMP 'epoch'"
    # Kinds of which there never was a version are not looked into: planning that takes longer than all the counting.
    counts: dict[str, int] = dict(cursor.execute(never).fetchall())
    parts = []
    chosen = list(tables)
    for table in chosen:
        if table.name in counts:
            continue
        where = within(scope_pairs(table.kind, scope), bound)
        if at:
            moment = bound(past.get(table.name, WHOLE).held(at))
            rows = (
                f"SELECT 1 FROM {table.now} WHERE _from <= {moment} AND {where} UNION ALL"
                f" SELECT 1 FROM {table.past} WHERE _from <= {moment} AND _to > {moment} AND {where}"
            )
        else:
            rows = f"SELECT 1 FROM {table.now} WHERE {where}"
        parts.append(f"SELECT {literal(table.name)} AS kind, count(*) AS n FROM ({rows})")
    if parts:
        counts |= cursor.execute(" UNION ALL ".join(parts), bound.values).fetchall()
    return {table.name: counts[table.name] for table in chosen}


def _reasons(cursor: duckdb.DuckDBPyConnection, table: KindTable, scope: Scope, at: datetime | None) -> Reasons:
    if not table.kind.health:
        return {}
    bound = Bound()
    held = held_at(cursor, table.name, at)
    moment = bound(held) if held else ""
    pairs, judged = scope_pairs(table.kind, scope), 'v."health", v."health_why"'
    source = full_rows(table, pairs, bound, at=moment, now=held, flags=False, used=judged)
    sql = f"SELECT {judged}, count(*) AS n FROM ({source}) v GROUP BY ALL ORDER BY n DESC, v.health_why"
    states: Reasons = defaultdict(dict)
    for health, why, number in cursor.execute(sql, bound.values).fetchall():
        states[health][why or ""] = number
    return dict(states)
