"""Opening a store: whose it is, how old it is, who has it, and what it refuses to touch."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import duckdb
import pytest
from store_world import ACCOUNT, BOX, KINDS, REGION, SCOPE, answer, at, open_store, sweep, table

from backends.model import Ref
from backends.store import SchemaTooNew, Store, StoreBroken, StoreError, StoreLocked, WrongStore, cards, schema
from backends.store import migrations as steps
from backends.store.copies import give_name
from backends.store.database import refuse_network_filesystem
from backends.store.errors import guarded

REF = str(Ref(BOX.name, ACCOUNT, REGION, "b1"))
RELEASED = steps.released()


def test_a_store_keeps_its_rows_its_label_and_its_privacy(tmp_path: Path) -> None:
    path = tmp_path / "home" / "store.duckdb"
    store = Store.open(path, KINDS, identity=("aws", "http://127.0.0.1:1"), label="SIMULATED AWS")
    sweep(store, BOX, 0, [{"id": "b1"}])
    version = store.version(BOX.name)
    store.close()
    again = Store.open(path, KINDS, identity=("aws", "http://127.0.0.1:1"))
    assert again.label == "SIMULATED AWS"
    assert again.about()["schema"] == str(max(steps.released()))
    assert table(again, BOX, "id") == ["b1"]
    assert again.version(BOX.name) == version
    again.close()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("identity", [("aws", "http://127.0.0.1:1"), ("aws-cn", "")])
def test_data_of_another_partition_or_endpoint_is_refused_in_one_sentence(
    tmp_path: Path, identity: tuple[str, str]
) -> None:
    open_store(tmp_path).close()
    with pytest.raises(WrongStore, match=r"holds data of AWS itself \(partition aws\), not of .*never mixed\.$"):
        Store.open(tmp_path / "store.duckdb", KINDS, identity=identity)


def test_a_file_from_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._connection.execute("UPDATE own.meta SET value = '999' WHERE key = 'schema'")
    store.close()
    for _ in range(2):
        with pytest.raises(SchemaTooNew, match=r"has schema 999, this program knows .*install a newer Quarterdeck"):
            open_store(tmp_path)


def test_an_older_file_is_migrated_with_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    sweep(store, BOX, 0, [{"id": "b1"}])
    store.close()
    known = steps.released()
    newer = known | {max(known) + 1: "CREATE TABLE own.extra (x INTEGER); INSERT INTO own.extra VALUES (4)"}
    monkeypatch.setattr(steps, "released", lambda: newer)
    store = open_store(tmp_path)
    assert store.about()["schema"] == str(max(newer))
    assert store._connection.execute("SELECT x FROM own.extra").fetchall() == [(4,)]
    assert table(store, BOX, "id") == ["b1"]
    store.close()


def test_raw_elements_kept_before_there_were_blocks_are_read_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        late = [("kind_version", "changed"), *(("watch", f"run_{name}") for name in ("from", "until", "finished"))]
        added = "; ".join(f"ALTER TABLE own.{name} ADD COLUMN {column} TIMESTAMP" for name, column in late)
        earlier.setattr(steps, "released", lambda: {1: f"{RELEASED[1]}; {added}"})
        earlier.setattr(schema, "KEPT", {"_raw_hash": "UBIGINT", "_raw": "BLOB"})
        earlier.setattr(cards, "prepare", lambda connection, tables: {table.name: table for table in tables})
        store = open_store(tmp_path)
        values = "'111122223333', 'eu-west-1', 'b1', 'one', 1, NULL, NULL, NULL, NULL, NULL, 4"
        then, raw = "TIMESTAMP '2026-11-20 12:00:00'", zlib.compress(b'{"old":1}')
        for place, ended in (("box", ""), ("box~past", f", {then}, 'changed'")):
            store._connection.execute(
                f'INSERT INTO kept."lab_{place}" SELECT {values}, {then}, {then}, {then}, 7, ?{ended}', [raw]
            )
        assert store.about()["schema"] == "1"
        store.close()
    store = open_store(tmp_path)
    assert store.about()["schema"] == str(max(steps.released()))
    assert table(store, BOX, "id", "name", "size", "hits") == [["b1", "one", 1, 4]]
    assert store.raw(REF) == b'{"old": 1}'
    assert len(store.history(REF)) == 1
    done = sweep(store, BOX, 1, [{"id": "b1", "name": "one", "size": 1, "hits": 5, "raw": {"new": 1}}])
    assert (done.added, done.changed, done.removed) == (0, 0, 0)
    assert json.loads(store.raw(REF) or b"") == {"Element": {"new": 1}}
    assert table(store, BOX, "hits") == [5]
    store.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(tmp_path).close()
    known = steps.released()
    broken = known | {max(known) + 1: "CREATE TABLE own.extra (x INTEGER); INSERT INTO own.nowhere VALUES (4)"}
    with monkeypatch.context() as patch:
        patch.setattr(steps, "released", lambda: broken)
        with pytest.raises(StoreError, match=f"could not be taken to schema {max(broken)}"):
            open_store(tmp_path)
    store = open_store(tmp_path)
    assert store.about()["schema"] == str(max(known))
    assert store._connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'extra'").fetchall() == [
        (0,)
    ]
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").write_text("hello " * 5000)
    with pytest.raises(WrongStore, match="not a Quarterdeck store"):
        open_store(tmp_path)


def test_a_duckdb_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    other = duckdb.connect(str(tmp_path / "store.duckdb"))
    other.execute("CREATE TABLE theirs (x INTEGER)")
    other.close()
    with pytest.raises(WrongStore, match="DuckDB file but not a Quarterdeck store"):
        open_store(tmp_path)


def test_a_store_that_another_process_has_open_is_refused(tmp_path: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(tmp_path / "store.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreLocked, match="open in another process"):
            open_store(tmp_path)
        holder.communicate()


def test_a_new_store_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB writes a new file in pieces: killed amid those, it would leave one that nothing opens any more."""
    file, seen = tmp_path / "store.duckdb", []

    def named(made: Path, name: Path) -> None:
        with duckdb.connect(str(made), read_only=True):
            seen.append((name, name.exists(), made.stat().st_mode & 0o777))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("backends.store.database.give_name", named)
        with pytest.raises(KeyboardInterrupt):
            open_store(tmp_path)
    assert seen == [(file, False, 0o600)] and not file.exists()
    # What the killed one left over is in nobody's way, however much of it there is.
    (tmp_path / "work" / "anew.duckdb").write_bytes(b"DUCK")
    open_store(tmp_path).close()
    assert sorted(tmp_path.rglob("*")) == [file, tmp_path / "work"]


