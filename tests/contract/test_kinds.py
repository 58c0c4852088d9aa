"""A kind is its declaration and nothing else: everything that shows, keeps or documents it comes from there.

Every declared kind goes through this, and so does the one of CONTRIBUTING.md, which no other file knows of.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.aws.kinds import KINDS
from backends.aws.parsers import PageMaker, page_schema
from backends.model import GLOBAL_REGION, IMPORTED, Column, Coverage, CoverageState, Kind, Ref, Scope
from backends.store import Query, Store
from console.cli_commands.policy import document
from console.screens.columns import columns_of
from docs.pages import kinds as pages
from tests.contract.contributing import example
from tests.contract.shells import Run
from tests.unit.aws_fakes import FakeClient, swept
from tests.unit.store_world import page

EXAMPLE: Kind = example("A kind of resource")["APP"]
ALL = (*KINDS, EXAMPLE)
ACCOUNT = "111122223333"
T0 = datetime(2026, 11, 20, 12)
CANARY = "CANARY-app-environment-5d0b"

each = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(tmp_path_factory.mktemp("kinds") / "store.duckdb", ALL, identity=("aws", ""))
    yield store
    store.close()


def region_of(kind: Kind) -> str:
    return "eu-west-1" if kind.regional else GLOBAL_REGION


def account_of(kind: Kind) -> str:
    """What only files tell is nobody's."""
    return ACCOUNT if kind.polled else IMPORTED


def value(column: Column, number: int) -> Any:
    """Some value of the column's type."""
    values: dict[str, Any] = {
        **{"text": f"text-{number}", "integer": number, "number": number / 4, "boolean": bool(number % 2)},
        **{"time": T0 + timedelta(days=number), "tags": {"n": str(number)}, "list": [str(number)]},
    }
    return values[column.type]


def element(kind: Kind, number: int, **given: Any) -> dict[str, Any]:
    cells = {column.name: value(column, number) for column in kind.columns} | given
    return {"id": "/".join(str(cells[name]) for name in kind.key), **cells}


def sweep(store: Store, kind: Kind, minutes: int, *elements: dict[str, Any]) -> Any:
    number = store.begin_sweep(account_of(kind), region_of(kind), kind.name, T0 + timedelta(minutes=minutes))
    store.ingest(number, page(kind, elements))
    coverage = Coverage(account_of(kind), region_of(kind), kind.name, CoverageState.OK, rows=len(elements))
    return store.finish_sweep(number, coverage, T0 + timedelta(minutes=minutes, seconds=5))


