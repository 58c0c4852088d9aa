"""Resources by what people call them: an id, a name or an ARN, in whatever kind has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import duckdb

from backends.model import Json, Kind, Ref, Scope
from backends.store.history import scope_pairs, within
from backends.store.horizon import WHOLE, horizons
from backends.store.instants import iso
from backends.store.schema import KindTable
from backends.store.sqltext import Bound, literal

_MOST = 200


def find(
    cursor: duckdb.DuckDBPyConnection,
    tables: Mapping[str, KindTable],
    word: str,
    kinds: Iterable[str],
    scope: Scope,
    at: datetime | None,
) -> bytes:
    """The JSON object of GET /v1/find: `{"matches": [{"ref", "kind", "account", "region", "id", "name", "gone"}…]}`.

    What there is at the instant (by what answers for it), else, newest first, what there was: `gone` is when it was
    first missed. Points and events are no resources, and what only tells of a resource (its status, its use) gives way
    to the resource itself. No kinds are all; at most 200 matches.
    """
    wanted = [tables[name] for name in kinds] or [t for t in tables.values() if t.closes and not t.kind.log]
    asked = [(table, pairs) for table in wanted if (pairs := scope_pairs(table.kind, scope))]
    found = _matching(cursor, asked, word, at, gone=False) or _matching(cursor, asked, word, at, gone=True)
    return json.dumps({"matches": _resources(tables, found)}, ensure_ascii=False).encode()


def _matching(
    cursor: duckdb.DuckDBPyConnection,
    asked: Sequence[tuple[KindTable, list[tuple[str, str]]]],
    word: str,
    at: datetime | None,
    *,
    gone: bool,
) -> list[Json]:
    bound = Bound()
    called, past = bound(word), horizons(cursor) if at else {}
    parts = []
    for table, pairs in asked:
        moment = bound(past.get(table.name, WHOLE).held(at)) if at else ""
        names = ["id", table.name_column, *(c.name for c in table.columns if c.name == "arn")]
        meant = " OR ".join(f'"{name}" = {called}' for name in dict.fromkeys(names))
        facts = f'{literal(table.name)} AS kind, account, region, id, "{table.name_column}" AS name'
        where = f"({meant}) AND {within(pairs, bound)}"
        if gone:
            by = f" AND _to <= {moment}" if at else ""
            parts.append(f"SELECT {facts}, _to AS gone FROM {table.past} WHERE _end = 'removed' AND {where}{by}")
            continue
        began = f" AND _from <= {moment}" if at else ""
        parts.append(f"SELECT {facts}, NULL::TIMESTAMP AS gone FROM {table.now} WHERE {where}{began}")
        if at:
            parts.append(f"SELECT {facts}, NULL AS gone FROM {table.past} WHERE {where}{began} AND _to > {moment}")
    if not parts:
        return []
    rows = cursor.execute(
        f"SELECT * FROM ({' UNION ALL '.join(parts)})"
        " QUALIFY row_number() OVER (PARTITION BY kind, account, region, id ORDER BY gone DESC) = 1"
        f" ORDER BY gone DESC, kind, account, region, id LIMIT {_MOST}",
        bound.values,
    ).fetchall()
    return [
        {"ref": str(Ref(*place)), **dict(zip(("kind", "account", "region", "id"), place, strict=True))}
        | {"name": name or "", "gone": iso(missed) if missed else None}
        for *place, name, missed in rows
    ]


def _resources(tables: Mapping[str, KindTable], found: list[Json]) -> list[Json]:
    """Without what tells of another of them."""
    kinds: dict[tuple[str, str, str], list[Kind]] = {}
    for match in found:
        kinds.setdefault(_place(match), []).append(tables[match["kind"]].kind)
    return [
        match
        for match in found
        if not any(_tells_of(tables[match["kind"]].kind, other) for other in kinds[_place(match)])
    ]


def _place(match: Json) -> tuple[str, str, str]:
    return match["account"], match["region"], match["id"]


def _tells_of(kind: Kind, other: Kind) -> bool:
    """Whether a kind's resources are only facts about those of another, by whose identity they are kept.

    Where each names the other so, the resource is the one with more to say of itself.
    """
    if not _keyed_by(kind, other):
        return False
    return not _keyed_by(other, kind) or len(kind.columns) < len(other.columns)


def _keyed_by(kind: Kind, other: Kind) -> bool:
    return any(
        kind.key == (relation.column,) and relation.kind == other.name and other.key == (relation.target,)
        for relation in kind.relations
    )
