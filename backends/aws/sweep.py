"""One sweep: a kind's calls, one step feeding the next, its elements streamed out as pages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa

from backends.aws.answers import Answers, Elements, kept_of
from backends.aws.convert import Unfit
from backends.aws.convert import time as time_of
from backends.aws.coverage import NotOffered, Verdict, classify
from backends.aws.expressions import compiled
from backends.aws.following import FOLLOWING, Following
from backends.aws.lean_xml import READING
from backends.aws.paging import EndlessPages, Paging, pages
from backends.aws.paid_calls import counted
from backends.aws.parsers import NO_KEY, PageMaker, written
from backends.aws.requests import Line, Refusal, Requester, Tally
from backends.aws.tasks import SweepTask
from backends.aws.windows import Instants
from backends.aws.xml_pages import plan_of
from backends.model import Call, Coverage, CoverageState, Json, Kind, iam_action

log = logging.getLogger(__name__)

PAGE_ROWS = 1000
_GATHER_ROWS = 200
_SOON = 0.25
_AT_ONCE = 8
"""How many requests of one step run at once."""
_NOT_YET_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""How long is waited each time AWS says that it is still making an answer."""

Emit = Callable[[bytes, int], Awaitable[None]]
ClientOf = Callable[[str], Awaitable[Any]]
"""service → the client of the sweep's profile and region"""


