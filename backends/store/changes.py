"""What changed between two instants, field by field, from the versions themselves.

What the first good sweep of an (account, region) brings is discovered, not added: it is no change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

import duckdb

from backends.model import Column, Json, Ref, Scope
from backends.store.authors import Sight, authors
from backends.store.coverage import known
from backends.store.history import ref_sql, scope_pairs, within
from backends.store.horizon import WHOLE, horizons
from backends.store.instants import iso, stored
from backends.store.schema import KindTable
from backends.store.sqltext import Bound, json_time, json_value, literal


def changes(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    kinds: Iterable[str],
    scope: Scope,
    since: datetime,
    until: datetime,
    limit: int,
) -> bytes:
    """The JSON object of GET /v1/changes, newest first; only kinds asked for (none: all that are not series).

    Each change lies between `not_before` (the last good sweep that did not see it) and `at`; who made it is said by
    `authors`. Where a kind's past was thinned (`thinned`: kind → until when) the changes of a day are told as one, at
    the first of them.
    """
    wanted = [tables[name] for name in kinds] or [t for t in tables.values() if t.closes]
    events = []
    bound = Bound()
    first, last = bound(since), bound(until)
    for table in touched(cursor, wanted, since, until):
        pairs = scope_pairs(table.kind, scope)
        if pairs:
            events.append(_events(table, within(pairs, bound, "n."), bound, first, last, bound(limit + 1)))
    found: list[tuple[str, datetime]] = []
    if events:
        sql = (
            f"SELECT body, moment FROM ({' UNION ALL '.join(f'({event})' for event in events)})"
            f" ORDER BY moment DESC, ref LIMIT {bound(limit + 1)}"
        )
        found = cursor.execute(sql, bound.values).fetchall()
    head: Json = {
        "since": iso(since),
        "until": iso(until),
        "truncated": len(found) > limit,
        "unobserved": _unobserved(cursor, wanted, scope, since, until),
        "thinned": _thinned(cursor, wanted, since),
    }
    head["changes"] = _with_authors(cursor, tables, found[:limit])
    return json.dumps(head, ensure_ascii=False).encode()


def _with_authors(
    cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], found: list[tuple[str, datetime]]
) -> list[Json]:
    """The changes with who made them: `by`, `events` and `why` (see `authors`)."""
    told: list[Json] = [json.loads(body) for body, _ in found]
    sights = []
    for change, (_, moment) in zip(told, found, strict=True):
        ref, before = Ref.parse(change["ref"]), change["not_before"]
        last = stored(datetime.fromisoformat(before)) if before else None
        facts = (change["name"], change["what"], moment, last, change["fields"])
        sights.append(Sight(ref.kind, ref.account, ref.region, ref.id, *facts))
    for change, author in zip(told, authors(cursor, tables, sights), strict=True):
        change |= author
    return told


def moments(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, scope: Scope, since: datetime, until: datetime
) -> list[datetime]:
    """When each change that `changes` would tell of was, in no order."""
    pairs = scope_pairs(table.kind, scope)
    if not pairs:
        return []
    bound = Bound()
    first, last, where = bound(since), bound(until), within(pairs, bound, "n.")
    differs = " OR ".join(
        f'({table.recorded(c, "o")} AND {table.recorded(c, "n")} AND o."{c.name}" IS DISTINCT FROM n."{c.name}")'
        for c in table.columns
        if not c.volatile
    )
    sql = (
        f"SELECT n._from FROM {_begun(table, where, bound, first, last)} AND (o.id IS NULL OR {differs or 'FALSE'})"
        f" UNION ALL SELECT n._to FROM {_ended(table, where, first, last)}"
    )
    return [row[0] for row in cursor.execute(sql, bound.values).fetchall()]


def touched(
    cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], since: datetime, until: datetime
) -> list[KindTable]:
    """The kinds in which there may be changes in (since, until]: planning a look at the others costs more."""
    known = cursor.execute(
        "SELECT v.kind, v.changed IS NULL OR v.changed > (SELECT min(first_good_at) FROM own.watch w"
        " WHERE w.kind = v.kind) FROM own.kind_version v WHERE v.changed IS NULL OR v.changed > ?",
        [since],
    ).fetchall()
    # What the first good sweep brings is discovered: until then only what has ended can be a change.
    watched = {kind: bool(before) for kind, before in known}
    asked = [table for table in tables if table.name in watched]
    bound = Bound()
    first, last = bound(since), bound(until)
    tests = [
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {table.past} WHERE _to > {first} AND _to <= {last})"
        f" OR EXISTS (SELECT 1 FROM {table.past} WHERE _from > {first} AND _from <= {last})"
        + (
            f" OR EXISTS (SELECT 1 FROM {table.now} WHERE _from > {first} AND _from <= {last})"
            if watched[table.name]
            else ""
        )
        for number, table in enumerate(asked)
    ]
    if not tests:
        return []
    found = {row[0] for row in cursor.execute(" UNION ALL ".join(tests), bound.values).fetchall()}
    return [table for number, table in enumerate(asked) if number in found]


def _begun(table: KindTable, where: str, bound: Bound, since: str, until: str) -> str:
    """SQL, FROM on, for versions `n` that began in the span with what they followed, `o`, if that was changed."""
    stored = ", ".join(f"n.{name}" for name in table.stored)
    key = "n.account, n.region, n.id"
    began = (
        f"SELECT {key}, {stored}, n._from FROM {table.now} n WHERE n._from > {since} AND n._from <= {until} AND {where}"
        f" UNION ALL SELECT {key}, {stored}, n._from FROM {table.past} n"
        f" WHERE n._from > {since} AND n._from <= {until} AND {where}"
    )
    return (
        f"({began}) n LEFT JOIN (SELECT * FROM {table.past} n WHERE n._end = 'changed'"
        # What began at an instant of the span followed what ended at it: the bounds spare a look at all of the past.
        f" AND n._to > {since} AND n._to <= {until} AND {where}) o ON o._to = n._from"
        f" AND o.account = n.account AND o.region = n.region AND o.id = n.id"
        f" LEFT JOIN own.watch w ON w.kind = {bound(table.name)} AND w.account = n.account AND w.region = n.region"
        f" WHERE (o.id IS NOT NULL OR n._from > w.first_good_at)"
    )


def _ended(table: KindTable, where: str, since: str, until: str) -> str:
    """SQL, FROM on, for versions `n` that were gone in the span."""
    return f"{table.past} n WHERE n._end = 'removed' AND n._to > {since} AND n._to <= {until} AND {where}"


def _events(table: KindTable, where: str, bound: Bound, since: str, until: str, limit: str) -> str:
    """SQL for the events of one kind: moment, ref and the JSON object that tells of it."""
    name = f'n."{table.name_column}"'
    fields = field_changes(table, "o", "n")
    started = (
        "SELECT n.account, n.region, n._from AS moment,"
        f" CASE WHEN o.id IS NULL THEN 'added' ELSE 'changed' END AS what,"
        f" {ref_sql(table.kind, 'n')} AS ref, {name} AS name,"
        f" CASE WHEN o.id IS NULL THEN '[]' ELSE {fields} END AS fields, NULL::TIMESTAMP AS last_seen"
        f" FROM {_begun(table, where, bound, since, until)}"
    )
    ended = (
        f"SELECT n.account, n.region, n._to AS moment, 'removed' AS what, {ref_sql(table.kind, 'n')} AS ref,"
        f" {name} AS name, '[]' AS fields, n._seen AS last_seen FROM {_ended(table, where, since, until)}"
    )
    good = f"SELECT account, region, instant FROM own.coverage WHERE kind = {bound(table.name)} AND good"
    body = (
        f"json_object('at', {json_time('e.moment')}, 'what', e.what, 'ref', e.ref, 'kind', {literal(table.name)},"
        " 'name', coalesce(e.name, ''), 'fields', e.fields::JSON,"
        f" 'not_before', {json_time('coalesce(e.last_seen, g.instant)')})"
    )
    return (
        f"SELECT e.moment, e.ref, {body}::VARCHAR AS body FROM ({started} UNION ALL {ended}) e"
        f" ASOF LEFT JOIN ({good}) g ON e.account = g.account AND e.region = g.region AND e.moment > g.instant"
        f" WHERE e.what <> 'changed' OR e.fields <> '[]' ORDER BY e.moment DESC, e.ref LIMIT {limit}"
    )


def field_changes(table: KindTable, before: str, after: str) -> str:
    """SQL for the JSON list of fields that differ between two versions; what was not recorded in one does not count."""

    def one(column: Column) -> str:
        old, new = f'{before}."{column.name}"', f'{after}."{column.name}"'
        recorded = f"{table.recorded(column, before)} AND {table.recorded(column, after)}"
        return (
            f"CASE WHEN {recorded} AND {old} IS DISTINCT FROM {new} THEN json_object('field', {literal(column.name)},"
            f" 'before', {json_value(old, column.type)}, 'after', {json_value(new, column.type)})::VARCHAR END"
        )

    parts = ", ".join(one(column) for column in table.columns if not column.volatile)
    return f"('[' || concat_ws(',', {parts}) || ']')" if parts else "'[]'"


def _unobserved(
    cursor: duckdb.DuckDBPyConnection, tables: list[KindTable], scope: Scope, since: datetime, until: datetime
) -> list[Json]:
    """Where an instant of the span has no good sweep within two cadences before it, so that changes may be unknown."""
    gaps: list[Json] = []
    entries = zip(known(cursor, tables, scope, since), known(cursor, tables, scope, until), strict=True)
    for before, after in entries:
        if before.observed(since) and after.observed(until):
            continue
        missing = after if before.observed(since) else before
        gaps.append(
            {
                "account": missing.account,
                "region": missing.region,
                "kind": missing.kind,
                "since": iso(missing.last_good) if missing.last_good else None,
            }
        )
    return gaps


def _thinned(cursor: duckdb.DuckDBPyConnection, tables: list[KindTable], since: datetime) -> Json:
    """Until when of each kind only one version a day was kept, where that is after `since`."""
    past = horizons(cursor)
    thinned = {table.name: past.get(table.name, WHOLE) for table in tables}
    return {kind: iso(h.thinned_until) for kind, h in thinned.items() if h.thinned_until and h.thinned(since)}
