"""A store on a disk that fills up: `python tests/unit/disk_full.py HOME ROOM FAULT` plays it and then kills itself.

RLIMIT_FSIZE stands for the disk: files may grow by ROOM bytes. FAULT is what runs out of room: "commit" a sweep,
"checkpoint" the file itself, after which DuckDB gives the open database up. Prints one JSON line per step.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from store_world import BOX, KINDS, SCOPE, open_store, sweep

from backends.daemon import lanes as module
from backends.daemon.lanes import Lanes
from backends.store import Store, StoreError

BOXES = 800
NO_LIMIT = resource.getrlimit(resource.RLIMIT_FSIZE)[1]


def boxes(number: int) -> list[dict[str, Any]]:
    return [{"id": f"b{n:04d}", "name": f"{n * number:012d}", "size": number} for n in range(BOXES)]


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, NO_LIMIT))


async def sweeps(lanes: Lanes, numbers: range) -> list[int]:
    """The sweeps that were acknowledged, up to the first that was not."""
    done: list[int] = []
    for number in numbers:
        try:
            await lanes.write(lambda store, n=number: sweep(store, BOX, n, boxes(n)))  # type: ignore[misc]
        except StoreError as error:
            say(refused=number, error=type(error).__name__, sentence=str(error))
            break
        done.append(number)
    return done


async def read(lanes: Lanes) -> int:
    return int(await lanes.read(lambda reader: reader.counts(SCOPE)[BOX.name]))


def checkpoint(store: Store) -> None:
    store.checkpoint()


async def main(home: Path, room: int, fault: str) -> None:
    path = home / "store.duckdb"
    module._TRY_SECONDS = 0.1

    def reading() -> Store:
        return Store.open_to_read(path, KINDS, identity=("aws", ""))

    lanes = await Lanes.open(lambda: open_store(home), reading)
    told: list[str] = []
    lanes.told = lambda: told.append(lanes.problem)
    acknowledged = await sweeps(lanes, range(3))
    if room >= 0:
        await lanes.write(checkpoint)
    limit(max(file.stat().st_size for file in home.glob("store.duckdb*")) + max(room, 0))
    acknowledged += await sweeps(lanes, range(3, 40))
    if fault == "checkpoint":
        try:
            await lanes.write(checkpoint)
        except StoreError as error:
            say(error=type(error).__name__, sentence=str(error))
    say(problem=lanes.problem, told=told, rows=[await read(lanes) for _ in range(3)])
    refused = await sweeps(lanes, range(50, 51))
    say(rows=[await read(lanes)], acknowledged=acknowledged + refused)
    limit(NO_LIMIT)
    await asyncio.sleep(0.2)
    acknowledged += refused + await sweeps(lanes, range(60, 63))
    say(problem=lanes.problem, told=told, rows=[await read(lanes)], acknowledged=acknowledged)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
