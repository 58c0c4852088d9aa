"""Windows are read from cards: whatever a version holds, they tell what its columns do, at every instant."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_world import (
    ACCOUNT,
    BOX,
    GROUP,
    KINDS,
    REGION,
    SCOPE,
    T0,
    WINDOWED,
    answer,
    at,
    open_store,
    page,
    sweep,
    table,
)

from backends.model import Column, Health, Kind, Rule
from backends.store import Retention, Store

TEXT = st.text(max_size=20) | st.sampled_from(["a\tb", "line\nline", "\x00", '"\\', "null", "[]", "東京", "\x85\u2028"])
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT, lambda inner: st.lists(inner, max_size=3)
)
BOXES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT,
        "size": st.integers(-(2**63), 2**63 - 1),
        "price": st.floats(allow_nan=True, allow_infinity=True),
        "open": st.booleans(),
        "made": st.datetimes(min_value=T0 - timedelta(days=90_000), max_value=T0).map(
            lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        ),
        "groups": st.lists(TEXT, max_size=3),
        "tags": st.dictionaries(TEXT, JSONS, max_size=3) | st.sampled_from(['{ "a" :\n\t1 }', "no json"]),
        "hits": st.integers(0, 9),
    },
)


def by_columns(store: Store, kind: Kind, minutes: float | None = None) -> list[list[Any]]:
    """The same rows as a window gives, read column by column."""
    store._shared.cache._views.clear()
    found = store.table(kind.name, SCOPE, at(minutes) if minutes is not None else None).to_pylist()
    rows = []
    for row in found:
        cells = {name: _plain(value) for name, value in row.items()}
        for column in kind.columns:
            if column.type == "tags":
                cells[column.name] = json.loads(row[column.name]) if row[column.name] is not None else None
        cells["flags"] = json.loads(row["flags"] or "[]")
        rows.append(list(cells.values()))
    return rows


def _plain(value: Any) -> Any:
    if not hasattr(value, "isoformat"):
        return value
    return value.isoformat(timespec="milliseconds").replace(".000", "") + "Z"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    first=st.lists(BOXES, min_size=1, max_size=6), second=st.lists(BOXES, max_size=6), ids=st.lists(TEXT, min_size=6)
)
def test_a_window_tells_what_the_columns_tell(
    tmp_path_factory: pytest.TempPathFactory, first: list[Any], second: list[Any], ids: list[str]
) -> None:
    names = [f"{number}{text}" for number, text in enumerate(ids)]
    store = open_store(tmp_path_factory.mktemp("cards"))
    for minute, boxes in enumerate((first, second)):
        sweep(store, BOX, minute, [{"id": id_, **box} for id_, box in zip(names, boxes, strict=False)])
    for instant in (None, 0.5, 1.5):
        wanted = {} if instant is None else {"at": at(instant)}
        window = answer(store, BOX, sort=(("id", False),), **wanted)["rows"]
        assert sorted(window, key=str) == sorted(by_columns(store, BOX, instant), key=str)
    store.close()


def test_health_may_depend_on_whose_a_row_is_and_when_it_was_seen(tmp_path: Path) -> None:
    rules = (
        f"id=b1 account={ACCOUNT}",
        "id=b2 region=eu-west-1",
        "id=b3 first_seen<2026-11-21",
        "seen>2026-11-20T12:02Z",
    )
    kind = dataclasses.replace(BOX, health=tuple(Rule(Health.WARN, rule, rule) for rule in rules))
    store = open_store(tmp_path, (kind,))
    for minute in (0, 2):
        sweep(store, kind, minute, [{"id": f"b{n}", "name": f"{n}", "size": minute} for n in range(1, 6)])
    # A sweep that was cut short saw one row later than the newest good one saw all of them.
    sweep(store, kind, 4, [{"id": "b4", "name": "4", "size": 2}], state="throttled")
    assert table(store, kind, "health_why") == [*rules, ""]
    for minutes in (None, 0.5, 4.5):
        wanted = {} if minutes is None else {"at": at(minutes)}
        assert answer(store, kind, **wanted)["rows"] == by_columns(store, kind, minutes)
    store.close()


def test_a_row_tells_of_a_later_sweep_that_saw_it_however_that_goes_on(tmp_path: Path) -> None:
    boxes = [{"id": f"b{n}", "name": f"{n}", "size": 1} for n in (1, 2)]
    store = open_store(tmp_path)

    def seen() -> list[str]:
        assert answer(store, BOX)["rows"] == by_columns(store, BOX)
        return [told[11:16] for told in table(store, BOX, "seen")]

    sweep(store, BOX, 0, boxes)
    sweep(store, BOX, 2, boxes)
    assert seen() == ["12:02", "12:02"]
    store.ingest(store.begin_sweep(ACCOUNT, REGION, BOX.name, at(4)), page(BOX, [boxes[0] | {"size": 2}]))
    assert seen() == ["12:04", "12:02"]
    store.close()
    store = open_store(tmp_path)
    assert seen() == ["12:04", "12:02"], "the process died, and nobody finished the sweep"
    sweep(store, BOX, 6, boxes)
    assert seen() == ["12:06", "12:06"]
    store.close()


def test_what_is_brought_up_to_date_in_place_is_on_a_new_card_that_began_when_the_version_did(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "b1", "name": "one", "hits": 1}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "one", "hits": 2}])
    assert table(store, BOX, "hits", "first_seen") == [[2, "2026-11-20T12:00:00Z"]]
    assert table(store, BOX, "hits", "seen", at=at(0.5)) == [[2, "2026-11-20T12:00:00Z"]]
    store.close()


def test_a_column_declared_later_is_empty_where_it_was_not_recorded(tmp_path: Path) -> None:
    before = dataclasses.replace(GROUP, columns=(Column("name", "Name"), Column("rank", "Rank")))
    after = dataclasses.replace(
        GROUP, columns=(Column("colour", "Colour"), Column("rank", "Rank", "integer"), Column("name", "Name"))
    )
    store = open_store(tmp_path, (before,))
    sweep(store, before, 0, [{"id": "g1", "name": "one", "rank": "7"}])
    store.close()
    store = open_store(tmp_path, (after,))
    assert table(store, after, "name", "colour", "rank") == [["one", None, None]]
    sweep(store, after, 10, [{"id": "g1", "name": "one", "colour": "red", "rank": 7}])
    assert table(store, after, "name", "colour", "rank") == [["one", "red", 7]]
    assert table(store, after, "name", "colour", "rank", at=at(5)) == [["one", None, None]]
    assert answer(store, after, at=at(5))["rows"] == by_columns(store, after, 5)
    store.close()


def test_versions_kept_before_there_were_cards_get_theirs(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for minute, size in enumerate((1, 2)):
        sweep(store, BOX, minute, [{"id": f"b{n}", "name": f"box {n}", "size": size} for n in range(60)])
    told = {minute: answer(store, BOX, at=at(minute + 0.5), limit=100)["rows"] for minute in (0, 1)}
    store._connection.execute("UPDATE kept.lab_box SET _card = NULL")
    store._connection.execute('UPDATE kept."lab_box~past" SET _card = NULL')
    store._connection.execute("DELETE FROM own.card_block; INSERT INTO own.meta VALUES ('lacks_cards', 'yes')")
    store.close()
    store = open_store(tmp_path)
    assert {minute: answer(store, BOX, at=at(minute + 0.5), limit=100)["rows"] for minute in (0, 1)} == told
    store.close()


def test_cards_go_with_the_last_version_of_their_block(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for minute, size in enumerate((1, 2, 3)):
        sweep(store, BOX, minute, [{"id": "b1", "size": size}])
    blocks = "SELECT count(*) FROM own.card_block"
    assert store._connection.execute(blocks).fetchall() == [(3,)]
    store.prune(at(1.5) + timedelta(days=30), Retention(history_days=30))
    assert store._connection.execute(blocks).fetchall() == [(2,)]
    assert table(store, BOX, "size") == [3]
    store.close()


def test_kinds_that_close_nothing_say_when_each_row_was_last_seen(tmp_path: Path) -> None:
    store = open_store(tmp_path, KINDS)
    sweep(store, WINDOWED, 0, [{"id": "1/a", "day": "1", "service": "a", "amount": 1.0}])
    sweep(store, WINDOWED, 5, [{"id": "2/a", "day": "2", "service": "a", "amount": 2.0}])
    rows = table(store, WINDOWED, "id", "seen", "account")
    assert rows == [["1/a", "2026-11-20T12:00:00Z", ACCOUNT], ["2/a", "2026-11-20T12:05:00Z", ACCOUNT]]
    assert table(store, WINDOWED, "id", "seen", at=at(2)) == [["1/a", "2026-11-20T12:00:00Z"]]
    store.close()
