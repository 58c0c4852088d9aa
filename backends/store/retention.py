"""How long what is kept: closed versions, coverage and points go after their time; what is present never does, nor the
point of each owner that was in force when what is kept begins.

Older versions may be thinned instead: of those of one resource that began on one day the last stays, as if it had begun
with the first. How each day ended is then still told as it was (see `horizon`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta

import duckdb

from backends.store.cards import block_of
from backends.store.horizon import WHOLE, Horizon, horizons, move
from backends.store.points import layout_of
from backends.store.schema import KindTable, bump


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which versions, coverage and points of series are kept, by kind where `kinds` says otherwise.

    series_days         also for rows of kinds that see only a window and close nothing, since they were seen last
    coverage_days       None: as long as versions
    compact_after_days  after so many days one version a day is kept; None: every version
    kinds               kind → what differs for it, by the names of these fields
    """

    history_days: int = 90
    series_days: int = 400
    coverage_days: int | None = None
    compact_after_days: int | None = None
    kinds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, kind: str) -> Retention:
        """What holds for one kind."""
        return replace(self, kinds={}, **self.kinds.get(kind, {}))

    @property
    def of_events(self) -> dict[str, int]:
        """Kind → days for which its events are kept, where that was said of it: elsewhere each kind declares them."""
        return {kind: said["history_days"] for kind, said in self.kinds.items() if "history_days" in said}

    @property
    def coverage(self) -> int:
        """Days for which coverage is kept."""
        return self.history_days if self.coverage_days is None else self.coverage_days


def prune(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], retention: Retention, now: datetime
) -> int:
    """Deletes what is older and thins what is to be thinned; gives how many rows went. Belongs in a transaction."""
    gone = 0
    known = horizons(connection)
    for table in tables.values():
        gone += _prune(connection, table, retention.of(table.name), now, known.get(table.name, WHOLE))
    _drop_unused_blocks(connection)
    undeclared = "own.past_coverage WHERE until < ? AND NOT list_contains(?::VARCHAR[], kind)"
    return gone + _delete(connection, undeclared, now - timedelta(days=retention.coverage), sorted(tables))


def _prune(
    connection: duckdb.DuckDBPyConnection, table: KindTable, kept: Retention, now: datetime, horizon: Horizon
) -> int:
    oldest = now - timedelta(days=kept.history_days)
    versions = _delete(connection, f"{table.past} WHERE _to < ?", oldest)
    of_kind = "own.past_coverage WHERE kind = ? AND until < ?"
    coverage = _delete(connection, of_kind, table.name, now - timedelta(days=kept.coverage))
    thinned, until = 0, None
    if kept.compact_after_days is not None:
        until = datetime.combine((now - timedelta(days=kept.compact_after_days)).date(), time())
        thinned = _thin(connection, table, horizon.thinned_until, until)
    windows, points, before = 0, 0, now - timedelta(days=kept.series_days)
    if series := table.kind.series:
        points = _delete(connection, _PASSED.format(points=layout_of(table).points, time=series.time), before)
    elif not table.closes and table.kind.log is None:
        # No sweep says that a day of costs is gone: it goes as points do.
        windows = _delete(connection, f"{table.now} WHERE _seen < ?", before)
    if versions or thinned or windows:
        bump(connection, table.name)
    let_go = [*([oldest] if versions or coverage else []), *([before] if windows or points else [])]
    move(connection, table.name, horizon, max(let_go, default=None), until if thinned else None)
    return versions + coverage + thinned + windows + points


# A price that stands still has its last point long ago, and is in force all the same.
_PASSED = """{points} WHERE "{time}" < $1 AND rowid NOT IN (
    SELECT arg_max(rowid, "{time}") FROM {points} WHERE "{time}" < $1 GROUP BY owner)"""


def _thin(connection: duckdb.DuckDBPyConnection, table: KindTable, since: datetime | None, until: datetime) -> int:
    """Thins the days from `since` (all, without one) up to the midnight `until`; gives how many rows went."""
    span = {"since": since or datetime(1970, 1, 1), "until": until}
    if span["since"] >= until:
        return 0
    merged = connection.execute(_MERGED.format(now=table.now, past=table.past), span).to_arrow_table()
    connection.register("merged", merged)
    try:
        for place, present in ((table.past, "FALSE"), (table.now, "TRUE")):
            connection.execute(
                f"UPDATE {place} AS n SET _from = m.began FROM merged m"
                f" WHERE m.stays AND m.present = {present} AND n.rowid = m.row"
            )
        versions = _delete(connection, f"{table.past} WHERE rowid IN (SELECT row FROM merged WHERE NOT stays)")
    finally:
        connection.unregister("merged")
    return versions + _thin_coverage(connection, table.name, span)


# Versions of one resource that follow one another and began on one day: all but the last go (`stays`), and that began
# when the first did. A version that is present can only be the last.
_MERGED = """
    WITH version AS (
        SELECT account, region, id, _from, _to, _end, rowid AS row, FALSE AS present FROM {past}
        WHERE _from >= $since AND _from < $until
        UNION ALL SELECT account, region, id, _from, NULL, NULL, rowid, TRUE FROM {now}
        WHERE _from >= $since AND _from < $until),
    marked AS (
        SELECT *, coalesce(lag(_end) OVER one = 'changed' AND lag(_to) OVER one = _from
            AND date_trunc('day', lag(_from) OVER one) = date_trunc('day', _from), FALSE) AS goes_on
        FROM version WINDOW one AS (PARTITION BY account, region, id ORDER BY _from)),
    numbered AS (
        SELECT *, count(*) FILTER (NOT goes_on) OVER (PARTITION BY account, region, id ORDER BY _from) AS run
        FROM marked)
    SELECT row, present, min(_from) OVER run AS began, _from = max(_from) OVER run AS stays FROM numbered
    WINDOW run AS (PARTITION BY account, region, id, run) QUALIFY count(*) OVER run > 1
"""


def _thin_coverage(connection: duckdb.DuckDBPyConnection, kind: str, span: Mapping[str, datetime]) -> int:
    """Of each day of a span how its last sweep ended, and its last good one, are kept; so are runs of several days."""
    day = "PARTITION BY account, region, date_trunc('day', until)"
    found = connection.execute(
        "DELETE FROM own.past_coverage WHERE rowid IN (SELECT rowid FROM own.past_coverage"
        " WHERE kind = $kind AND until >= $since AND until < $until"
        " QUALIFY date_trunc('day', instant) = date_trunc('day', until)"
        f" AND until < max(until) OVER ({day}) AND until IS DISTINCT FROM max(until) FILTER (good) OVER ({day}))",
        {"kind": kind, **span},
    ).fetchall()
    return int(found[0][0])


def _drop_unused_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    """Blocks go when no version has anything in them any more; tables of kinds no longer declared count too."""
    present = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_columns() WHERE schema_name = 'kept' AND column_name = '_card'"
    ).fetchall()
    for blocks, used in (("own.raw_block", "_block"), ("own.card_block", block_of("_card"))):
        named = " UNION ".join(
            f'SELECT {used} AS id FROM "{schema}"."{name}" WHERE {used} IS NOT NULL' for schema, name in present
        )
        if named:
            connection.execute(f"DELETE FROM {blocks} WHERE id NOT IN ({named})")


def _delete(connection: duckdb.DuckDBPyConnection, what: str, *values: object) -> int:
    return int(connection.execute(f"DELETE FROM {what}", list(values)).fetchall()[0][0])
