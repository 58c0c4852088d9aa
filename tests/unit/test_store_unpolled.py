"""A kind that is not polled but imported: nobody's, read by everybody in its regions, waited for by nobody."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from store_world import BOX, at, open_store, sweep
from store_world import SCOPE as BOXES

from backends.aws.kinds.spot import ADVISOR, PRICE
from backends.aws.spot_advisor_file import SCHEMA
from backends.daemon.triples import keys_of
from backends.model import IMPORTED, Scope
from backends.store import Query, Store

SCOPE = Scope.of([("111122223333", "eu-west-1"), ("111122223333", "global"), ("444455556666", "us-east-1")])


def imported(store: Store, day: int, band: int) -> int:
    row = ("eu-west-1", "m5.large", "Linux", band, f"band {band}", 60.0, datetime(2026, 11, day))
    table = pa.table({name: [value] for name, value in zip(SCHEMA.names, row, strict=True)}, schema=SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(table)
    new = store.ingest_points("spot_advisor", sink.getvalue().to_pybytes())
    store.list_imported("spot_advisor", sink.getvalue().to_pybytes(), datetime(2026, 11, 25, day))
    return new


def shown(store: Store) -> list[list[object]]:
    found = json.loads(store.rows(Query(ADVISOR.name, SCOPE)))
    places = [found["columns"].index(name) for name in ("account", "region", "band")]
    return [[row[place] for place in places] for row in found["rows"]]


def test_it_is_never_due() -> None:
    assert {kind.name for _, _, kind in keys_of(SCOPE, [ADVISOR, PRICE])} == {PRICE.name}
    assert not ADVISOR.polled and ADVISOR.permissions == ()


def test_every_import_is_kept_with_its_day_and_the_newest_is_the_row(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store.duckdb", [ADVISOR], identity=("aws", ""))
    assert json.loads(store.coverage(SCOPE))["rows"] == []
    told = json.loads(store.rows(Query(ADVISOR.name, SCOPE)))["coverage"]
    assert told["states"] == {"pending": 2} and "import" in told["problems"][0]
    assert imported(store, 20, 3) == 1 and imported(store, 20, 3) == 0
    assert imported(store, 22, 1) == 1
    assert shown(store) == [[IMPORTED, "eu-west-1", 1]]
    assert imported(store, 10, 4) == 1
    assert shown(store) == [[IMPORTED, "eu-west-1", 1]], "an older file is history, not news"
    assert store.points("spot_advisor").column("band").to_pylist() == [4, 3, 1]
    [line] = json.loads(store.coverage(SCOPE))["rows"]
    assert (line["account"], line["region"], line["state"]) == (IMPORTED, "eu-west-1", "ok")
    store.close()


def test_what_is_gone_is_still_among_what_was_ever_seen(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "a"}, {"id": "b"}])
    sweep(store, BOX, 10, [{"id": "a"}])
    ever = {row["id"]: row for row in store.ever(BOX.name, BOXES).to_pylist()}
    assert ever["a"]["gone"] is None and ever["a"]["seen"] == at(10)
    assert ever["b"]["gone"] == at(10) and ever["b"]["seen"] == at(0)
    before = store.ever(BOX.name, BOXES, at(5)).to_pylist()
    assert [row["gone"] for row in before] == [None, None]
    [looked] = [row for row in store.looked_since(BOXES).to_pylist() if row["kind"] == BOX.name]
    assert looked["since"] == at(0)
    store.close()
