"""Backups while polls go on, and the file written anew: whole at every instant, and a store of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from store_world import BOX, SCOPE, answer, at, open_store, sweep, table

from backends.actions import AuditTrail
from backends.actions.anchor import Anchor
from backends.actions.audit import verify
from backends.daemon.answers import utcnow
from backends.daemon.core import Daemon, Settings
from backends.daemon.keeping import backup, compact, forget_backups
from backends.daemon.lanes import Lanes
from backends.daemon.writes import ANCHOR_FILE, StoredRecords
from backends.store import Reader, Retention, Store, StoreBusy, StoreError, swap

EVERYTHING = Retention(36_500, 36_500)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "store-home"


@pytest.fixture
async def lanes(home: Path) -> AsyncIterator[Lanes]:
    lanes = await Lanes.open(lambda: open_store(home))
    yield lanes
    await lanes.close()


def boxes(size: int, count: int = 50) -> list[dict[str, Any]]:
    return [{"id": f"b{number:03d}", "name": "box", "size": size, "raw": {"of": size}} for number in range(count)]


async def swept(lanes: Lanes, minute: float, size: int) -> None:
    await lanes.write(lambda store: sweep(store, BOX, minute, boxes(size)))


def moved(file: Path, directory: Path) -> Path:
    """A backup put where a store is opened."""
    directory.mkdir()
    file.rename(directory / "store.duckdb")
    return directory


async def test_a_backup_is_a_store_of_the_instant_at_which_it_was_made(
    lanes: Lanes, home: Path, tmp_path: Path
) -> None:
    for minute in range(3):
        await swept(lanes, minute, minute)
    told = await backup(lanes, home, tmp_path / "copy.duckdb", force=False)
    then = await lanes.read(lambda reader: [reader.coverage(SCOPE), reader.history(f"lab.box@{_place()}/b000")])
    await swept(lanes, 3, 3)
    assert told["bytes"] == (tmp_path / "copy.duckdb").stat().st_size
    assert (tmp_path / "copy.duckdb").stat().st_mode & 0o777 == 0o600
    assert told["anchor"] is None, "nothing was written to AWS, so there is no chain yet"
    assert not list((home / "work").iterdir())
    copy = open_store(moved(tmp_path / "copy.duckdb", tmp_path / "again"))
    assert [copy.coverage(SCOPE), copy.history(f"lab.box@{_place()}/b000")] == then
    assert set(table(copy, BOX, "size")) == {2}
    assert [set(table(copy, BOX, "size", at=at(minute + 0.5))) for minute in range(3)] == [{0}, {1}, {2}]
    assert json.loads(copy.raw(f"lab.box@{_place()}/b000") or b"") == {"Element": {"of": 2}}
    assert copy.begin_sweep("111122223333", "eu-west-1", BOX.name, at(9)) > 3
    copy.close()


def _place() -> str:
    return "111122223333/eu-west-1"


async def test_polls_go_on_while_it_is_made_and_it_holds_whole_sweeps_only(
    lanes: Lanes, home: Path, tmp_path: Path
) -> None:
    await swept(lanes, 0, 0)

    polled, enough = 0, False

    async def polls() -> None:
        nonlocal polled
        while not enough:
            polled += 1
            await swept(lanes, polled, polled)

    polling = asyncio.create_task(polls())
    files = [tmp_path / f"{number}.duckdb" for number in range(3)]
    for file in files:
        before = polled
        await backup(lanes, home, file, force=False)
        while polled < before + 2:
            await asyncio.sleep(0.01)
    enough = True
    await polling
    seen = []
    for file in files:
        copy = open_store(moved(file, tmp_path / file.stem))
        sizes = set(table(copy, BOX, "size"))
        assert len(sizes) == 1
        seen.append(sizes.pop())
        assert not answer(copy, BOX)["partial"]
        copy.close()
    assert seen == sorted(seen)


async def test_the_audit_comes_along_and_verifies_by_itself(lanes: Lanes, home: Path, tmp_path: Path) -> None:
    trail = AuditTrail(StoredRecords(lanes), Anchor(home / ANCHOR_FILE), utcnow)
    for number in range(3):
        await trail.append({"event": "plan", "plan": f"p{number}"})
    told = await backup(lanes, home, tmp_path / "copy.duckdb", force=False)
    await trail.append({"event": "plan", "plan": "later"})
    copy = open_store(moved(tmp_path / "copy.duckdb", tmp_path / "again"))
    anchored = Anchor(Path(told["anchor"])).read()
    assert len(copy.audit_records()) == len(anchored.hashes) == 3
    assert verify(copy.audit_records(), anchored) == []
    problems = verify(copy.audit_records(), Anchor(home / ANCHOR_FILE).read())
    assert [str(problem) for problem in problems] == ["record 4: is missing: the anchor knows of it"]
    copy.close()


async def test_a_backup_never_lands_on_another_file_unless_told_to(lanes: Lanes, home: Path, tmp_path: Path) -> None:
    await swept(lanes, 0, 1)
    file = tmp_path / "copy.duckdb"
    file.write_text("somebody's")
    with pytest.raises(StoreError, match="is there already; choose another name, or say --force"):
        await backup(lanes, home, file, force=False)
    assert file.read_text() == "somebody's"
    (tmp_path / "other.duckdb.anchor").write_text("somebody's")
    with pytest.raises(StoreError, match=r"other\.duckdb\.anchor is there already"):
        await backup(lanes, home, tmp_path / "other.duckdb", force=False)
    (tmp_path / "other.duckdb.anchor").unlink()
    await backup(lanes, home, file, force=True)
    assert file.stat().st_size > 100_000
    for wrong, said in (
        (home / "store.duckdb", "lies in the store's own directory"),
        (home / "work" / "copy.duckdb", "lies in the store's own directory"),
        (tmp_path / "nowhere" / "copy.duckdb", "There is no directory"),
        (Path("copy.duckdb"), "is not a whole path"),
        (tmp_path, "is no plain file"),
    ):
        with pytest.raises(StoreError, match=said):
            await backup(lanes, home, wrong, force=True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["copy.duckdb"]
    assert not list((home / "work").iterdir())


LONG = "SELECT count(*) FROM range(1500000) a, range(12) b WHERE (a.range * b.range) % 7 = 3"


async def test_with_panes_that_read_all_the_time_a_backup_waits_for_those_reads_and_others_for_it(
    lanes: Lanes, home: Path, tmp_path: Path
) -> None:
    await swept(lanes, 0, 1)
    ended, done = 0, asyncio.Event()

    async def pane() -> None:
        nonlocal ended
        while not done.is_set():
            await lanes.read(lambda reader: reader.sql(LONG))
            ended += 1

    panes = [asyncio.create_task(pane()) for _ in range(3)]
    await asyncio.sleep(0.2)
    try:
        await swept(lanes, 1, 2)
        told = await backup(lanes, home, tmp_path / "copy.duckdb", force=False)
    finally:
        done.set()
        await asyncio.gather(*panes)
    assert told["bytes"] == (tmp_path / "copy.duckdb").stat().st_size
    assert ended >= 3
    copy = open_store(moved(tmp_path / "copy.duckdb", tmp_path / "again"))
    assert set(table(copy, BOX, "size")) == {2}
    copy.close()


async def test_a_read_that_does_not_end_leaves_no_backup_and_others_read_on(
    lanes: Lanes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await swept(lanes, 0, 1)
    monkeypatch.setattr("backends.daemon.keeping._PATIENCE", 0.2)
    begun = threading.Event()

    def work(reader: Reader) -> bytes:
        begun.set()
        return reader.sql(LONG.replace("range(12)", "range(200000000)"))

    endless = asyncio.create_task(lanes.read(work))
    await asyncio.to_thread(begun.wait, 120)
    await asyncio.sleep(0.2)
    await swept(lanes, 1, 2)
    with pytest.raises(StoreBusy, match=r"^A read of the store has not ended within 0\.2 s; try again\.$"):
        await backup(lanes, home, tmp_path / "copy.duckdb", force=False)
    assert not (tmp_path / "copy.duckdb").exists() and not list((home / "work").iterdir())
    assert await lanes.read(lambda reader: reader.counts(SCOPE)[BOX.name]) == 50
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)
    await backup(lanes, home, tmp_path / "copy.duckdb", force=False)


async def test_what_a_killed_backup_left_is_removed(lanes: Lanes, home: Path) -> None:
    (home / "work" / "backup-0123.duckdb").write_text("half")
    forget_backups(home / "work")
    assert not list((home / "work").iterdir())


def fill(store: Store) -> None:
    """History of many rows, and at the end a few."""
    for minute in range(12):
        elements = [{"id": f"b{n:05d}", "name": f"{n * minute:09d}", "size": n * minute} for n in range(3000)]
        sweep(store, BOX, minute, elements)
    sweep(store, BOX, 12, boxes(7))


def emptied(store: Store) -> None:
    """A store with much empty room in its file."""
    fill(store)
    store.prune(at(60 * 24 * 100))
    store.checkpoint()


async def test_a_compacted_store_holds_the_same_in_less_room_and_goes_on(lanes: Lanes, home: Path) -> None:
    await lanes.write(emptied)
    version = await lanes.read(lambda reader: reader.version(BOX.name))
    inode = (home / "store.duckdb").stat().st_ino
    told = await compact(lanes, nullcontext(), EVERYTHING)
    assert told["after"] < told["before"] * 0.8
    assert told["exchanged"]
    assert (home / "store.duckdb").stat().st_ino != inode
    assert (home / "store.duckdb").stat().st_mode & 0o777 == 0o600
    assert await lanes.read(lambda reader: reader.version(BOX.name)) == version
    await swept(lanes, 20, 8)
    sizes = await lanes.read(lambda reader: reader.table(BOX.name, SCOPE).column("size").to_pylist())
    assert set(sizes) == {8}
    await lanes.close()
    store = open_store(home)
    assert set(table(store, BOX, "size")) == {8}
    assert set(table(store, BOX, "size", at=at(12.5))) == {7}
    store.close()
    assert not list((home / "work").iterdir())


async def test_reads_and_writes_while_it_is_compacted_get_their_answers(lanes: Lanes) -> None:
    await lanes.write(emptied)
    compacting = asyncio.create_task(compact(lanes, nullcontext(), EVERYTHING))
    for minute in range(1, 6):
        _, *counts = await asyncio.gather(
            swept(lanes, minute, minute),
            *(lanes.read(lambda reader: reader.counts(SCOPE)[BOX.name]) for _ in range(6)),
            lanes.read_behind(lambda reader: reader.counts(SCOPE)[BOX.name]),
        )
        assert counts == [50] * 7
    await compacting
    assert await lanes.read(lambda reader: set(reader.table(BOX.name, SCOPE).column("size").to_pylist())) == {5}


async def test_what_is_kept_no_longer_goes_before_the_file_is_written_anew(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lanes.write(fill)
    monkeypatch.setattr("backends.daemon.keeping.utcnow", lambda: at(60 * 24 * 100))
    told = await compact(lanes, nullcontext(), Retention())
    assert told["exchanged"] and told["after"] < told["before"] * 0.8
    assert len(json.loads(await lanes.read(lambda r: json.dumps(r.history(f"lab.box@{_place()}/b000"))))) == 1


async def test_where_nothing_would_be_gained_the_file_stays_and_that_is_said(
    lanes: Lanes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await swept(lanes, 0, 1)
    write_anew = Store.write_anew

    def as_large(store: Store) -> Path:
        made = write_anew(store)
        os.truncate(made, store.path.stat().st_size)
        return made

    monkeypatch.setattr(Store, "write_anew", as_large)
    inode = (home / "store.duckdb").stat().st_ino
    told = await compact(lanes, nullcontext(), EVERYTHING)
    assert not told["exchanged"]
    assert (home / "store.duckdb").stat().st_ino == inode
    assert told["after"] == told["before"] == (home / "store.duckdb").stat().st_size
    assert not list((home / "work").iterdir())
    await swept(lanes, 20, 8)
    assert await lanes.read(lambda reader: reader.counts(SCOPE)[BOX.name]) == 50


async def test_where_the_new_file_cannot_be_written_the_old_one_stays(
    lanes: Lanes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lanes.write(emptied)
    with monkeypatch.context() as full:
        full.setattr("backends.daemon.lanes.swap", _no_room)
        with pytest.raises(StoreError, match="no room"):
            await compact(lanes, nullcontext(), EVERYTHING)
    await swept(lanes, 1, 2)
    assert await lanes.read(lambda reader: set(reader.table(BOX.name, SCOPE).column("size").to_pylist())) == {2}
    assert not list((home / "work").iterdir())


def _no_room(made: Path, path: Path) -> None:
    raise StoreError("There is no room.")


async def test_who_stops_waiting_for_a_compaction_leaves_the_store_as_it_was(lanes: Lanes) -> None:
    await lanes.write(emptied)
    compacting = asyncio.create_task(compact(lanes, nullcontext(), EVERYTHING))
    await asyncio.sleep(0)
    compacting.cancel()
    await asyncio.gather(compacting, return_exceptions=True)
    await swept(lanes, 1, 2)
    assert await lanes.read(lambda reader: set(reader.table(BOX.name, SCOPE).column("size").to_pylist())) == {2}


def test_a_store_that_was_not_closed_whole_is_not_exchanged(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").write_text("old")
    (tmp_path / "store.duckdb.wal").write_text("what is not in it yet")
    (tmp_path / "anew").write_text("new")
    with pytest.raises(StoreError, match="not closed whole"):
        swap(tmp_path / "anew", tmp_path / "store.duckdb")
    assert (tmp_path / "store.duckdb").read_text() == "old"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from store_world import open_store
from backends.store import copies, swap
home, step = Path(sys.argv[3]), sys.argv[4]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
store = open_store(home)
if step == "while written":
    copies.os.fsync = die
made = store.write_anew()
if step == "written":
    die()
store.close()
if step == "closed":
    die()
if step == "before the directory is synced":
    copies.sync_directory = die
swap(made, store.path)
die()
"""


