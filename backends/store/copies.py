"""Whole copies of the store's file: a backup while it is open, and the file written anew without its empty room.

Measured on 100 MB: a checkpoint and a copy of the bytes keep the writer for 0.1 s (less where the file system shares
blocks); COPY FROM DATABASE takes 5 s of one processor, so it is left to what only it can do.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

import duckdb

from backends.store.encryption import Key
from backends.store.errors import StoreError
from backends.store.sqltext import literal

_PIECE = 1 << 26
ANEW = "anew.duckdb"


def copy_bytes(source: Path, target: Path) -> int:
    """Copies a file to a new one, mode 0600 and on the disk when this returns; gives its bytes. OSError."""
    with source.open("rb") as read:
        return copy_of(read.fileno(), target)


def copy_of(source: int, target: Path) -> int:
    """Like `copy_bytes`, of an open file."""
    size = os.fstat(source).st_size
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        _copy(source, descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size


def _copy(source: int, target: int, size: int) -> None:
    done = 0
    while done < size:
        try:
            moved = os.copy_file_range(source, target, min(_PIECE, size - done), done, done)
        except OSError as error:
            if done or error.errno not in _NOT_SHARED:
                raise
            moved = 0
        if moved == 0:
            moved = os.pwrite(target, os.pread(source, min(_PIECE, size - done), done), done)
        if moved == 0:
            raise OSError(f"the file ended after {done} of {size} bytes")
        done += moved


_NOT_SHARED = frozenset((errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP))
"""The kernel cannot copy between these two, so we do."""


def place(made: Path, file: Path, *, force: bool) -> None:
    """Gives a finished copy its name, on whatever file system that is; never a half-written file of that name.

    StoreError where there is a file already and `force` is not said. The copy at `made` is gone afterwards.
    """
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        if made.stat().st_dev == file.parent.stat().st_dev:
            made.rename(part)
        else:
            copy_bytes(made, part)
        give_name(part, file, force=force)
        sync_directory(file.parent)
    except FileExistsError as error:
        raise StoreError(f"{file} is there already; choose another name, or say --force.") from error
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def give_name(part: Path, file: Path, *, force: bool = False) -> None:
    """Moves a finished file to another name in its file system; FileExistsError where there is one and no `force`."""
    if not force:
        try:
            os.link(part, file)
            part.unlink()
            return
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links.
            if os.path.lexists(file):
                raise FileExistsError(file) from None
    part.replace(file)


def check_target(file: Path, home: Path, *, force: bool) -> None:
    """StoreError where no backup can be put: in the store's directory, over a file, where there is no directory."""
    if not file.is_absolute():
        raise StoreError(f"{file} is not a whole path.")
    if not file.parent.is_dir():
        raise StoreError(f"There is no directory {file.parent}.")
    if file.parent.resolve().is_relative_to(home.resolve()):
        raise StoreError(f"{file} lies in the store's own directory; a backup belongs elsewhere, best on another disk.")
    try:
        found = file.lstat()
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{file} is there already and is no plain file.")
    if not force:
        raise StoreError(f"{file} is there already; choose another name, or say --force.")


def write_anew(connection: duckdb.DuckDBPyConnection, target: Path, key: Key | None = None) -> None:
    """Writes everything that the connection's database holds to a new file, whole and on the disk when this returns.

    With a key the new file is encrypted. What was there at `target` is replaced. duckdb.Error, OSError.
    """
    wal = target.with_name(target.name + ".wal")
    for file in (target, wal):
        file.unlink(missing_ok=True)
    source = connection.execute("SELECT current_database()").fetchall()[0][0]
    with_key = " (ENCRYPTION_KEY $1)" if key else ""
    connection.execute(f"ATTACH {literal(str(target))} AS anew{with_key}", [key.reveal()] if key else [])
    try:
        connection.execute(f'COPY FROM DATABASE "{source}" TO anew')
        connection.execute("CHECKPOINT anew")
    finally:
        connection.execute("DETACH anew")
    if wal.exists():
        raise OSError(f"{wal} was left over")
    target.chmod(0o600)
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def swap(anew: Path, path: Path) -> None:
    """Puts a file that was written anew in the place of the closed store: at every instant one of them is whole there.

    StoreError where the store was not closed whole: its write-ahead log belongs to the old file only.
    """
    wal = path.with_name(path.name + ".wal")
    if wal.exists() and wal.stat().st_size:
        raise StoreError(f"The store {path} was not closed whole, so it stays as it is; try again.")
    wal.unlink(missing_ok=True)
    anew.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes a new name in a directory outlive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
