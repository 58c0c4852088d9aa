"""An encrypted store: what is in it is in no file as it is, and without its key, or without crypto, there is none."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws
from store_world import BOX, KINDS, SCOPE, at, open_store, sweep, table

from backends.context import config_directory, gather, store_home
from backends.daemon.configuration import ConfigurationError, read
from backends.daemon.keeping import backup, compact
from backends.daemon.keys import KeyProblem, take_key
from backends.daemon.lanes import Lanes
from backends.store import Key, NoEncryption, Retention, Store, WrongKey, encrypt_file
from console.cli_commands.daemon import daemon

SECRET = "correct-horse-battery-staple-0123"
KEY = Key(SECRET, "the file /etc/key")
CANARY = "canary-7f3a9c"
crypto = pytest.mark.skipif(
    find_spec("duckdb_extension_httpfs") is None, reason="DuckDB's httpfs extension is not installed"
)


def opened(home: Path, key: Key | None = KEY) -> Store:
    return Store.open(home / "store.duckdb", KINDS, identity=("aws", ""), key=key)


def fill(store: Store, minutes: float = 0) -> None:
    elements = [{"id": f"{CANARY}-{n}", "name": f"{CANARY} {minutes}", "raw": {"secret": CANARY}} for n in range(300)]
    sweep(store, BOX, minutes, elements)


def planted(home: Path, *texts: str) -> list[str]:
    """The files under a directory that hold one of the texts as it is."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return [f"{file.name}: {text}" for file in files for text in texts if text.encode() in file.read_bytes()]


