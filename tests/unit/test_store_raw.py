"""Raw elements in blocks, and rows told apart by their hashes: what a collector's pages are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_world import ACCOUNT, BOX, REGION, at, covered, in_blocks, open_store, table

from backends.blocks import BadBlock, packed, unpacked
from backends.model import Ref
from backends.store import Retention, Store
from backends.store.hashes import Hashes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def sweep(store: Store, minutes: float, *arrows: bytes) -> Any:
    number = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(minutes))
    for arrow in arrows:
        store.ingest(number, arrow)
    return store.finish_sweep(number, covered(BOX), at(minutes + 0.1))


def raw(store: Store, id_: str, minutes: float | None = None) -> Any:
    text = store.raw(Ref(BOX.name, ACCOUNT, REGION, id_), None if minutes is None else at(minutes))
    return None if text is None else json.loads(text)["Size"]


def blocks(store: Store) -> int:
    return int(store._connection.execute("SELECT count(*) FROM own.raw_block").fetchall()[0][0])


def test_a_changed_element_leaves_its_block_and_its_neighbours_stay(store: Store) -> None:
    first = {f"b{n}": n for n in range(7)}
    sweep(store, 0, in_blocks(first))
    assert blocks(store) == 3
    done = sweep(store, 1, in_blocks(first | {"b4": 40}))
    assert (done.added, done.changed, done.removed) == (0, 1, 0)
    assert [raw(store, id_) for id_ in first] == [0, 1, 2, 3, 40, 5, 6]
    assert raw(store, "b4", 0.5) == 4
    assert blocks(store) == 4


def test_new_rows_among_known_ones_are_kept_without_their_neighbours(store: Store) -> None:
    sweep(store, 0, in_blocks({"b0": 0, "b2": 2}))
    sweep(store, 1, in_blocks({"b0": 0, "b1": 1, "b2": 2, "b3": 3}))
    assert [raw(store, f"b{n}") for n in range(4)] == [0, 1, 2, 3]


def test_a_sweep_that_saw_the_same_changes_no_version(store: Store) -> None:
    sweep(store, 0, in_blocks({"b1": 1, "b2": 2}))
    version = store.version(BOX.name)
    # The same rows in other pages: told by their hashes, not by the bytes of the page.
    done = sweep(store, 1, in_blocks({"b2": 2}), in_blocks({"b1": 1}))
    assert (done.added, done.changed, done.removed, done.version) == (0, 0, 0, version)


def test_large_pages_that_follow_one_another_are_applied_by_the_end_at_the_latest(store: Store) -> None:
    before = {f"b{n:04d}": n for n in range(1200)}
    sweep(store, 0, in_blocks(before, 25))
    after = before | {"b0003": 9003, "b0700": 9700}
    del after["b1199"]
    halves = list(after.items())
    done = sweep(store, 1, in_blocks(dict(halves[:600]), 25), in_blocks(dict(halves[600:]), 25))
    assert (done.added, done.changed, done.removed) == (0, 2, 1)
    assert dict(table(store, BOX, "id", "size", limit=2000)) == after
    assert (raw(store, "b0700"), raw(store, "b0700", 0.5), raw(store, "b0701")) == (9700, 700, 701)


def test_blocks_that_no_version_needs_are_pruned(store: Store) -> None:
    sweep(store, 0, in_blocks({"b1": 1}))
    sweep(store, 1, in_blocks({"b1": 2}))
    assert blocks(store) == 2
    store.prune(at(1) + timedelta(days=40), Retention(history_days=30, series_days=30))
    assert blocks(store) == 1
    assert raw(store, "b1") == 2


def test_what_is_no_block_is_refused() -> None:
    assert unpacked(packed(b"")) == b""
    for bad in (b"", b"abc", packed(b"x" * 50)[:-3], b"\xff" * 30):
        with pytest.raises(BadBlock):
            unpacked(bad)


@given(st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=12))
def test_hashes_are_a_set(parts: list[list[int]]) -> None:
    hashes, known = Hashes(), set[int]()
    everything = np.arange(61, dtype=np.uint64)
    for part in parts:
        hashes.add(np.array(part, dtype=np.uint64))
        known |= set(part)
        assert set(everything[hashes.has(everything)].tolist()) == known
