"""Events are written once, kept for their own time, and what was read of them is known without a gap or with one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backends.model import Call, Column, Coverage, CoverageState, Kind, Log, Scope, Window
from backends.store import Store
from backends.store.events import Span, spans
from backends.store.retention import Retention
from tests.unit.store_world import ACCOUNT, BOX, REGION, T0, answer, at, open_store, page, table

EVENT = Kind(
    name="lab.event",
    title="Events",
    service="lab",
    calls=(Call("LookupEvents", "Events"),),
    key=("event_id",),
    columns=(Column("time", "T", "time"), Column("name", "N"), Column("event_id", "I")),
    closes=False,
    cadence=300,
    window=Window(first_days=1, again_minutes=20),
    log=Log("time", days=30, pages=10, late=15),
    sort="-time",
)
SCOPE = Scope.of([(ACCOUNT, REGION)])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path, (BOX, EVENT))
    yield store
    store.close()


def event(minutes: float, name: str = "Stop") -> dict[str, Any]:
    return {"id": f"e{minutes:g}", "event_id": f"e{minutes:g}", "time": at(minutes), "name": name}


def poll(
    store: Store, minutes: float, *events: dict[str, Any], since: datetime, state: str = "ok", skew: float = 0.0
) -> Any:
    number = store.begin_sweep(ACCOUNT, REGION, EVENT.name, at(minutes))
    store.ingest(number, page(EVENT, events))
    coverage = Coverage(
        ACCOUNT, REGION, EVENT.name, CoverageState(state), since=f"{since.isoformat()}+00:00", skew=skew
    )
    return store.finish_sweep(number, coverage, at(minutes + 0.1))


def known(store: Store) -> list[Span]:
    return spans(store._connection, EVENT.name, [ACCOUNT]).get((ACCOUNT, REGION), [])


def test_an_event_that_comes_again_is_written_once_and_not_touched_again(store: Store) -> None:
    assert poll(store, 0, event(-60), event(-5), since=at(-1440)).added == 2
    again = poll(store, 5, event(-5), event(2), since=at(-20))
    assert (again.added, again.changed, again.removed) == (1, 0, 0)
    assert table(store, EVENT, "event_id", sort=(("time", False),)) == ["e-60", "e-5", "e2"]
    seen = store._connection.execute("SELECT id, _from, _seen FROM kept.lab_event ORDER BY _from, id").fetchall()
    assert seen[:2] == [("e-5", at(0), at(0)), ("e-60", at(0), at(0))] and seen[2][1] == at(5)
    version = store.version(EVENT.name)
    poll(store, 6, event(-5), event(2), since=at(-15))
    assert store.version(EVENT.name) == version


def test_a_poll_after_a_restart_that_reads_a_whole_day_again_writes_nothing_twice(store: Store) -> None:
    first = [event(-minutes) for minutes in range(1, 1400, 100)]
    poll(store, 0, *first, since=at(-1440))
    assert poll(store, 30, *first, since=at(30 - 1440)).added == 0
    assert len(table(store, EVENT, "event_id")) == len(first)


def test_polls_that_reach_back_to_one_another_vouch_for_one_time(store: Store) -> None:
    poll(store, 0, since=at(-1440))
    poll(store, 5, since=at(-20))
    poll(store, 10, since=at(-15))
    assert known(store) == [Span(at(-1440), at(10), 0.0)]


def test_a_poll_that_reached_back_too_little_leaves_a_gap_and_one_that_reached_further_closes_it(store: Store) -> None:
    poll(store, 0, since=at(-1440))
    poll(store, 300, since=at(280))
    assert known(store) == [Span(at(-1440), at(0), 0.0), Span(at(280), at(300), 0.0)]
    poll(store, 305, since=at(-16))
    assert known(store) == [Span(at(-1440), at(305), 0.0)]


def test_what_may_have_been_told_late_is_no_bridge(store: Store) -> None:
    poll(store, 0, since=at(-1440))
    poll(store, 10, since=at(-5))
    assert len(known(store)) == 2


def test_a_poll_that_failed_vouches_for_nothing(store: Store) -> None:
    poll(store, 0, event(-1), since=at(-1440), state="throttled")
    assert known(store) == [] and table(store, EVENT, "event_id") == ["e-1"]


def test_spans_are_told_by_our_own_clock(store: Store) -> None:
    poll(store, 0, since=at(-1440), skew=-90.0)
    assert known(store) == [Span(at(-1440) + timedelta(seconds=90), at(0), -90.0)]


def test_events_are_let_go_by_their_own_age_and_not_with_history(store: Store) -> None:
    month = 30 * 1440
    poll(store, 0, event(-5), since=at(-1440))
    poll(store, month - 60, event(month - 70), since=at(-20))
    store.prune(T0 + timedelta(days=29), Retention(history_days=1))
    assert len(table(store, EVENT, "event_id")) == 2
    store.prune(T0 + timedelta(days=30))
    assert table(store, EVENT, "event_id") == [f"e{month - 70:g}"]
    store.prune(T0 + timedelta(days=32), Retention(kinds={EVENT.name: {"history_days": 3}}))
    assert table(store, EVENT, "event_id") == [f"e{month - 70:g}"], "not yet older than three days"
    store.prune(T0 + timedelta(days=33), Retention(kinds={EVENT.name: {"history_days": 3}}))
    assert table(store, EVENT, "event_id") == []


def test_a_time_of_which_the_events_are_gone_is_neither_vouched_for_nor_read_as_quiet(store: Store) -> None:
    poll(store, 0, event(-5), since=at(-1440))
    poll(store, 5, event(1), since=at(-20))
    assert answer(store, EVENT, at=at(1))["coverage"]["states"] == {"ok": 1}
    store.prune(at(0) + timedelta(days=30), Retention(history_days=400))
    assert known(store) == [Span(at(0), at(5), 0.0)]
    assert answer(store, EVENT, at=at(-0.5))["coverage"]["problems"] == [
        f"{ACCOUNT}/{REGION}: history is kept from {T0.isoformat()}Z on"
    ]
    assert answer(store, EVENT, at=at(1))["coverage"]["states"] == {"ok": 1}
