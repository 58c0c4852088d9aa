"""Of every kind the past says what was not observed and what was not recorded, instead of showing it as empty."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from backends.aws.kinds import KINDS
from backends.model import IMPORTED, Coverage, CoverageState, Kind, Ref, Scope
from backends.store import Query, Store, parse_instant
from tests.unit.store_world import ACCOUNT, ARROW, BOX, REGION, at, open_store, sweep, table

SCOPE = Scope.of([(ACCOUNT, REGION)])
NAMES = [kind.name for kind in KINDS]


def earlier(kind: Kind) -> Kind:
    """The kind before its last column was declared that neither identifies nor dates it."""
    needed = {*kind.key, *((kind.series.time, kind.series.value) if kind.series else ())}
    last = [column for column in kind.columns if column.name not in {*needed, "id", "account", "region"}][-1]
    return replace(kind, columns=tuple(c for c in kind.columns if c.name != last.name), health=(), sort="")


def added(kind: Kind) -> str:
    before = {column.name for column in earlier(kind).columns}
    return next(column.name for column in kind.columns if column.name not in before)


def place(kind: Kind) -> tuple[str, str]:
    if not kind.polled:
        return IMPORTED, REGION
    return ACCOUNT, REGION if kind.regional else "global"


def swept(store: Store, kind: Kind, minutes: float) -> None:
    account, region = place(kind)
    number = store.begin_sweep(account, region, kind.name, at(minutes))
    columns: dict[str, Any] = {
        c.name: pa.array([_value(kind, c.name, c.type, minutes)], ARROW[c.type]) for c in kind.columns
    }
    table = pa.table({**columns, "id": pa.array(["x"])})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    store.ingest(number, sink.getvalue())
    store.finish_sweep(number, Coverage(account, region, kind.name, CoverageState.OK), at(minutes + 0.01))


def _value(kind: Kind, name: str, type_: str, minutes: float) -> Any:
    if type_ == "time":
        return at(minutes if kind.series and name == kind.series.time else 0)
    return {"integer": 1, "number": 1.0, "boolean": True, "list": ["a"], "tags": '{"a": "b"}'}.get(type_, "a")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Every kind: seen at minute 0 without its last column, and with all columns a week later."""
    path = tmp_path_factory.mktemp("past") / "store.duckdb"
    first = Store.open(path, [earlier(kind) for kind in KINDS], identity=("aws", ""))
    for kind in KINDS:
        swept(first, earlier(kind), 0)
    first.close()
    store = Store.open(path, KINDS, identity=("aws", ""))
    for kind in KINDS:
        swept(store, kind, 7 * 24 * 60)
    yield store
    store.close()


def read(store: Store, kind: str, instant: datetime | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.rows(Query(kind, SCOPE, at=instant)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_instant_is_observed_for_two_cadences_after_a_good_poll_and_no_longer(store: Store, name: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    cadences = timedelta(seconds=2 * kind.cadence)
    for instant, observed in ((at(0) + cadences, True), (at(0) + cadences + timedelta(seconds=1), False)):
        found = read(store, name, instant)
        assert found["total"] == 1, "what was seen last is shown, with what vouches for it"
        states = found["coverage"]["states"]
        if observed:
            assert states == {"ok": 1}
        else:
            assert states == {"unobserved": 1}
            assert found["coverage"]["problems"] == [
                f"{'/'.join(place(kind))}: not observed since 2026-11-20T12:00:00.600Z"
            ]
    before = read(store, name, at(-1))
    assert (before["total"], before["coverage"]["states"]) == (0, {"unobserved": 1})
    assert before["coverage"]["problems"] == [f"{'/'.join(place(kind))}: not observed before this instant"]
    waited = kind.polled and not kind.on_demand
    row = next(r for r in json.loads(store.coverage(SCOPE, at(-1)))["rows"] if r["kind"] == name) if waited else {}
    assert row.get("state", "unobserved") == "unobserved"


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_was_declared_later_was_not_recorded_before(store: Store, name: str) -> None:
    column = added(next(kind for kind in KINDS if kind.name == name))
    then, now = read(store, name, at(0.5)), read(store, name, None)
    place_ = then["columns"].index(column)
    assert (then["unrecorded"], then["rows"][0][place_]) == ([column], None)
    assert now["unrecorded"] == [] and now["rows"][0][place_] is not None
    changes = json.loads(store.changes(at(-1), at(8 * 24 * 60), [name], SCOPE))["changes"]
    assert column not in {field["field"] for change in changes for field in change["fields"]}, "its coming is no change"


def test_whoever_asks_about_an_instant_that_was_told_asks_about_that_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sizes = [1, 2, None, 3]
    for n, size in enumerate(sizes):
        sweep(store, BOX, n + n * 0.00237913, [{"id": "b1", "size": size}] if size else [])
    changes = json.loads(store.changes(at(-1), at(9), [BOX.name], SCOPE))["changes"][::-1]
    assert [change["what"] for change in changes] == ["changed", "removed", "added"]
    for number, change in enumerate(changes):
        told, size = parse_instant(change["at"]), sizes[number + 1]
        assert table(store, BOX, "size", at=told) == ([size] if size else [])
        before = parse_instant(changes[number - 1]["at"]) if number else at(0)
        since = json.loads(store.changes(before, told, [BOX.name], SCOPE))["changes"]
        assert [found["at"] for found in since] == [change["at"]]
    began = [version["from"] for version in store.history(str(Ref(BOX.name, ACCOUNT, REGION, "b1")))]
    assert [table(store, BOX, "size", at=parse_instant(instant)) for instant in began] == [[3], [2], [1]]
    store.close()
