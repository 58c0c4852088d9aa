"""One resource: its row, its raw element, what it belongs to, and how it came to be so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import duckdb

from backends.model import IMPORTED, Json, Kind, Ref, Scope
from backends.store.authors import authors
from backends.store.coverage import NOTHING_AMISS, UNOBSERVED, Amiss, of_place
from backends.store.errors import NotFound
from backends.store.filter_sql import compile_filter
from backends.store.filters import quote
from backends.store.history import fields, full_rows, scope_pairs
from backends.store.horizon import WHOLE, held_at, horizons
from backends.store.instants import iso, stored, utcnow
from backends.store.polls import polls
from backends.store.raw import RAW_COLUMNS, element
from backends.store.schema import KindTable
from backends.store.sight import Sight
from backends.store.sqltext import Bound, cell, json_value, literal
from backends.store.views import column_types

_MAX_ALTERNATIVES = 50
_MAX_VERSIONS = 500


def resource(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    ref: Ref,
    at: datetime | None,
    scope: Scope,
    *,
    last: bool = False,
    amiss: Amiss = NOTHING_AMISS,
) -> bytes:
    """The JSON object of GET /v1/resource; NotFound says when it was last seen if it is gone at that instant.

    With `last` what is gone is told as it was last known: `gone` is then {"last_seen", "first_missed"}, else null; who
    removed it is in its history, which is told up to `at` in either case.
    `coverage` is what GET /v1/coverage tells of its place, null for a kind that is not polled there.
    `history_from` and `thinned_until` are the kind's horizon, null where all of its history is kept.
    """
    table = tables[ref.kind]
    held = held_at(cursor, table.name, at)
    known, gone = held, None
    try:
        row, raw_text = _row(cursor, table, ref, held)
    except NotFound:
        if not last or (found := _end(cursor, table, ref, held)) is None:
            raise
        known, gone = found[0], {"last_seen": iso(found[0]), "first_missed": iso(found[1])}
        # Of a day that was thinned, too, the version that ended with its resource was kept.
        row, raw_text = _row(cursor, table, ref, known)
    horizon = horizons(cursor).get(ref.kind, WHOLE)
    head: Json = {
        "ref": str(ref),
        "kind": ref.kind,
        "gone": gone,
        "coverage": of_place(cursor, table, (ref.account, ref.region), at, amiss),
        "relations": relations(cursor, tables, ref, row, known, scope),
        "history": _with_authors(cursor, tables, ref, str(row.get("name") or ""), history(cursor, table, ref, at)),
        "history_from": iso(horizon.kept_from) if horizon.kept_from else None,
        "thinned_until": iso(horizon.thinned_until) if horizon.thinned_until else None,
        "flags": row.get("flags", []),
        "as_of": iso(known or utcnow()),
        "row": row,
    }
    return json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "raw": ' + (raw_text or b"null") + b"}"


def raw(cursor: duckdb.DuckDBPyConnection, table: KindTable, ref: Ref, at: datetime | None) -> bytes | None:
    """The resource's element as JSON text, None if none was kept.

    Within one version the newest element stands for all: fields that are no columns make no versions.
    """
    return _row(cursor, table, ref, held_at(cursor, table.name, at))[1]


def _row(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, ref: Ref, held: datetime | None
) -> tuple[Json, bytes | None]:
    """The resource's row and raw element by exactly that instant."""
    bound = Bound()
    cells = ", ".join(f"{literal(name)}, {cell(name, type_, 'r')}" for name, type_ in column_types(table).items())
    placeholder = bound(held) if held else ""
    source = full_rows(table, [(ref.account, ref.region)], bound, at=placeholder, now=held, extra=RAW_COLUMNS)
    found = cursor.execute(
        f"SELECT json_object({cells})::VARCHAR, r._raw, r._block, r._block_at, r._block_size"
        f" FROM ({source}) r WHERE r.id = {bound(ref.id)}",
        bound.values,
    ).fetchall()
    if not found:
        raise NotFound(_absent(cursor, table, ref, held))
    return json.loads(found[0][0]), element(cursor, *found[0][1:])


