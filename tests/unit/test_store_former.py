"""A change is told from the card of the version that it made, as it would be from both versions."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import BOX, SCOPE, T0, at, open_store, sweep
from test_store_cards import BOXES

from backends.store import Retention, Store, cards, changes

DAY = 24 * 60.0
WILD = st.datetimes(min_value=T0 - timedelta(days=90_000), max_value=T0)


def told(store: Store) -> Any:
    return json.loads(store.changes(at(-1), at(20 * DAY), [BOX.name], SCOPE))["changes"]


def from_both(store: Store) -> Any:
    """The same changes, told from both versions."""
    with pytest.MonkeyPatch.context() as both:
        both.setattr(changes, "_former", lambda *_: None)
        return told(store)


@given(st.lists(st.tuples(st.lists(BOXES, min_size=1, max_size=4), WILD), min_size=2, max_size=5), st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_card_of_a_version_tells_what_the_one_before_was(
    sweeps: list[tuple[list[dict[str, Any]], Any]], thin: bool
) -> None:
    with TemporaryDirectory() as directory:
        store = open_store(Path(directory))
        for number, (boxes, made) in enumerate(sweeps):
            elements = [{"id": f"b{box}", "made": made} | cells for box, cells in enumerate(boxes)]
            sweep(store, BOX, number * DAY / 3, elements)
        if thin:
            store.prune(at(10 * DAY), Retention(history_days=90, compact_after_days=1))
        assert told(store) == from_both(store)
        store.close()


def test_the_versions_before_are_not_read_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, numbers = open_store(tmp_path), []
    for minute, names in enumerate((["one", "two"], ["uno", "two"], ["uno", "due"])):
        sweep(store, BOX, minute, [{"id": f"b{box}", "name": name} for box, name in enumerate(names)])
    read = cards._lines_of
    monkeypatch.setattr(cards, "_lines_of", lambda cursor, some: numbers.extend(some.tolist()) or read(cursor, some))
    both = [{"before": "one", "after": "uno"}, {"before": "two", "after": "due"}]
    assert [change["fields"] for change in reversed(told(store))] == [[{"field": "name"} | values] for values in both]
    assert len(numbers) == 2
    store.close()


def test_days_that_were_thinned_are_told_from_what_was_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for hour, size in ((0, 1), (24, 2), (26, 3), (28, 4)):
        sweep(store, BOX, hour * 60, [{"id": "b1", "size": size}])
    store.prune(at(10 * DAY), Retention(history_days=90, compact_after_days=1))
    [change] = told(store)
    assert change["fields"] == [{"field": "size", "before": 1, "after": 4}]
    store.close()
