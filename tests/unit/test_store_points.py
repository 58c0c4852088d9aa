"""Points: kept as numbers, read as if every one had its texts."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import ACCOUNT, PRICE, REGION, at, open_store

from backends.aws.parsers import written
from backends.model import Coverage, CoverageState
from backends.store import Store
from backends.store.points import different

VIEW = "series.lab_price"
TEXTS = ("id", "zone_id", "product")


def page(*points: tuple[str, str | None, datetime | None, float], encoded: bool = True) -> bytes:
    """Points (zone, product, when, price) as a page, their texts in dictionaries or not."""
    zones, products, times, prices = zip(*points, strict=True)
    text = pa.dictionary(pa.int32(), pa.string()) if encoded else pa.string()
    texts = {
        "id": [f"{zone}/{product}" for zone, product in zip(zones, products, strict=True)],
        "zone_id": zones,
        "product": products,
    }
    arrays = [pa.array(list(texts[name]), text) for name in TEXTS]
    arrays += [pa.array(times, pa.timestamp("us")), pa.array(prices, pa.float64())]
    return written([pa.record_batch(arrays, names=[*TEXTS, "at", "price"])])


def sweep(store: Store, *pages: bytes, account: str = ACCOUNT, minute: int = 0) -> None:
    number = store.begin_sweep(account, REGION, PRICE.name, at(minute))
    for each in pages:
        store.ingest(number, each)
    store.finish_sweep(number, Coverage(account, REGION, PRICE.name, CoverageState.OK, rows=1), at(minute))


def kept(store: Store) -> list[tuple[Any, ...]]:
    found = store.points("lab_price")
    return [tuple(row[name] for name in ("market", "product", "at", "price")) for row in found.to_pylist()]


def test_a_point_is_kept_once_whoever_brings_it_and_however_often(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    first = page(("z", "p", at(1), 1.0), ("z", "p", at(2), 2.0), ("y", "p", at(1), 3.0), ("z", "p", at(1), 1.0))
    sweep(store, first, page(("z", "p", at(2), 2.0), ("z", "p", at(3), 4.0)), minute=5)
    expected = [
        (f"{REGION}/y/p", "p", at(1), 3.0),
        *((f"{REGION}/z/p", "p", at(n), v) for n, v in ((1, 1.0), (2, 2.0), (3, 4.0))),
    ]
    assert kept(store) == expected
    sweep(store, first, account="444455556666", minute=6)
    store.close()
    again = open_store(tmp_path)
    sweep(again, page(("z", "p", at(3), 9.0), encoded=False), minute=7)
    assert kept(again) == expected


def test_a_point_without_a_time_is_none(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, page(("z", "p", None, 1.0), ("z", "p", at(1), 2.0)), page(("y", None, None, 1.0)))
    assert kept(store) == [(f"{REGION}/z/p", "p", at(1), 2.0)]


POINT = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", None]), st.integers(0, 5), st.floats(0, 9, width=16)
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(POINT, min_size=1, max_size=6), min_size=1, max_size=4), st.booleans())
def test_what_is_kept_are_the_first_of_each_markets_points_at_each_time(pages: list[Any], encoded: bool) -> None:
    expected: dict[tuple[str, datetime], tuple[Any, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        for minute, some in enumerate(pages):
            for zone, product, when, price in some:
                market = f"{REGION}/{zone}/{product}"
                expected.setdefault((market, at(when)), (market, product, at(when), price))
            sweep(store, page(*((z, p, at(n), v) for z, p, n, v in some), encoded=encoded), minute=10 + minute)
        assert kept(store) == [expected[key] for key in sorted(expected)]
        store.close()


@given(st.lists(st.integers(0, 40), min_size=1), st.sampled_from([41, 10**9]))
def test_codes_are_told_apart_by_where_they_come_first(codes: list[int], size: int) -> None:
    firsts, places = different(np.array(codes), size)
    assert [codes[first] for first in firsts] == sorted(set(codes))
    assert all(codes.index(codes[first]) == first for first in firsts)
    assert [codes[firsts[place]] for place in places] == codes


def test_a_store_that_kept_every_point_with_its_texts_is_taken_apart_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, page(("z", "p", at(1), 1.0), ("y", "p", at(1), 3.0), ("z", "p", at(2), 2.0)))
    before, file = kept(store), store.path
    store.close()
    with duckdb.connect(str(file)) as old:
        old.execute(f"CREATE TABLE own.whole AS FROM {VIEW}")
        old.execute(f"DROP VIEW {VIEW}")
        old.execute(f"CREATE TABLE {VIEW} AS FROM own.whole")
        for name in ("whole", "points_lab_price", "owners_lab_price"):
            old.execute(f"DROP TABLE own.{name}")
    for _ in range(2):
        again = open_store(tmp_path)
        assert kept(again) == before
        again.close()
    after = open_store(tmp_path)
    sweep(after, page(("z", "p", at(2), 2.0), ("z", "p", at(3), 5.0)), minute=9)
    assert kept(after) == [*before, (f"{REGION}/z/p", "p", at(3), 5.0)]
    assert json.loads(after.sql(f"SELECT count(*) FROM {VIEW}"))["rows"] == [[4]]
