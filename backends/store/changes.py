"""What changed between two instants, field by field, from the versions themselves.

What the first good sweep of an (account, region) brings is discovered, not added: it is no change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import compress, count
from operator import ne
from typing import Any

import duckdb

from backends.model import Json, Ref, Scope
from backends.store.authors import authors
from backends.store.cards import NOT_RECORDED, Recorded, recorded
from backends.store.gaps import unobserved
from backends.store.history import scope_pairs, within
from backends.store.horizon import WHOLE, Horizon, horizons
from backends.store.instants import iso
from backends.store.polls import Moment, polls
from backends.store.schema import KindTable
from backends.store.sight import Sight
from backends.store.sqltext import Bound

_MOST_SEARCHED = 20_000


def changes(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    kinds: Iterable[str],
    scope: Scope,
    since: datetime,
    until: datetime,
    limit: int,
    *,
    ref: Ref | None = None,
    by: str = "",
) -> bytes:
    """The JSON object of GET /v1/changes, newest first; only kinds asked for (none: all that are neither series nor
    summaries).

    Of one resource only with `ref`. `by` is a text in the name of whoever did it, in whatever case; it is looked for in
    the newest 20,000 changes.

    Each change lies between `not_before` (the last good sweep that did not see it) and `at`; who made it is said by
    `authors`. `places` counts every (account, region) of every kind, of which some may be `unobserved`. Where a kind's
    past was thinned (`thinned`: kind → until when) the changes of a day are told as one, at the first of them. Of kinds
    whose history does not reach back to `since`, `kept_from` says from when on it is kept.
    """
    wanted = [tables[name] for name in kinds] or [t for t in tables.values() if tells(t)]
    if ref is not None:
        wanted, scope = [tables[ref.kind]], Scope.of([(ref.account, ref.region)])
    most = _MOST_SEARCHED if by else limit
    events: list[_Event] = []
    for table in touched(cursor, wanted, since, until):
        pairs = scope_pairs(table.kind, scope)
        if pairs:
            events += _events(cursor, table, pairs, since, until, most + 1, ref.id if ref else "")
    events.sort(key=lambda event: (event.ref.kind, event.ref.account, event.ref.region, event.ref.id))
    events.sort(key=lambda event: event.moment, reverse=True)
    past = horizons(cursor)
    head: Json = {
        "since": iso(since),
        "until": iso(until),
        "places": sum(len(scope_pairs(table.kind, scope)) for table in wanted),
        "unobserved": unobserved(cursor, wanted, scope, since, until, past),
        "thinned": _thinned(wanted, since, past),
        "kept_from": _kept_from(wanted, since, past),
    }
    told = _told(cursor, events[:most])
    by_whom = authors(cursor, tables, [sight for _, sight in told])
    found = [change | author for (change, _), author in zip(told, by_whom, strict=True)]
    if by:
        found = [change for change in found if by.casefold() in change["by"].casefold()]
    head["truncated"] = len(events) > most or len(found) > limit
    head["changes"] = found[:limit]
    return json.dumps(head, ensure_ascii=False).encode()


def tells(table: KindTable) -> bool:
    """Whether its changes are told where no kind is named."""
    return table.closes and not table.kind.summary


@dataclass(frozen=True, slots=True)
class _Event:
    """A version that began or was gone; `before` is the card of the one that it followed, `seen` when it was last there
    if it is gone."""

    table: KindTable
    moment: datetime
    what: str
    ref: Ref
    card: int
    before: int | None
    seen: datetime | None

    @property
    def poll(self) -> Moment:
        """The poll that told of it."""
        return self.ref.account, self.ref.region, self.ref.kind, self.moment


def _told(cursor: duckdb.DuckDBPyConnection, events: list[_Event]) -> list[tuple[Json, Sight]]:
    """Each event as it is told, with its fields, and as its author is looked for.

    Those in which nothing that was recorded differs are left out.
    """
    kinds = {event.table.name: event.table for event in events}.values()
    cards: dict[int, Recorded] = {}
    for table in kinds:
        own = [event for event in events if event.table is table]
        cards |= recorded(cursor, table, sorted({event.card for event in own}))
        # Most say themselves what was before.
        before = {event.before for event in own if event.before is not None and _former(event, cards) is None}
        cards |= recorded(cursor, table, sorted(before - cards.keys()))
    known = polls(cursor, (event.poll for event in events), max((table.kind.cadence for table in kinds), default=0))
    found = []
    for event in events:
        ref, after, poll = event.ref, cards[event.card].cells, known[event.poll]
        fields = _fields(event, cards)
        if event.what == "changed" and not fields:
            continue
        name, last = _name(event.table, after) or ref.id, event.seen or poll.before
        told = {
            "at": iso(event.moment),
            "what": event.what,
            "ref": str(ref),
            "kind": ref.kind,
            "name": name,
            "fields": fields,
            "not_before": iso(last) if last else None,
        }
        place, owner = (ref.kind, ref.account, ref.region, ref.id), _owner(event, after, fields)
        found.append((told, Sight(*place, name, event.what, event.moment, last, poll.ended, fields, owner)))
    return found


def _owner(event: _Event, cells: list[Any], fields: list[Json]) -> str:
    """The id of what a removed resource belonged to and was sure to end with, or of what a changed one says has ended;
    "" where there is no such thing."""
    relations = event.table.kind.relations
    if event.what == "changed":
        said = [relation for relation in relations if relation.ended and _says(fields, *relation.ended)]
    else:
        said = [relation for relation in relations if relation.ends_if and event.what == "removed"]
    if not said:
        return ""
    last = {column.name: cell for column, cell in zip(event.table.columns, cells, strict=True)}
    owners = (last.get(one.column) for one in said if event.what == "changed" or last.get(one.ends_if) is True)
    return next((owner for owner in owners if isinstance(owner, str)), "")


def _says(fields: list[Json], name: str, begins: str) -> bool:
    """Whether a field has changed to a text that begins so."""
    return any(field["field"] == name and str(field["after"] or "").startswith(begins) for field in fields)


def _name(table: KindTable, cells: list[Any]) -> Any:
    """What the resource is called by, "" where it has no name or none was recorded."""
    place = table.places.get("name")
    return "" if place is None or cells[place] in (None, NOT_RECORDED) else cells[place]


def _former(event: _Event, cards: Mapping[int, Recorded]) -> dict[str, Any] | None:
    """What the card of an event's version tells of the one before; None where it does not, or tells of another one."""
    former = cards[event.card].former
    return former[1] if former and former[0] == event.before else None


