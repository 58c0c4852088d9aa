"""Whatever the sequence of sweeps, every instant reads as a plain model says it should."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_world import BOX, PRICE, SCOPE, at, covered, open_store, page, table

from backends.model import CoverageState
from backends.store import Store

ACCOUNTS = ("111122223333",)
COLUMNS = ("name", "size", "price", "open", "groups", "tags")

values = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=6),
        "size": st.integers(-3, 3),
        "price": st.sampled_from([0.0, 1.5, -2.0, float("nan")]),
        "open": st.booleans(),
        "groups": st.lists(st.sampled_from(["a", "b", ""]), max_size=2),
        "tags": st.dictionaries(st.sampled_from(["k", 'q"', "a/b"]), st.text(max_size=3), max_size=2),
        "hits": st.integers(0, 2),
    },
)
element = st.tuples(st.sampled_from(["b1", "b2", "b3", "b4/x"]), values).map(lambda pair: {"id": pair[0], **pair[1]})
Page = list[dict[str, Any]]


def sweeps(pages: st.SearchStrategy[Page]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "pages": st.lists(pages, max_size=3),
            "state": st.sampled_from(["ok", "ok", "ok", "empty", "denied", "throttled", "error"]),
            "superseded": st.booleans(),
            "repeat": st.booleans(),
        }
    )


new_page = st.lists(element, max_size=5)
# Most of what is polled is what it was: later sweeps bring pages that earlier ones brought.
histories = st.lists(new_page, min_size=1, max_size=3).flatmap(
    lambda known: st.lists(sweeps(st.one_of(st.sampled_from(known), new_page)), min_size=1, max_size=6)
)
Facts = dict[str, dict[str, Any]]


class Model:
    """The store as a dictionary: what is there after each sweep began."""

    def __init__(self) -> None:
        self.present: Facts = {}
        self.moments: list[tuple[float, Facts]] = []

    def sweep(self, minutes: float, pages: list[Page], closes: bool) -> None:
        seen = set()
        for elements in pages:
            for e in elements:
                seen.add(e["id"])
                self.present = self.present | {e["id"]: expected(e)}
        if closes:
            self.present = {key: facts for key, facts in self.present.items() if key in seen}
        self.moments.append((minutes, self.present))

    def at(self, minutes: float) -> Facts:
        held: Facts = {}
        for moment, facts in self.moments:
            if moment <= minutes:
                held = facts
        return held


def expected(e: dict[str, Any]) -> dict[str, Any]:
    facts = {name: e.get(name) for name in COLUMNS}
    if facts["price"] != facts["price"]:
        facts["price"] = None
    return facts


def read(store: Store, **wanted: Any) -> Facts:
    return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in table(store, BOX, "id", *COLUMNS, **wanted)}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(Path(directory))
        yield store
        store.close()


regions = iter(range(10**9))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=histories)
def test_every_instant_reads_as_the_model_says(store: Store, history: list[dict[str, Any]]) -> None:
    region = f"region-{next(regions)}"
    scope = SCOPE.of([(ACCOUNTS[0], region)])
    model = Model()
    for number, step in enumerate(history):
        minutes = number * 10.0
        sweep = store.begin_sweep(ACCOUNTS[0], region, BOX.name, at(minutes))
        for elements in step["pages"]:
            for _ in range(2 if step["repeat"] else 1):
                store.ingest(sweep, page(BOX, elements))
            if step["superseded"]:
                break
        pages = step["pages"][:1] if step["superseded"] else step["pages"]
        if step["superseded"]:
            later = store.begin_sweep(ACCOUNTS[0], region, BOX.name, at(minutes + 1))
            assert store.ingest(sweep, page(BOX, [{"id": "late", "name": "ignored"}])).superseded
            assert store.finish_sweep(sweep, covered(BOX, region=region), at(minutes + 2)).superseded
            store.finish_sweep(later, covered(BOX, "denied", region=region), at(minutes + 2))
        else:
            store.finish_sweep(sweep, covered(BOX, step["state"], region=region), at(minutes + 1))
        closes = CoverageState(step["state"]).good and not step["superseded"]
        model.sweep(minutes, pages, closes)
        assert read(store, scope=scope) == model.present
    for number in range(len(history)):
        for offset in (-0.01, 0.0, 9.0):
            minutes = number * 10.0 + offset
            assert read(store, scope=scope, at=at(minutes)) == model.at(minutes), minutes


points = st.lists(st.tuples(st.sampled_from(["z1/p", "z2/p"]), st.integers(0, 8), st.integers(1, 5)), max_size=8)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=st.lists(points, min_size=1, max_size=5))
def test_a_series_keeps_each_point_once_and_the_row_is_the_newest(
    store: Store, history: list[list[tuple[str, int, int]]]
) -> None:
    region = f"region-{next(regions)}"
    scope = SCOPE.of([(ACCOUNTS[0], region)])
    kept: dict[tuple[str, int], int] = {}
    for number, elements in enumerate(history):
        # AWS tells one price per market and instant, whenever it is asked.
        told = {(key, when): kept.get((key, when), value) for key, when, value in elements}
        kept |= told
        sweep = store.begin_sweep(ACCOUNTS[0], region, PRICE.name, at(number * 10))
        rows = [
            {"id": key, "zone_id": key[:2], "product": "p", "at": at(when), "price": float(value)}
            for (key, when), value in told.items()
        ]
        store.ingest(sweep, page(PRICE, rows))
        store.ingest(sweep, page(PRICE, rows[:2]))
        store.finish_sweep(sweep, covered(PRICE, region=region), at(number * 10 + 1))
    found = store.points("lab_price", regions=[region])
    markets = [
        (m.removeprefix(region + "/"), t)
        for m, t in zip(found["market"].to_pylist(), found["at"].to_pylist(), strict=True)
    ]
    assert dict(zip(markets, found["price"].to_pylist(), strict=True)) == {
        (key, at(when)): float(value) for (key, when), value in kept.items()
    }
    assert len(markets) == len(kept)
    newest: dict[str, int] = {}
    for key, when in kept:
        newest[key] = max(when, newest.get(key, -1))
    assert dict(table(store, PRICE, "id", "price", scope=scope)) == {k: float(kept[k, w]) for k, w in newest.items()}
