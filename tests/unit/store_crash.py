"""Kills a process that writes sweeps, again and again, and looks at what is left.

`python tests/unit/store_crash.py [ROUNDS]` prints one JSON line of figures; `crash(directory, rounds)` is what tests
and benchmarks call. Sweep n of the writer has BOXES boxes, n to n + BOXES - 1, all of size n: each sweep changes
every box, adds one and loses one, and is acknowledged on stdout once `finish_sweep` has returned.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from store_world import ACCOUNT, BOX, REGION, SCOPE, at, covered, open_store, page

from backends.store import Query, Store

BOXES = 90
PAGE = 30


@dataclass
class Figures:
    """What came of the kills: how many, of them inside a sweep, the sweeps acknowledged, the slowest reopening."""

    kills: int = 0
    inside: int = 0
    acknowledged: int = 0
    slowest_open_ms: float = 0.0


def boxes(sweep: int) -> list[dict[str, Any]]:
    return [{"id": f"b{number:06d}", "name": f"box {number}", "size": sweep} for number in range(sweep, sweep + BOXES)]


def write(directory: Path) -> None:
    """Writes sweeps until killed."""
    store = open_store(directory)
    number = last_finished(store) + 1
    while True:
        sweep = store.begin_sweep(ACCOUNT, REGION, BOX.name, at(number))
        elements = boxes(number)
        for start in range(0, BOXES, PAGE):
            store.ingest(sweep, page(BOX, elements[start : start + PAGE]))
        store.finish_sweep(sweep, covered(BOX), at(number + 0.5))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if number % 7 == 0:
            store.checkpoint()
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
    for _ in range(rounds):
        acknowledged = _kill_one(directory, chance)
        figures.kills += 1
        figures.acknowledged += len(acknowledged)
        began = time.perf_counter()
        store = open_store(directory)
        figures.slowest_open_ms = max(figures.slowest_open_ms, round((time.perf_counter() - began) * 1000, 1))
        try:
            figures.inside += check(store, acknowledged[-1] if acknowledged else 0)
        finally:
            store.close()
    return figures


def _kill_one(directory: Path, chance: random.Random) -> list[int]:
    command = [sys.executable, str(Path(__file__).resolve()), "--write", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(chance.randint(1, 4))]
        time.sleep(chance.uniform(0, 0.2))
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().split()]
    return acknowledged


def check(store: Store, acknowledged: int) -> bool:
    """Nothing acknowledged is lost and nothing is half-applied; says whether the kill fell inside a sweep."""
    finished = last_finished(store)
    assert finished in (acknowledged, acknowledged + 1), (finished, acknowledged)
    for number in range(max(1, finished - 2), finished + 1):
        assert read(store, number) == {box["id"]: number for box in boxes(number)}, number
    present = read(store, None)
    before, after = {b["id"] for b in boxes(finished)}, {b["id"] for b in boxes(finished + 1)}
    assert before <= set(present) <= before | after, "a sweep that did not end has closed something"
    assert set(present.values()) <= {finished, finished + 1}
    # Pages are whole: a multiple of PAGE boxes has the new size.
    fresh = sum(size == finished + 1 for size in present.values())
    assert fresh % PAGE == 0, fresh
    return fresh > 0


def read(store: Store, number: int | None) -> dict[str, int]:
    query = Query(BOX.name, SCOPE, at=at(number + 0.6) if number else None, limit=10 * BOXES)
    answer = json.loads(store.rows(query))
    place = answer["columns"].index("size")
    return {row[3]: row[place] for row in answer["rows"]}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(Path(sys.argv[2]))
    with tempfile.TemporaryDirectory() as home:
        sys.stdout.write(json.dumps(asdict(crash(Path(home), int((sys.argv[1:] or ["50"])[0])))) + "\n")