def _fields(event: _Event, cards: Mapping[int, Recorded]) -> list[Json]:
    """The fields in which a version differs from the one before; what was not recorded in one does not count."""
    if event.before is None:
        return []
    columns, after, former = event.table.columns, cards[event.card].cells, _former(event, cards)
    if former is None:
        before = cards[event.before].cells
        differing = [(place, before[place]) for place in compress(count(), map(ne, before, after))]
    else:
        places = event.table.places
        differing = [
            (places[name], former[name]) for name in sorted(places.keys() & former.keys(), key=places.__getitem__)
        ]
    return [
        {"field": columns[place].name, "before": old, "after": after[place]}
        for place, old in differing
        if old != after[place] and not columns[place].volatile and NOT_RECORDED not in (old, after[place])
    ]


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
    begun = _begun(table, where, bound, first, last, table.stored)
    sql = (
        f"SELECT n._from FROM {begun} AND (o.id IS NULL OR {differs or 'FALSE'})"
        f" UNION ALL SELECT n._to FROM {_ended(table, where, first, last)}"
    )
    return [row[0] for row in cursor.execute(sql, bound.values).fetchall()]


def touched(
    cursor: duckdb.DuckDBPyConnection, tables: Iterable[KindTable], since: datetime, until: datetime
) -> list[KindTable]:
    """The kinds in which there may be changes in (since, until]: planning a look at the others costs more."""
    changed = cursor.execute(
        "SELECT kind, changed FROM own.kind_version WHERE changed IS NULL OR changed > ?", [since]
    ).fetchall()
    first_good = dict(cursor.execute("SELECT kind, min(first_good_at) FROM own.watch GROUP BY kind").fetchall())
    # What the first good sweep brings is discovered: until then only what has ended can be a change.
    watched = {
        kind: newest is None or ((first := first_good.get(kind)) is not None and newest > first)
        for kind, newest in changed
    }
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