class Sweep:
    """Reads one kind in one (account, region) and hands its pages to `emit`, which may make it wait."""

    def __init__(
        self,
        kind: Kind,
        task: SweepTask,
        *,
        requester: Requester,
        client: ClientOf,
        loader: Any,
        emit: Emit,
        region_known: bool = True,
    ) -> None:
        self.kind, self.task = kind, task
        self.tally = Tally()
        self._requester, self._client, self._loader = requester, client, loader
        self._line = Line(task.account, task.region, self.tally, focus=task.focus, region_known=region_known)
        self._instants = Instants.of(kind, datetime.now(UTC), task.since, task.account, task.region)
        self._maker = PageMaker(kind)
        self._slots = [asyncio.Semaphore(_AT_ONCE) for _ in kind.calls]
        self._waiting: list[Json] = []
        self._out = _Outbox(emit, _ROWS if kind.series is None else _POINTS)
        self._missing: dict[int, str] = {}
        self._since = self._instants.since if kind.window else None
        self._cut = ""

    async def run(self) -> Coverage:
        """Runs to the end and says how it ended; only cancellation is raised."""
        started = time.monotonic()
        try:
            await self._all()
            state, problem = self._good()
        except Refusal as refusal:
            state, problem = refusal.verdict.state, refusal.verdict.problem
        except EndlessPages as error:
            state, problem = CoverageState.ERROR, str(error)
        except Exception as error:
            log.warning("%s in %s/%s: %s", self.kind.name, self.task.account, self.task.region, type(error).__name__)
            verdict = classify(error, self.kind.service, self.kind.calls[0].operation)
            state, problem = verdict.state, verdict.problem
        finally:
            self._out.stop()
        total = self.tally.total
        return Coverage(
            self.task.account,
            self.task.region,
            self.kind.name,
            state,
            problem,
            rows=len(self._maker.ids),
            calls=total.calls,
            retries=total.retries,
            seconds=round(time.monotonic() - started, 3),
            cost=total.cost,
            since=self._since.isoformat() if self._since else "",
            skew=self.tally.skew,
        )

    async def _all(self) -> None:
        try:
            await self._descend(0, self.task.about or [{}])
            await self._flush()
        finally:
            # What came before a failure stays in sight, as partial. A cancelled sweep waits for nobody.
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                await self._out.send()

    def _good(self) -> tuple[CoverageState, str]:
        problem = " ".join(filter(None, (self._maker.complaint, self._cut, *self._missing.values())))
        if self._maker.unfit[NO_KEY] and self.kind.closes:
            # What has no identity may be anything that is known: nothing is taken as gone.
            return CoverageState.ERROR, problem
        # Nothing new in a window is not the same as nothing there.
        windowed = not self.kind.closes and self.task.since is not None
        return (CoverageState.OK if self._maker.ids or windowed else CoverageState.EMPTY), problem

    async def _descend(self, depth: int, parents: Sequence[Json]) -> None:
        step = self.kind.calls[depth]
        if step.where:
            wanted = [bool(compiled(step.where)(parent)) for parent in parents]
            unasked = [kept_of(step, parent) for parent, asked in zip(parents, wanted, strict=True) if not asked]
            parents = [parent for parent, asked in zip(parents, wanted, strict=True) if asked]
            if unasked and step.keep:
                await self._on(depth, unasked)
        groups = [parents[start : start + step.batch] for start in range(0, len(parents), step.batch)]
        if len(groups) == 1:
            await self._group(depth, groups[0])
            return
        tasks = [asyncio.ensure_future(self._in_turn(depth, group)) for group in groups]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _in_turn(self, depth: int, group: Sequence[Json]) -> None:
        async with self._slots[depth]:
            await self._group(depth, group)

    async def _group(self, depth: int, group: Sequence[Json]) -> None:
        """Asks one question of a step; each page of the answer goes on to the next step or is kept."""
        step = self.kind.calls[depth]
        if depth in self._missing and not step.singly:
            await self._on(depth, [kept_of(step, parent) for parent in group])
            return
        try:
            async for elements in self._ask(depth, group):
                if isinstance(elements, pa.RecordBatch):
                    await self._out.put(elements)
                else:
                    await self._on(depth, elements)
        except Refusal as refusal:
            verdict = refusal.verdict
            if verdict.code in step.absent:
                if depth:
                    await self._on(depth, [kept_of(step, parent) for parent in group])
            elif step.optional and verdict.state is CoverageState.DENIED:
                self._missing.setdefault(depth, f"{verdict.problem.rstrip('.')}; what only it tells is empty.")
                action = iam_action(step.service or self.kind.service, step.operation)
                await self._on(depth, [_denied(step, parent, action) for parent in group])
            elif not (depth and verdict.gone):
                raise

    async def _on(self, depth: int, elements: list[Json]) -> None:
        if depth + 1 == len(self.kind.calls):
            await self._keep(elements)
        else:
            await self._descend(depth + 1, elements)

    async def _ask(self, depth: int, group: Sequence[Json]) -> AsyncIterator[Elements]:
        """The elements of every page of an answer; as rows at once where the kind's plan can read them so."""
        step = self.kind.calls[depth]
        service = step.service or self.kind.service
        try:
            client = await self._client(service)
        except NotOffered as error:
            raise Refusal(classify(error, service, step.operation), error) from None
        parameters = self._parameters(step, group)
        price = self._price(step, service, parameters)
        as_rows = depth + 1 == len(self.kind.calls) and not step.newest_first
        plan = plan_of(self.kind, depth, client) if as_rows else None
        action = iam_action(service, step.operation)
        reading = Answers(self._maker, step, plan, group[0], action)
        paging = Paging.of(self._loader, client, service, step.operation)
        following = None if plan is None or paging.token is None else Following(paging.token)

        async def send(asked: Json) -> Json:
            self._afford(price, service, step.operation)
            chosen, series = READING.set(reading.read), FOLLOWING.set(following)
            try:
                return await self._when_made(step, client, service, asked, price)
            finally:
                READING.reset(chosen)
                FOLLOWING.reset(series)

        most = self.kind.log.pages if self.kind.log else 0
        answers = pages(paging, send, parameters, action, most)
        count = self.tally.of(service, step.operation)
        if step.answer is not None:
            told = reading.answered(group, [answer async for answer in answers])
            count.rows += len(told)
            yield told
            return
        number, failure = 0, None
        try:
            async for answer in answers:
                number += 1
                for elements in reading.elements(answer):
                    count.rows += len(elements)
                    yield elements
                    if step.newest_first and not self._reached(step.newest_first, elements):
                        return
                    if number == most and elements and paging.following(answer):
                        self._cut_off(action, elements[-1])
        except (Refusal, EndlessPages) as error:
            failure = error
        for elements in reading.held():
            count.rows += len(elements)
            yield elements
        if failure is not None:
            raise failure

    def _reached(self, path: str, elements: list[Json]) -> bool:
        """Whether any element of a page is from within the window; one without a time counts as such."""
        since, read = self._instants.since.astimezone(UTC).replace(tzinfo=None), compiled(path)
        for element in elements:
            try:
                if time_of(read(element)) >= since:
                    return True
            except Unfit:
                return True
        return not elements

    async def _when_made(self, step: Call, client: Any, service: str, parameters: Json, price: float) -> Json:
        """The answer to one request, once AWS has made it."""
        send = partial(self._requester.send, client, self._line, service, step.operation, parameters, price)
        for pause in _NOT_YET_SECONDS:
            try:
                return await send((*step.absent, *step.not_yet))
            except Refusal as refusal:
                if refusal.verdict.code not in step.not_yet:
                    raise
            await asyncio.sleep(pause)
        return await send(step.absent)

    def _price(self, step: Call, service: str, parameters: Json) -> float:
        """USD that AWS asks for a request."""
        if step.free or not self.kind.paid:
            return counted(service, step.operation)
        return self.kind.paid if step.charged is None else step.charged(parameters)

    def _afford(self, price: float, service: str, operation: str) -> None:
        """Refusal where one request more would cost more than this sweep may."""
        budget = self.task.budget
        if not price or budget is None:
            return
        cost = self.tally.total.cost
        if cost + price > budget + 1e-9:
            problem = (
                f"{iam_action(service, operation)} was not asked any further: after {cost:.2f} USD the next request "
                "would exceed today's budget for this account; polling goes on at 00:00 UTC (per_day under [costs])."
            )
            raise Refusal(Verdict(CoverageState.DISABLED, problem, "OverBudget"), RuntimeError(problem))

    def _cut_off(self, action: str, last: Json) -> None:
        """There were more pages than one sweep reads: says from when on everything was read."""
        log = self.kind.log
        assert log is not None
        oldest = compiled(self.kind.column(log.time).path)(last)
        if not isinstance(oldest, datetime):
            self._since = self._instants.now
        else:
            # Of those dated alike some may be on the next page.
            self._since = oldest.astimezone(UTC) + timedelta(seconds=1)
        self._cut = (
            f"{action} gave more than the {log.pages} pages that one poll reads: "
            f"what is older than {self._since:%Y-%m-%dT%H:%M:%SZ} was not read."
        )

    def _parameters(self, step: Call, group: Sequence[Json]) -> Json:
        parameters: Json = self._instants.fill(dict(step.parameters))
        if step.page is not None:
            parameters[step.page[0]] = step.page[1]
        for name, path in step.arguments.items():
            parameters[name] = compiled(path)(group[0])
        if step.ask is not None:
            parameters |= self._instants.fill(step.ask(group))
        return parameters

    async def _keep(self, elements: list[Json]) -> None:
        self._waiting += elements
        if len(self.kind.calls) == 1 or len(self._waiting) >= _GATHER_ROWS:
            await self._flush()

    async def _flush(self) -> None:
        elements, self._waiting = self._waiting, []
        for start in range(0, len(elements), PAGE_ROWS):
            await self._out.put(self._maker.batch(elements[start : start + PAGE_ROWS]))


