"""Imported points are listed as markets of the account "imported", each at its newest value."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
from store_world import PRICE, SCOPE, at, open_store, table

from backends.model import IMPORTED, Scope
from backends.store import Store


def part(store: Store, number: int, *points: tuple[str, str, datetime, float]) -> Path:
    """An Arrow file of points (region, zone, when, price) as an importer leaves it."""
    columns = list(zip(*points, strict=True))
    names = ("region", "zone_id", "at", "price")
    kinds = (pa.string(), pa.string(), pa.timestamp("us"), pa.float64())
    data = {n: pa.array(values, kind) for n, values, kind in zip(names, columns, kinds, strict=True)}
    found = pa.table(data | {"product": pa.array(["Linux/UNIX"] * len(points))})
    path = store.work / f"part-{number}.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, found.schema) as writer:
        writer.write_table(found)
    return path


def test_each_market_is_listed_once_at_its_newest_price_wherever_that_stood(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    parts = [
        part(store, 1, ("eu-west-1", "euw1-az1", at(9), 3.0), ("us-east-1", "use1-az1", at(1), 7.0)),
        part(store, 2, ("eu-west-1", "euw1-az1", at(5), 2.0), ("eu-west-1", "euw1-az2", at(2), 1.0)),
    ]
    for minute in (10, 20):
        store.ingest_points("lab_price", parts)
        store.list_imported("lab_price", parts, at(minute))
        scope = Scope.of([(IMPORTED, "eu-west-1"), (IMPORTED, "us-east-1")])
        listed = table(store, PRICE, "region", "zone_id", "price", scope=scope)
        assert sorted(listed) == [
            ["eu-west-1", "euw1-az1", 3.0],
            ["eu-west-1", "euw1-az2", 1.0],
            ["us-east-1", "use1-az1", 7.0],
        ]
    assert store.points("lab_price").num_rows == 4
    assert store.watched().regions == ("eu-west-1", "us-east-1")


def test_an_older_file_that_is_imported_later_does_not_turn_a_price_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number, (minute, price) in enumerate([(9, 3.0), (4, 2.0)]):
        parts = [part(store, number, ("eu-west-1", "euw1-az1", at(minute), price))]
        store.ingest_points("lab_price", parts)
        store.list_imported("lab_price", parts, at(10 + number))
    assert table(store, PRICE, "price", scope=Scope.of([(IMPORTED, "eu-west-1")])) == [3.0]


def test_what_was_imported_is_in_nobody_elses_scope(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    parts = [part(store, 1, ("eu-west-1", "euw1-az1", at(9), 3.0))]
    store.ingest_points("lab_price", parts)
    store.list_imported("lab_price", parts, at(10))
    assert table(store, PRICE, "price", scope=SCOPE) == []
