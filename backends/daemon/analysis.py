"""Which analyses run when: frames from the store, through the worker process, back into the store as results."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from backends.currency import DECLARED
from backends.daemon.events import Events
from backends.daemon.jobs import JobFailed, Worker
from backends.daemon.lanes import Lanes
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.meaning import PRICES, SERIES
from backends.model import Json, Kind, Ref, Scope
from backends.store import Reader, Run, StoreError, iso, utcnow

log = logging.getLogger(__name__)

COSTS = "cost.daily"
PRICE_DAYS = 35
_LONGEST_WAIT = 60.0
_OLD_PRICES = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Job:
    """One analysis: the kinds whose news call for it, how long to let news settle, how often at most, its deadline."""

    name: str
    kinds: frozenset[str]
    settle: float
    apart: float
    deadline: float


ADVISED: Mapping[str, tuple[str, ...]] = {
    "ec2.instance": (
        *("name", "instance_id", "instance_type", "state", "lifecycle", "platform", "tenancy", "auto_scaling_group"),
    ),
    "ec2.volume": ("name", "volume_type", "state", "created", "size", "iops", "throughput"),
    "cloudwatch.instance_cpu": ("instance_id", "cpu_avg", "cpu_max", "network_daily_mb", "hours"),
    "eks.cluster": ("name", "version", "status", "support"),
    "eks.cluster_version": ("version", "support", "standard_end"),
}
"""What any advice reads: kind → its columns beside whose a row is and when it was seen."""
JOBS = (
    Job("forecasts", frozenset({PRICES}), 6.0, 120.0, 180.0),
    Job("anomalies", frozenset({COSTS, PRICES}), 6.0, 300.0, 90.0),
    Job("advice", frozenset(ADVISED), 6.0, 120.0, 60.0),
)


class Analysis:
    """The analyses of one daemon: run when there is news, or when asked."""

    def __init__(
        self,
        lanes: Lanes,
        events: Events,
        kinds: Mapping[str, Kind],
        work: Path,
        loopwatch: LoopWatch,
        scope: Callable[[], Scope],
        unsettled: Callable[[Collection[str]], bool],
        currency: str = DECLARED,
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
        self._scope = scope
        self._unsettled = unsettled
        self._currency = currency

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
                if due <= time.monotonic() and self._settled(job):
                    await self._tried(job)
                elif due <= time.monotonic():
                    pause = min(pause, 1.0)
                else:
                    pause = min(pause, due - time.monotonic())
            try:
                async with asyncio.timeout(max(pause, 0.1)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _settled(self, job: Job) -> bool:
        """Not in the middle of a first poll, unless that takes long: half the rows would make half the results."""
        waited = time.monotonic() - self._news[job.name]
        return waited > _LONGEST_WAIT or not self._unsettled(job.kinds)

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
            try:
                with self._loopwatch.working():
                    rows = await self._through_worker(job, directory)
                self._state[job.name] = {"rows": rows, "at": iso(utcnow()), "problem": ""}
                return rows
            except Exception as error:
                self._state[job.name] = {"rows": 0, "at": iso(utcnow()), "problem": str(error)}
                raise
            finally:
                await asyncio.to_thread(shutil.rmtree, directory, True)
                self._events.publish("status")

    async def _through_worker(self, job: Job, directory: Path) -> int:
        scope = self._scope()
        inputs, as_of = await self._lanes.read_behind(lambda reader: self._frames(reader, job, scope, directory))
        if not inputs:
            return 0
        parameters = {"now": iso(as_of), "currency": self._currency}
        reply = await self._worker.run(job.name, inputs, directory, parameters, job.deadline)
        frame, rows = await self._lanes.read_behind(lambda _: read_results(Path(reply["outputs"][job.name]), scope))
        run = Run(job.name, job.name, as_of, {"seconds": reply["seconds"], "rows": rows})
        await self._lanes.write(lambda store: store.save_run(run, frame))
        self._events.publish(job.name)
        return rows

    async def ask(
        self, question: str, frames: Mapping[str, pa.Table], parameters: Json, seconds: float
    ) -> dict[str, pa.Table]:
        """What the worker makes of a question that somebody waits for: the name of each result → its rows.

        JobFailed says what is in the way. Nothing is kept; a run of an analysis under way is waited for.
        """
        self._number += 1
        directory = self._work / f"job-{self._number}-{question}"
        try:
            inputs = await asyncio.to_thread(_written, frames, directory)
            with self._loopwatch.working():
                told = parameters | {"currency": self._currency}
                reply = await self._worker.run(question, inputs, directory, told, seconds)
            return await asyncio.to_thread(_read, reply["outputs"])
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, True)

    def _frames(self, reader: Reader, job: Job, scope: Scope, directory: Path) -> tuple[dict[str, Path], datetime]:
        """The job's inputs as Arrow files and the instant to work from; no files where there is nothing to work on.

        Runs in a reader's thread. An instant before the newest price would hide that price; where only an old price
        history was imported, its end is the instant.
        """
        tables: dict[str, pa.Table] = {}
        as_of = utcnow()
        if job.name in ("forecasts", "anomalies") and PRICES in self._kinds:
            newest = reader.newest_point(SERIES)
            if newest is not None and not timedelta(0) <= as_of - newest <= _OLD_PRICES:
                as_of = newest
            tables["prices"] = self._prices(reader, as_of)
        if job.name == "anomalies" and COSTS in self._kinds:
            tables["costs"] = reader.table(COSTS, scope)
        if job.name == "advice":
            tables = {kind: reader.table(kind, scope, only=ADVISED[kind]) for kind in ADVISED if kind in self._kinds}
        if not any(table.num_rows for table in tables.values()):
            return {}, as_of
        return {name: write_arrow(table, directory / f"in-{name}.arrow") for name, table in tables.items()}, as_of

    def _prices(self, reader: Reader, as_of: datetime) -> pa.Table:
        """The price points of the last weeks, with the names that the analyses know: `at` and `price`."""
        points = reader.points(SERIES, as_of - timedelta(days=PRICE_DAYS))
        series = self._kinds[PRICES].series
        names = {series.time: "at", series.value: "price"} if series else {}
        return points.rename_columns([names.get(name, name) for name in points.column_names])

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()


def forget_jobs(work: Path) -> None:
    """Clear away what a killed daemon left in the work directory; before anything is asked that may be named alike."""
    for left in work.glob("job-*"):
        shutil.rmtree(left, ignore_errors=True)


def _written(frames: Mapping[str, pa.Table], directory: Path) -> dict[str, Path]:
    directory.mkdir(mode=0o700, parents=True)
    return {name: write_arrow(table, directory / f"in-{name}.arrow") for name, table in frames.items()}


def _read(outputs: Mapping[str, str]) -> dict[str, pa.Table]:
    return {name: pa.ipc.open_stream(Path(path).read_bytes()).read_all() for name, path in outputs.items()}


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


def read_results(path: Path, scope: Scope) -> tuple[bytes, int]:
    """A job's result as the Arrow stream to keep, and its rows.

    What was found about a market has no account: prices are a region's. It is told to every account of the scope there.
    """
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    if not {"ref", "kind", "series"} <= set(table.column_names):
        return path.read_bytes(), table.num_rows
    rows = []
    for row in table.to_pylist():
        region, _, identity = str(row["series"]).partition("/")
        holders = [account for account, place in sorted(scope.pairs) if place == region]
        if row["ref"] is None and row["kind"] == PRICES:
            refs = [(account, str(Ref(PRICES, account, region, identity))) for account in holders]
            rows += [row | {"ref": ref, "account": account} for account, ref in refs]
        else:
            rows.append(row)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, table.schema))
    return sink.getvalue().to_pybytes(), len(rows)
