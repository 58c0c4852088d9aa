"""What can go wrong with a store, each as one sentence for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


class StoreError(Exception):
    """The store cannot do what was asked; the text is one sentence that says what, to what, and what to do."""


class SchemaTooNew(StoreError):
    """The file was written by a newer program."""


class WrongStore(StoreError):
    """The file is not this program's store, or belongs to another partition or endpoint."""


class StoreLocked(StoreError):
    """Another process has the file open."""


class StoreFull(StoreError):
    """There is no room for what was to be written: nothing of it was kept, and all that was kept before is there."""


class StoreBusy(StoreError):
    """Others were at work for longer than they are waited for: nothing was done, and it can be tried again."""


class StoreBroken(StoreError):
    """DuckDB has invalidated the open database (a full disk, a failed checkpoint): close the store and open it again.

    Nothing acknowledged is lost: what was committed is in the file or its write-ahead log. `full`: for want of room.
    """

    full = False


class SweepLost(StoreError):
    """The store was opened again while the sweep was under way: what it had brought stays, as partial."""


class StoreInterrupted(StoreError):
    """The reader was interrupted because its answer is no longer wanted."""


class QueryRefused(StoreError):
    """A user's SQL is not a single SELECT, or is wrong."""


class NotFound(StoreError):
    """There is no such resource, kind, plan or run at that instant."""


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Turns DuckDB's exceptions into ours, so that callers tell *reopen* from *try again* from *your fault*."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise StoreInterrupted(f"{doing} was interrupted.") from error
    except duckdb.Error as error:
        raise ours(error, doing) from error


def ours(error: duckdb.Error, doing: str) -> StoreError:
    """DuckDB's exception as one of ours."""
    text = first_line(error)
    fatal = isinstance(error, duckdb.FatalException | duckdb.InternalException)
    if fatal or "invalidated" in text or "Connection Error: Connection already closed" in text:
        full = no_room(text)
        broken = StoreBroken(
            f"{doing} failed{f': {NO_ROOM}' if full else f' and the store has to be opened again: {text}'}"
        )
        broken.full = full
        return broken
    # A store is opened only to be read while there is no room to write.
    if no_room(text) or "in read-only mode" in text:
        return StoreFull(f"{doing} failed: {NO_ROOM}")
    return StoreError(f"{doing} failed: {text}")


_NO_ROOM = ("No space left on device", "File too large", "Disk quota exceeded")
NO_ROOM = "the store's disk is full; make room, and polls are kept again."


def no_room(text: str) -> bool:
    """Whether the words of an error say that a disk, a quota or a limit is full."""
    return any(words in text for words in _NO_ROOM)


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, at most 300 characters: DuckDB quotes whole statements after it."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
