"""What is kept how long, and what is said of a past that was let go of or thinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_world import (
    ACCOUNT,
    BOX,
    GROUP,
    PRICE,
    REGION,
    SCOPE,
    T0,
    WINDOWED,
    answer,
    at,
    covered,
    in_blocks,
    open_store,
    sweep,
    table,
)

from backends.model import Kind, Ref, Scope
from backends.store import NotFound, Retention, Store, changes

DAY = 24 * 60.0
NIGHT = T0.replace(hour=0)
REF = str(Ref(BOX.name, ACCOUNT, REGION, "b1"))


def minutes(day: int, hour: float = 0) -> float:
    """The lab's minutes of an hour of a day, counted from the midnight before T0."""
    return (NIGHT - T0).total_seconds() / 60 + day * DAY + hour * 60


def when(day: int, hour: float = 0) -> datetime:
    return at(minutes(day, hour))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, (replace(BOX, cadence=6 * 3600), GROUP))
    yield store
    store.close()


def sizes(store: Store, instant: datetime | None = None) -> dict[str, int]:
    return dict(table(store, BOX, "id", "size", at=instant))


def problems(store: Store, instant: datetime) -> list[str]:
    return list(answer(store, BOX, at=instant)["coverage"]["problems"])


def busy_days(store: Store, days: int) -> None:
    """Every six hours b1 has another size; b2 is there at six and twelve o'clock only; b3 never changes."""
    for day in range(days):
        for hour in range(0, 24, 6):
            boxes = [{"id": "b1", "size": day * 100 + hour}, {"id": "b3", "size": 7}]
            boxes += [{"id": "b2", "size": hour}] if hour in (6, 12) else []
            sweep(store, BOX, minutes(day, hour), boxes)


def past(store: Store) -> int:
    return int(store._connection.execute('SELECT count(*) FROM kept."lab_box~past"').fetchall()[0][0])


def test_each_kind_is_kept_as_long_as_is_said_of_it(store: Store) -> None:
    for kind in (BOX, GROUP):
        for day in range(6):
            sweep(store, kind, day * DAY, [{"id": "b1", "name": f"{day}"}])
    retention = Retention(history_days=30, kinds={GROUP.name: {"history_days": 2}})
    assert store.prune(at(5 * DAY + 1), retention) > 0
    assert [table(store, BOX, "name", at=at(day * DAY + 1)) for day in range(6)] == [[f"{day}"] for day in range(6)]
    assert table(store, GROUP, "name", at=at(4 * DAY + 1)) == ["4"]
    assert len(store.history(str(Ref(GROUP.name, ACCOUNT, REGION, "b1")))) == 3


def test_an_instant_before_what_is_kept_is_not_told_as_if_it_were_known(store: Store) -> None:
    for day in range(6):
        sweep(store, BOX, day * DAY, [{"id": "b1"}, *([{"id": "gone"}] if day < 2 else [])])
    assert answer(store, BOX, at=at(DAY + 1))["coverage"]["states"] == {"ok": 1}
    store.prune(at(5 * DAY), Retention(history_days=2, coverage_days=30))
    found = answer(store, BOX, at=at(DAY + 1))["coverage"]
    assert found["states"] == {"unobserved": 1}
    assert found["problems"] == [f"{ACCOUNT}/{REGION}: history is kept from 2026-11-23T12:00:00Z on"]
    assert json.loads(store.coverage(SCOPE, at(DAY + 1)))["rows"][0]["state"] == "unobserved"
    later = answer(store, BOX, at=at(4 * DAY + 1))["coverage"]
    assert (later["states"], later["problems"]) == ({"ok": 1}, [])
    store.prune(at(5 * DAY), Retention(history_days=60))
    assert answer(store, BOX, at=at(DAY + 1))["coverage"]["states"] == {"unobserved": 1}, "what is gone stays gone"


