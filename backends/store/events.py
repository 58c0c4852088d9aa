"""Kinds whose elements are events: from when to when all of them were read, and how long they are kept.

An event is a row like any other, written once. Sweeps overlap, so the times they vouch for are one *span* until one of
them could not reach back to the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from backends.model import Coverage, Kind
from backends.store.horizon import WHOLE, horizons, move
from backends.store.instants import stored
from backends.store.schema import KindTable, bump
from backends.store.sqltext import identifier

_CLOCKS_DIFFER = timedelta(hours=1)
"""How far AWS's clock and ours are taken to differ at most where events are told apart."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time of which all events of one (account, region) were read; by our clock, naive UTC."""

    since: datetime
    until: datetime
    skew: float


def note_span(connection: duckdb.DuckDBPyConnection, kind: Kind, coverage: Coverage, at: datetime) -> None:
    """A good sweep that began at `at` has read everything since `coverage.since`."""
    since = stored(datetime.fromisoformat(coverage.since)) - timedelta(seconds=coverage.skew)
    late = timedelta(minutes=kind.log.late if kind.log else 0)
    triple = [coverage.account, coverage.region, coverage.kind]
    # What had not been told yet when the sweep before ended is in this one only where it reaches back far enough.
    joined = connection.execute(
        "DELETE FROM own.span WHERE account = ? AND region = ? AND kind = ? AND until >= ? RETURNING since",
        [*triple, since + late],
    ).fetchall()
    since = min([since, *(row[0] for row in joined)])
    connection.execute("INSERT INTO own.span VALUES (?, ?, ?, ?, ?, ?)", [*triple, since, at, coverage.skew])


def spans(
    connection: duckdb.DuckDBPyConnection, kind: str, accounts: Iterable[str]
) -> dict[tuple[str, str], list[Span]]:
    """The spans of every (account, region) of the accounts, oldest first."""
    found: dict[tuple[str, str], list[Span]] = {}
    rows = connection.execute(
        "SELECT account, region, since, until, skew FROM own.span WHERE kind = ?"
        " AND list_contains(?::VARCHAR[], account) ORDER BY since",
        [kind, sorted(accounts)],
    ).fetchall()
    for account, region, *times in rows:
        found.setdefault((account, region), []).append(Span(*times))
    return found


def oldest_compared(connection: duckdb.DuckDBPyConnection, kind: Kind, account: str, region: str) -> datetime | None:
    """The oldest event that a sweep which begins now can bring again; None: any."""
    good = connection.execute(
        "SELECT good_at FROM own.watch WHERE account = ? AND region = ? AND kind = ?", [account, region, kind.name]
    ).fetchall()
    if not good or good[0][0] is None or kind.window is None:
        return None
    again = timedelta(days=kind.window.again_days, minutes=kind.window.again_minutes)
    oldest: datetime = good[0][0] - max(again, timedelta(days=kind.window.first_days)) - _CLOCKS_DIFFER
    return oldest


def prune_events(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], now: datetime, days: Mapping[str, int]
) -> int:
    """Deletes events that are older than their kind keeps them; gives how many. Belongs in a transaction.

    `days`: kind → for how many, where that is not as declared.
    """
    gone = 0
    for table in tables:
        if (log := table.kind.log) is None:
            continue
        before = now - timedelta(days=days.get(table.name, log.days))
        # What was read is vouched for only as long as it is kept.
        events, *times = (
            int(connection.execute(sql, values).fetchall()[0][0])
            for sql, values in (
                (f"DELETE FROM {table.now} WHERE {identifier(log.time)} < $1", [before]),
                ("DELETE FROM own.span WHERE until < $1 AND kind = $2", [before, table.name]),
                ("UPDATE own.span SET since = $1 WHERE since < $1 AND kind = $2", [before, table.name]),
            )
        )
        if events:
            bump(connection, table.name)
        if events or any(times):
            move(connection, table.name, horizons(connection).get(table.name, WHOLE), before, None)
        gone += events
    return gone
