"""One sweep, from AWS through the writer's lane to the store, telling of its pages on the way."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from backends.aws.tasks import Page, SweepEnd, SweepTask
from backends.daemon.cadence import streak
from backends.daemon.collecting import closing
from backends.daemon.contexts import Contexts, Entry
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.triples import Triple
from backends.model import Coverage, CoverageState
from backends.store import Finished, Store, StoreBroken, StoreError, SweepLost, utcnow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a sweep ended; `version` is the kind's data version where readers see another one than before."""

    state: CoverageState
    version: int | None


class Sweeps:
    """The sweeps of one daemon; `calls` and `money` (USD) are what they took so far."""

    def __init__(self, lanes: Lanes, events: Events, contexts: Contexts, ledger: Ledger, loopwatch: LoopWatch) -> None:
        self.calls = 0
        self.money = 0.0
        self._lanes = lanes
        self._events = events
        self._contexts = contexts
        self._ledger = ledger
        self._loopwatch = loopwatch

    async def sweep(self, triple: Triple, entry: Entry, *, focused: bool) -> Ended:
        """Sweep a triple with the credentials of a context; how it ended, once the store has it.

        `focused`: it is on a screen. StoreError where the store keeps nothing at all.
        """
        account, region, kind = triple.key
        assert entry.collector is not None
        triple.kept = False
        began = utcnow()
        number, version = await self._lanes.write(
            lambda store: (store.begin_sweep(account, region, kind, began), store.version(kind))
        )
        since = await self._since(triple)
        budget = self._ledger.left(account) if triple.kind.paid else None
        task = SweepTask(account, region, kind, since, focused, budget)
        withheld = self._ledger.refusal(triple.kind, account, region)
        async with closing(entry.collector.sweep(task) if withheld is None else _ending(withheld)) as stream:
            coverage = await self._taken(stream, triple, number, version)
        coverage, finished = await self._end(number, coverage, began)
        triple.kept = True
        self.calls += coverage.calls
        self.money += coverage.cost
        if coverage.state is CoverageState.ERROR and withheld is None:
            # What is denied or does not exist says nothing about who we are.
            self._contexts.failed(entry)
        if coverage.state.good:
            triple.last_good = began
            triple.streak = streak(triple.kind, triple.streak, finished.news)
            if (series := triple.kind.series) is not None:
                triple.newest = await self._lanes.read(lambda reader: reader.newest_point(series.name, region))
        return Ended(coverage.state, finished.version if finished.version > version else None)

    async def _taken(
        self, stream: AsyncIterator[Page | SweepEnd], triple: Triple, number: int, version: int
    ) -> Coverage:
        """Store the pages of a sweep as they come; what it says of itself at its end, unless a page was not stored."""
        state, problem = CoverageState.ERROR, "The collector ended before the sweep did."
        coverage = Coverage(triple.account, triple.region, triple.kind.name, state, problem)
        torn, lost = "", False
        async for item in stream:
            if isinstance(item, SweepEnd):
                coverage = item.coverage
            elif isinstance(item, Page) and not lost:
                try:
                    version = await self._ingest(number, triple.kind.name, item.arrow, version)
                except StoreError as error:
                    # What the collector goes on to ask counts all the same, and may cost money.
                    torn, lost = str(error), isinstance(error, SweepLost | StoreBroken)
                    log.error("Storing a page of %s: %s", triple.key, error)
        return replace(coverage, state=CoverageState.ERROR, problem=torn) if torn else coverage

    async def _end(self, number: int, coverage: Coverage, began: datetime) -> tuple[Coverage, Finished]:
        """Finish a sweep; one that the store forgot when it was opened again ends as an error that says so."""
        try:
            with self._loopwatch.working():
                return coverage, await self._lanes.write(lambda store: store.finish_sweep(number, coverage, utcnow()))
        except (SweepLost, StoreBroken) as error:
            problem = coverage.problem if coverage.state is CoverageState.ERROR else str(error)
            lost = replace(coverage, state=CoverageState.ERROR, problem=problem)

        def anew(store: Store) -> Finished:
            again = store.begin_sweep(lost.account, lost.region, lost.kind, began)
            return store.finish_sweep(again, lost, utcnow())

        return lost, await self._lanes.write(anew)

    async def _ingest(self, number: int, kind: str, arrow: bytes, version: int) -> int:
        """Store a page and tell of it where readers see another version than before, if only another price."""
        with self._loopwatch.working():
            _, now = await self._lanes.write(lambda store: (store.ingest(number, arrow), store.version(kind)))
        if now > version:
            self._events.publish(kind, now)
        return now

    async def _since(self, triple: Triple) -> datetime | None:
        """From when on a series or a window is asked for; None where the kind or its first poll needs no such thing."""
        series, region = triple.kind.series, triple.region
        if triple.last_good is None:
            # Another account may know newer points of this region; the rows of this one are still to come.
            return None
        if series is None:
            return triple.last_good if triple.kind.window is not None else None
        # Points that were imported meanwhile say nothing of what AWS would have told.
        newest = await self._lanes.read(lambda reader: reader.newest_point(series.name, region))
        return triple.newest or (min(newest, triple.last_good) if newest is not None else None)


async def _ending(coverage: Coverage) -> AsyncGenerator[Page | SweepEnd, None]:
    """A sweep that ends before anything is asked."""
    yield SweepEnd(coverage)