def _begun(table: KindTable, where: str, bound: Bound, since: str, until: str, columns: Iterable[str] = ()) -> str:
    """SQL, FROM on, for versions `n` that began in the span with what they followed, `o`, if that was changed.

    Both have their key, their cards and those columns: to plan a query takes longer with each.
    """
    told = ", ".join(f"n.{name}" for name in ("account", "region", "id", "_card", "_from", *columns))
    began = (
        f"SELECT {told} FROM {table.now} n WHERE n._from > {since} AND n._from <= {until} AND {where}"
        f" UNION ALL SELECT {told} FROM {table.past} n WHERE n._from > {since} AND n._from <= {until} AND {where}"
    )
    return (
        f"({began}) n LEFT JOIN (SELECT {told}, n._to FROM {table.past} n WHERE n._end = 'changed'"
        # What began at an instant of the span followed what ended at it: the bounds spare a look at all of the past.
        f" AND n._to > {since} AND n._to <= {until} AND {where}) o ON o._to = n._from"
        f" AND o.account = n.account AND o.region = n.region AND o.id = n.id"
        f" LEFT JOIN own.watch w ON w.kind = {bound(table.name)} AND w.account = n.account AND w.region = n.region"
        f" WHERE (o.id IS NOT NULL OR n._from > w.first_good_at)"
    )


def _ended(table: KindTable, where: str, since: str, until: str) -> str:
    """SQL, FROM on, for versions `n` that were gone in the span."""
    return f"{table.past} n WHERE n._end = 'removed' AND n._to > {since} AND n._to <= {until} AND {where}"


def _events(
    cursor: duckdb.DuckDBPyConnection,
    table: KindTable,
    pairs: list[tuple[str, str]],
    since: datetime,
    until: datetime,
    limit: int,
    id_: str = "",
) -> list[_Event]:
    """The newest events of one kind, or of the resource of that id in it.

    Versions that followed one another within a field's precision are among them.
    """
    bound = Bound()
    where, first, last = within(pairs, bound, "n."), bound(since), bound(until)
    if id_:
        where += f" AND n.id = {bound(id_)}"
    key = "n.account, n.region, n.id"
    started = (
        f"SELECT {key}, n._from AS moment, CASE WHEN o.id IS NULL THEN 'added' ELSE 'changed' END AS what,"
        f" n._card AS card, o._card AS before, NULL::TIMESTAMP AS last_seen"
        f" FROM {_begun(table, where, bound, first, last)}"
    )
    ended = (
        f"SELECT {key}, n._to AS moment, 'removed' AS what, n._card AS card, NULL AS before, n._seen AS last_seen"
        f" FROM {_ended(table, where, first, last)}"
    )
    found = cursor.execute(
        f"SELECT * FROM ({started} UNION ALL {ended}) e"
        f" ORDER BY e.moment DESC, e.account, e.region, e.id LIMIT {bound(limit)}",
        bound.values,
    ).fetchall()
    return [
        _Event(table, moment, what, Ref(table.name, account, region, its), card, before, seen)
        for account, region, its, moment, what, card, before, seen in found
    ]


def _thinned(tables: list[KindTable], since: datetime, past: Mapping[str, Horizon]) -> Json:
    """Until when of each kind only one version a day was kept, where that is after `since`."""
    thinned = {table.name: past.get(table.name, WHOLE) for table in tables}
    return {kind: iso(h.thinned_until) for kind, h in thinned.items() if h.thinned_until and h.thinned(since)}


def _kept_from(tables: list[KindTable], since: datetime, past: Mapping[str, Horizon]) -> Json:
    """From when on the history of each kind is kept, where that is after `since`."""
    kept = {table.name: past.get(table.name, WHOLE).kept_from for table in tables}
    return {kind: iso(begins) for kind, begins in kept.items() if begins and since < begins}
