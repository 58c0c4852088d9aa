"""CPU of a sweep through collector and daemon into DuckDB, against a plain aioboto3 paginator that writes the same.

Both read canned pages from loopback, in one run, one after the other. Counted are the CPU seconds, system and user, of
every process of ours that does the work, collector and daemon during the poll; of the baseline its whole process.
`python -m benchmarks.collection full [indented]` runs all sizes, `… KIND ROWS [both] [indented]` one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backends.client import DaemonSpec, SyncClient, connect_sync, gather
from benchmarks.canned import REGION
from benchmarks.figures import Figure

TICK = os.sysconf("SC_CLK_TCK")
SIZES = {"ec2.instance": (1_000, 10_000, 20_000), "spot.price": (100_000,)}
FULL = {"ec2.instance": (1_000, 10_000, 100_000), "spot.price": (100_000, 1_000_000)}
"""What `make bench` runs, and what `python -m benchmarks.collection full` does."""
BARS = {"ec2.instance": (12.0, 6.0, 100_000), "spot.price": (5.0, 10.0, 1_000_000)}
"""CPU seconds and ratio that a number of rows has to keep to."""


@dataclass(frozen=True)
class Cost:
    """`cpu` in seconds, `peak` in MB of the collector (of the baseline: its process)."""

    cpu: float
    rows: int
    seconds: float
    peak: float
    parts: str = ""


@contextmanager
def canned(instances: int, points: int, how: str) -> Iterator[dict[str, str]]:
    """The endpoint, and the environment that points AWS clients at it."""
    command = [sys.executable, "-m", "benchmarks.canned", str(instances), str(points), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = json.loads(process.stdout.readline())["port"]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        keys = {"AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_EC2_METADATA_DISABLED": "true"}
        try:
            yield plain | keys | {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        finally:
            process.terminate()


def ours(kind: str, environment: dict[str, str], folder: str) -> Cost:
    """A daemon with a fresh store, to which everything was refused so far, polls the kind for the first time."""
    os.environ.update({"QUARTERDECK_HOME": folder, "XDG_RUNTIME_DIR": folder})
    context = gather(environment)
    with connect_sync(DaemonSpec.of(context, linger=30), context) as client:
        daemon = client.status()["pid"]
        _settled(client)
        client.polling(paused=True)
        _open(environment)
        collector = _collector(daemon)
        before = _cpu(daemon), _cpu(collector)
        began = time.perf_counter()
        answer = client.poll([kind], wait=True)
        seconds = time.perf_counter() - began
        _quiet(daemon)
        used = [after - first for after, first in zip((_cpu(daemon), _cpu(collector)), before, strict=True)]
        state = answer["coverage"]
        rows = _rows(client, kind)
        cost = Cost(
            sum(used), rows, seconds, _peak(collector), f"daemon {used[0]:.1f}, collector {used[1]:.1f} {state}"
        )
        client.shutdown(drain=False)
    return cost


def _settled(client: SyncClient) -> None:
    """The first poll is over: all of it was refused."""
    while not (polling := client.status()["polling"])["first_poll_complete"] or polling["in_flight"]:
        time.sleep(0.1)


def _open(environment: dict[str, str]) -> None:
    """From now on the endpoint answers."""
    with urllib.request.urlopen(environment["AWS_ENDPOINT_URL"], data=b"Action=Open", timeout=10):
        pass


def _quiet(pid: int) -> None:
    """The process has stopped working: a checkpoint may follow the last page."""
    while True:
        first = _cpu(pid)
        time.sleep(0.5)
        if _cpu(pid) - first < 0.02:
            return


def _rows(client: SyncClient, kind: str) -> int:
    table = "series.spot_price" if kind == "spot.price" else kind.replace(".", "_")
    return int(client.sql(f"SELECT count(*) FROM {table}")["rows"][0][0])


def plain(kind: str, environment: dict[str, str], folder: str) -> Cost:
    """The baseline, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.paginator", kind, f"{folder}/plain.duckdb"]
    began = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout)
    return Cost(said["cpu"], said["rows"], time.perf_counter() - began, said["peak"])


def _collector(daemon: int) -> int:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            if parent == daemon and b"backends.aws" in entry.with_name("cmdline").read_bytes():
                return int(entry.parent.name)
        except OSError:
            continue
    raise RuntimeError("the daemon has no collector")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(kind: str, size: int, how: str = "plain", *, baseline: bool = True) -> tuple[Cost, Cost | None]:
    """What the sweep of so many rows costs us and the baseline."""
    instances, points = (size, 0) if kind == "ec2.instance" else (0, size)
    with (
        canned(instances, points, how) as environment,
        tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder,
    ):
        mine = ours(kind, environment, folder)
        return mine, plain(kind, environment, folder) if baseline else None


def run(sizes: dict[str, tuple[int, ...]] | None = None, how: str = "plain") -> list[Figure]:
    figures = []
    for kind, counts in (sizes or SIZES).items():
        for size in counts:
            mine, theirs = measure(kind, size, how)
            assert theirs is not None
            seconds, ratio, whole = BARS[kind]
            name = f"{kind}: {size:,} rows"
            detail = f"{mine.cpu:.2f} to {theirs.cpu:.2f} CPU-s, {mine.rows:,} rows; {mine.parts}; {mine.seconds:.1f} s"
            figures.append(Figure(f"{name}, CPU", mine.cpu, "s", max(1.0, seconds * size / whole), "the bar", detail))
            figures.append(Figure(f"{name}, CPU", mine.cpu / theirs.cpu, "x", 1 / ratio, "plain aioboto3 paginator"))
            figures.append(
                Figure(f"{name}, collector peak", mine.peak, "MB", 250, "the bar", f"plain {theirs.peak:.0f}")
            )
    return figures


if __name__ == "__main__":
    if "full" in sys.argv:
        for figure in run(FULL, "indented" if "indented" in sys.argv else "plain"):
            print(figure)
    else:
        which, number = sys.argv[1], int(sys.argv[2])
        found = measure(which, number, "indented" if "indented" in sys.argv else "plain", baseline="both" in sys.argv)
        print(*found, sep="\n")
