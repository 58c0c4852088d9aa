"""The rows of a kind as of an instant, and how well that instant was observed: SQL that every reading shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import duckdb

from backends.model import GLOBAL_REGION, IMPORTED, Health, Kind, Scope
from backends.store.errors import StoreError
from backends.store.filter_sql import Field, compile_filter
from backends.store.filters import FilterError
from backends.store.instants import utcnow
from backends.store.schema import COMMON, KEPT, KindTable, headings_of
from backends.store.sqltext import Bound, Rendered, identifier, literal

_FLAGS = (
    "(SELECT ref AS _flag_ref, to_json(list({'severity': severity, 'label': label} ORDER BY what, label))::VARCHAR"
    " AS flags FROM own.flag GROUP BY ref)"
)


def scope_pairs(kind: Kind, scope: Scope) -> list[tuple[str, str]]:
    """The (account, region) under which this kind's rows of a scope are kept. What only files tell is nobody's."""
    if not kind.polled:
        return [(IMPORTED, region) for region in scope.regions]
    if not kind.regional:
        return [(account, GLOBAL_REGION) for account in scope.accounts]
    return sorted((account, region) for account, region in scope.pairs if region != GLOBAL_REGION)


def within(pairs: list[tuple[str, str]], bound: Bound, prefix: str = "") -> str:
    """SQL: whether a row's account and region are among `pairs`."""
    if not pairs:
        return "FALSE"
    accounts, regions = sorted({a for a, _ in pairs}), sorted({r for _, r in pairs})
    if len(accounts) * len(regions) == len(pairs):
        in_accounts = ", ".join(bound(account) for account in accounts)
        in_regions = ", ".join(bound(region) for region in regions)
        return f"({prefix}account IN ({in_accounts}) AND {prefix}region IN ({in_regions}))"
    tests = [f"({prefix}account = {bound(a)} AND {prefix}region = {bound(r)})" for a, r in pairs]
    return "(" + " OR ".join(tests) + ")"


def versions(
    table: KindTable,
    pairs: list[tuple[str, str]] | None,
    bound: Bound,
    at: str = "",
    extra: str = "",
    only: Collection[str] | None = None,
) -> str:
    """SQL for the versions that held at the instant `at` (a placeholder; "" for the present), one row per resource.

    `pairs` are the (account, region) to look in, None for everywhere.
    Columns: account, region, id, the declared ones, first_seen, seen, and those of `extra` (", n._raw"). With `only`
    of the declared ones and seen no others: each takes its time to plan, and seen a join.
    """
    where = "TRUE" if pairs is None else within(pairs, bound)
    chosen = [column for column in table.columns if only is None or column.name in only]
    if not at:
        cells = [f'n."{column.name}"' for column in chosen]
        source = f"(SELECT * FROM {table.now} WHERE {where}) n"
    else:
        cells = [_as_of(table, column.name, at) for column in chosen]
        stored = ", ".join(["account, region, id", *table.stored_of(chosen), "_from, _first_seen, _seen", *KEPT])
        source = (
            f"(SELECT {stored} FROM {table.now} WHERE _from <= {at} AND {where} UNION ALL"
            f" SELECT {stored} FROM {table.past} WHERE _from <= {at} AND _to > {at} AND {where}) n"
        )
    seen, joined = ("", "") if only is not None and "seen" not in only else _last_seen(table, bound, at)
    columns = ", ".join(["n.account, n.region, n.id", *cells, "n._first_seen AS first_seen", *filter(None, [seen])])
    return f"SELECT {columns}{extra} FROM {source}{joined}"


def _last_seen(table: KindTable, bound: Bound, at: str) -> tuple[str, str]:
    """SQL for when a version `n` was last seen (by the instant `at`), and for the join that it needs."""
    if not table.closes:
        return (f"greatest(n._from, least(n._seen, {at})) AS seen" if at else "n._seen AS seen"), ""
    kind = bound(table.name)
    good = f"SELECT account, region, good_at FROM own.watch WHERE kind = {kind}"
    if at:
        good = (
            f"SELECT account, region, max(least(until, {at})) AS good_at FROM own.coverage_run"
            f" WHERE kind = {kind} AND good AND instant <= {at} GROUP BY ALL"
        )
    last = f"greatest({'n._from' if at else 'n._seen'}, w.good_at) AS seen"
    return last, f" LEFT JOIN ({good}) w ON n.account = w.account AND n.region = w.region"


def facts_of_present(table: KindTable, where: str, bound: Bound) -> str:
    """SQL for the present rows of a kind whose sweeps see everything, `_seen` being when the last good one saw them."""
    return (
        f"SELECT n.* REPLACE (greatest(n._seen, w.good_at) AS _seen) FROM (SELECT * FROM {table.now} WHERE {where}) n"
        f" LEFT JOIN (SELECT account, region, good_at FROM own.watch WHERE kind = {bound(table.name)}) w"
        " USING (account, region)"
    )


def ever_seen(table: KindTable, pairs: list[tuple[str, str]], bound: Bound, at: str = "") -> str:
    """SQL for the newest version (by the instant `at`) of every resource that was ever seen, those that are gone too.

    Columns: account, region, id, the declared ones, first_seen, seen, and gone: when it was first missed, else NULL.
    """
    where = within(pairs, bound)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    facts = f"account, region, id, {columns}, _first_seen AS first_seen, _seen AS seen, _from"
    # What a good sweep saw unchanged keeps the instant of its last change in its own row.
    present = f"({facts_of_present(table, where, bound)})" if table.closes and not at else table.now
    gone = f"CASE WHEN _end = 'removed'{f' AND _to <= {at}' if at else ''} THEN _to END"
    by = f"_from <= {at} AND " if at else ""
    return (
        f"SELECT * EXCLUDE (_from) FROM (SELECT {facts}, NULL::TIMESTAMP AS gone FROM {present} WHERE {by}{where}"
        f" UNION ALL SELECT {facts}, {gone} AS gone FROM {table.past} WHERE {by}{where})"
        " QUALIFY row_number() OVER (PARTITION BY account, region, id ORDER BY _from DESC) = 1"
    )


