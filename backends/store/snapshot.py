"""A reading transaction: all that is read in it is of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from backends.store.errors import StoreInterrupted


@contextmanager
def snapshot(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Reads are of the moment at which it begins; nothing can be written."""
    try:
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        yield
    except duckdb.TransactionException as error:
        if "is aborted" in str(error):  # an interrupt came between two statements
            raise StoreInterrupted("The reading was interrupted.") from error
        raise
    finally:
        with suppress(duckdb.TransactionException):
            cursor.rollback()