def one(store: Store, kind: Kind, wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    [row] = [row for row in shown(store, kind, **more) if row["id"] == wanted["id"]]
    return row


def shown(store: Store, kind: Kind, **more: Any) -> list[dict[str, Any]]:
    found = json.loads(store.rows(Query(kind.name, Scope.of([(ACCOUNT, region_of(kind))]), **more)))
    return [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]


@each
def test_table_view_history_changes_and_coverage_come_from_the_declaration(store: Store, kind: Kind) -> None:
    first, other = element(kind, 1), element(kind, 2)
    lasting = next((c for c in kind.columns if not c.volatile and c.name not in kind.key), None)
    fleeting = next((c for c in kind.columns if c.volatile and (not kind.series or c.name != kind.series.time)), None)

    def newer(days: int) -> dict[str, Any]:
        """A series takes only what is newer than what it has."""
        return {kind.series.time: T0 + timedelta(days=days)} if kind.series else {}

    assert sweep(store, kind, 0, first, other).added == 2

    row = one(store, kind, first)
    assert set(row) >= {*(column.name for column in kind.columns), "ref", "account", "region", "health", "flags"}
    assert row["health"] in ("ok", "warn", "bad", "unknown")
    view = json.loads(store.sql(f"SELECT * FROM {kind.table}"))
    assert {column.name for column in kind.columns} <= set(view["columns"]) and len(view["rows"]) == 2

    if fleeting:
        again = first | {fleeting.name: value(fleeting, 7)} | newer(9)
        assert sweep(store, kind, 10, again, other).changed == 0
    if lasting:
        changed = first | {lasting.name: value(lasting, 8)} | newer(10)
        assert sweep(store, kind, 20, changed, other).changed == 1
        told = json.loads(
            store.changes(T0 + timedelta(minutes=15), None, [kind.name], Scope.of([(ACCOUNT, region_of(kind))]))
        )
        assert [[field["field"] for field in change["fields"]] for change in told["changes"]] == [[lasting.name]]
        ref = Ref(kind.name, account_of(kind), region_of(kind), first["id"])
        assert len(store.history(ref)) == 2
        before = one(store, kind, first, at=T0 + timedelta(minutes=12))
        assert before[lasting.name] != one(store, kind, first)[lasting.name]

    removed = sweep(store, kind, 30, first | newer(11)).removed
    assert removed == (1 if kind.closes and kind.series is None else 0)
    covered = json.loads(store.coverage(Scope.of([(ACCOUNT, region_of(kind))])))["rows"]
    [line] = [row for row in covered if row["kind"] == kind.name]
    assert line["state"] == "ok" and line["last_good"].startswith("2026-11-20T12:30")


@each
def test_every_health_rule_and_relation_can_be_asked(store: Store, kind: Kind) -> None:
    for rule in kind.health:
        shown(store, kind, filter=rule.when)
    names = {column.name for column in kind.columns}
    known = {other.name: {"id", *(column.name for column in other.columns)} for other in ALL}
    for relation in kind.relations:
        assert relation.column in names and relation.target in known[relation.kind], relation


@each
def test_the_screen_shows_every_column_and_the_narrow_ones_first(kind: Kind) -> None:
    columns = columns_of(kind.as_json(), accounts=True, regions=True)
    assert {column.name for column in kind.columns} <= {column.name for column in columns}
    assert all(column.help for column in kind.columns), "every column says what it is"
    narrow = [column.name for column in kind.columns if column.narrow]
    assert narrow and {column.name for column in columns if column.narrow} >= set(narrow)
    placed = [column.name for column in columns]
    others = [placed.index(column.name) for column in kind.columns if not column.narrow]
    assert not kind.health or placed.index("health_why") < min(others, default=99), "what is ill says why beside it"


@each
def test_page_docs_and_policy_follow(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = ["hash", "raw", "raw_at", "raw_size"]
    assert page_schema(kind).names == ["id", *(column.name for column in kind.columns), *raw]
    monkeypatch.setattr(pages, "KINDS", ALL)
    text = pages.pages()[f"kinds/{kind.name}.md"]
    assert all(f"`{column.name}`" in text for column in kind.columns)
    policy = document([kind.as_json()], [])
    assert set(kind.permissions) <= set(policy["Statement"][0]["Action"]) and bool(kind.permissions) == kind.polled


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.on_demand], ids=lambda kind: kind.name)
def test_ls_lists_it(run_here: Run, kind: Kind) -> None:
    done = run_here("ls", kind.name, "--limit", "3", "-o", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows and set(rows[0]) >= {column.name for column in kind.columns}
    assert "ok" in done.stderr


async def test_the_kind_of_the_guide_is_polled_and_keeps_no_environment(tmp_path: Path) -> None:
    app = {
        **{"appId": "d1a2b3", "name": "shop", "platform": "WEB", "repository": "https://git.example/shop"},
        **{"productionBranch": {"status": "FAILED"}, "autoBranchCreationPatterns": ["feature/*"]},
        "environmentVariables": {"ANYTHING": CANARY, "DB_PASSWORD": CANARY},
        "buildSpec": f"export TOKEN={CANARY}",
    }
    client = FakeClient("amplify", {"ListApps": lambda _: {"apps": [app]}})
    coverage, rows = await swept(EXAMPLE, {"amplify": client})
    assert coverage.state is CoverageState.OK and rows[0]["branches"] == ["feature/*"]
    store = Store.open(tmp_path / "store.duckdb", ALL, identity=("aws", ""))
    number = store.begin_sweep(ACCOUNT, "eu-west-1", EXAMPLE.name, T0)
    store.ingest(number, PageMaker(EXAMPLE).page([app])[0])
    store.finish_sweep(number, Coverage(ACCOUNT, "eu-west-1", EXAMPLE.name, CoverageState.OK), T0)
    ref = Ref(EXAMPLE.name, ACCOUNT, "eu-west-1", "d1a2b3")
    raw = store.raw(ref)
    assert raw is not None and b"[redacted]" in raw and CANARY.encode() not in raw
    [row] = shown(store, EXAMPLE)
    assert (row["health"], row["health_why"]) == ("bad", "its last deployment failed")
    store.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert CANARY.encode() not in data and base64.b64encode(CANARY.encode()) not in data
