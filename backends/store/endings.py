"""What the end of a sweep does to versions that are there: those that it saw are dated, those that it missed closed.

Both belong in the caller's transaction. Versions are named by DuckDB's hashes of their ids (see `known`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.store.schema import KEPT, KindTable
from backends.store.sqltext import registered

Array = np.ndarray[Any, np.dtype[Any]]

_OF = "hash(n.id) = xor({}.id, 0)"
"""Which version a hash is of. Of a bare column DuckDB lets pyarrow look for the few hashes that a small table has, as
numbers with a sign, for which one in two is too large."""


def note_seen(
    connection: duckdb.DuckDBPyConnection, table: KindTable, seen: Array, where: tuple[str, str], at: datetime
) -> None:
    """Dates the versions of an (account, region) that a sweep saw."""
    with registered(connection, "seen_ids", pa.table({"id": seen})):
        connection.execute(
            f"UPDATE {table.now} AS n SET _seen = $at FROM seen_ids s"
            f" WHERE {_OF.format('s')} AND n.account = $account AND n.region = $region",
            {"at": at, "account": where[0], "region": where[1]},
        )


def close_vanished(
    connection: duckdb.DuckDBPyConnection, table: KindTable, missed: Array, where: tuple[str, str], at: datetime
) -> int:
    """Closes the versions that a sweep of everything missed; how many. They were last seen by the good one before."""
    if not len(missed):
        return 0
    values = {"account": where[0], "region": where[1]}
    with registered(connection, "missed", pa.table({"id": missed})):
        gone = connection.execute(
            f"SELECT n.rowid AS _row FROM {table.now} n SEMI JOIN missed m ON {_OF.format('m')}"
            " WHERE n.account = $account AND n.region = $region",
            values,
        ).to_arrow_table()
    data, kept = ", ".join(table.stored), ", ".join(KEPT)
    last_seen = (
        "greatest(_seen, (SELECT max(good_at) FROM own.watch"
        " WHERE account = $account AND region = $region AND kind = $kind))"
    )
    with registered(connection, "gone", gone):
        connection.execute(
            f"INSERT INTO {table.past}"
            f" (account, region, id, {data}, _from, _first_seen, _seen, {kept}, _to, _end)"
            f" SELECT account, region, id, {data}, _from, _first_seen, {last_seen}, {kept}, $at, 'removed'"
            f" FROM {table.now} WHERE rowid IN (SELECT _row FROM gone)",
            values | {"at": at, "kind": table.name},
        )
        connection.execute(f"DELETE FROM {table.now} WHERE rowid IN (SELECT _row FROM gone)")
    return int(gone.num_rows)
