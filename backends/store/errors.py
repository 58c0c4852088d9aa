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


class StoreBroken(StoreError):
    """DuckDB has invalidated the open database (a full disk, a failed checkpoint): close the store and open it again.

    Nothing acknowledged is lost: what was committed is in the file or its write-ahead log.
    """


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
    except (duckdb.FatalException, duckdb.InternalException) as error:
        raise StoreBroken(f"{doing} failed and the store has to be opened again: {first_line(error)}") from error
    except duckdb.Error as error:
        text = first_line(error)
        if "invalidated" in text or "Connection Error: Connection already closed" in text:
            raise StoreBroken(f"{doing} failed and the store has to be opened again: {text}") from error
        raise StoreError(f"{doing} failed: {text}") from error


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, at most 300 characters: DuckDB quotes whole statements after it."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
