"""Which analyses run when: frames from the store, through the worker process, back into the store as results."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from backends.daemon.answers import utcnow
from backends.daemon.events import Events
from backends.daemon.jobs import JobFailed, Worker
from backends.daemon.lanes import Lanes
from backends.daemon.loopwatch import LoopWatch
from backends.model import Json, Kind, Scope
from backends.store import Reader, Run, StoreError

log = logging.getLogger(__name__)

PRICES = "spot.price"
COSTS = "cost.daily"


@dataclass(frozen=True, slots=True)
class Job:
    """One analysis: the kinds whose news call for it, how long to let news settle, how often at most, its deadline."""

    name: str
    kinds: frozenset[str]
    settle: float
    apart: float
    deadline: float


_ADVISED = frozenset(
    {"ec2.instance", "ec2.volume", "cloudwatch.instance_cpu", "autoscaling.group", "eks.cluster", "eks.nodegroup"}
    | {"vpc.subnet", "vpc.security_group", "elbv2.target_group", "elbv2.load_balancer"}
)
JOBS = (
    Job("forecasts", frozenset({PRICES}), 6.0, 600.0, 180.0),
    Job("anomalies", frozenset({COSTS, PRICES}), 6.0, 300.0, 90.0),
    Job("advice", _ADVISED, 6.0, 60.0, 60.0),
)


class Analysis:
    """The analyses of one daemon: run when there is news, or when asked."""

    def __init__(
        self, lanes: Lanes, events: Events, kinds: Mapping[str, Kind], work: Path, loopwatch: LoopWatch
    ) -> None:
        self._lanes = lanes
        self._events = events
        self._kinds = kinds
        self._work = work
        self._loopwatch = loopwatch
        self._worker = Worker()
        self._news: dict[str, float] = {}
        self._ran: dict[str, float] = {}
        self._state: dict[str, Json] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._number = 0
        self.scope = Scope.of(())

    @property
    def worker_pid(self) -> int | None:
        return self._worker.pid

    def noticed(self, kind: str) -> None:
        """There are new rows of that kind."""
        now = time.monotonic()
        for job in JOBS:
            if kind in job.kinds:
                self._news[job.name] = now
                self._wake.set()

    def status(self) -> Json:
        """How the latest run of each job ended."""
        return self._state

    async def run(self) -> None:
        """Run what is due, for ever."""
        while True:
            self._wake.clear()
            pause = 3600.0
            for job in JOBS:
                if job.name not in self._news:
                    continue
                due = max(self._news[job.name] + job.settle, self._ran.get(job.name, -job.apart) + job.apart)
                if due <= time.monotonic():
                    await self._tried(job)
                else:
                    pause = min(pause, due - time.monotonic())
            try:
                async with asyncio.timeout(max(pause, 0.1)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def analyse_soon(self, names: Iterable[str]) -> None:
        """Run these jobs as soon as the worker is free, however recently they ran."""
        for job in _chosen(names):
            self._news[job.name] = time.monotonic() - job.settle
            self._ran.pop(job.name, None)
        self._wake.set()

    async def analyse(self, names: Iterable[str]) -> dict[str, int]:
        """Run these jobs now, one after another → how many results each has. JobFailed where one fails."""
        return {job.name: await self._do(job) for job in _chosen(names)}

    async def _tried(self, job: Job) -> None:
        try:
            await self._do(job)
        except (JobFailed, StoreError) as error:
            log.error("%s", error)
        except Exception:
            log.exception("The analysis %s failed", job.name)

    async def _do(self, job: Job) -> int:
        async with self._turn:
            self._ran[job.name] = time.monotonic()
            self._news.pop(job.name, None)
            self._number += 1
            directory = self._work / f"job-{self._number}-{job.name}"
            directory.mkdir(mode=0o700, parents=True)
            self._loopwatch.busy += 1
            try:
                rows = await self._through_worker(job, directory)
                self._state[job.name] = {"rows": rows, "at": _stamp(), "problem": ""}
                return rows
            except Exception as error:
                self._state[job.name] = {"rows": 0, "at": _stamp(), "problem": str(error)}
                raise
            finally:
                self._loopwatch.busy -= 1
                await asyncio.to_thread(shutil.rmtree, directory, True)
                self._events.publish("status")

    async def _through_worker(self, job: Job, directory: Path) -> int:
        as_of = utcnow()
        inputs = await self._lanes.read(lambda reader: self._frames(reader, job, as_of, directory))
        if not inputs:
            return 0
        parameters = {"now": as_of.isoformat(timespec="seconds").replace("+00:00", "Z")}
        reply = await self._worker.run(job.name, inputs, directory, parameters, job.deadline)
        results = Path(reply["outputs"][job.name])
        rows = int(reply["rows"][job.name])
        run = Run(job.name, reply.get("model", job.name), as_of, {"seconds": reply["seconds"], "rows": rows})
        frame = await asyncio.to_thread(results.read_bytes)
        await self._lanes.write(lambda store: store.save_run(run, frame))
        self._events.publish(job.name)
        return rows

    def _frames(self, reader: Reader, job: Job, as_of: datetime, directory: Path) -> dict[str, Path]:
        """The job's inputs as Arrow files; none where there is nothing to work on. Runs in a reader's thread."""
        tables: dict[str, pa.Table] = {}
        if job.name in ("forecasts", "anomalies"):
            tables["prices"] = reader.points("spot_price", as_of - timedelta(days=35))
        if job.name == "anomalies":
            tables["costs"] = reader.table(COSTS, self.scope)
        if job.name == "advice":
            tables = {kind: reader.table(kind, self.scope) for kind in sorted(job.kinds) if kind in self._kinds}
        if not any(table.num_rows for table in tables.values()):
            return {}
        return {name: write_arrow(table, directory / f"in-{name}.arrow") for name, table in tables.items()}

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()


def _chosen(names: Iterable[str]) -> list[Job]:
    asked = set(names)
    if unknown := asked - {job.name for job in JOBS}:
        raise ValueError(f"There is no analysis {min(unknown)!r}; there are {', '.join(job.name for job in JOBS)}.")
    return [job for job in JOBS if job.name in asked]


def write_arrow(table: pa.Table, path: Path) -> Path:
    """The table as an Arrow IPC file."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def _stamp() -> str:
    return utcnow().isoformat(timespec="seconds").replace("+00:00", "Z")
