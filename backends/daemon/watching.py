"""What somebody looks at: the metrics of those resources, asked for together and of each once a minute at most.

What CloudWatch tells goes into the store as points of a series, as polls' points do; whoever looks reads it there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf

from backends.aws.kinds.cloudwatch_metric import METRIC, MOST_METRICS, PERIOD
from backends.aws.paid_calls import price_of
from backends.aws.tasks import SweepEnd, SweepTask
from backends.aws.watched import wanted
from backends.daemon.collecting import closing
from backends.daemon.contexts import Contexts, Entry
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.model import Coverage, CoverageState, Json, Kind, Ref
from backends.store import NotFound, Reader, StoreError, utcnow

log = logging.getLogger(__name__)

ASKED_EVERY = 60.0
_GATHER_SECONDS = 0.05
_FORGET_SECONDS = 3600.0
_MOST_POINTS = 100_800
"""How many points a page of the answer holds: what does not fit one is paid for once more."""
_LATE = timedelta(minutes=15)
"""By how much CloudWatch may tell of a minute late: so much of what is known is asked for again."""
Place = tuple[str, str]


def begin_of(at: datetime, hours: int) -> datetime:
    """From when on metrics are shown: the hours before an instant, from where a period of any length begins."""
    begin = at - timedelta(hours=hours)
    return begin - timedelta(minutes=begin.minute % 5, seconds=begin.second, microseconds=begin.microsecond)


@dataclass
class Look:
    """That CloudWatch was asked about a resource.

    hours    how far back somebody wants to see
    at       when it was asked; `clock` is the same on the loop's clock
    problem  why there is nothing newer, in a sentence; "" once everything was told
    told     set once an answer is in the store, or it is known that there will be none
    """

    ref: Ref
    hours: int
    at: datetime
    clock: float
    problem: str = ""
    told: asyncio.Event = field(default_factory=asyncio.Event)


class Watching:
    """The looks of one daemon's clients at resources.

    `paying` tells whether a poll is under way in an account of which it is not known yet what it costs.
    """

    def __init__(
        self,
        lanes: Lanes,
        events: Events,
        contexts: Contexts,
        kinds: Mapping[str, Kind],
        ledger: Ledger,
        paying: Callable[[str], bool],
    ) -> None:
        self._lanes = lanes
        self._events = events
        self._contexts = contexts
        self._kinds = kinds
        self._ledger = ledger
        self._paying = paying
        self._looks: dict[Ref, Look] = {}
        self._waiting: dict[Place, list[Look]] = {}
        self._serving: dict[Place, asyncio.Task[None]] = {}
        self._spans: dict[Ref, tuple[datetime, datetime]] = {}
        """From when to when all that there is was told of a resource."""
        self._promised: dict[str, float] = {}
        """USD that requests under way may cost, by account."""

    def look(self, ref: Ref, hours: int) -> Look:
        """The look at a resource that is under way, or was less than a minute ago; else a new one."""
        now = asyncio.get_running_loop().time()
        self._forget(now)
        known = self._looks.get(ref)
        if known is not None and now - known.clock < ASKED_EVERY:
            return known
        look = self._looks[ref] = Look(ref, hours, utcnow(), now)
        place = ref.account, ref.region
        self._waiting.setdefault(place, []).append(look)
        if place not in self._serving:
            self._serving[place] = asyncio.create_task(self._serve(place))
        return look

    def again_in(self, look: Look) -> float:
        """Seconds until the resource may be asked about again."""
        return max(0.0, look.clock + ASKED_EVERY - asyncio.get_running_loop().time())

    def _forget(self, now: float) -> None:
        for ref in [ref for ref, look in self._looks.items() if now - look.clock > _FORGET_SECONDS]:
            del self._looks[ref]
            self._spans.pop(ref, None)

    async def _serve(self, place: Place) -> None:
        """Ask for what is waiting, as long as more comes: one sweep of a place at a time."""
        try:
            # A screen of several resources asks for them one by one.
            await asyncio.sleep(_GATHER_SECONDS)
            while looks := self._waiting.pop(place, []):
                try:
                    problem = await self._ask(place, looks)
                except StoreError as error:
                    problem = str(error)
                except Exception as error:
                    log.exception("Asking for metrics of %s", place)
                    problem = f"The metrics could not be asked for ({type(error).__name__}); see the daemon's log."
                for look in looks:
                    look.problem = look.problem or problem
                    look.told.set()
        finally:
            del self._serving[place]

    async def _ask(self, place: Place, looks: list[Look]) -> str:
        """Ask about those resources in as few requests as AWS allows; why not all was told, "" where it was."""
        account, region = place
        entry = self._contexts.serving(account)
        if entry is None:
            for look in looks:
                # Nothing was asked: it may be as soon as there is a way.
                look.clock = -inf
            return self._no_way_into(account)
        elements = await self._lanes.read(lambda reader: [self._wanted(reader, look) for look in looks])
        since = {look.ref: self._since(look) for look in looks}
        most = self._most_metrics(max(look.hours for look in looks))
        about = [element for each in elements for element in each]
        for start in range(0, len(about), most):
            if problem := await self._sweep(account, region, entry, about[start : start + most], min(since.values())):
                return problem
        for look in looks:
            begin = min(since[look.ref], self._spans.get(look.ref, (look.at, look.at))[0])
            self._spans[look.ref] = begin, look.at
        return ""

    def _wanted(self, reader: Reader, look: Look) -> list[Json]:
        """What is asked about a resource; one that is gone gets its own sentence."""
        try:
            element = json.loads(reader.raw(look.ref) or b"{}")
        except NotFound as error:
            look.problem = str(error)
            return []
        found = wanted(look.ref, self._kinds[look.ref.kind], element)
        if not found:
            look.problem = f"CloudWatch has none of the metrics of {look.ref.kind} for this one."
        return found

    def _since(self, look: Look) -> datetime:
        """From when on CloudWatch is to tell: of what is known only what may have come late."""
        begin = begin_of(look.at, look.hours)
        known = self._spans.get(look.ref)
        if known is None or known[0] > begin or known[1] < begin:
            self._spans.pop(look.ref, None)
            return begin
        return max(begin, known[1] - _LATE)

    @staticmethod
    def _most_metrics(hours: int) -> int:
        periods = hours * 3600 // PERIOD + 5  # see `begin_of`
        return min(MOST_METRICS, _MOST_POINTS // periods)

    async def _sweep(self, account: str, region: str, entry: Entry, about: list[Json], since: datetime) -> str:
        """One request and its answer into the store; why it did not bring everything, "" where it did."""
        left = self._ledger.left(account) - self._promised.get(account, 0.0)
        price = price_of(METRIC.service, METRIC.calls[0].operation)
        assert price is not None and entry.collector is not None
        cost = price.usd * len(about)
        if self._ledger.scarce(account) and self._paying(account):
            return f"Not asked: a poll is spending the last of today's budget for account {account}; try again later."
        if cost > left + 1e-9:
            return (
                f"Not asked: {self._ledger.today(account):.2f} of today's {self._ledger.per_day:.2f} USD for account "
                f"{account} are spent; there is more from 00:00 UTC on (per_day under [costs])."
            )
        self._promised[account] = self._promised.get(account, 0.0) + cost
        try:
            task = SweepTask(account, region, METRIC.name, since, focus=True, budget=left, about=tuple(about))
            coverage = await self._swept(entry, task)
        finally:
            self._promised[account] -= cost
        if coverage.state is CoverageState.ERROR:
            self._contexts.failed(entry)
        return coverage.problem or ("" if coverage.state.good else f"CloudWatch did not tell ({coverage.state}).")

    async def _swept(self, entry: Entry, task: SweepTask) -> Coverage:
        assert entry.collector is not None
        account, region, kind = task.account, task.region, task.kind
        began = utcnow()
        number = await self._lanes.write(lambda store: store.begin_sweep(account, region, kind, began))
        coverage = Coverage(account, region, kind, CoverageState.ERROR, "The collector ended before it had answered.")
        torn = ""
        async with closing(entry.collector.sweep(task)) as stream:
            async for item in stream:
                if isinstance(item, SweepEnd):
                    coverage = item.coverage
                    continue
                arrow = item.arrow
                try:
                    await self._lanes.write(lambda store, arrow=arrow: store.ingest(number, arrow))  # type: ignore[misc]
                except StoreError as error:
                    torn = str(error)
        if torn:
            coverage = replace(coverage, state=CoverageState.ERROR, problem=torn)
        finished = await self._lanes.write(lambda store: store.finish_sweep(number, coverage, utcnow()))
        self._events.publish("coverage")
        self._events.publish(kind, finished.version)
        return coverage

    def _no_way_into(self, account: str) -> str:
        """Why nobody can be asked: what is wrong with the credentials of that account."""
        known = [held for entry in self._contexts.all() if (held := entry.holds(account)) is not None]
        told = next((held.problem for held in known if held.problem), "")
        return told or f"No working credentials for account {account} are in use."

    async def close(self) -> None:
        """Break off what is under way."""
        tasks = list(self._serving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
