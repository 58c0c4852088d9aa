"""The top of a view is the top of its whole order, whatever its rows hold and however it is found."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from store_world import BOX, answer, at, open_store, sweep, table

from backends.store import Store, views

TOP = 4
MICROSECONDS = [-(10**17), -1, 0, 1, 1_795_000_000_123_456, 568_971_820_800_000_000]
"""Times since 1970, among them some that Python's datetimes cannot tell."""
BOXES = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(-1, 1) | st.integers(-(2**63), 2**63 - 1),
        "price": st.sampled_from([-0.0, 0.0, 0.1 + 0.2, 5e-324]) | st.floats(),
        "made": st.sampled_from(MICROSECONDS),
    },
)
SORTS = [((name, down),) for name in ("size", "price", "made", "seen") for down in (False, True)]


def large(rows: int = 1) -> Any:
    """While it lasts, tables of so many rows are very large ones, and the top of a view is four rows."""
    return patch.multiple(views, _LARGE=1, _VERY_LARGE=rows, _HEAD=TOP)


@given(st.lists(BOXES, min_size=3, max_size=10), st.lists(BOXES, max_size=10))
@settings(max_examples=8, deadline=None)
@example([{"size": 1}] * 3 + [{}] * 3, [{"size": size} for size in (0, 1, 1, 1, 2)])
def test_the_top_of_a_very_large_view_is_that_of_its_whole_order(first: list[Any], second: list[Any]) -> None:
    with TemporaryDirectory() as directory, large():
        store = open_store(Path(directory))
        for minute, boxes in enumerate((first, second)):
            sweep(store, BOX, minute, [{"id": f"b{number}"} | box for number, box in enumerate(boxes)], state="error")
        for sort in SORTS:
            for instant in (None, at(0.5)):
                whole = answer(store, BOX, sort=sort, at=instant, limit=TOP + 10)
                store._shared.cache._views.clear()
                top = answer(store, BOX, sort=sort, at=instant, limit=TOP)
                assert (top["rows"], top["total"]) == (whole["rows"][:TOP], whole["total"]), (sort, instant)
        store.close()


@pytest.mark.parametrize(
    ("rows", "wanted", "sort", "cut"),
    [
        (1, "", "made", True),
        (1, "", "name", False),
        (1, "size>0", "made", False),
        (1_000, "", "made", False),
    ],
)
def test_how_far_down_the_top_goes_is_asked_where_that_spares_reading_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, wanted: str, sort: str, cut: bool
) -> None:
    store: Store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": f"b{number}", "size": 1, "made": MICROSECONDS[number]} for number in range(6)])
    asked, ordered = [], views._ordered
    monkeypatch.setattr(
        views, "_ordered", lambda cursor, sql, values: asked.append(sql) or ordered(cursor, sql, values)
    )
    with large(rows):
        assert table(store, BOX, "id", sort=((sort, False),), filter=wanted, limit=2) == ["b0", "b1"]
    assert ["$reached" in sql for sql in asked] == [cut]
    store.close()
