"""kill -9 of the daemon in the middle of polls: does it open again, and is every acknowledged poll whole?"""

from __future__ import annotations

import os
import signal
import time
from random import Random
from statistics import median

from backends.client import SyncClient
from benchmarks.figures import Figure
from benchmarks.world import world

ROUNDS = 50
Acknowledged = dict[tuple[str, str, str], tuple[str, int]]


def run() -> list[Figure]:
    chance, reopened, lost, torn, times = Random(7), 0, 0, 0, []
    with world() as here:
        with here.connect() as client:
            client.poll(wait=True)
        for _ in range(ROUNDS):
            with here.connect() as client:
                client.poll()
                acknowledged = _until_a_moment(client, chance.uniform(0.05, 1.2))
                os.kill(client.status()["pid"], signal.SIGKILL)
            began = time.perf_counter()
            with here.connect() as client:
                found = _acknowledged(client)
                times.append(time.perf_counter() - began)
                reopened += 1
                lost += sum(found.get(triple, ("", 0))[0] < good for triple, (good, _) in acknowledged.items())
                torn += _torn(client, found)
    detail = f"{reopened} of {ROUNDS} reopened, median {1000 * median(times):.0f} ms to an answer"
    return [
        Figure("daemon killed during polls: not reopened", ROUNDS - reopened, "", 0, f"{ROUNDS} kills", detail),
        Figure("daemon killed during polls: acknowledged lost", lost, "", 0, f"{ROUNDS} kills"),
        Figure("daemon killed during polls: half-applied", torn, "", 0, f"{ROUNDS} kills"),
    ]


def _until_a_moment(client: SyncClient, seconds: float) -> Acknowledged:
    """What had been acknowledged at a random moment of the poll."""
    deadline = time.perf_counter() + seconds
    while True:
        found = _acknowledged(client)
        if time.perf_counter() >= deadline:
            return found


def _acknowledged(client: SyncClient) -> Acknowledged:
    return {
        (row["account"], row["region"], row["kind"]): (row["last_good"], row["rows"])
        for row in client.coverage()["rows"]
        if row["last_good"]
    }


def _torn(client: SyncClient, acknowledged: Acknowledged) -> int:
    """Sweeps whose rows are not there whole. The simulated clock stands still, so every sweep sees the same rows."""
    torn = 0
    for kind in ("ec2.instance", "ec2.volume", "autoscaling.group", "vpc.security_group", "iam.role"):
        answer = client.sql(f"SELECT account, region, count(*) FROM {kind.replace('.', '_')} GROUP BY ALL")
        held = {(account, region): rows for account, region, rows in answer["rows"]}
        torn += sum(
            held.get((account, region), 0) != rows
            for (account, region, name), (_, rows) in acknowledged.items()
            if name == kind
        )
    return torn
