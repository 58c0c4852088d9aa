"""Stores of every earlier schema open, keep what they hold and go on; a broken-off migration changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from store_world import ACCOUNT, BOX, REGION, SCOPE, answer, at, open_store, sweep, table

from backends.actions.anchor import Anchored
from backends.actions.audit import verify
from backends.model import Ref
from backends.store import migrations as steps

OLD = {int(file.stem): file for file in (Path(__file__).parent / "old_stores").glob("*.sql")}
B1 = str(Ref(BOX.name, ACCOUNT, REGION, "b1"))
B2 = str(Ref(BOX.name, ACCOUNT, REGION, "b2"))


def old_store(directory: Path, schema: int) -> Path:
    """A store file as a program of that schema left it."""
    directory.mkdir(exist_ok=True)
    file = duckdb.connect(str(directory / "store.duckdb"))
    file.execute(OLD[schema].read_text())
    file.close()
    return directory


def schema_of(directory: Path) -> str:
    file = duckdb.connect(str(directory / "store.duckdb"), read_only=True)
    try:
        return str(file.execute("SELECT value FROM own.meta WHERE key = 'schema'").fetchall()[0][0])
    finally:
        file.close()


def test_there_is_a_store_of_every_earlier_schema() -> None:
    assert sorted(OLD) == sorted(steps.released())[:-1]


@pytest.mark.parametrize("schema", sorted(OLD))
def test_an_earlier_store_keeps_what_it_holds_and_goes_on(tmp_path: Path, schema: int) -> None:
    old_store(tmp_path, schema)
    assert schema_of(tmp_path) == str(schema)
    for opening in range(2):
        store = open_store(tmp_path)
        assert store.about()["schema"] == str(steps.newest()), opening
        columns = ("id", "name", "size", "price", "open", "groups", "tags", "hits")
        assert table(store, BOX, *columns) == [["b1", "one", 2, 0.5, True, ["g1"], {"team": "a"}, 4]]
        assert table(store, BOX, "id", "size", at=at(0.5)) == [["b1", 1], ["b2", 9]]
        assert answer(store, BOX, at=at(0.5))["coverage"]["states"] == {"ok": 1}
        assert json.loads(store.raw(B1) or b"") == {"Id": "b1", "Size": 2}
        assert json.loads(store.raw(B1, at(0.5)) or b"") == {"Id": "b1", "Size": 1}
        assert json.loads(store.raw(B2, at(0.5)) or b"") == {"Id": "b2"}
        assert [entry["changes"] for entry in store.history(B1)] == [[{"field": "size", "before": 1, "after": 2}], []]
        assert [change["what"] for change in json.loads(store.changes(at(0), at(5), [], SCOPE))["changes"]] == [
            "removed",
            "changed",
        ]
        assert json.loads(store.series("lab_price", "eu-west-1/euw1-az1/Linux"))["points"] == [
            ["2026-11-20T12:00:00Z", 0.25],
            ["2026-11-20T12:01:00Z", 0.5],
        ]
        assert [row["ref"] for row in json.loads(store.results("anomalies"))["rows"]] == [B1]
        assert table(store, BOX, "flags") == [[{"severity": "warn", "label": "odd"}]]
        records = store.audit_records()
        assert verify(records, Anchored({1: records[0]["hash"]})) == []
        store.close()
    store = open_store(tmp_path)
    done = sweep(store, BOX, 5, [{"id": "b1", "name": "one", "size": 3}])
    assert (done.added, done.changed, done.removed) == (0, 1, 0)
    assert table(store, BOX, "size", at=at(4)) == [2]
    store.prune(at(60 * 24 * 200))
    assert table(store, BOX, "size") == [3]
    store.close()


STUCK = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from store_world import open_store
from backends.store import migrations as steps
home, step = Path(sys.argv[3]), steps.newest() + 1
work = home / "work" / "begun.csv"
sql = "CREATE TABLE own.extra (x INTEGER); INSERT INTO own.extra VALUES (1); DELETE FROM own.watch;"
sql += f" COPY (SELECT 1) TO '{work}'; INSERT INTO own.extra SELECT count(*) FROM range(100000000) a, range(1000000) b"
sql += " WHERE (a.range * b.range) % 7 = 3"
known = steps.released() | {step: sql}
steps.released = lambda: known
open_store(home)
"""


@pytest.mark.parametrize("schema", sorted(OLD))
def test_a_migration_that_is_killed_leaves_the_store_as_the_step_before_left_it(tmp_path: Path, schema: int) -> None:
    old_store(tmp_path, schema)
    here = Path(__file__).resolve()
    command = [sys.executable, "-c", STUCK, str(here.parent), str(here.parents[2]), str(tmp_path)]
    with subprocess.Popen(command) as program:
        while not (tmp_path / "work" / "begun.csv").exists():
            assert program.poll() is None
            time.sleep(0.02)
        program.send_signal(signal.SIGKILL)
    store = open_store(tmp_path)
    assert store.about()["schema"] == str(steps.newest())
    assert store._connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'extra'").fetchall() == []
    assert table(store, BOX, "id", "size") == [["b1", 2]]
    assert json.loads(store.coverage(SCOPE))["rows"][0]["state"] == "ok"
    store.close()


def test_each_step_is_taken_whole_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_store(tmp_path, 1)
    known = steps.released()
    broken = {number: sql for number, sql in known.items() if number < 3} | {3: "INSERT INTO own.nowhere VALUES (1)"}
    with monkeypatch.context() as patch:
        patch.setattr(steps, "released", lambda: broken)
        with pytest.raises(Exception, match="could not be taken to schema 3"):
            open_store(tmp_path)
    assert schema_of(tmp_path) == "2"
    store = open_store(tmp_path)
    assert table(store, BOX, "id", "size") == [["b1", 2]]
    store.close()
