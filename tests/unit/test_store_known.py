"""What the writer keeps in mind from sweep to sweep is what a look at the store would tell it."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from store_world import ACCOUNT, BOX, REGION, at, covered, in_blocks, open_store, table

from backends.store import Finished, Store
from backends.store.bits import among
from backends.store.known import Present

NUMBERS = duckdb.connect()
Facts = dict[int, int]
"""Id → the number that its print is made of, 0 where a page does not tell one."""
facts = st.dictionaries(st.integers(1, 12), st.sampled_from([0, 1, 2]), max_size=12)


def print_of(facts: Facts, id_: int) -> int:
    return facts[id_] and 100 * id_ + facts[id_]


def array(values: list[int]) -> Any:
    return np.array(values, dtype=np.uint64)


def nothing() -> Present:
    none = array([])
    return Present(none, none, none.astype(np.int64), none.astype(np.int32))


def swept(present: Present, facts: Facts, ids: list[int], page: int, *, closed: bool) -> tuple[set[int], Present]:
    """A sweep that brings those ids in that order: which of them it had to look at, and what is known after it."""
    looked: set[int] = set()
    for start in range(0, len(ids), page):
        some, prints = (
            ids[start : start + page],
            array([print_of(facts, id_) for id_ in ids[start : start + page]]),
        )
        places = present.along(prints)
        rest = np.flatnonzero(places < 0)
        found = present.find(array(some)[rest])
        new, other = present.sort(SimpleNamespace(ids=array(some)[rest], prints=prints[rest]), found)  # type: ignore[arg-type]
        places[rest] = present.note(found, new, prints[rest])
        present.arrived(places)
        present.taken_in(array(some)[rest][other], prints[rest][other])
        looked |= {some[place] for place in rest[new | other].tolist()}
    return looked, present.again(closed=closed)


@given(st.lists(st.tuples(facts, st.randoms(use_true_random=False)), max_size=5), st.integers(1, 5), st.booleans())
def test_only_rows_that_are_not_what_they_were_are_looked_at(
    sweeps: list[tuple[Facts, random.Random]], page: int, closed: bool
) -> None:
    present, model = nothing(), Facts()
    for facts, chance in sweeps:
        ids = sorted(facts)
        if chance.random() < 0.3:
            chance.shuffle(ids)
        looked, present = swept(present, facts, ids, page, closed=closed)
        same = {id_ for id_, number in facts.items() if number and model.get(id_) == number}
        assert looked == set(facts) - same
        assert not present.repeated
        model = dict(facts) if closed else model | facts
        assert sorted(present.missed().tolist()) == sorted(model), "nothing of the next sweep has come yet"


def test_rows_in_the_order_of_the_sweep_before_need_not_be_looked_up() -> None:
    ids = [hash_ * 7919 % 100_003 for hash_ in range(1, 9_000)]
    _, present = swept(nothing(), dict.fromkeys(ids, 1), ids, 4_000, closed=True)
    fewer = ids[:50] + ids[60:5_000] + [200_001, 200_002] + ids[5_000:]
    prints = array([100 * id_ + 1 for id_ in fewer])
    places = present.along(prints)
    assert places[fewer.index(200_001)] == -1
    # A row that came or went costs the rest of the rows that were compared with it, no more.
    assert int((places < 0).sum()) < 1_500
    again = present.along(prints)
    assert not set(again[again >= 0].tolist()) & set(places.tolist()), "what has come does not come again"


@given(st.lists(st.integers(0, 5_000), max_size=40, unique=True), st.booleans())
def test_rows_are_found_by_their_places_however_these_are_told(places: list[int], far: bool) -> None:
    chosen = np.array([*places, *([1 << 23] if far else [])], dtype=np.int64)
    told = among("rowid", chosen) or "rowid IN (SELECT _row FROM rowids)"
    found = NUMBERS.execute(
        f"WITH rowids AS (SELECT unnest($places::BIGINT[]) AS _row), n AS (SELECT range AS rowid FROM range(5_001))"
        f" SELECT rowid FROM n WHERE {told} AND len($places) >= 0 ORDER BY rowid",
        {"places": chosen.tolist()},
    ).fetchall()
    assert [row for (row,) in found] == sorted(places)


def take(store: Store, minutes: float, sizes: dict[str, int], page: int = 4) -> Finished:
    number = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(minutes))
    names = list(sizes)
    for start in range(0, len(names), page):
        store.ingest(number, in_blocks({name: sizes[name] for name in names[start : start + page]}))
    return store.finish_sweep(number, covered(BOX), at(minutes + 0.1))


def test_boxes_that_move_change_go_and_come_back_are_what_they_were_at_every_instant(tmp_path: Path) -> None:
    store, chance = open_store(tmp_path), random.Random(5)
    sizes = {f"b{number:02}": 1 for number in range(12)}
    seen: list[dict[str, int]] = []
    for minute in range(12):
        names = list(sizes)
        for name in chance.sample(names, 2):
            sizes[name] += 1
        if minute % 3 == 1:
            sizes.pop(chance.choice(names))
        if minute % 3 == 2:
            sizes = {f"n{minute}": 1} | sizes
        if minute == 6:
            sizes = dict(sorted(sizes.items(), reverse=True))
        if minute == 8:
            store.checkpoint()
        done = take(store, minute, sizes)
        before = seen[-1] if seen else {}
        changed = sum(before[name] != size for name, size in sizes.items() if name in before)
        assert (done.added, done.changed, done.removed) == (
            len(sizes.keys() - before.keys()),
            changed,
            len(before.keys() - sizes.keys()),
        )
        seen.append(dict(sizes))
    for minute, boxes in enumerate(seen):
        assert dict(table(store, BOX, "id", "size", at=at(minute + 0.5))) == boxes, minute
    store.close()
