"""Opening the DuckDB file: who may, on what, and with every door to the outside shut.

Measured on DuckDB 1.5: only `allowed_directories`, then `enable_external_access=false`, then
`lock_configuration=true` keep a SELECT from reading or writing files; a read-only transaction does not.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from backends.store.copies import ANEW, give_name, sync_directory
from backends.store.encryption import Key, attach, check_key, load_crypto
from backends.store.errors import NO_ROOM, StoreError, StoreFull, StoreLocked, WrongStore, first_line, no_room
from backends.store.guard import put_back
from backends.store.migrations import migrate, newest
from backends.store.sqltext import literal

_REMOTE = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
MEMORY_LIMIT = "1GB"
_BLOCK = 1 << 16
"""Bytes. Each column of a table that is appended to takes a block of memory until the next checkpoint, and ninety kinds
have thousands of columns. Smaller ones still take less, but longer to read large tables from."""
THREADS = 1
"""A statement runs in the thread that asks. With a second one whoever asked would only spin while that works (DuckDB's
client does not sleep): a third of the writer's processor time. Several readers are side by side all the same."""
WORK = "work"


def connect(
    path: Path, key: Key | None = None, *, encrypting: bool = False, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Opens or creates the file, hardened; its directory is made private (0700), with `work/` for Arrow files in it.

    With a key the file is an encrypted one, and the database that the connection uses not its own (see `encryption`).
    `encrypting`: a plain store is opened in order to be written anew with a key.
    """
    directory = path.parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / WORK).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The directory {directory} cannot be made: {error.strerror}.") from error
    refuse_network_filesystem(directory)
    for left in (directory / WORK).glob(f"{ANEW}*"):
        # A process that died while it wrote the store anew: the store itself is whole.
        left.unlink()
    check_key(path, key)
    try:
        if path.exists():
            put_back(path)
        elif not read_only:
            _create(path, key)
        connection = _opened(path, key, encrypting=encrypting, read_only=read_only)
    except duckdb.IOException as error:
        text = first_line(error)
        if "set lock" in text:
            raise StoreLocked(f"The store {path} is open in another process: {text}") from error
        if "valid DuckDB" in text or "version number" in text:
            raise WrongStore(f"{path} is not a Quarterdeck store this program can read: {text}") from error
        if no_room(text):
            raise StoreFull(f"Opening the store {path} failed: {NO_ROOM}") from error
        raise StoreError(f"The store {path} cannot be opened: {text}") from error
    except duckdb.Error as error:
        raise StoreError(f"The store {path} cannot be opened: {first_line(error)}") from error
    except OSError as error:
        raise StoreError(f"The store {path} cannot be opened: {error.strerror or error}.") from error
    _harden(connection, directory)
    return connection


def _create(path: Path, key: Key | None) -> None:
    """Puts an empty database there, at once: DuckDB writes a new file in pieces, of which some alone are none."""
    made = path.parent / WORK / ANEW
    _opened(made, key, encrypting=False, read_only=False).close()
    made.chmod(0o600)
    try:
        give_name(made, path)
    except FileExistsError:
        # Another process was faster: whoever comes second is told so by its lock.
        made.unlink()
    except OSError as error:
        raise StoreError(f"The store {path} cannot be made: {error.strerror or error}.") from error
    sync_directory(path.parent)


def _opened(path: Path, key: Key | None, *, encrypting: bool, read_only: bool) -> duckdb.DuckDBPyConnection:
    if key is None:
        connection = duckdb.connect(str(path), read_only=read_only, config=_configuration(path.parent))
        if encrypting:
            load_crypto(connection)
        return connection
    connection = duckdb.connect(":memory:", config=_configuration(path.parent))
    try:
        attach(connection, path, key, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def _configuration(directory: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": THREADS,
        "memory_limit": MEMORY_LIMIT,
        "default_block_size": _BLOCK,
        # Checkpoints are the store's own affair: it guards them.
        "checkpoint_threshold": "1TB",
        "temp_directory": str(directory / WORK / "spill"),
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "preserve_insertion_order": True,
    }


def _harden(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    connection.execute(f"SET allowed_directories = [{literal(str(directory.resolve() / WORK) + '/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def refuse_network_filesystem(directory: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """StoreError where `directory` lies on a network file system: its locks cannot be trusted to elect one writer."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    target = directory.resolve()
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if len(point) >= len(best) and target.is_relative_to(point):
            best, kind = point, fields[2]
    if kind in _REMOTE:
        raise StoreError(
            f"The store cannot live in {directory}: it is on a network file system ({kind}), where locks do not hold; "
            "point QUARTERDECK_HOME at a local disk."
        )


def prepare(connection: duckdb.DuckDBPyConnection, path: Path, identity: tuple[str, str], label: str) -> str:
    """Makes or migrates the schema and checks whose store it is; gives the label that is kept with it.

    `identity` is (partition, endpoint); "" as endpoint is real AWS. WrongStore on a mismatch.
    """
    tables = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
    ).fetchall()
    if tables and ("own.meta",) not in tables:
        raise WrongStore(f"{path} is a DuckDB file but not a Quarterdeck store; choose another place.")
    meta = read_meta(connection) if tables else {}
    migrate(connection, int(meta.get("schema", "0")), str(path))
    partition, endpoint = identity
    if "partition" not in meta:
        write_meta(connection, {"partition": partition, "endpoint": endpoint, "label": label})
        return label
    _check_identity(meta, path, identity)
    if label and label != meta.get("label", ""):
        write_meta(connection, {"label": label})
    return label or meta.get("label", "")


def check(connection: duckdb.DuckDBPyConnection, path: Path, identity: tuple[str, str]) -> str:
    """Whether a file is a store of this identity with this program's schema, without changing it; gives its label."""
    meta = read_meta(connection)
    if int(meta.get("schema", "0")) != newest() or "partition" not in meta:
        raise WrongStore(f"The store {path} cannot be read before it has been migrated.")
    _check_identity(meta, path, identity)
    return meta.get("label", "")


def _check_identity(meta: dict[str, str], path: Path, identity: tuple[str, str]) -> None:
    if (meta["partition"], meta["endpoint"]) != identity:
        kept, asked = _whose(meta["partition"], meta["endpoint"]), _whose(*identity)
        raise WrongStore(f"The store {path} holds data of {kept}, not of {asked}; the two are never mixed.")


def _whose(partition: str, endpoint: str) -> str:
    return f"{endpoint} (partition {partition})" if endpoint else f"AWS itself (partition {partition})"


def read_meta(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the store says about itself."""
    return dict(connection.execute("SELECT key, value FROM own.meta").fetchall())


def write_meta(connection: duckdb.DuckDBPyConnection, values: dict[str, str]) -> None:
    """Replaces the given facts, in one transaction."""
    connection.begin()
    for key, value in values.items():
        connection.execute("DELETE FROM own.meta WHERE key = ?", [key])
        connection.execute("INSERT INTO own.meta VALUES (?, ?)", [key, value])
    connection.commit()