@dataclass(frozen=True, slots=True)
class _Pace:
    """How many rows, or bytes of them, go in one page, and how many seconds those may wait that come after others."""

    rows: int
    bytes: int
    seconds: float


_ROWS = _Pace(16_000, 3 << 20, _SOON)
_POINTS = _Pace(1 << 16, 4 << 20, 7.0)
"""Of a series the first points are seen soon; of the others nobody waits for one, and each page costs the store the
same. Two full ones are more than a row group, which DuckDB writes best at once."""


class _Outbox:
    """Sends rows on in larger pages while they come fast, and without delay when they do not: a page has its price."""

    def __init__(self, emit: Emit, pace: _Pace) -> None:
        self._emit, self._pace = emit, pace
        self._wait = _SOON
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._sending = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None

    async def put(self, batch: pa.RecordBatch) -> None:
        """Takes rows; waits where those before them have not been taken yet."""
        if batch.num_rows == 0:
            return
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= self._pace.rows or self._bytes >= self._pace.bytes:
            await self.send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait, self._overdue)

    def _overdue(self) -> None:
        self._timer = None
        self._late = asyncio.ensure_future(self._send())

    async def send(self) -> None:
        """Sends what there is; raises what sending it late has raised."""
        if self._late is not None:
            late, self._late = self._late, None
            await late
        await self._send()

    async def _send(self) -> None:
        async with self._sending:
            batches, rows, self._batches, self._rows, self._bytes = self._batches, self._rows, [], 0, 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if batches:
                self._wait = self._pace.seconds
                await self._emit(written(batches), rows)

    def stop(self) -> None:
        """Nothing more is sent."""
        if self._timer is not None:
            self._timer.cancel()
        if self._late is not None:
            self._late.cancel()


def _denied(step: Call, parent: Json, action: str) -> Json:
    """What is kept of an element that may not be asked about; where that is its own affair, it says so."""
    kept = kept_of(step, parent)
    return {**kept, "Denied": [*(kept.get("Denied") or []), action]} if step.singly else kept