def test_what_is_let_go_of_amid_a_reading_is_still_told_by_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(4):
        sweep(store, BOX, day * DAY, [{"id": "b1", "size": day}])
    told = store.changes(at(0), at(DAY + 1), [BOX.name], SCOPE)
    assert json.loads(told)["changes"]

    def letting_go(read: Any) -> Any:
        def then_read(*some: Any) -> Any:
            store.prune(at(9 * DAY), Retention(history_days=1))
            store._connection.execute("DELETE FROM own.card_block")
            return read(*some)

        return then_read

    reader = store.reader()
    with monkeypatch.context() as amid:
        amid.setattr(changes, "recorded", letting_go(changes.recorded))
        assert reader.changes(at(0), at(DAY + 1), [BOX.name], SCOPE) == told
    reader.close()
    assert json.loads(store.changes(at(0), at(DAY + 1), [BOX.name], SCOPE))["changes"] == []


def test_a_store_that_let_go_of_nothing_says_nothing(store: Store) -> None:
    sweep(store, BOX, 0, [{"id": "b1"}])
    assert store.prune(at(1), Retention(history_days=1, compact_after_days=1)) == 0
    assert problems(store, at(-1)) == [f"{ACCOUNT}/{REGION}: not observed before this instant"]


def test_days_that_were_thinned_end_as_they_ended(store: Store) -> None:
    busy_days(store, 5)
    ends = [when(day + 1) - timedelta(microseconds=1) for day in range(5)]
    told, versions = [sizes(store, end) for end in ends], past(store)
    store.prune(when(5), Retention(compact_after_days=2))
    assert past(store) < versions * 0.7
    assert [sizes(store, end) for end in ends] == told
    assert sizes(store) == {"b1": 418, "b3": 7}


def test_within_a_thinned_day_the_end_of_the_day_before_is_told_and_named(store: Store) -> None:
    busy_days(store, 5)
    store.prune(when(5), Retention(compact_after_days=2))
    found = answer(store, BOX, at=when(1, 13))
    assert (found["at"], found["as_of"]) == ("2026-11-21T13:00:00Z", "2026-11-20T23:59:59.999Z")
    assert sizes(store, when(1, 13)) == {"b1": 18, "b3": 7}
    assert found["coverage"]["problems"] == [
        "lab.box: one version a day is kept before 2026-11-23T00:00:00Z: this is as of 2026-11-20T23:59:59.999Z"
    ]
    assert json.loads(store.resource(REF, when(1, 13)))["row"]["size"] == 18
    assert json.loads(store.resource(REF, when(1, 13)))["thinned_until"] == "2026-11-23T00:00:00Z"
    assert store.table(BOX.name, SCOPE, when(1, 13)).column("size").to_pylist() == [18, 7]
    assert store.counts(SCOPE, when(1, 13))[BOX.name] == 2, "b2 was there at one o'clock, not at the end of a day"
    assert json.loads(store.coverage(SCOPE, when(1, 13)))["rows"][0]["problem"].startswith("one version a day")
    assert sizes(store, when(3, 13)) == {"b1": 312, "b2": 12, "b3": 7}
    assert problems(store, when(3, 13)) == []


def test_what_came_and_went_in_one_day_is_still_among_the_changes(store: Store) -> None:
    busy_days(store, 4)
    store.prune(when(4), Retention(compact_after_days=1))
    found = json.loads(store.changes(when(1), when(1, 23), [BOX.name], SCOPE))
    assert found["thinned"] == {BOX.name: "2026-11-23T00:00:00Z"}
    told = [(change["what"], change["ref"].rsplit("/")[-1], change["at"][11:16]) for change in found["changes"]]
    assert told == [("removed", "b2", "18:00"), ("added", "b2", "06:00")]
    fields = json.loads(store.changes(when(0, 23), when(1, 1), [BOX.name], SCOPE))["changes"][0]["fields"]
    assert fields == [{"field": "size", "before": 18, "after": 118}], "the changes of the day as one"
    assert json.loads(store.changes(when(3), when(4), [BOX.name], SCOPE))["thinned"] == {}


def test_thinning_again_only_takes_what_has_become_old_since(store: Store) -> None:
    busy_days(store, 6)
    assert store.prune(when(4), Retention(compact_after_days=2)) > 0
    assert store.prune(when(4, 5), Retention(compact_after_days=2)) == 0
    assert store.prune(when(6), Retention(compact_after_days=2)) > 0
    assert store.prune(when(6), Retention(compact_after_days=30)) == 0
    assert [sizes(store, when(day + 1) - timedelta(microseconds=1)) for day in range(6)] == [
        {"b1": day * 100 + 18, "b3": 7} for day in range(6)
    ]


