"""The store with thirty days of history behind it: a sweep taken in, the past, windows and changes.

Rows are instances with all their declared columns. Every hour of the thirty days a hundredth of them changed, so that
100,000 present versions have 700,000 closed ones before them. `python -m benchmarks.history 1000000` takes a size.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from backends.aws.kinds import KINDS
from backends.aws.parsers import page_schema, written
from backends.blocks import packed
from backends.model import Coverage, CoverageState, Scope
from backends.store import Query, Store, cards
from backends.store.schema import KindTable
from backends.store.sqltext import registered
from benchmarks.figures import Figure
from benchmarks.heap import like_a_daemon

KIND = next(kind for kind in KINDS if kind.name == "ec2.instance")
ACCOUNT, REGION = "123456789012", "eu-west-1"
SCOPE = Scope.of([(ACCOUNT, REGION)])
HOURS, EVERY = 720, 100
NOW = datetime(2026, 11, 26, 12)
PAGE = 16_000
SIZES = (10_000, 100_000)
ROUNDS = 5


def pages(size: int, changed_at: int | None) -> list[bytes]:
    """All rows as the collector sends them; those whose number leaves at most `changed_at` have a new state."""
    schema, found = page_schema(KIND), []
    for start in range(0, size, PAGE):
        numbers = np.arange(start, min(size, start + PAGE))
        new = numbers % EVERY <= changed_at if changed_at is not None else np.zeros(len(numbers), dtype=bool)
        found.append(written([_batch(schema, numbers, new)]))
    return found


def _batch(schema: pa.Schema, numbers: Any, new: Any) -> pa.RecordBatch:
    ids = [f"i-{number * 2654435761 % 2**32:08x}{number:09x}" for number in numbers.tolist()]
    columns: dict[str, Any] = {"id": ids, "instance_id": ids}
    for place, column in enumerate(KIND.columns):
        columns.setdefault(column.name, _values(column.name, column.type, numbers, new, 7 + place))
    texts = [
        f'{{"InstanceId":"{id_}","State":{{"Name":"{state}"}}}}'.encode()
        for id_, state in zip(ids, columns["state"], strict=True)
    ]
    sizes = np.array([len(text) for text in texts], dtype=np.int32)
    columns |= {
        "hash": (numbers.astype(np.uint64) * np.uint64(11400714819323198485)) + np.where(new, 2, 1).astype(np.uint64),
        "raw": [packed(b"".join(texts)), *[None] * (len(numbers) - 1)],
        "raw_at": np.cumsum(sizes) - sizes,
        "raw_size": sizes,
    }
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in schema], schema=schema)


def _values(name: str, kind: str, numbers: Any, new: Any, step: int) -> Any:
    if name == "state":
        return np.where(new, "stopping", np.where(numbers % 7 == 0, "stopped", "running")).tolist()
    if kind == "time":
        # In no order of theirs: what is sorted by it stands anywhere in the table.
        scattered = numbers.astype(np.uint64) * np.uint64(2654435761) % np.uint64(5_000_000)
        return np.datetime64("2026-10-01T00:00:00", "us") + scattered.astype(np.int64) * np.timedelta64(1, "s")
    if kind == "integer":
        return numbers % step
    if kind == "boolean":
        return numbers % 2 == 0
    if kind == "list":
        return [[f"{name}-{number % (97 * step)}"] for number in numbers.tolist()]
    if kind == "tags":
        return [f'{{"Name":"node-{number}","team":"team-{number % step}"}}' for number in numbers.tolist()]
    return [f"{name}-{number % (97 * step)}" for number in numbers.tolist()]


def take_in(store: Store, arrows: list[bytes], began: datetime) -> None:
    """One whole sweep."""
    number = store.begin_sweep(ACCOUNT, REGION, KIND.name, began)
    for arrow in arrows:
        store.ingest(number, arrow)
    coverage = Coverage(ACCOUNT, REGION, KIND.name, CoverageState.OK, rows=1, calls=1)
    store.finish_sweep(number, coverage, began + timedelta(seconds=5))


@contextmanager
def filled(size: int) -> Iterator[Store]:
    """A store with so many instances and their thirty days."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        store = Store.open(Path(folder) / "store.duckdb", KINDS, identity=("aws", ""))
        take_in(store, pages(size, None), NOW - timedelta(hours=HOURS))
        connection = store._connection
        table = store._shared.tables[KIND.name]
        # Row n changes in every hour that leaves the rest n in a hundred: its versions are made here at once.
        names = [row[0] for row in connection.execute(f"DESCRIBE {table.now}").fetchall() if row[0] != "_card"]
        when = "TIMESTAMP '{0}' + to_hours((CAST(hash(id) % {1} AS INTEGER) + {1} * {2}))"
        start = NOW - timedelta(hours=HOURS)
        begin, end = when.format(start, EVERY, "(v - 1)"), when.format(start, EVERY, "v")
        chosen = ", ".join(
            {
                "_from": f"{begin} AS _from",
                "state": "CASE WHEN v % 2 = 0 THEN 'running' ELSE 'stopped' END AS state",
            }.get(n, f'"{n}"')
            for n in names
        )
        connection.execute(
            f"CREATE TEMP TABLE made AS SELECT {chosen}, {end} AS _to FROM {table.now}, range({HOURS // EVERY}) r(v)"
            " ORDER BY _to"
        )
        _keep(connection, table, names)
        last = when.format(start, EVERY, HOURS // EVERY - 1)
        connection.execute(f"UPDATE {table.now} SET _from = {last}")
        connection.execute(
            f"INSERT INTO own.past_coverage SELECT '{ACCOUNT}', '{REGION}', '{KIND.name}', t, t, t, t, TRUE, 'ok', '',"
            f" {size}, 1, 0, 1, 0 FROM range(TIMESTAMP '{start}', TIMESTAMP '{NOW}', INTERVAL 1 MINUTE) r(t)"
        )
        store.checkpoint()
        gc.freeze()  # as the daemon does when it begins to serve
        try:
            yield store
        finally:
            gc.unfreeze()
            store.close()


def _keep(connection: duckdb.DuckDBPyConnection, table: KindTable, names: list[str]) -> None:
    """Puts the versions that were made into the past, each with its card."""
    line = cards.lines(table, "r.account", "r.region", "r._first_seen", "r._from", "r")
    (made,) = connection.execute("SELECT count(*) FROM made").fetchall()[0]
    for first in range(0, made, 100_000):
        some = f"FROM made r WHERE rowid BETWEEN {first} AND {first + 99_999} ORDER BY rowid"
        written_ = pa.table({"card": cards.write(connection, table, f"SELECT {line} {some}", {})})
        with registered(connection, "cards", written_):
            connection.execute(
                f"INSERT INTO {table.past} ({', '.join(names)}, _to, _end, _card)"
                f" SELECT r.*, 'changed', c.card FROM (SELECT r.* {some}) r POSITIONAL JOIN cards c"
            )
    connection.execute("DROP TABLE made")


@dataclass(frozen=True)
class Times:
    """Median milliseconds, by the clock and of processors."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.cpu:.0f} ms of CPU"


def timed(work: Callable[[], Any], rounds: int = ROUNDS) -> Times:
    """What the work takes."""
    walls, used = [], []
    for _ in range(rounds):
        began, before = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - before))
    return Times(median(walls), median(used))


def _sweeps(store: Store, size: int) -> Times:
    """Milliseconds of a sweep in which a hundredth has changed."""
    moments = iter(range(1, 100))
    prepared = [pages(size, number) for number in range(ROUNDS)]
    waiting = iter(prepared)
    return timed(lambda: take_in(store, next(waiting), NOW + timedelta(minutes=next(moments))))


def _past(store: Store) -> tuple[Times, Times]:
    """An aggregate over the rows of some instant of the thirty days, and a window of them from nothing."""
    moments = iter(NOW - timedelta(hours=71 * step + 13, minutes=7) for step in range(40))
    count = timed(lambda: store.counts(SCOPE, next(moments)))
    window = timed(lambda: store.rows(Query(KIND.name, SCOPE, sort=(("launched", True),), at=next(moments), limit=300)))
    return count, window


def _window(store: Store, size: int) -> tuple[Times, Times]:
    """A window of 300 rows of a sorted and filtered view that exists, and the same by OFFSET."""
    order, wanted = (("launched", True),), "state=running"

    def ours(offset: int) -> None:
        store.rows(Query(KIND.name, SCOPE, wanted, order, offset=offset, limit=300))

    ours(0)
    offsets = [size * part // 10 for part in (8, 1, 5, 3, 6, 2, 7, 4)]
    places = iter(offsets)
    mine = timed(lambda: ours(next(places)), len(offsets))
    places = iter(offsets)
    cursor = store._connection.cursor()
    order_by = "ORDER BY launched DESC, account, region, id"
    sql = f"SELECT * FROM {KIND.table} WHERE state = 'running' {order_by} LIMIT 300 OFFSET "
    theirs = timed(lambda: cursor.execute(sql + str(next(places))).fetchall(), len(offsets))
    return mine, theirs


def run(sizes: tuple[int, ...] = SIZES) -> list[Figure]:
    figures = []
    for size in sizes:
        with filled(size) as store:
            step = _sweeps(store, size)
            count, window = _past(store)
            near, offset = _window(store, size)
            changes = timed(lambda: store.changes(NOW, NOW + timedelta(minutes=1, seconds=30), [], SCOPE))
        name = f"{size:,} rows"
        large = size >= 1_000_000
        figures += [
            Figure(f"{name}: a sweep, 1 % changed", step.wall, "ms", 800 if large else 180, "the bar", str(step)),
            Figure(f"{name}: 30 days, aggregate as of", count.wall, "ms", 50, "the bar", str(count)),
            Figure(f"{name}: 30 days, window as of", window.wall, "ms", 50, "the bar", str(window)),
            Figure(
                f"{name}: window of a view", near.wall, "ms", 30, "OFFSET", f"{near}; {offset.wall:.0f} ms by OFFSET"
            ),
            Figure(f"{name}: changes of an hour", changes.wall, "ms", 50, "the bar", str(changes)),
        ]
    return figures


if __name__ == "__main__":
    like_a_daemon()
    for figure in run(tuple(map(int, sys.argv[1:])) or SIZES):
        print(figure)