def _absent(cursor: duckdb.DuckDBPyConnection, table: KindTable, ref: Ref, at: datetime | None) -> str:
    found = _end(cursor, table, ref, at)
    if found:
        return f"{ref} was last seen at {iso(found[0])} and first missed at {iso(found[1])}."
    place = of_place(cursor, table, (ref.account, ref.region), at)
    if at is None or place is None:
        return f"{ref} is not known{f' at {iso(at)}' if at else ''}."
    where = f"{ref.kind} in {ref.account}/{ref.region}"
    if (horizon := horizons(cursor).get(ref.kind, WHOLE)).lost(at):
        return f"{ref} is not known at {iso(at)}: {horizon.told(at)}."
    if place["state"] == UNOBSERVED:
        return f"{ref} is not known at {iso(at)}: {where} was {place['problem']}."
    return f"{ref} was not there at {iso(at)}: {where} was observed then."


def _end(
    cursor: duckdb.DuckDBPyConnection, table: KindTable, ref: Ref, at: datetime | None
) -> tuple[datetime, datetime] | None:
    """When a resource was last seen and when first missed, by `at`; None if it never was known to go."""
    found = cursor.execute(
        f"SELECT greatest(_from, _seen), _to FROM {table.past}"
        " WHERE account = ? AND region = ? AND id = ? AND _end = 'removed' AND _to <= ? ORDER BY _to DESC LIMIT 1",
        [ref.account, ref.region, ref.id, at or stored(utcnow())],
    ).fetchall()
    return found[0] if found else None


def relations(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    ref: Ref,
    row: Json,
    at: datetime | None,
    scope: Scope,
) -> list[Json]:
    """What this resource names and what names it: for each a filter of the other kind, how many that finds, and `by`
    which column they are related; a name is looked for in the resource's own account and region only.

    Two that name each other, as a volume and its instance do, are one relation.
    """
    found: list[Json] = []
    own = tables[ref.kind].kind
    for relation in own.relations:
        if (other := tables.get(relation.kind)) is not None:
            where = _where(own, ref, other.kind) if relation.by_name else ""
            entry = _relation(cursor, other, relation.target, row.get(relation.column), where, at, scope)
            found.append(entry and entry | {"by": own.column(relation.column).heading})
    for other in tables.values():
        for relation in other.kind.relations:
            if relation.kind == ref.kind:
                where = _where(own, ref, other.kind) if relation.by_name else ""
                entry = _relation(cursor, other, relation.column, row.get(relation.target), where, at, scope)
                found.append(entry and entry | {"by": f"their {other.kind.column(relation.column).heading}"})
    distinct: list[Json] = []
    for entry in filter(None, found):
        same = [known for known in distinct if (known["kind"], known["count"]) == (entry["kind"], entry["count"])]
        if not any(
            _count(cursor, tables[entry["kind"]], _both(entry, known), at, scope) == entry["count"] for known in same
        ):
            distinct.append(entry)
    return distinct


def _both(one: Json, other: Json) -> str:
    return f"{one['filter']} {other['filter']}"


def _where(own: Kind, ref: Ref, other: Kind) -> str:
    """The terms that keep a name of a resource's to its account and region; what only files tell has no account."""
    account = f" account={ref.account}" if own.polled and other.polled and ref.account != IMPORTED else ""
    return f"{account} region={ref.region}" if own.regional and other.regional else account


def _relation(
    cursor: duckdb.DuckDBPyConnection,
    other: KindTable,
    column: str,
    value: object,
    where: str,
    at: datetime | None,
    scope: Scope,
) -> Json:
    values = [str(v) for v in value if v] if isinstance(value, list) else [str(value)] if value else []
    if not values or column not in fields(other, "v"):
        return {}
    plain = [v for v in values[:_MAX_ALTERNATIVES] if quote(v) == v]
    wanted = f"{column}={'|'.join(plain) if plain else quote(values[0])}{where}"
    count = _count(cursor, other, wanted, at, scope)
    return {"title": other.kind.title, "kind": other.name, "filter": wanted, "count": count}


def _count(cursor: duckdb.DuckDBPyConnection, other: KindTable, wanted: str, at: datetime | None, scope: Scope) -> int:
    """How many rows of a kind a filter finds."""
    bound = Bound()
    held = held_at(cursor, other.name, at)
    placeholder = bound(held) if held else ""
    source = full_rows(other, scope_pairs(other.kind, scope), bound, at=placeholder, now=held, flags=False)
    test = compile_filter(wanted, fields(other, "v"), bound, held)
    return int(cursor.execute(f"SELECT count(*) FROM ({source}) v WHERE {test}", bound.values).fetchall()[0][0])


