"""Sweeps: what is seen at once, what is closed and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_world import (
    ACCOUNT,
    BOX,
    GROUP,
    REGION,
    SCOPE,
    WINDOWED,
    answer,
    at,
    covered,
    open_store,
    page,
    sweep,
    table,
)

from backends.model import Ref, Scope
from backends.store import Amiss, NotFound, Store, StoreError, SweepLost

REF = str(Ref(BOX.name, ACCOUNT, REGION, "b1"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path)
    yield store
    store.close()


def begin(store: Store, minutes: float) -> int:
    return store.begin_sweep(ACCOUNT, REGION, BOX.name, at(minutes))


def test_a_page_is_visible_at_once_and_marked_partial_until_the_sweep_ends_well(store: Store) -> None:
    number = begin(store, 0)
    assert answer(store, BOX)["partial"] is False
    store.ingest(number, page(BOX, [{"id": "b1"}]))
    found = answer(store, BOX)
    assert (found["total"], found["partial"], found["coverage"]["states"]) == (1, True, {"pending": 1})
    version = found["version"]
    done = store.finish_sweep(number, covered(BOX), at(1))
    found = answer(store, BOX)
    assert (found["total"], found["partial"], found["coverage"]["states"]) == (1, False, {"ok": 1})
    assert done.version == found["version"] > version


def test_rows_say_which_place_was_heard_of_longest_ago_and_when(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 1, [{"id": "b1"}], region="us-east-1")
    coverage = answer(store, BOX, scope=Scope.of([(ACCOUNT, REGION), (ACCOUNT, "us-east-1")]))["coverage"]
    assert (coverage["oldest_good"], coverage["oldest_place"]) == ("2026-11-20T12:00:06Z", f"{ACCOUNT}/{REGION}")
    assert coverage["newest_good"] == "2026-11-20T12:01:06Z"


def test_an_account_that_is_not_polled_is_told_so_of_the_present_and_not_of_the_past(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    withheld = {ACCOUNT: "not polled: AWS does not accept these credentials"}
    now = answer(store, BOX, amiss=Amiss(withheld))["coverage"]
    assert (now["states"], now["newest_good"]) == ({"error": 1}, "2026-11-20T12:00:06Z")
    assert now["problems"] == [f"{ACCOUNT}/{REGION}: {withheld[ACCOUNT]}"]
    assert answer(store, BOX, amiss=Amiss(withheld), at=at(1))["coverage"]["states"] == {"ok": 1}
    row = next(
        row for row in json.loads(store.coverage(SCOPE, None, Amiss(withheld)))["rows"] if row["kind"] == BOX.name
    )
    assert (row["state"], row["problem"]) == ("error", withheld[ACCOUNT])
    assert set(json.loads(store.home(SCOPE, amiss=Amiss(withheld)))["coverage"]["states"]) == {"error"}


def test_a_place_whose_sweep_was_not_kept_is_an_error_that_says_as_of_when_its_rows_are(store: Store) -> None:
    amiss = Amiss(places={(ACCOUNT, REGION, BOX.name): "not kept since noon: the disk is full."})
    never = answer(store, BOX, amiss=amiss)["coverage"]
    assert never["problems"] == [
        f"{ACCOUNT}/{REGION}: not kept since noon: the disk is full. No good poll of it was kept before."
    ]
    sweep(store, BOX, 0, [{"id": "b1"}])
    now = answer(store, BOX, amiss=amiss)
    assert (now["total"], now["coverage"]["states"]) == (1, {"error": 1})
    assert now["coverage"]["problems"][0].endswith("What is shown is as of the last good poll, 2026-11-20T12:00:06Z.")
    store.ingest(begin(store, 1), page(BOX, [{"id": "b2"}]))
    assert "in part newer than the last good poll" in answer(store, BOX, amiss=amiss)["coverage"]["problems"][0]
    assert answer(store, BOX, amiss=amiss, at=at(0.5))["coverage"]["states"] == {"ok": 1}
    assert answer(store, GROUP, amiss=amiss)["coverage"]["states"] == {"pending": 1}


@pytest.mark.parametrize("state", ["denied", "throttled", "error", "unsupported", "disabled"])
def test_a_sweep_that_did_not_see_everything_closes_nothing(store: Store, state: str) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}, {"id": "b2"}])
    assert sweep(store, BOX, 1, [{"id": "b1", "name": "new"}], state=state).removed == 0
    found = answer(store, BOX)
    assert found["total"] == 2
    assert found["partial"] is True, "a change of an unfinished sweep is in sight"
    assert found["coverage"]["states"] == {state: 1}
    assert found["coverage"]["newest_good"] == "2026-11-20T12:00:06Z"
    sweep(store, BOX, 2, [{"id": "b1", "name": "new"}])
    assert answer(store, BOX)["partial"] is False
    assert table(store, BOX, "id") == ["b1"]


def test_an_empty_answer_closes_everything_and_is_not_a_denied_one(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    assert sweep(store, BOX, 1, state="empty").removed == 1
    assert answer(store, BOX)["coverage"]["states"] == {"empty": 1}
    assert table(store, BOX, "id") == []


def test_a_deletion_is_an_interval(store: Store) -> None:
    for minutes in (0, 1, 2):
        sweep(store, BOX, minutes, [{"id": "b1", "name": "one"}])
    sweep(store, BOX, 5, state="empty")
    with pytest.raises(NotFound, match="last seen at 2026-11-20T12:02:00Z and first missed at 2026-11-20T12:05:00Z"):
        store.resource(REF)
    (version,) = store.history(REF)
    assert (version["last_seen"], version["to"], version["end"]) == (
        "2026-11-20T12:02:00Z",
        "2026-11-20T12:05:00Z",
        "removed",
    )
    assert table(store, BOX, "name", "seen", at=at(4)) == [["one", "2026-11-20T12:02:00Z"]]
    assert table(store, BOX, "name", at=at(5)) == []


def test_what_comes_back_is_new(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 1, state="empty")
    assert sweep(store, BOX, 2, [{"id": "b1"}]).added == 1
    assert table(store, BOX, "first_seen") == ["2026-11-20T12:02:00Z"]
    assert [v["end"] for v in store.history(REF)] == [None, "removed"]


def test_a_newer_sweep_takes_over_and_the_old_one_is_ignored(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}, {"id": "b2"}])
    old = begin(store, 1)
    store.ingest(old, page(BOX, [{"id": "b1", "name": "half"}]))
    new = begin(store, 2)
    assert store.ingest(old, page(BOX, [{"id": "b9"}])).superseded
    assert store.finish_sweep(old, covered(BOX), at(3)).superseded
    assert table(store, BOX, "id") == ["b1", "b2"]
    store.ingest(new, page(BOX, [{"id": "b2"}]))
    assert store.finish_sweep(new, covered(BOX), at(4)).removed == 1
    assert store.finish_sweep(new, covered(BOX), at(4)).superseded, "a sweep ends once"


def test_sweeps_of_other_accounts_and_regions_are_left_alone(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "there"}], region="us-east-1")
    sweep(store, BOX, 2, state="empty", account="444455556666")
    everywhere = Scope.of([(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), ("444455556666", REGION)])
    assert table(store, BOX, "region", "name", scope=everywhere) == [["us-east-1", "there"], [REGION, None]]
    assert table(store, BOX, "region") == [REGION]
    assert table(store, BOX, "region", scope=Scope.of([])) == []


def test_duplicates_inside_and_across_pages_are_one_and_the_last_counts(store: Store) -> None:
    number = begin(store, 0)
    taken = store.ingest(number, page(BOX, [{"id": "b1", "name": "a"}, {"id": "b2"}, {"id": "b1", "name": "b"}]))
    assert (taken.added, taken.changed, taken.unchanged) == (2, 0, 0)
    taken = store.ingest(number, page(BOX, [{"id": "b1", "name": "c"}, {"id": "b2"}]))
    assert (taken.added, taken.changed, taken.unchanged) == (0, 1, 1)
    store.finish_sweep(number, covered(BOX), at(1))
    assert table(store, BOX, "id", "name") == [["b1", "c"], ["b2", None]]
    assert len(store.history(REF)) == 1


def test_volatile_columns_are_kept_current_without_a_version(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "hits": 1}])
    before = store.version(BOX.name)
    assert sweep(store, BOX, 1, [{"id": "b1", "hits": 2}]).changed == 0
    assert table(store, BOX, "hits") == [2]
    assert store.version(BOX.name) > before
    assert len(store.history(REF)) == 1
    assert json.loads(store.raw(REF) or b"")["Element"]["hits"] == 2


def test_a_sweep_that_sees_nothing_new_leaves_the_data_version(store: Store) -> None:
    rows = [{"id": "b1", "name": "x"}, {"id": "b2"}]
    sweep(store, BOX, 0, rows)
    before = store.version(BOX.name)
    done = sweep(store, BOX, 1, rows)
    assert (done.added, done.changed, done.removed, done.version) == (0, 0, 0, before)
    assert table(store, BOX, "seen") == ["2026-11-20T12:01:00Z"] * 2


def test_a_window_closes_nothing_and_dates_what_it_saw(store: Store) -> None:
    sweep(store, WINDOWED, 0, [{"id": "d1", "amount": 1.0}, {"id": "d2", "amount": 2.0}])
    assert sweep(store, WINDOWED, 5, [{"id": "d2", "amount": 3.0}]).removed == 0
    assert table(store, WINDOWED, "id", "amount", "seen", sort=(("id", False),)) == [
        ["d1", 1.0, "2026-11-20T12:00:00Z"],
        ["d2", 3.0, "2026-11-20T12:05:00Z"],
    ]


def test_a_page_that_cannot_be_stored_keeps_the_sweep_from_closing(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}, {"id": "b2"}])
    number = begin(store, 1)
    store.ingest(number, page(BOX, [{"id": "b1"}]))
    for broken, sentence in ((b"nonsense", "not an Arrow stream"), (page(GROUP, [{"id": "b2"}]), "lacks groups")):
        with pytest.raises(StoreError, match=sentence):
            store.ingest(number, broken)
    assert store.finish_sweep(number, covered(BOX), at(2)).removed == 0
    assert table(store, BOX, "id") == ["b1", "b2"]
    assert answer(store, BOX)["coverage"]["states"] == {"error": 1}


def test_two_sweeps_at_one_moment_and_a_clock_that_goes_back_keep_their_order(store: Store) -> None:
    for name, minutes in (("one", 10), ("two", 10), ("three", 4)):
        sweep(store, BOX, minutes, [{"id": "b1", "name": name}])
    assert table(store, BOX, "name") == ["three"]
    changed = [v["changes"][0]["after"] for v in store.history(REF) if v["changes"]]
    assert changed == ["three", "two"]


def test_wrong_numbers_and_foreign_coverage_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no kind 'lab\.nothing'"):
        store.begin_sweep(ACCOUNT, REGION, "lab.nothing", at(0))
    with pytest.raises(SweepLost, match="opened again while this poll was under way"):
        store.ingest(99, b"")
    with pytest.raises(StoreError, match=r"lab\.group does not belong"):
        store.finish_sweep(begin(store, 0), covered(GROUP), at(1))


def test_what_a_killed_process_left_open_closes_nothing_and_stays_partial(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "b1"}, {"id": "b2"}])
    store.ingest(begin(store, 1), page(BOX, [{"id": "b1", "name": "half"}]))
    store.close()
    store = open_store(tmp_path)
    found = answer(store, BOX)
    assert (found["total"], found["partial"]) == (2, True)
    sweep(store, BOX, 2, [{"id": "b1", "name": "half"}])
    assert (table(store, BOX, "id"), answer(store, BOX)["partial"]) == (["b1"], False)
    store.close()


def test_values_that_are_not_what_they_say_are_kept_as_nothing(store: Store) -> None:
    hostile: dict[str, Any] = {
        "id": "b1",
        "price": float("inf"),
        "tags": '{"broken',
        "name": "\x1b[31m[red]\u202e\x00名\n",
    }
    sweep(store, BOX, 0, [hostile])
    assert table(store, BOX, "price", "tags", "name") == [[None, None, hostile["name"]]]


def test_as_of_an_instant_that_nobody_watched_the_past_says_so(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 1, state="denied")
    watched, gap = answer(store, BOX, at=at(1.9)), answer(store, BOX, at=at(30))
    assert watched["coverage"]["states"] == {"denied": 1}
    assert gap["coverage"]["states"] == {"unobserved": 1}
    assert gap["coverage"]["problems"] == [f"{ACCOUNT}/{REGION}: not observed since 2026-11-20T12:00:06Z"]
    before = answer(store, BOX, at=at(-1))
    assert (before["total"], before["coverage"]["states"]) == (0, {"unobserved": 1})
    rows = json.loads(store.coverage(SCOPE, at(30)))["rows"]
    assert [row["observed"] for row in rows if row["kind"] == BOX.name] == [False]


def test_coverage_keeps_what_a_sweep_took(store: Store) -> None:
    number = begin(store, 0)
    told = replace(
        covered(BOX, "throttled", "DescribeBoxes was throttled."), rows=3, calls=4, retries=5, seconds=1.25, cost=0.01
    )
    store.finish_sweep(number, told, at(2))
    row = next(r for r in json.loads(store.coverage(SCOPE))["rows"] if r["kind"] == BOX.name)
    assert row == {
        "account": ACCOUNT, "region": REGION, "kind": BOX.name, "state": "throttled", "cadence": 60,
        "problem": "DescribeBoxes was throttled.", "rows": 3, "calls": 4, "retries": 5, "seconds": 1.25, "cost": 0.01,
        "last_good": None, "last_try": "2026-11-20T12:02:00Z", "partial": False, "sweeping": False,
    }  # fmt: skip


def test_a_page_that_came_again_is_seen_again_without_news(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}], [{"id": "b2"}])
    version = answer(store, BOX)["version"]
    number = begin(store, 1)
    for elements in ([{"id": "b1"}], [{"id": "b2"}]):
        assert store.ingest(number, page(BOX, elements)).unchanged == 1
    assert store.finish_sweep(number, covered(BOX), at(1.1)).version == version
    found = answer(store, BOX)
    assert (found["total"], found["coverage"]["newest_good"]) == (2, "2026-11-20T12:01:06Z")


def test_what_an_unfinished_sweep_changed_is_changed_back_by_a_page_from_before(store: Store) -> None:
    for minute, state in ((0, "denied"), (10, "superseded")):
        sweep(store, BOX, minute, [{"id": "b1", "name": "old"}])
        number = begin(store, minute + 1)
        store.ingest(number, page(BOX, [{"id": "b1", "name": state}]))
        if state == "denied":
            store.finish_sweep(number, covered(BOX, state), at(minute + 1.1))
        sweep(store, BOX, minute + 2, [{"id": "b1", "name": "old"}])
        assert table(store, BOX, "name") == ["old"]


def test_an_id_that_moved_to_a_new_page_with_other_facts_is_not_hidden_by_its_old_page(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1", "name": "one"}], [{"id": "b2"}])
    sweep(store, BOX, 1, [{"id": "b1", "name": "two"}, {"id": "b3"}], [{"id": "b1", "name": "one"}])
    assert table(store, BOX, "name", "id") == [["one", "b1"], [None, "b3"]]
    sweep(store, BOX, 2, [{"id": "b1", "name": "two"}, {"id": "b3"}])
    assert table(store, BOX, "name", "id") == [["two", "b1"], [None, "b3"]]


def test_what_a_page_from_before_no_longer_brings_is_closed(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}], [{"id": "b2"}])
    assert sweep(store, BOX, 1, [{"id": "b1"}]).removed == 1
    assert table(store, BOX, "id") == ["b1"]