def test_a_store_that_another_process_has_made_meanwhile_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path / "other" / "store.duckdb", KINDS, identity=("aws", ""), label="first").close()

    def late(made: Path, name: Path) -> None:
        (tmp_path / "other" / "store.duckdb").rename(name)
        give_name(made, name)

    monkeypatch.setattr("backends.store.database.give_name", late)
    store = open_store(tmp_path)
    assert store.about()["label"] == "first"
    store.close()


def test_a_damaged_file_is_not_taken_for_one_that_is_in_use(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    with (tmp_path / "store.duckdb").open("r+b") as file:
        file.seek(4096)
        file.write(bytes(8192))
    with pytest.raises(StoreError, match=r"cannot be opened: .*checksum") as told:
        open_store(tmp_path)
    assert not isinstance(told.value, StoreLocked)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    spaced = str(tmp_path.resolve() / "far away").replace(" ", "\\040")
    mounts.write_text(f"none / ext4 rw 0 0\nserver:/x {spaced} {kind} rw 0 0\n")
    refuse_network_filesystem(tmp_path, mounts)
    with pytest.raises(StoreError, match=f"network file system \\({kind}\\).*QUARTERDECK_HOME"):
        refuse_network_filesystem(tmp_path / "far away" / "deeper", mounts)


def test_the_database_has_no_door_to_the_outside(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    con = store._connection
    for statement in (
        f"SELECT * FROM read_text('{secret}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "INSTALL httpfs",
        "SELECT * FROM secret",
    ):
        with pytest.raises(duckdb.Error):
            con.execute(statement).fetchall()
    con.execute(f"COPY (SELECT 1 AS x) TO '{store.work / 'part.parquet'}'")
    assert con.execute(f"SELECT x FROM '{store.work / 'part.parquet'}'").fetchall() == [(1,)]
    store.close()


def test_a_fatal_error_says_that_the_store_has_to_be_opened_again(tmp_path: Path) -> None:
    for error in (duckdb.FatalException("disk full"), duckdb.Error("database has been invalidated because of …")):
        with pytest.raises(StoreBroken, match="opened again"), guarded("Storing a page"):
            raise error
    with pytest.raises(StoreError, match=r"^Storing a page failed: first line$"), guarded("Storing a page"):
        raise duckdb.Error("first line\nLINE 1: SELECT everything")


def test_a_closed_store_can_be_opened_again_with_readers_left_over(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    reader = store.reader()
    sweep(store, BOX, 0, [{"id": "b1"}])
    assert reader.version(BOX.name) > 0
    store.close()
    store.close()
    with pytest.raises(StoreError):
        reader.version(BOX.name)
    again = open_store(tmp_path)
    assert answer(again, BOX, scope=SCOPE, at=at(1))["total"] == 1
    again.close()
