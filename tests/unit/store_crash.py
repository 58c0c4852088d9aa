"""Kills a process that writes sweeps, again and again, and looks at what is left.

`python tests/unit/store_crash.py [ROUNDS] [SEED] [HOME]` prints one JSON line of figures; tests and benchmarks use it.
Sweep n of the writer has BOXES boxes, n to n + BOXES - 1, all of size n: each sweep changes every box, adds one and
loses one, writes an audit record, and is acknowledged once both are in the store. Now and then the writer checkpoints,
prunes, thins and writes the file anew. One writer in five waits for its death amid a sweep, so that however fast the
machine is, some die there. This process never opens a store itself: writers and those that look are forked
from it, so that a kill costs no imports and falls at any instant, that of opening among them.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from store_world import ACCOUNT, BOX, REGION, SCOPE, at, covered, in_blocks, open_store

from backends.actions.audit import FIRST, digest, seal
from backends.store import Query, Retention, Store, swap
from backends.store.guard import guard_of

BOXES = 90
PAGE = 30
WAITING = 5
"""Of so many writers one waits amid a sweep until it is killed."""
AMID = b"0\n"
"""What it says then, where others say the number of a sweep."""
OPENING, SWEEPING = 0.15, 0.25
"""Seconds within which a writer is killed: from its beginning, or from a sweep that it acknowledged."""
KEPT = Retention(history_days=1, compact_after_days=1)


@dataclass
class Figures:
    """What came of the kills: how many, of them inside a sweep and amid a checkpoint, the sweeps acknowledged, the
    slowest reopening."""

    kills: int = 0
    inside: int = 0
    amid: int = 0
    acknowledged: int = 0
    slowest_open_ms: float = 0.0
    bytes: int = 0


def boxes(sweep: int) -> dict[str, int]:
    return {f"b{number:06d}": sweep for number in range(sweep, sweep + BOXES)}


def write(directory: Path, acknowledge: Callable[[int], object], *, waits: bool = False) -> None:
    """Writes sweeps until killed; one that `waits` does so after the first page of its second sweep."""
    store = open_store(directory)
    number = last_finished(store) + 1
    held = number + 1 if waits else None
    while True:
        sweep = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(number))
        elements = list(boxes(number).items())
        for start in range(0, BOXES, PAGE):
            store.ingest(sweep, in_blocks(dict(elements[start : start + PAGE]), 10))
            if number == held:
                acknowledge(int(AMID))
                signal.pause()
        store.finish_sweep(sweep, covered(BOX), at(number + 0.5))
        newest = json.loads(store.audit(limit=1))["records"]
        previous = newest[0] if newest else {"sequence": 0, "hash": FIRST}
        entry = {"at": f"{at(number).isoformat()}Z", "event": "sweep", "plan": str(number)}
        store.add_audit(seal(entry, previous["sequence"] + 1, previous["hash"]))
        acknowledge(number)
        if number % 2 == 0:
            store.checkpoint()
        if number % 11 == 0:
            store.prune(at(number), KEPT)
        if number % 13 == 0:
            made = store.write_anew()
            store.close()
            swap(made, store.path)
            store = open_store(directory)
        number += 1


def last_finished(store: Store) -> int:
    """The number of the newest sweep whose end is in the store; 0 for none."""
    row = json.loads(store.coverage(SCOPE))["rows"][0]
    if row["last_good"] is None:
        return 0
    query = Query(BOX.name, SCOPE, sort=(("id", False),), limit=1)
    first = json.loads(store.rows(query))["rows"][0]
    return int(first[3][1:])


def crash(directory: Path, rounds: int, seed: int = 7) -> Figures:
    """`rounds` times: kill -9 a writer at a random moment, open the store, check it. AssertionError if torn."""
    chance = random.Random(seed)
    figures = Figures()
    acknowledged: list[int] = []
    finished = 0
    for round_ in range(rounds):
        acknowledged += _kill_one(directory, chance, waits=round_ % WAITING == WAITING - 1)
        figures.kills += 1
        figures.acknowledged = len(acknowledged)
        found = _looked(directory, acknowledged, finished)
        finished = int(found["finished"])
        figures.inside += found["inside"]
        figures.amid += found["amid"]
        figures.slowest_open_ms = max(figures.slowest_open_ms, found["open_ms"])
        figures.bytes = found["bytes"]
    return figures


def _kill_one(directory: Path, chance: random.Random, *, waits: bool) -> list[int]:
    """Forks a writer and kills it at some instant, or once it waits amid a sweep; the sweeps that it had
    acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(lambda: write(directory, lambda number: os.write(writing, f"{number}\n".encode()), waits=waits))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        if waits:
            acknowledged = [int(line) for line in iter(told.readline, AMID)]
        else:
            waited = chance.choice((0, 1, 1, 2, 3))
            acknowledged = [int(told.readline()) for _ in range(waited)]
            time.sleep(chance.uniform(0, SWEEPING if waited else OPENING))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "the writer ended by itself"
        return acknowledged + [int(line) for line in told.read().split()]


