"""What `changes` say of the times within their span that no good poll vouches for."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from store_world import ACCOUNT, BOX, GROUP, REGION, SCOPE, at, open_store, sweep

from backends.store import Retention, Store, gaps

DAY = 24 * 60.0
NIGHT = -12 * 60.0
"""The midnight before the lab's clock begins."""
PLACE = {"account": ACCOUNT, "region": REGION, "kind": BOX.name}


def told(store: Store, since: float, until: float) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.changes(at(since), at(until), [BOX.name], SCOPE))["unobserved"]
    return found


def clock(minutes: float) -> str:
    return f"{at(minutes).isoformat()}Z"


def test_a_time_without_a_good_poll_amid_the_span_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for minutes in (0, 1, 2, 3, 9, 10, 11, 15, 16):
        sweep(store, BOX, minutes, [{"id": "b1"}])
    for minutes in (4, 6, 8):
        sweep(store, BOX, minutes + 0.5, state="denied")
    assert told(store, 1.5, 10.5) == [PLACE | {"since": clock(3.1), "until": clock(9), "times": 1, "seen": True}]
    assert [gap["times"] for gap in told(store, 1.5, 16.5)] == [2]
    assert [gap["times"] for gap in told(store, 1.5, 20)] == [3]
    assert told(store, 0, 3.5) == told(store, 9, 11.5) == []
    young, hole = told(store, -5, 10)
    assert (young["since"], hole["since"], hole["until"]) == (None, clock(3.1), clock(9))
    store.close()


def test_of_thinned_days_only_a_midnight_that_nobody_saw_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    hours = [hour for hour in range(4 * 24) if hour not in (47, 48, 49)]
    for hour in hours:
        for minutes in (0, 1) if hour % 24 < 23 else (0, 58, 59):
            sweep(store, BOX, NIGHT + hour * 60 + minutes, [{"id": "b1", "size": hour}])
    store.prune(at(NIGHT + 4 * DAY), Retention(compact_after_days=1))
    (gap,) = told(store, NIGHT + 1.5 * DAY, NIGHT + 3 * DAY - 0.1)
    assert (gap["since"], gap["times"]) == (clock(NIGHT + 46 * 60 + 1.1), 1)
    assert told(store, NIGHT + 2.5 * DAY, NIGHT + 3 * DAY - 0.1)[0]["seen"] is False, "the midnight before tells of it"
    store.close()


def test_few_polls_and_many_tell_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, chance, minutes = open_store(tmp_path), random.Random(7), 0.0
    for number in range(60):
        minutes += chance.choice([1, 1, 1, 1.9, 2.5, 9])
        for kind in (BOX, GROUP):
            name = str(number if chance.random() < 0.3 else 0)
            sweep(store, kind, minutes, [{"id": "b1", "name": name}], state=chance.choice(["ok", "ok", "ok", "error"]))
    spans = [sorted((chance.uniform(-5, minutes), chance.uniform(0, minutes + 5))) for _ in range(12)]
    few = [store.changes(at(since), at(until), [], SCOPE) for since, until in spans]
    monkeypatch.setattr(gaps, "_FEW", 0)
    assert [store.changes(at(since), at(until), [], SCOPE) for since, until in spans] == few
    assert any(gap["times"] > 1 for answer in few for gap in json.loads(answer)["unobserved"])
    store.close()