def history(cursor: duckdb.DuckDBPyConnection, table: KindTable, ref: Ref, at: datetime | None = None) -> list[Json]:
    """The versions of a resource (by what answers for `at`), newest first: from, to, what ended it, and the fields it
    changed.

    `to` of a removed one is when it was first missed, `last_seen` when it was last there.
    """
    columns = [column for column in table.columns if not column.volatile]
    cells = ", ".join(literal(c.name) + ", " + json_value(f'n."{c.name}"', c.type) for c in columns)
    unrecorded = [f"CASE WHEN NOT {table.recorded(c, 'n')} THEN {literal(c.name)} END" for c in columns]
    shape = f"json_object({cells})::VARCHAR AS cells, concat_ws(',', {', '.join(unrecorded) or 'NULL'}) AS unrecorded"
    where = "n.account = $account AND n.region = $region AND n.id = $id AND n._from <= $at"
    at = held_at(cursor, table.name, at)
    values = {
        "account": ref.account,
        "region": ref.region,
        "id": ref.id,
        "at": at or stored(utcnow()).replace(year=9999),
    }
    found = cursor.execute(
        f"SELECT * FROM (SELECT {shape}, n._from, NULL AS _to, NULL AS _end, n._seen FROM {table.now} n WHERE {where}"
        f" UNION ALL SELECT {shape}, n._from, n._to, n._end, n._seen FROM {table.past} n WHERE {where})"
        f" ORDER BY _from DESC, _to DESC NULLS FIRST LIMIT {_MAX_VERSIONS}",
        values,
    ).fetchall()
    return _differences(list(reversed(found)), at)


def _with_authors(
    cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, KindTable], ref: Ref, name: str, versions: list[Json]
) -> list[Json]:
    """The versions with who brought each about: `by`, `events` and `why` (see `authors`), and of an end `ended_by`.

    What the first good sweep of its place brought was discovered then: nobody is looked for.
    """
    found = cursor.execute(
        "SELECT first_good_at FROM own.watch WHERE account = ? AND region = ? AND kind = ?",
        [ref.account, ref.region, ref.kind],
    ).fetchall()
    first = found[0][0] if found else None
    if not tables[ref.kind].closes or first is None:
        return versions
    began = {_instant(version["from"]) for version in versions}
    gone = {_instant(version["to"]) for version in versions if version["end"] == "removed"}
    place, whose = (ref.account, ref.region, ref.kind), (ref.kind, ref.account, ref.region, ref.id, name)
    known = polls(cursor, ((*place, moment) for moment in began | gone), tables[ref.kind].kind.cadence)
    asked: list[tuple[Json, Sight]] = []
    for version in versions:
        moment = _instant(version["from"])
        if moment > first:
            what, poll = "changed" if version["changes"] else "added", known[*place, moment]
            sight = Sight(*whose, what, moment, poll.before, poll.ended, version["changes"])
            asked.append((version, sight))
        if version["end"] == "removed":
            ended: Json = {}
            version["ended_by"] = ended
            moment, seen = _instant(version["to"]), _instant(version["last_seen"])
            asked.append((ended, Sight(*whose, "removed", moment, seen, known[*place, moment].ended)))
    for (version, _), author in zip(asked, authors(cursor, tables, [sight for _, sight in asked]), strict=True):
        version |= author
    return versions


def _instant(text: str) -> datetime:
    return stored(datetime.fromisoformat(text))


def _differences(
    versions: list[tuple[str, str, datetime, datetime | None, str | None, datetime]], at: datetime | None
) -> list[Json]:
    entries: list[Json] = []
    before: tuple[Json, set[str]] | None = None
    for cells, unrecorded, began, ended, end, seen in versions:
        now = json.loads(cells), set(filter(None, unrecorded.split(",")))
        if ended is not None and at is not None and ended > at:
            ended, end = None, None
        changed = _fields(before, now) if before else []
        follows = bool(entries) and entries[-1]["end"] == "changed"
        if follows and not changed:
            entries[-1] |= _ending(ended, end, seen)
        else:
            entries.append({"from": iso(began), "changes": changed if follows else []} | _ending(ended, end, seen))
        before = now
    return entries[::-1]


def _fields(before: tuple[Json, set[str]], now: tuple[Json, set[str]]) -> list[Json]:
    skipped = before[1] | now[1]
    return [
        {"field": name, "before": before[0][name], "after": value}
        for name, value in now[0].items()
        if name not in skipped and before[0][name] != value
    ]


def _ending(ended: datetime | None, end: str | None, seen: datetime) -> Json:
    return {"to": iso(ended) if ended else None, "end": end, "last_seen": iso(seen) if end == "removed" else None}