@pytest.fixture(scope="module")
def sources() -> Iterator[list[str]]:
    here = Path(__file__).resolve()
    yield [str(here.parent), str(here.parents[2])]


@pytest.mark.parametrize("step", ["while written", "written", "closed", "before the directory is synced", "exchanged"])
def test_killed_at_any_step_a_compaction_leaves_one_whole_store(tmp_path: Path, sources: list[str], step: str) -> None:
    store = open_store(tmp_path)
    for minute in range(3):
        sweep(store, BOX, minute, boxes(minute))
    store.close()
    ended = subprocess.run([sys.executable, "-c", KILLED, *sources, str(tmp_path), step], check=False)
    assert ended.returncode == -signal.SIGKILL
    store = open_store(tmp_path)
    assert [set(table(store, BOX, "size", at=at(minute + 0.5))) for minute in range(3)] == [{0}, {1}, {2}]
    sweep(store, BOX, 3, boxes(3))
    store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["store.duckdb", "work"]
    assert not list((tmp_path / "work").iterdir())


def everything(store: Store) -> list[Any]:
    """Every table with its columns and rows, every view and every sequence."""
    con = store._connection
    names = con.execute("SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
    tables = [(s, t, con.execute(f'SELECT * FROM "{s}"."{t}" ORDER BY ALL').to_arrow_table()) for s, t in names]
    views = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL").fetchall()
    return [tables, views, con.execute("SELECT sequence_name FROM duckdb_sequences() ORDER BY ALL").fetchall()]


def test_every_table_sequence_and_view_comes_along(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, boxes(1))
    before = everything(store)
    made = store.write_anew()
    store.close()
    swap(made, store.path)
    store = open_store(tmp_path)
    assert everything(store) == before
    store.close()


async def test_what_a_killed_daemon_left_of_its_analyses_is_gone_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "work" / "job-1-pools").mkdir(parents=True)
    daemon = await Daemon.open(Settings(tmp_path, "aws", "", "", 1.0, 60.0), ())
    assert not list((tmp_path / "work").glob("job-*"))
    await daemon.close()
