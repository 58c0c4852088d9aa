"""A checkpoint that is interrupted leaves the store as it was, whatever of it had been written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from store_world import BOX, open_store, sweep

from backends.store import Store, StoreError, StoreLocked
from backends.store import store as module
from backends.store.guard import Guard, guard_of, put_back

BLOCK, HEADERS = 1 << 16, 3 * 4096


def filled(directory: Path, sweeps: range) -> Store:
    store = open_store(directory)
    for number in sweeps:
        sweep(
            store, BOX, number, [{"id": f"b{box:05}", "size": number, "name": f"{number}" * 40} for box in range(300)]
        )
    return store


def contents(store: Store) -> list[str]:
    """All that is in the store's own tables."""
    con = store._connection
    names = con.execute(
        'SELECT format(\'"{}"."{}"\', schema_name, table_name) FROM duckdb_tables() WHERE NOT internal ORDER BY ALL'
    ).fetchall()
    return [f"{name}: {con.execute(f'SELECT * FROM {name} ORDER BY ALL').fetchall()}" for (name,) in names]


class Interrupted:
    """A store amid its checkpoints: the files as they lay before the last one, and all that it wrote."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.before, self.guard = home, b"", b""
        self.log = b""
        usual = Guard.kept

        @contextmanager
        def kept(guard: Guard, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
            path = home / "store.duckdb"
            self.before, self.log = path.read_bytes(), (home / "store.duckdb.wal").read_bytes()
            with usual(guard, connection):
                self.guard = guard_of(path).read_bytes()
                yield

        monkeypatch.setattr(Guard, "kept", kept)

    def wreck(self, target: Path, *, guard: bytes) -> int:
        """What a process leaves that dies right before the new header: every block that it wrote is torn.

        Gives how many of them there were before.
        """
        target.mkdir()
        after = bytearray((self.home / "store.duckdb").read_bytes())
        torn = 0
        for place in range(HEADERS, min(len(self.before), len(after)), BLOCK):
            if after[place : place + BLOCK] != self.before[place : place + BLOCK]:
                after[place + 512 : place + BLOCK] = os.urandom(BLOCK - 512)
                torn += 1
        after[:HEADERS] = self.before[:HEADERS]
        # The file grows before its new end is written.
        after += bytes(max(0, len(self.before) - len(after)))
        (target / "store.duckdb").write_bytes(after)
        (target / "store.duckdb.wal").write_bytes(self.log)
        guard_of(target / "store.duckdb").write_bytes(guard)
        return torn


@pytest.mark.parametrize("sweeps", [2, 5, 9])
def test_whatever_an_interrupted_checkpoint_has_torn_is_put_back(
    tmp_path: Path, sweeps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    interrupted = Interrupted(home, monkeypatch)
    store = filled(home, range(1))
    for number in range(1, sweeps):
        store.checkpoint()
        sweep(store, BOX, number, [{"id": f"b{box:05}", "size": number} for box in range(number, 300 + number)])
    told = contents(store)
    store.checkpoint()
    store.close()
    assert interrupted.wreck(tmp_path / "unguarded", guard=b"") > 0
    with pytest.raises(StoreError):
        contents(open_store(tmp_path / "unguarded"))
    interrupted.wreck(tmp_path / "guarded", guard=interrupted.guard)
    store = open_store(tmp_path / "guarded")
    assert contents(store) == told
    store.close()
    assert not guard_of(tmp_path / "guarded" / "store.duckdb").exists()
    store = open_store(tmp_path / "guarded")
    assert contents(store) == told
    store.close()


@pytest.mark.parametrize("left", [0, 1, 40, -1])
def test_a_guard_that_was_not_finished_undoes_nothing(
    tmp_path: Path, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = Interrupted(tmp_path, monkeypatch)
    filled(tmp_path, range(3)).close()
    file = tmp_path / "store.duckdb"
    before = file.read_bytes()
    guard_of(file).write_bytes(interrupted.guard[:left])
    assert not put_back(file)
    assert file.read_bytes() == before and not guard_of(file).exists()


def test_the_guard_of_a_checkpoint_that_came_to_its_end_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = Interrupted(tmp_path, monkeypatch)
    store = filled(tmp_path, range(3))
    told = contents(store)
    store.close()
    guard_of(tmp_path / "store.duckdb").write_bytes(interrupted.guard)
    store = open_store(tmp_path)
    assert contents(store) == told
    store.close()


def test_a_store_that_another_process_has_open_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = Interrupted(tmp_path / "home", monkeypatch)
    filled(tmp_path / "home", range(3)).close()
    interrupted.wreck(tmp_path / "other", guard=interrupted.guard)
    file = tmp_path / "other" / "store.duckdb"
    hold = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print('open', flush=True)"
    command = [sys.executable, "-c", f"{hold}; sys.stdin.read()", str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"open\n"
        before = file.read_bytes()
        with pytest.raises(StoreLocked):
            open_store(tmp_path / "other")
        assert file.read_bytes() == before and guard_of(file).exists()
        holder.communicate()


def test_neither_a_checkpoint_nor_a_copy_gives_the_store_to_another_process(tmp_path: Path) -> None:
    store = filled(tmp_path, range(2))
    assert store.checkpoint()
    store.copy_to(tmp_path / "copy.duckdb")
    look = "import duckdb, sys; duckdb.connect(sys.argv[1], read_only=True)"
    done = subprocess.run([sys.executable, "-c", look, str(store.path)], capture_output=True, text=True, check=False)
    assert "Could not set lock" in done.stderr
    store.close()


def test_a_long_log_is_moved_into_the_file_and_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOG", 1 << 14)
    interrupted = Interrupted(tmp_path, monkeypatch)
    store = filled(tmp_path, range(6))
    assert len(interrupted.guard) > HEADERS
    assert store._log < 1 << 14
    store.close()
    assert sorted(child.name for child in tmp_path.iterdir()) == ["store.duckdb", "work"]


def test_without_room_for_the_guard_there_is_no_checkpoint_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(guard: Guard, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        raise OSError(28, "No space left on device")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Guard, "kept", full)
        patch.setattr(module, "_LOG", 1)
        store = filled(tmp_path, range(2))
        with pytest.raises(StoreError, match="disk is full"):
            store.checkpoint()
        told = contents(store)
        store.close()
    shutil.copytree(tmp_path, tmp_path.with_name("later"))
    store = open_store(tmp_path.with_name("later"))
    assert contents(store) == told
    store.close()


def test_after_a_checkpoint_that_failed_midway_the_guard_stays_until_the_store_is_opened_again(tmp_path: Path) -> None:
    store = filled(tmp_path, range(2))
    told, file = contents(store), guard_of(store.path)
    with pytest.raises(duckdb.FatalException), store._guard.kept(store._connection):
        raise duckdb.FatalException("IO Error: could not write")
    assert file.exists()
    store._connection.close()
    store._guard.close()
    store = open_store(tmp_path)
    assert contents(store) == told and not file.exists()
    with pytest.raises(duckdb.TransactionException), store._guard.kept(store._connection):
        raise duckdb.TransactionException("Cannot CHECKPOINT: there are other write transactions active")
    assert not file.exists()
    store.close()
