"""Coverage as history is kept in runs of like sweeps, and tells of every instant what the single sweeps would."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from store_world import ACCOUNT, BOX, REGION, SCOPE, answer, at, covered, in_blocks, open_store, sweep, table

from backends.model import Json
from backends.store import Store, StoreFull
from backends.store.polls import Poll, polls
from backends.store.watch import Watch

STEP = BOX.cadence / 60
"""Minutes between two sweeps on time."""


def runs(store: Store) -> list[tuple[float, float, str]]:
    """From when to when (minutes) sweeps of boxes ended alike."""
    found = store._connection.execute(
        "SELECT instant, until, state FROM own.coverage_run WHERE kind = ? ORDER BY instant", [BOX.name]
    ).fetchall()
    return [((a - at(0)) / timedelta(minutes=1), (b - at(0)) / timedelta(minutes=1), state) for a, b, state in found]


def told(store: Store, minutes: float) -> Json:
    """What coverage tells of boxes as of an instant."""
    rows = json.loads(store.coverage(SCOPE, at(minutes)))["rows"]
    return next(row for row in rows if row["kind"] == BOX.name)  # type: ignore[no-any-return]


def said(store: Store, minutes: float) -> tuple[str, bool]:
    """The state as of an instant ("unobserved" where nothing vouches for it), and whether it was observed."""
    row = told(store, minutes)
    return row["state"], row["observed"]


def test_sweeps_without_news_are_one_run_for_as_long_as_each_vouches_for_the_next(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    boxes = [{"id": "b1", "name": "one"}]
    for minutes in (0, 1, 2.5, 4.5):
        sweep(store, BOX, minutes * STEP, boxes)
    assert runs(store) == [(0, 4.5 * STEP, "ok")]
    sweep(store, BOX, 7 * STEP, boxes)
    sweep(store, BOX, 8 * STEP, boxes)
    sweep(store, BOX, 9 * STEP, [{"id": "b1", "name": "two"}])
    sweep(store, BOX, 10 * STEP, [{"id": "b1", "name": "two"}])
    sweep(store, BOX, 11 * STEP, state="denied")
    sweep(store, BOX, 15 * STEP, state="denied")
    assert [(first / STEP, last / STEP, state) for first, last, state in runs(store)] == [
        (0, 4.5, "ok"),
        (7, 8, "ok"),
        (9, 10, "ok"),
        (11, 15, "denied"),
    ]
    assert said(store, 3 * STEP) == ("ok", True)
    assert said(store, 6.75 * STEP) == ("unobserved", False), "while nothing was swept nothing was seen"
    # The change is dated between the last sweep that did not have it and the first that had.
    seen = store._connection.execute("SELECT max(instant) FROM own.coverage WHERE instant < ?", [at(9 * STEP)])
    assert seen.fetchall() == [(at(8 * STEP),)]
    store.close()


def test_of_every_instant_the_runs_tell_what_the_sweeps_would(tmp_path: Path) -> None:
    store, chance = open_store(tmp_path), random.Random(11)
    minutes, size, name = 0.0, 1, 0
    swept: list[tuple[float, str]] = []
    for number in range(40):
        minutes += STEP * chance.choice([0.7, 1, 1, 1, 1.9, 1.9, 2.5, 9])
        state = "ok" if chance.random() < 0.85 else chance.choice(["denied", "error"])
        if chance.random() < 0.1:
            name += 1
        if state == "ok" and chance.random() < 0.1:
            size = 3 - size
        boxes = [{"id": f"b{box}", "name": str(name)} for box in range(size)]
        sweep(store, BOX, minutes, boxes if state == "ok" else [], state=state)
        swept.append((minutes, state))
        if number in (13, 27):
            # Another process goes on where this one ended.
            store.close()
            store = open_store(tmp_path)
    assert len(runs(store)) < 30
    for _ in range(60):
        moment = chance.uniform(0, minutes + 3 * STEP)
        before = [(begun, state) for begun, state in swept if begun <= moment]
        good = [begun for begun, state in before if state == "ok"]
        observed = bool(good) and moment - good[-1] <= 2 * STEP
        assert said(store, moment) == (before[-1][1] if observed else "unobserved", observed), moment
    store.close()


def test_a_box_was_last_seen_when_its_run_ended_and_until_then_whenever_one_asks(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for minutes in range(5):
        sweep(store, BOX, minutes * STEP, [{"id": "b1"}])
    assert table(store, BOX, "seen", at=at(4.5 * STEP)) == [f"{at(4 * STEP).isoformat()}Z"]
    assert table(store, BOX, "seen", at=at(2.5 * STEP)) == [f"{at(2.5 * STEP).isoformat()}Z"]
    assert answer(store, BOX, at=at(2.5 * STEP))["coverage"]["states"] == {"ok": 1}
    store.close()


def test_a_poll_that_could_not_be_kept_ends_the_run_for_nothing_vouches_for_its_instant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFull("There is no room.")

    store, boxes = open_store(tmp_path), [{"id": "b1"}]
    sweep(store, BOX, 0, boxes)
    with monkeypatch.context() as patched, pytest.raises(StoreFull):
        patched.setattr(Watch, "_written", full)
        sweep(store, BOX, 1 * STEP, boxes)
    sweep(store, BOX, 1.8 * STEP, boxes)
    sweep(store, BOX, 2.8 * STEP, boxes)
    assert runs(store) == [(0, 0, "ok"), (1.8 * STEP, 2.8 * STEP, "ok")]
    kept = told(store, 0)["last_good"]
    assert told(store, 1 * STEP)["last_good"] == kept
    store.close()
    store = open_store(tmp_path)
    sweep(store, BOX, 3.8 * STEP, boxes)
    assert runs(store)[-1] == (3.8 * STEP, 3.8 * STEP, "ok"), "who begins does not know what went on before"
    store.close()


def test_that_an_account_was_not_polled_and_why_is_history(tmp_path: Path) -> None:
    store, boxes, why = open_store(tmp_path), [{"id": "b1"}], "not polled: the credentials have expired"
    sweep(store, BOX, 0, boxes)
    store.withhold(ACCOUNT, why, at(0.5 * STEP))
    store.withhold("999900009999", why, at(0.5 * STEP))
    assert said(store, 0.4 * STEP) == ("ok", True)
    assert (told(store, STEP)["state"], told(store, STEP)["problem"]) == ("error", why)
    assert answer(store, BOX, at=at(STEP))["coverage"]["states"] == {"error": 1}
    assert answer(store, BOX)["coverage"]["states"] == {"ok": 1}, "of the present who polls tells it"
    late = told(store, 3 * STEP)
    assert late["state"] == "unobserved" and late["problem"].startswith("not observed since 2026-")
    assert late["problem"].endswith(why)
    sweep(store, BOX, 3.5 * STEP, boxes)
    sweep(store, BOX, 4.5 * STEP, boxes)
    assert runs(store) == [(0, 0, "ok"), (0.5 * STEP, 0.5 * STEP, "error"), (3.5 * STEP, 4.5 * STEP, "ok")]
    store.close()


def test_old_runs_go_and_the_one_that_goes_on_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "b1"}])
    sweep(store, BOX, 1 * STEP, state="denied")
    sweep(store, BOX, 2 * STEP, [{"id": "b1"}])
    store.prune(at(200 * 24 * 60))
    assert [run[2] for run in runs(store)] == ["ok"]
    store.close()


def test_a_sweep_without_news_writes_one_row_and_commits_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    writes: list[str] = []

    class Watched:
        def __init__(self, connection: object) -> None:
            self._connection = connection

        def execute(self, sql: str, *values: object) -> object:
            writes.extend(word for word in ("INSERT", "UPDATE", "DELETE") if sql.startswith(word))
            return self._connection.execute(sql, *values)  # type: ignore[attr-defined]

        def commit(self) -> None:
            writes.append("commit")
            self._connection.commit()  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

    watched = Watched(store._connection)
    store._sweeps._connection = store._sweeps._watch._connection = watched  # type: ignore[assignment]
    for minutes in range(3):
        writes.clear()
        number = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(minutes * STEP))
        store.ingest(number, in_blocks({"b1": 1, "b2": 2}))
        store.finish_sweep(number, covered(BOX), at(minutes * STEP + 0.1))
    assert writes == ["UPDATE", "commit"]
    store.close()


def test_of_every_poll_with_news_it_is_known_when_it_ended_and_which_good_one_was_before(tmp_path: Path) -> None:
    store, chance = open_store(tmp_path), random.Random(3)
    minutes, name, good = 0.0, 0, None
    expected: dict[float, tuple[float | None, float]] = {}
    for _ in range(60):
        minutes += STEP * chance.choice([1, 1, 1.9, 2.5, 300])
        state = "ok" if chance.random() < 0.7 else "error"
        if state == "ok" and chance.random() < 0.4:
            name += 1
            expected[minutes] = good, minutes + 0.1
        sweep(store, BOX, minutes, [{"id": "b1", "name": str(name)}] if state == "ok" else [], state=state)
        good = minutes if state == "ok" else good
    assert None in {before for before, _ in expected.values()} and len(expected) > 10
    for some in (list(expected), chance.sample(list(expected), 3), []):
        asked = {moment: (ACCOUNT, REGION, BOX.name, at(moment)) for moment in some}
        found = polls(store._connection.cursor(), asked.values(), BOX.cadence)
        assert found == {
            poll: Poll(None if expected[moment][0] is None else at(expected[moment][0]), at(expected[moment][1]))
            for moment, poll in asked.items()
        }
    store.close()