def _looked(directory: Path, acknowledged: list[int], before: int) -> dict[str, float]:
    """What a process finds that opens the store and checks it; AssertionError with what it says is wrong.

    `before` is the newest sweep that was found finished after the kill before this one.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(lambda: os.write(writing, json.dumps(_look(directory, acknowledged, before)).encode()))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        text = told.read()
    _, status = os.waitpid(pid, 0)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, "what is wrong stands above"
    found: dict[str, float] = json.loads(text)
    return found


def _child(work: Callable[[], object]) -> None:
    """In a forked process: does it and ends, without what the parent would do at its end."""
    code = 0
    try:
        work()
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        os._exit(code)


def _look(directory: Path, acknowledged: list[int], before: int) -> dict[str, float]:
    amid = guard_of(directory / "store.duckdb").exists()
    began = time.perf_counter()
    store = open_store(directory)
    opened = round((time.perf_counter() - began) * 1000, 1)
    inside = check(store, acknowledged, before)
    finished = last_finished(store)
    store.close()
    size = store.path.stat().st_size
    return {"inside": inside, "amid": amid, "finished": finished, "open_ms": opened, "bytes": size}


def check(store: Store, acknowledged: list[int], before: int = 0) -> bool:
    """Nothing acknowledged is lost and nothing is half-applied; says whether the kill fell inside a sweep."""
    finished, last = last_finished(store), max([before, *acknowledged[-1:]])
    assert finished in (last, last + 1), (finished, last)
    for number in range(max(1, finished - 2), finished + 1):
        assert read(store, number) == boxes(number), number
    audited(store, acknowledged)
    present = read(store, None)
    old, new = set(boxes(finished)) if finished else set(), set(boxes(finished + 1))
    assert old <= set(present) <= old | new, "a sweep that did not end has closed something"
    assert set(present.values()) <= {finished, finished + 1}
    for id_ in list(present)[::29]:
        raw = json.loads(store.raw(f"{BOX.name}@{ACCOUNT}/{REGION}/{id_}") or b"{}")
        assert raw == {"Id": id_, "Size": present[id_]}, "a raw element is not its row's"
    # Pages are whole: a multiple of PAGE boxes has the new size.
    fresh = sum(size == finished + 1 for size in present.values())
    assert fresh % PAGE == 0, fresh
    return fresh > 0


def audited(store: Store, acknowledged: list[int]) -> None:
    """The audit holds a record of every acknowledged sweep, and its chain is whole."""
    records = store.audit_records()
    assert set(acknowledged) <= {int(record["plan"]) for record in records}
    previous = FIRST
    for sequence, record in enumerate(records, 1):
        assert record["sequence"] == sequence
        assert record["previous"] == previous and record["hash"] == digest(record), sequence
        previous = record["hash"]


def read(store: Store, number: int | None) -> dict[str, int]:
    query = Query(BOX.name, SCOPE, at=at(number + 0.6) if number else None, limit=10 * BOXES)
    answer = json.loads(store.rows(query))
    place = answer["columns"].index("size")
    return {row[3]: row[place] for row in answer["rows"]}


if __name__ == "__main__":
    # What the store tells of checkpoints that were interrupted is counted here.
    logging.disable()
    rounds, seed = int((sys.argv[1:] or ["50"])[0]), int((sys.argv[2:] or ["7"])[0])
    with tempfile.TemporaryDirectory() as home:
        figures = crash(Path((sys.argv[3:] or [home])[0]), rounds, seed)
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
