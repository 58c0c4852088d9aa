"""What a checkpoint may destroy is kept beside the store until the checkpoint has come to its end.

DuckDB writes the metadata of a checkpoint into room that is left in blocks of the one before, in place. A process that
is killed amid such a write (or a machine without power) leaves a torn block that the old header still needs, and a file
that nothing opens any more. So those blocks are copied to `store.duckdb.guard` first, and whoever opens the store after
a checkpoint without an end puts them back: what it was to move is in the write-ahead log still.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import duckdb

from backends.store.copies import sync_directory

log = logging.getLogger(__name__)

_MAGIC = b"quarterdeck guard 1\n"
_PLACE = struct.Struct("<QQ")
_HEADERS = 3 * 4096
"""A DuckDB file begins with three headers; the last two take turns, and a checkpoint ends by writing one of them."""
_DIGEST = 32


def guard_of(path: Path) -> Path:
    """Where the guard of a store lies."""
    return path.with_name(f"{path.name}.guard")


class Guard:
    """Guards the checkpoints of an open store.

    It holds the file open, for reading: POSIX has a process lose its lock on a file (DuckDB's) by closing any
    descriptor of it. So it is closed last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def kept(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While a checkpoint is made on that connection. OSError where the guard cannot be written.

        After a checkpoint that failed, on a full disk perhaps, the guard stays for whoever opens the store again.
        """
        file = guard_of(self._path)
        try:
            self._write(file, connection)
            sync_directory(file.parent)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        try:
            yield
        except duckdb.TransactionException:
            # Others were in its way: it had not begun.
            file.unlink(missing_ok=True)
            raise
        file.unlink(missing_ok=True)

    def _write(self, file: Path, connection: duckdb.DuckDBPyConnection) -> None:
        sizes = "SELECT block_size FROM pragma_database_size() WHERE database_name = current_database()"
        (size,) = connection.execute(sizes).fetchall()[0]
        # Only where there is room left is anything written.
        blocks = connection.execute("SELECT block_id FROM pragma_metadata_info() WHERE free_blocks > 0").fetchall()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as written:
            digest = blake2b(digest_size=_DIGEST)
            for offset, length in ((0, _HEADERS), *((_HEADERS + block * size, size) for (block,) in sorted(blocks))):
                data = os.pread(self.descriptor, length, offset)
                for piece in (_PLACE.pack(offset, len(data)), data) if offset else (_MAGIC, data):
                    digest.update(piece)
                    written.write(piece)
            written.write(digest.digest())
            written.flush()
            os.fsync(written.fileno())

    def close(self) -> None:
        """Once DuckDB has closed the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def put_back(path: Path) -> bool:
    """Before a store is opened: undoes a checkpoint that did not come to its end. Says whether there was one.

    Nothing is done while another process has the store open. OSError where the file cannot be written.
    """
    file = guard_of(path)
    try:
        kept = file.read_bytes()
    except FileNotFoundError:
        return False
    torn = False
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        # A guard that is not whole was not finished, and the checkpoint not begun.
        whole = blake2b(kept[:-_DIGEST], digest_size=_DIGEST).digest() == kept[-_DIGEST:]
        if whole and os.pread(descriptor, _HEADERS, 0) == kept[len(_MAGIC) :][:_HEADERS]:
            _put_back(descriptor, memoryview(kept)[len(_MAGIC) + _HEADERS : -_DIGEST])
            torn = True
    finally:
        os.close(descriptor)
    file.unlink()
    if torn:
        log.warning("A checkpoint of %s was interrupted; it is as it was before, with its write-ahead log.", path)
    return torn


def _put_back(descriptor: int, kept: memoryview) -> None:
    place = 0
    while place < len(kept):
        offset, length = _PLACE.unpack_from(kept, place)
        place += _PLACE.size
        os.pwrite(descriptor, kept[place : place + length], offset)
        place += length
    os.fsync(descriptor)
