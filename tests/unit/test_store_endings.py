"""What the end of a sweep does to versions, whatever their ids hash to and in the transaction that wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from backends.store.endings import close_vanished, note_seen
from backends.store.schema import KindTable
from tests.unit.store_world import ACCOUNT, BOX, REGION, at, open_store

IDS = [f"b{number}" for number in range(26)]
TABLE = KindTable(BOX, tuple(column for column in BOX.columns if column.name != "id"), frozenset())
SEEN: datetime = at(7)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store's connection amid a transaction that has just written a box of each id."""
    open_store(tmp_path).close()
    with duckdb.connect(str(tmp_path / "store.duckdb")) as connection:
        connection.begin()
        connection.execute(
            f"INSERT INTO {TABLE.now} (account, region, id, _from, _first_seen, _seen)"
            " SELECT $account, $region, unnest($ids), $at, $at, $at",
            {"account": ACCOUNT, "region": REGION, "ids": IDS, "at": at(0)},
        )
        yield connection


def hashes(connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    found = connection.execute("SELECT hash(unnest($ids)) AS h", {"ids": IDS}).fetchnumpy()["h"]
    assert (found >= 2**63).any() and (found < 2**63).any()
    return np.asarray(found)


def test_what_was_seen_is_dated(written: duckdb.DuckDBPyConnection) -> None:
    note_seen(written, TABLE, hashes(written), (ACCOUNT, REGION), SEEN)
    dated = written.execute(f"SELECT DISTINCT _seen FROM {TABLE.now}").fetchall()
    assert dated == [(SEEN.replace(tzinfo=None),)]


def test_what_was_missed_is_closed(written: duckdb.DuckDBPyConnection) -> None:
    assert close_vanished(written, TABLE, hashes(written), (ACCOUNT, REGION), SEEN) == len(IDS)
    ended = written.execute(f"SELECT count(*) FROM {TABLE.past} WHERE _end = 'removed'").fetchall()
    assert ended == [(len(IDS),)]