def unrecorded(cursor: duckdb.DuckDBPyConnection, table: KindTable, at: datetime | None) -> list[str]:
    """The columns that nothing had recorded yet at an instant, or until now: empty cells of theirs mean nothing."""
    names = [column.name for column in table.columns if column.name in table.late]
    if not names:
        return []
    first = ", ".join(f'min("_since_{name}")' for name in names)
    found = cursor.execute(f"SELECT {first} FROM {table.now} UNION ALL SELECT {first} FROM {table.past}").fetchall()
    since = [min(filter(None, begun), default=None) for begun in zip(*found, strict=True)]
    return [name for name, begun in zip(names, since, strict=True) if begun is None or (at is not None and begun > at)]


def _as_of(table: KindTable, name: str, at: str) -> str:
    if name not in table.late:
        return f'n."{name}"'
    return f'CASE WHEN n."_since_{name}" <= {at} THEN n."{name}" END AS "{name}"'


def full_rows(
    table: KindTable,
    pairs: list[tuple[str, str]] | None,
    bound: Bound,
    *,
    at: str = "",
    now: datetime | None = None,
    flags: bool = True,
    extra: str = "",
    used: str | None = None,
) -> str:
    """SQL for rows with every column of the kind's view: ref, health and flags beside the declared ones.

    `now` is what relative times in health rules are relative to. Flags belong to the present: the past has none.
    With `used`, SQL on these rows as alias `v`, there are only the columns that it names (and first_seen, and whose a
    row is): planning all of them takes longer than reading a few.
    """

    def wanted(name: str) -> bool:
        return used is None or f'v."{name}"' in used

    first = [f"{ref_sql(table.kind, 'b')} AS ref"] if wanted("ref") else []
    last, joined, rules = [], "", ""
    if wanted("health") or wanted("health_why"):
        rules, why = health_sql(table, bound, now or utcnow())
        last = [f"{rules} AS health", f"{why} AS health_why"]
    if wanted("flags"):
        told = flags and not at
        joined = f" LEFT JOIN {_FLAGS} f ON f._flag_ref = {ref_sql(table.kind, 'b')}" if told else ""
        last.append("f.flags" if told else "NULL::VARCHAR AS flags")
    names = [*(column.name for column in table.columns), "seen"]
    only = None if used is None else [name for name in names if wanted(name) or f'b."{name}"' in rules]
    base = versions(table, pairs, bound, at, extra, only)
    return f"SELECT {', '.join([*first, 'b.*', *last])} FROM ({base}) b{joined}"


def ref_sql(kind: Kind, row: str) -> str:
    """SQL for the resource reference of a row."""
    return f"({literal(kind.name + '@')} || {row}.account || '/' || {row}.region || '/' || {row}.id)"


def fields(table: KindTable, row: str) -> dict[str, Field]:
    """What a filter may name: the declared columns and the common ones, of table alias `row`."""
    headings = headings_of(table)
    found = {
        name: Field(type_, f'{row}."{name}"', searched=name == "id", heading=headings[name])
        for name, type_ in COMMON.items()
    }
    found["account"] = Field("text", f'{row}."account"')
    found["region"] = Field("text", f'{row}."region"')
    found["flags"] = Field("text", f'{row}."flags"', searched=False)
    declared = {
        column.name: Field(column.type, f'{row}."{column.name}"', heading=column.heading) for column in table.columns
    }
    return declared | found


def health_sql(table: KindTable, bound: Bound, now: datetime) -> tuple[str, str]:
    """SQL for the health of a row of alias `b` and for the reason: the first rule that matches, else ok."""
    tests = _rules(table, bound, now)
    if not tests:
        return literal(str(Health.OK)), "''"
    ruled = list(zip(tests, table.kind.health, strict=True))
    states = "".join(f" WHEN {test} THEN {literal(str(Health(rule.state)))}" for test, rule in ruled)
    reasons = "".join(f" WHEN {test} THEN {literal(rule.why)}" for test, rule in ruled)
    return f"CASE{states} ELSE {literal(str(Health.OK))} END", f"CASE{reasons} ELSE '' END"


def rule_sql(table: KindTable, bound: Bound, now: datetime) -> str:
    """SQL for which rule decides on the health of a row of alias `b`: its place, NULL for none; "" without rules."""
    tests = _rules(table, bound, now)
    return f"CASE{''.join(f' WHEN {test} THEN {number}' for number, test in enumerate(tests))} END" if tests else ""


def _rules(table: KindTable, bound: Bound, now: datetime) -> list[str]:
    usable = {
        name: field
        for name, field in fields(table, "b").items()
        if name not in ("ref", "health", "health_why", "flags")
    }
    tests = []
    for rule in table.kind.health:
        try:
            tests.append(compile_filter(rule.when, usable, bound, now))
        except FilterError as error:
            raise StoreError(f"The health rule {rule.when!r} of {table.name} is wrong: {error}") from error
    return tests


def view_statements(tables: Mapping[str, KindTable]) -> list[str]:
    """CREATE VIEW for every kind, so that `SELECT … FROM ec2_instance` works; also checks every health rule."""
    return [
        f"CREATE OR REPLACE VIEW main.{identifier(table.kind.table)} AS {full_rows(table, None, Rendered())}"
        for table in tables.values()
    ]
