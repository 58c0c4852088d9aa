"""A full disk: what is not kept is said, what was kept is read, and once there is room polls are kept again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from disk_full import BOXES
from store_world import ACCOUNT, BOX, KINDS, SCOPE, at, open_store, sweep, table

from backends.daemon.home import attention
from backends.store import NO_ROOM, Store, StoreBroken, StoreFull, WrongStore
from backends.store.errors import ours
from console.screens.coverage import status_lines


def played(home: Path, room: int, fault: str) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("disk_full.py")
    done = subprocess.run(
        [sys.executable, str(script), str(home), str(room), fault], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("room", "fault"),
    [(150_000, "commit"), (150_000, "checkpoint"), (-1, "commit"), (-1, "checkpoint")],
    ids=["a poll", "the file", "anything", "anything, and opening again"],
)
def test_on_a_full_disk_polls_are_refused_reads_go_on_and_nothing_acknowledged_is_lost(
    tmp_path: Path, room: int, fault: str
) -> None:
    told = played(tmp_path, room, fault)
    refused = next(entry for entry in told if "refused" in entry)
    assert refused["error"] == "StoreFull"
    assert refused["sentence"].endswith(NO_ROOM)
    full, still, again = [entry for entry in told if "rows" in entry]
    assert full["problem"].endswith(NO_ROOM)
    assert full["told"][0] == full["problem"], "the daemon tells whoever listens"
    assert full["rows"] == [BOXES] * 3 and still["rows"] == [BOXES]
    assert again["problem"] == "" and again["told"][-1] == ""
    acknowledged = again["acknowledged"]
    assert acknowledged[-3:] == [60, 61, 62], "polls are kept again without a restart"
    store = open_store(tmp_path)
    assert set(table(store, BOX, "size", limit=2 * BOXES)) == {62}
    for number in acknowledged:
        assert set(table(store, BOX, "size", at=at(number + 0.5), limit=2 * BOXES)) == {number}, number
    store.close()


def test_a_store_that_can_only_be_read_is_read_and_changes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "b1", "size": 4}])
    store.close()
    before = (tmp_path / "store.duckdb").read_bytes()
    store = Store.open_to_read(tmp_path / "store.duckdb", KINDS, identity=("aws", ""))
    assert table(store, BOX, "id", "size") == [["b1", 4]]
    assert json.loads(store.coverage(SCOPE))["rows"][0]["account"] == ACCOUNT
    with pytest.raises(StoreFull, match=r"disk is full; make room"):
        sweep(store, BOX, 1, [])
    store.close()
    assert (tmp_path / "store.duckdb").read_bytes() == before
    with pytest.raises(WrongStore, match="never mixed"):
        Store.open_to_read(tmp_path / "store.duckdb", KINDS, identity=("aws-cn", ""))


def test_a_full_disk_is_told_in_the_same_words_whether_the_database_outlives_it_or_not() -> None:
    for error in (duckdb.IOException, duckdb.FatalException):
        told = ours(error("Could not write file: No space left on device"), "A checkpoint")
        assert str(told) == f"A checkpoint failed: {NO_ROOM}"
        assert isinstance(told, StoreBroken if error is duckdb.FatalException else StoreFull)
    other = ours(duckdb.FatalException("a page is bad"), "A checkpoint")
    assert isinstance(other, StoreBroken) and not other.full and "has to be opened again: a page is bad" in str(other)


def test_a_store_that_has_to_be_migrated_first_cannot_be_opened_only_to_read(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._connection.execute("UPDATE own.meta SET value = '1' WHERE key = 'schema'")
    store.close()
    with pytest.raises(WrongStore, match="cannot be read before it has been migrated"):
        Store.open_to_read(tmp_path / "store.duckdb", KINDS, identity=("aws", ""))


def test_the_pane_is_told() -> None:
    sentence = f"Storing a page failed: {NO_ROOM}"
    nothing: Any = {"health_why": {}, "health": {}, "counts": {}}
    listed = attention(
        accounts=(), home=nothing, coverage=(), anomalies=(), advice=(), forecasts=(), titles={}, store_problem=sentence
    )
    assert [(item["severity"], item["detail"]) for item in listed] == [("bad", sentence)]
    lines = status_lines({"store_problem": sentence}, 160)
    assert any(sentence in text for line in lines for text, _ in line)
    assert not any("disk" in text for line in status_lines({"store_problem": ""}, 160) for text, _ in line)