STATES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), STATES), min_size=1, max_size=14), st.integers(0, 3))
def test_whatever_happened_every_end_of_a_day_is_told_as_before(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, dict[str, int]]], days: int
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"), (BOX,))
    hour = 0
    for step, boxes in history:
        hour += step
        sweep(store, BOX, minutes(0, hour), [{"id": id_, "size": size} for id_, size in boxes.items()])
    ends = [when(day + 1) - timedelta(microseconds=1) for day in range(hour // 24 + 1)]
    before = [sizes(store, end) for end in ends]
    last = when(hour // 24 + 1)
    store.prune(last, Retention(compact_after_days=days))
    assert [sizes(store, end) for end in ends] == before
    versions = store._connection.execute(
        "SELECT id, date_trunc('day', _from), count(*) FROM kept.\"lab_box~past\" WHERE _from < ? AND _end = 'changed'"
        " GROUP BY ALL HAVING count(*) > 1",
        [last - timedelta(days=days)],
    ).fetchall()
    # What went and came back on one day has a version on either side of the gap.
    assert all(count <= 12 for *_, count in versions)
    assert sizes(store) == history[-1][1]
    store.close()


def test_the_file_stops_growing_once_history_is_as_long_as_it_is_kept(store: Store) -> None:
    grown: list[int] = []
    for day in range(18):
        boxes = {f"b{n:04d}": day * 10_000 + n for n in range(2_000)}
        number = store.begin_sweep(ACCOUNT, REGION, BOX.name, when(day))
        store.ingest(number, in_blocks(boxes, block=25))
        store.finish_sweep(number, covered(BOX), when(day))
        store.prune(when(day), Retention(history_days=4, series_days=4))
        assert store.checkpoint()
        grown.append(store.path.stat().st_size)
    assert max(grown[12:]) <= max(grown[6:12]) * 1.3, grown
    kept = store._connection.execute("SELECT count(*) FROM own.raw_block").fetchall()[0][0]
    assert kept <= 6 * 2_000 / 25


def test_days_of_costs_go_as_points_do_once_no_poll_sees_them(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for day in (0, 5):
        sweep(store, WINDOWED, minutes(day), [{"id": f"{day}/ec2", "day": str(day), "service": "ec2", "amount": 1.0}])
    store.prune(when(12), Retention(history_days=1, series_days=10))
    assert table(store, WINDOWED, "id") == ["5/ec2"]
    store.close()


def test_the_price_in_force_stays_however_long_it_has_stood_still(tmp_path: Path) -> None:
    store = open_store(tmp_path, (PRICE,))
    moves = {"still": (0, 1), "moving": (0, 2, 9)}
    for day in (0, 1, 2, 9):
        moved = [name for name, days in moves.items() if day in days]
        cells = [{"id": f"{name}/p", "zone_id": name, "product": "p", "at": when(day), "price": day} for name in moved]
        sweep(store, PRICE, minutes(day), cells)
    for _ in range(2):
        store.prune(when(12), Retention(history_days=1, series_days=5))
        points = store._connection.execute("SELECT zone_id, price FROM series.lab_price ORDER BY ALL").fetchall()
        assert points == [("moving", 2.0), ("moving", 9.0), ("still", 1.0)]
    store.close()


@pytest.mark.parametrize("kind", [WINDOWED, PRICE])
def test_rows_of_a_window_and_points_that_were_let_go_of_are_told_as_no_longer_kept(tmp_path: Path, kind: Kind) -> None:
    store = open_store(tmp_path, (kind,))
    scope = Scope.of([(ACCOUNT, REGION)])
    for day in (0, 1, 5):
        cells = {"day": str(day), "service": "ec2", "zone_id": "z", "product": "p", "at": when(day), "price": 1.0}
        sweep(store, kind, minutes(day), [{"id": f"{day}/ec2" if kind is WINDOWED else "z/p"} | cells])
    assert answer(store, kind, at=when(0, 0.01), scope=scope)["coverage"]["states"] == {"ok": 1}
    store.prune(when(8), Retention(history_days=90, series_days=4))
    found = answer(store, kind, at=when(0, 0.01), scope=scope)["coverage"]
    assert found["states"] == {"unobserved": 1}
    assert found["problems"][0].endswith("history is kept from 2026-11-24T00:00:00Z on")
    assert answer(store, kind, at=when(5, 0.01), scope=scope)["coverage"]["states"] == {"ok": 1}
    store.close()


def test_changes_say_from_when_on_history_is_kept(store: Store) -> None:
    busy_days(store, 4)
    store.prune(when(4), Retention(history_days=2))
    kept = [json.loads(store.changes(when(day), when(4), [BOX.name], SCOPE))["kept_from"] for day in (1, 3)]
    assert kept == [{BOX.name: "2026-11-22T00:00:00Z"}, {}]
    with pytest.raises(NotFound, match=r"is not known at .*: history is kept from 2026-11-22T00:00:00Z on\."):
        store.resource(REF.replace("b1", "b2"), when(1))


def quiet_place(store: Store) -> None:
    """Boxes of one place without changes, polled first on the first day at ten, and not in the evening of the third."""
    for day in range(5):
        for hour in (10, 16, 22) if day == 0 else (4, 10, 16, 22):
            if (day, hour) not in ((2, 10), (2, 16), (2, 22)):
                sweep(store, BOX, minutes(day, hour), [{"id": "b3", "size": 7}])


@pytest.mark.parametrize(("day", "hour", "rows"), [(0, 12, 0), (3, 12, 1)])
def test_of_a_thinned_day_coverage_is_told_of_the_instant_that_the_rows_are_of(
    store: Store, day: int, hour: float, rows: int
) -> None:
    quiet_place(store)
    asked, shown = when(day, hour), when(day) - timedelta(microseconds=1)
    store._connection.execute("INSERT INTO own.horizon VALUES (?, NULL, ?)", [BOX.name, when(4)])
    found = answer(store, BOX, at=asked)
    assert (found["total"], found["coverage"]["states"]) == (rows, {"unobserved": 1}), "nobody looked at that midnight"
    assert found["coverage"] | {"problems": []} == answer(store, BOX, at=shown)["coverage"] | {"problems": []}
    home = json.loads(store.home(SCOPE, at=asked))
    assert home["counts"][BOX.name] == rows and BOX.name in home["unobserved"]
    covered = next(row for row in json.loads(store.coverage(SCOPE, asked))["rows"] if row["kind"] == BOX.name)
    assert (covered["state"], covered["observed"]) == ("unobserved", False)
    assert covered["problem"].endswith(f"this is as of {shown.isoformat(timespec='milliseconds')}Z")
    assert store.covered([BOX.name], SCOPE, asked)["states"] == {"unobserved": 1}
    told = json.loads(store.sql("SELECT count(*) FROM lab_box", at=asked))
    assert (told["rows"], told["coverage"]["states"]) == ([[rows]], {"unobserved": 1})


def test_of_a_thinned_day_a_resource_is_found_and_told_as_its_rows_are(store: Store) -> None:
    busy_days(store, 4)
    store.prune(when(4), Retention(compact_after_days=1))
    assert [match["gone"] for match in json.loads(store.find("b2", SCOPE, at=when(1, 13)))["matches"]] == [
        "2026-11-20T18:00:00Z"
    ]
    gone = json.loads(store.resource(REF.replace("b1", "b2"), when(1, 13), last=True))
    assert (gone["row"]["size"], gone["gone"]["last_seen"]) == (12, "2026-11-20T12:00:00Z")
    assert [version["from"] for version in store.history(REF, when(1, 13))] == ["2026-11-20T00:00:00Z"]


def test_what_answers_for_a_thinned_day_may_itself_be_let_go_of(store: Store) -> None:
    busy_days(store, 4)
    store.prune(when(3, 7), Retention(history_days=2, compact_after_days=1))
    found = answer(store, BOX, at=when(1, 9))["coverage"]
    assert found["states"] == {"unobserved": 1}
    assert found["problems"] == [
        f"{ACCOUNT}/{REGION}: history is kept from 2026-11-21T07:00:00Z on; one version a day is kept before"
        " 2026-11-22T00:00:00Z: this is as of 2026-11-20T23:59:59.999Z"
    ]
