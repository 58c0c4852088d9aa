"""What the writer compares with is what stands in the table, whichever way it is read and wherever it has moved."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import ACCOUNT, BOX, KINDS, REGION, T0, at, covered, in_blocks, open_store, sweep, table
from test_store_cards import BOXES

from backends.model import Column
from backends.store import Store, versions
from backends.store.known import Present
from backends.store.versions import at_rows

MORE = dataclasses.replace(
    BOX, columns=(*BOX.columns, Column("colour", "Colour"), Column("weight", "Weight", "number"))
)
MICROS = st.datetimes(min_value=T0 - timedelta(days=90_000), max_value=T0)
"""Times of which a card tells less than the column does."""


def read_both(store: Store, chosen: list[int]) -> tuple[Any, Any]:
    """Some versions as their cards and as their columns have them, in one order."""
    connection, kept = store._connection, store._shared.tables[BOX.name]
    rows = connection.execute(f"SELECT rowid FROM {kept.now} ORDER BY rowid").fetchnumpy()["rowid"]
    wanted = rows[[place for place in chosen if place < len(rows)]]
    by_cards = at_rows(connection, kept, wanted)
    by_columns = versions._columns(connection, kept, wanted, "*")
    names = sorted(by_columns.column_names)
    return by_cards.select(names).sort_by("_row"), by_columns.select(names).sort_by("_row")


@given(st.lists(BOXES, min_size=1, max_size=8), st.sets(st.integers(0, 7), max_size=5), st.booleans(), MICROS)
@settings(max_examples=60, deadline=None)
def test_a_version_read_from_its_card_is_the_one_in_the_columns(
    boxes: list[dict[str, Any]], chosen: set[int], later: bool, made: Any
) -> None:
    elements = [{"id": f"b{number}", "made": made} | box for number, box in enumerate(boxes)]
    with TemporaryDirectory() as directory:
        store = open_store(Path(directory))
        sweep(store, BOX, 0, elements)
        if later:
            # Some cards are of a declaration that lacks two columns, and some of the new one.
            store.close()
            store = open_store(Path(directory), [MORE, *(kind for kind in KINDS if kind is not BOX)])
            sweep(
                store, MORE, 1, [{"colour": "red", "weight": 0.1} | element for element in elements[::2]], state="error"
            )
        by_cards, by_columns = read_both(store, sorted(chosen))
        assert by_cards.equals(by_columns.cast(by_cards.schema))
        store.close()


def test_few_rows_are_read_from_cards_and_many_from_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": f"b{number}", "size": number} for number in range(100)])
    kept, told = store._shared.tables[BOX.name], []
    read = versions.cards.read
    monkeypatch.setattr(versions.cards, "read", lambda *some: told.append(len(some[2])) or read(*some))
    for many in (3, 90):
        found = at_rows(store._connection, kept, np.arange(many))
        assert sorted(found.column("size").to_pylist()) == list(range(many))
    assert told == [3]
    store.close()


def test_versions_that_have_moved_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, looked = open_store(tmp_path), []
    look = Present.look
    monkeypatch.setattr(Present, "look", lambda *some: looked.append(None) or look(*some))
    sizes = {f"b{number}": 1 for number in range(40)}

    def take(minute: float, *changed: str) -> int:
        """Takes in a sweep in which those have changed; how often it looked for rows."""
        before = len(looked)
        sizes.update({name: sizes.get(name, 0) + 1 for name in changed})
        number = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(minute))
        store.ingest(number, in_blocks(sizes))
        store.finish_sweep(number, covered(BOX), at(minute + 0.1))
        return len(looked) - before

    assert [take(0), take(1, "b1", "b2"), take(2, "b2", "new"), take(3, "new", "b1")] == [0] * 4, "DuckDB appends"
    now = store._shared.tables[BOX.name].now
    store._connection.execute(f"CREATE TEMP TABLE moved AS SELECT * FROM {now}")
    store._connection.execute(f"DELETE FROM {now}")
    store._connection.execute(f"INSERT INTO {now} FROM moved ORDER BY hash(id)")
    assert [take(4, "b3", "b4"), take(5, "b4", "b5")] == [1, 0]
    assert dict(table(store, BOX, "id", "size")) == sizes
    assert dict(table(store, BOX, "id", "size", at=at(2.5))) == sizes | {
        "b1": 2, "b2": 3, "b3": 1, "b4": 1, "b5": 1, "new": 1
    }  # fmt: skip
    store.close()