def test_without_crypto_there_is_no_encrypted_store_and_no_plain_one_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.store.encryption.find_spec", lambda name: None)
    said = r"^An encrypted store needs DuckDB's httpfs extension for 1\.5\.5, which is not installed: pip install .*\.$"
    with pytest.raises(NoEncryption, match=said):
        opened(tmp_path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == []
    open_store(tmp_path).close()
    before = (tmp_path / "store.duckdb").read_bytes()
    with pytest.raises(NoEncryption, match=said):
        encrypt_file(tmp_path / "store.duckdb", KEY)
    assert (tmp_path / "store.duckdb").read_bytes() == before


@crypto
def test_what_is_stored_is_in_no_file_as_it_is(tmp_path: Path) -> None:
    plain, hidden = tmp_path / "plain", tmp_path / "hidden"
    for home, key in ((plain, None), (hidden, KEY)):
        store = opened(home, key)
        fill(store)
        store.checkpoint()
        fill(store, 1)
        files = {file.name for file in home.rglob("*") if file.is_file()}
        assert files == {"store.duckdb", "store.duckdb.wal"}
        assert bool(planted(home, CANARY)) == (key is None), "this test can see a canary"
        store.close()
        assert bool(planted(home, CANARY)) == (key is None)
    assert planted(hidden, SECRET) == []
    again = opened(hidden)
    assert set(table(again, BOX, "name")) == {f"{CANARY} 1"}
    assert set(table(again, BOX, "name", at=at(0.5))) == {f"{CANARY} 0"}
    again.close()
    assert (hidden / "store.duckdb").stat().st_mode & 0o777 == 0o600


@crypto
def test_what_is_spilled_to_disk_is_encrypted_too(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store._connection.execute("SELECT current_setting('temp_file_encryption')").fetchall() == [(True,)]
    with pytest.raises(Exception, match="locked"):
        store._connection.execute("SET temp_file_encryption = false")
    store.close()


@crypto
def test_the_key_is_in_no_statement_no_setting_and_no_message(tmp_path: Path) -> None:
    store = opened(tmp_path)
    told = [
        store._connection.execute(f"SELECT * FROM {source}()").fetchall()
        for source in ("duckdb_databases", "duckdb_settings", "duckdb_variables")
    ]
    assert SECRET not in str(told)
    assert SECRET not in store.sql("SELECT * FROM duckdb_databases()").decode()
    store.close()
    assert SECRET not in repr(KEY) + str(KEY) + f"{[KEY]}"
    with pytest.raises(WrongKey) as wrong:
        opened(tmp_path, Key("another-key-0123456789", "QUARTERDECK_STORE_KEY"))
    assert str(wrong.value) == (
        f"The key (QUARTERDECK_STORE_KEY) is not the one that the store {tmp_path / 'store.duckdb'} is encrypted with."
    )
    assert wrong.value.__cause__ is None


@crypto
def test_an_encrypted_store_without_its_key_and_a_plain_one_with_a_key_are_refused(tmp_path: Path) -> None:
    opened(tmp_path / "hidden").close()
    with pytest.raises(WrongKey, match=r"is encrypted and no key is configured: set store\.encryption_key_file"):
        opened(tmp_path / "hidden", None)
    opened(tmp_path / "plain", None).close()
    with pytest.raises(WrongKey, match=r"is not encrypted, but a key is configured .*`quarterdeck daemon encrypt`"):
        opened(tmp_path / "plain")
    opened(tmp_path / "plain", None).close()


@crypto
def test_a_plain_store_is_encrypted_with_all_that_it_holds(tmp_path: Path) -> None:
    store = opened(tmp_path, None)
    fill(store)
    store.close()
    encrypt_file(tmp_path / "store.duckdb", KEY)
    assert planted(tmp_path, CANARY) == []
    store = opened(tmp_path)
    assert set(table(store, BOX, "name")) == {f"{CANARY} 0"}
    fill(store, 1)
    store.close()
    with pytest.raises(WrongKey, match="encrypted already"):
        encrypt_file(tmp_path / "store.duckdb", KEY)


@crypto
async def test_its_backups_and_its_compacted_file_are_encrypted_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    lanes = await Lanes.open(lambda: opened(home))
    await lanes.write(fill)
    await backup(lanes, home, tmp_path / "copy.duckdb", force=False)
    # So small a file is not much larger than the new one.
    monkeypatch.setattr(Store, "size", 1 << 40)
    assert (await compact(lanes, nullcontext(), Retention(36_500, 36_500)))["exchanged"]
    assert await lanes.read(lambda reader: reader.counts(SCOPE)[BOX.name]) == 300
    await lanes.write(lambda store: fill(store, 1))
    await lanes.close()
    assert planted(tmp_path, CANARY, SECRET) == []
    (tmp_path / "again").mkdir()
    (tmp_path / "copy.duckdb").rename(tmp_path / "again" / "store.duckdb")
    for place, minutes in ((home, 1), (tmp_path / "again", 0)):
        store = opened(place)
        assert set(table(store, BOX, "name")) == {f"{CANARY} {minutes}"}
        store.close()


@crypto
def test_a_killed_writer_of_an_encrypted_store_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; sys.path[:0] = sys.argv[1:3]\n"
        "from test_store_encryption import fill, opened\n"
        "store = opened(Path(sys.argv[3])); fill(store); fill(store, 1); os.kill(os.getpid(), signal.SIGKILL)"
    )
    here = Path(__file__).resolve()
    subprocess.run([sys.executable, "-c", code, str(here.parent), str(here.parents[2]), str(tmp_path)], check=False)
    assert planted(tmp_path, CANARY) == []
    store = opened(tmp_path)
    assert set(table(store, BOX, "name")) == {f"{CANARY} 1"}
    store.close()


# -- where the key comes from -----------------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "store.key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    yield file


def test_a_key_comes_from_a_file_that_only_its_owner_reads(key_file: Path) -> None:
    key = take_key(str(key_file), {})
    assert key is not None and key.reveal() == SECRET
    for mode in (0o640, 0o604):
        key_file.chmod(mode)
        with pytest.raises(KeyProblem, match=r"may be read by others: chmod 600 it"):
            take_key(str(key_file), {})


@pytest.mark.parametrize(
    ("place", "said"),
    [("/nowhere/key", "cannot be read: No such file"), ("key", "not a whole path"), ("/dev/null", "is no plain file")],
)
def test_a_key_file_that_is_none_is_named(place: str, said: str) -> None:
    with pytest.raises(KeyProblem, match=said):
        take_key(place, {})


def test_a_key_file_that_is_a_fifo_or_a_directory_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "directory").mkdir(0o700)
    for name in ("fifo", "directory"):
        look = (
            "import sys; from backends.daemon.keys import KeyProblem, take_key\n"
            "try: take_key(sys.argv[1], {})\nexcept KeyProblem as problem: print(problem)"
        )
        # Of its own: what waits in open() cannot be interrupted from within.
        asked = [sys.executable, "-c", look, str(tmp_path / name)]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout
        assert said == f"The key file {tmp_path / name} is no plain file.\n"


def test_a_key_in_the_environment_is_taken_out_of_it() -> None:
    environment = {"QUARTERDECK_STORE_KEY": SECRET, "PATH": "/bin"}
    key = take_key("", environment)
    assert key is not None and key.reveal() == SECRET
    assert environment == {"PATH": "/bin"}
    assert take_key("", environment) is None


def test_a_key_in_the_daemons_own_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_STORE_KEY", SECRET)
    assert take_key("") is not None
    assert "QUARTERDECK_STORE_KEY" not in os.environ


def test_blanks_around_a_key_count_nowhere(key_file: Path) -> None:
    for place, environment in ((str(key_file), {}), ("", {"QUARTERDECK_STORE_KEY": f" {SECRET}\r\n"})):
        key = take_key(place, environment)
        assert key is not None and key.reveal() == SECRET


@crypto
async def test_a_store_that_was_encrypted_with_the_blanks_around_its_key_opens_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in (f"{SECRET}\n", f" {'short':16}"):
        home = tmp_path / str(len(given))
        store = opened(home, Key(given, "as it was"))
        fill(store)
        store.close()
        key = take_key("", {"QUARTERDECK_STORE_KEY": given})
        store = opened(home, key)
        assert set(table(store, BOX, "name")) == {f"{CANARY} 0"}
        store.close()
    with pytest.raises(WrongKey, match="is not the one"):
        opened(tmp_path / str(len(SECRET) + 1), KEY)
    lanes = await Lanes.open(lambda: opened(tmp_path / str(len(SECRET) + 1), Key(SECRET, "it", f"{SECRET}\n")))
    monkeypatch.setattr(Store, "size", 1 << 40)
    assert (await compact(lanes, nullcontext(), Retention(36_500, 36_500)))["exchanged"]
    await lanes.close()
    opened(tmp_path / str(len(SECRET) + 1), KEY).close()


def test_two_keys_and_short_keys_are_refused_without_showing_them(key_file: Path) -> None:
    with pytest.raises(KeyProblem, match="both name a key; keep one of them"):
        take_key(str(key_file), {"QUARTERDECK_STORE_KEY": SECRET})
    with pytest.raises(KeyProblem, match="shorter than 16 characters") as short:
        take_key("", {"QUARTERDECK_STORE_KEY": "hunter2"})
    assert "hunter2" not in str(short.value)


@mock_aws
def test_a_key_comes_from_secrets_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    manager = boto3.client("secretsmanager", region_name="eu-west-1")
    arn = manager.create_secret(Name="quarterdeck/store", SecretString=SECRET)["ARN"]
    for place, environment in ((f"secretsmanager:{arn}", {}), ("", {"QUARTERDECK_STORE_KEY": f"secretsmanager:{arn}"})):
        key = take_key(place, environment)
        assert key is not None and key.reveal() == SECRET
        assert key.source == f"the secret {arn}"
    with pytest.raises(KeyProblem, match="AWS answered ResourceNotFoundException"):
        take_key(f"secretsmanager:{arn}x", {})
    with pytest.raises(KeyProblem, match="is not the ARN of a secret"):
        take_key("secretsmanager:quarterdeck/store", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [("[store]\nencryption_key_file = 3", "is a path or secretsmanager:ARN"), ("[store]\nkey = 'x'", "no 'key'")],
)
def test_a_setting_of_the_store_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    config_directory().mkdir(parents=True)
    (config_directory() / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read({})


# -- the whole program ------------------------------------------------------------------------------------------------


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "QUARTERDECK_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    command = [sys.executable, "-c", "from console.cli import main; main()", "daemon", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=plain | more, timeout=300, check=False)


@crypto
def test_the_daemon_encrypts_and_its_key_reaches_no_log_no_argument_and_no_file(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", str(tmp_path / "copy.duckdb")
    home.mkdir()
    Store.open(home / "aws" / "store.duckdb", (), identity=("aws", "")).close()
    with_key = {"QUARTERDECK_STORE_KEY": SECRET}
    refused = run(home, "backup", copy, **with_key)
    assert refused.returncode == 2
    assert "is not encrypted, but a key is configured (QUARTERDECK_STORE_KEY): encrypt it with" in refused.stderr
    encrypted = run(home, "encrypt", **with_key)
    assert (encrypted.returncode, encrypted.stderr) == (0, ""), encrypted.stderr
    try:
        done = run(home, "backup", copy, **with_key)
        assert done.returncode == 0, done.stderr
        pid = int(run(home, "status", "-o", "json").stdout.split('"pid": ')[1].split(",")[0])
        assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        run(home, "stop")
    assert planted(tmp_path, SECRET) == []


def test_a_secret_that_only_the_shell_may_read_encrypts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:store-AbCdEf"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\ncredential_process = sh -c 'echo nobody >&2; exit 1'\n")
    shell = {"AWS_ACCESS_KEY_ID": "shells", "AWS_SECRET_ACCESS_KEY": "own", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    places = {
        "HOME": str(tmp_path),
        "QUARTERDECK_HOME": str(tmp_path),
        "QUARTERDECK_STORE_KEY": f"secretsmanager:{arn}",
    }
    for name, value in (shell | places).items():
        monkeypatch.setenv(name, value)
    store = Store.open(store_home(gather()) / "store.duckdb", (), identity=("aws", ""))
    store.close()
    before = (store_home(gather()) / "store.duckdb").read_bytes()
    assert CliRunner().invoke(daemon, ["encrypt"]).exit_code == 2
    assert capfd.readouterr().err == (
        f"quarterdeck: The store's key cannot be read from {arn}: Error when retrieving credentials from "
        "custom-process: nobody; credentials are looked for in the default profile and the instance's role, since a "
        "daemon that a command starts is given none of the shell's (AWS_PROFILE, AWS_ACCESS_KEY_ID, …).\n"
    )
    assert (store_home(gather()) / "store.duckdb").read_bytes() == before


def test_nothing_is_logged_of_a_key(caplog: pytest.LogCaptureFixture, key_file: Path) -> None:
    with caplog.at_level(logging.DEBUG):
        take_key(str(key_file), {})
        logging.getLogger("test").warning("%s %r", KEY, KEY)
    assert SECRET not in caplog.text
