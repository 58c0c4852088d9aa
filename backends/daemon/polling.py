"""What is polled when: the scheduler of sweeps (see `sweeping`), and who waits for them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

from backends.daemon.cadence import PAID_SECONDS, delay, pace
from backends.daemon.contexts import Contexts, Entry
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.sweeping import Sweeps
from backends.daemon.triples import Key, Triple, keys_of, progress, totals
from backends.daemon.turns import Turns, shared
from backends.model import CoverageState, Json, Kind, Ref, Scope
from backends.store import NO_ROOM, Store, StoreBroken, StoreBusy, StoreError, StoreFull, iso, utcnow

log = logging.getLogger(__name__)

_FORGET_FOCUS_SECONDS = 120.0
_HELD_SECONDS = 60.0


class Polling:
    """The polls of one daemon. `noticed(kind)` is told of every sweep that brought something.

    `paid_seconds` pass at least between two polls that cost money; what they cost is within `ledger`'s budget.
    """

    def __init__(
        self,
        lanes: Lanes,
        events: Events,
        contexts: Contexts,
        kinds: Mapping[str, Kind],
        loopwatch: LoopWatch,
        noticed: Callable[[str], None],
        paid_seconds: float = PAID_SECONDS,
        ledger: Ledger | None = None,
    ) -> None:
        self._lanes = lanes
        self._events = events
        self._contexts = contexts
        self._kinds = kinds
        self._noticed = noticed
        self._paid_seconds = paid_seconds
        self._ledger = ledger or Ledger(lanes)
        self._triples: dict[Key, Triple] = {}
        self._unkept: dict[Key, str] = {}
        self._withheld: set[str] = set()
        self._noting: set[asyncio.Task[None]] = set()
        self._under_way: dict[Key, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._paused = self._stopped = False
        self._holds = 0
        self._several = False, False, False
        self._focus: dict[str, float] = {}
        self._chance = Random()  # noqa: S311 - jitter
        self._sweeps = Sweeps(lanes, events, contexts, self._ledger, loopwatch)

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value
        self._wake.set()
        self._tell()

    def stop(self) -> None:
        """Begin no more sweeps and let nobody wait for any."""
        self._stopped = True
        self._tell()

    @asynccontextmanager
    async def held(self, seconds: float = _HELD_SECONDS) -> AsyncIterator[None]:
        """While no poll is under way: those that are end first, no other begins.

        StoreBusy where one takes longer than `seconds` to end: all of them go on then.
        """
        self._holds += 1
        try:
            if tasks := list(self._under_way.values()):
                await asyncio.wait(tasks, timeout=seconds)
            if left := sum(not task.done() for task in tasks):
                polls = "1 poll has" if left == 1 else f"{left} polls have"
                raise StoreBusy(f"The store stays as it is: {polls} not ended within {seconds:g} s; try again later.")
            yield
        finally:
            self._holds -= 1
            self._wake.set()

    # -- what there is to do ------------------------------------------------------------------------------------------

    def reconsider(self) -> None:
        """The contexts have changed: poll what is new and what failed until an account's credentials work again, forget
        what nobody can poll any more."""
        self._note_accounts()
        wanted: dict[Key, tuple[str, str, Kind]] = {}
        for entry in self._contexts.all():
            for account, region, kind in keys_of(entry.scope, self._kinds.values()):
                wanted[account, region, kind.name] = (account, region, kind)
        self._several = shared(wanted.values())
        for key in self._triples.keys() - wanted.keys():
            if not self._triples[key].running:
                del self._triples[key]
                self._unkept.pop(key, None)
        new = [Triple(*wanted[key]) for key in wanted.keys() - self._triples.keys()]
        self._triples |= {triple.key: triple for triple in new}
        if new:
            for triple in new:
                # Not before the store has said when this was polled last.
                triple.due = float("inf")
            asyncio.get_running_loop().create_task(self._remember(new))
        self._wake.set()
        self._tell()

    def _note_accounts(self) -> None:
        before, withheld = self._withheld, self._contexts.withheld()
        self._withheld = set(withheld)
        loop = asyncio.get_running_loop()
        for triple in self._triples.values():
            if triple.account in before - self._withheld and triple.state is CoverageState.ERROR:
                triple.due = min(triple.due, loop.time())
        if gone := {account: withheld[account] for account in self._withheld - before}:
            task = loop.create_task(self._withhold(gone, utcnow()))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    async def _withhold(self, accounts: Mapping[str, str], since: datetime) -> None:
        """Let the history of coverage say that these are not polled any more, and why."""

        def work(store: Store) -> None:
            for account, why in accounts.items():
                store.withhold(account, why, since)

        try:
            await self._lanes.write(work)
        except StoreError:
            log.exception("Writing what is not polled")

    async def _remember(self, triples: list[Triple]) -> None:
        """What the store knows of earlier polls: since when there are rows, and when something was paid for last."""
        scope = Scope.of((triple.account, triple.region) for triple in triples)
        try:
            rows = json.loads(await self._lanes.read(lambda reader: reader.coverage(scope)))["rows"]
        except StoreError:
            log.exception("Reading when kinds were polled last")
            rows = []
        last = {(row["account"], row["region"], row["kind"]): row for row in rows}
        now, clock = utcnow(), asyncio.get_running_loop().time()
        for triple in triples:
            triple.due = clock
            row = last.get(triple.key, {})
            triple.before = bool(row.get("last_try"))
            if triple.before and not triple.tried:
                triple.state = CoverageState(row["state"])
            if row.get("last_good"):
                triple.last_good = datetime.fromisoformat(row["last_good"])
            if triple.kind.paid and row.get("cost") and row.get("last_try"):
                age = (now - datetime.fromisoformat(row["last_try"])).total_seconds()
                if age < (least := pace(triple.kind, self._paid_seconds)):
                    triple.due = clock + least - age
                    triple.tried = True
        self._wake.set()
        self._tell()

    def focus(self, kinds: Iterable[str]) -> None:
        """These kinds are on a screen: poll them sooner, for as long as this is said again every two minutes."""
        now = asyncio.get_running_loop().time()
        self._focus = {kind: until for kind, until in self._focus.items() if until > now}
        for name in kinds:
            fresh = name in self._kinds and name not in self._focus
            self._focus[name] = now + _FORGET_FOCUS_SECONDS
            if fresh and not self._kinds[name].paid:
                for triple in self._triples.values():
                    if triple.kind.name == name and triple.tried and triple.state.good:
                        soon = now + delay(triple.kind, triple.state, 0, True, self._chance)
                        triple.due = min(triple.due, soon)
        self._wake.set()

    def of(self, scope: Scope, kinds: Iterable[str] = ()) -> list[Triple]:
        """The triples of a scope, of those kinds or of all."""
        names = set(kinds)
        return [
            triple
            for triple in self._triples.values()
            if scope.holds(triple.account, triple.region) and (not names or triple.kind.name in names)
        ]

    def first_poll_of(self, kinds: Collection[str]) -> bool:
        """Whether any of these kinds has yet to be tried somewhere, and polling goes on."""
        return not self._paused and any(
            not triple.tried and triple.kind.name in kinds for triple in self._triples.values()
        )

    def unkept(self) -> dict[Key, str]:
        """The places whose newest poll is not in the store, each with since when and why, in a sentence."""
        return dict(self._unkept)

    def status(self, scope: Scope | None) -> Json:
        """Progress of a scope's polls, or of all."""
        known = self.of(scope) if scope is not None else list(self._triples.values())
        return progress(known, self._withheld) | {
            "paused": self._paused,
            "calls": self._sweeps.calls,
            "money": round(self._sweeps.money, 6),
        }

    async def poll(self, scope: Scope, kinds: Iterable[str], wait: bool) -> Json:
        """Poll a scope now; `wait` for every one of its triples to end once more. Paid ones keep to their budget."""
        chosen = self.of(scope, kinds)
        clock = asyncio.get_running_loop().time()
        for triple in chosen:
            if not triple.kind.paid:
                triple.due, triple.forced = min(triple.due, clock), True
        # What costs money and has been paid for lately is not waited for: its budget decides.
        goals = {triple.key: triple.sweeps + 1 for triple in chosen if triple.forced or not triple.tried}
        self._wake.set()

        def reached() -> int:
            return sum(self._over(key, goal) for key, goal in goals.items())

        while wait and reached() < len(goals) and not self._stopped:
            await self._ended.wait()
        return {"tasks": len(goals), "done": reached(), "coverage": totals(chosen)}

    def _over(self, key: Key, goal: int) -> bool:
        """Whether a triple has been swept that often, or will not be: nobody can any more, or not for money."""
        triple = self._triples.get(key)
        if triple is None or triple.sweeps >= goal:
            return True
        if triple.running or triple.forced:
            return False
        account = triple.account
        idle = self._paused or (self._contexts.serving(account) is None and not self._contexts.reviving(account))
        return triple.tried or idle

    def look_at(self, refs: Iterable[str]) -> None:
        """These resources have just been changed: poll where they are."""
        clock = asyncio.get_running_loop().time()
        for ref in map(Ref.parse, refs):
            triple = self._triples.get((ref.account, ref.region, ref.kind))
            if triple is not None and not triple.kind.paid:
                triple.due, triple.forced = min(triple.due, clock), True
        self._wake.set()

    # -- doing it -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start what is due, most urgent first, a few at once; otherwise sleep."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            pause = 30.0
            if not (self._stopped or self._holds):
                now = loop.time()
                waiting = sorted(
                    (
                        t
                        for t in self._triples.values()
                        if not t.running and t.due <= now and (t.forced or not self._paused)
                    ),
                    key=lambda triple: (
                        *(not triple.forced, triple.kind.name not in self._focus, triple.tried),
                        *triple.order,
                    ),
                )
                running = (self._triples[key] for key in self._under_way if key in self._triples)
                turns = Turns(running, self._several)
                for triple in waiting:
                    if not turns.left:
                        break
                    if turns.free(triple):
                        self._begin(triple)
                        if triple.running:
                            turns.take(triple)
                coming = [t.due for t in self._triples.values() if not t.running and t.due > now]
                pause = max(0.05, min(coming, default=now + 30.0) - now)
            try:
                async with asyncio.timeout(min(pause, 30.0)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _begin(self, triple: Triple) -> None:
        entry = self._contexts.serving(triple.account)
        if entry is None and self._contexts.reviving(triple.account):
            triple.due = asyncio.get_running_loop().time() + 0.5
            return
        if entry is None or not (entry.active or triple.forced):
            # Nobody looks, or the credentials do not work: the data stays as it is, and says how old it is.
            triple.due = asyncio.get_running_loop().time() + 5.0
            if triple.forced:
                triple.forced = False
                triple.sweeps += 1
                self._tell()
            return
        if triple.kind.paid and self._ledger.scarce(triple.account) and self.paying(triple.account):
            triple.due = asyncio.get_running_loop().time() + 1.0
            return
        triple.running = True
        task = asyncio.create_task(self._sweep(triple, entry))
        self._under_way[triple.key] = task
        task.add_done_callback(lambda done: self._finished(triple, done))

    @property
    def sweeping(self) -> bool:
        """Whether any poll is under way."""
        return bool(self._under_way)

    def paying(self, account: str) -> bool:
        """Whether a poll that costs money is under way in an account: what it costs is not known yet."""
        running = (self._triples[key] for key in self._under_way if key in self._triples)
        return any(triple.kind.paid and triple.account == account for triple in running)

    def _finished(self, triple: Triple, task: asyncio.Task[None]) -> None:
        self._under_way.pop(triple.key, None)
        triple.running = False
        triple.forced = False
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            # Of a full disk the lanes tell once, not each of hundreds of polls.
            if not isinstance(error, StoreFull):
                log.error("Sweeping %s", triple.key, exc_info=error)
            self._note_kept(triple, error)
            self._settle(triple, CoverageState.ERROR)
            self._events.publish("coverage")
        self._wake.set()

    def _note_kept(self, triple: Triple, error: BaseException | None = None) -> None:
        """Whether the store has how the newest sweep ended; where it has not, since when none was kept and why."""
        if triple.kept:
            self._unkept.pop(triple.key, None)
            triple.unkept_since = None
            return
        since = triple.unkept_since = triple.unkept_since or utcnow()
        self._unkept[triple.key] = f"not kept since {iso(since.replace(microsecond=0))}: {_why(error)}"

    def _settle(self, triple: Triple, state: CoverageState) -> None:
        triple.tried = True
        triple.sweeps += 1
        triple.state = state
        triple.failures = 0 if state.good else triple.failures + 1
        focused = self._focus.get(triple.kind.name, 0.0) > asyncio.get_running_loop().time()
        wait = delay(triple.kind, state, triple.failures, focused, self._chance, self._paid_seconds, triple.streak)
        if state is CoverageState.DISABLED and self._ledger.refusal(triple.kind, triple.account, triple.region):
            # A new day has a new budget; all that waited for it need not begin in the same second.
            wait = self._ledger.until_tomorrow() + self._chance.uniform(1.0, 60.0)
        triple.due = asyncio.get_running_loop().time() + wait
        self._tell()

    def _tell(self) -> None:
        """A sweep has ended, or none is to come: whoever waits for polls looks again."""
        self._events.publish("polling")
        self._ended.set()
        self._ended = asyncio.Event()

    async def _sweep(self, triple: Triple, entry: Entry) -> None:
        collector = entry.collector
        ended = await self._sweeps.sweep(triple, entry, focused=triple.kind.name in self._focus)
        self._note_kept(triple)
        self._settle(triple, ended.state)
        replaced = collector is not None and collector is not entry.collector and collector.death is None
        if replaced and ended.state is CoverageState.ERROR:
            # It made way for one with new credentials: nothing failed.
            triple.due = asyncio.get_running_loop().time()
        self._events.publish("coverage")
        if ended.version is not None:
            self._events.publish(triple.kind.name, ended.version)
            self._noticed(triple.kind.name)

    async def close(self) -> None:
        """Break off the sweeps under way: what they brought stays, as partial, and closes nothing."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _why(error: BaseException | None) -> str:
    """Why a sweep was not kept: for want of room in the same words, whatever was being written."""
    if isinstance(error, StoreFull) or (isinstance(error, StoreBroken) and error.full):
        return NO_ROOM
    return str(error) if isinstance(error, StoreError) else f"{type(error).__name__}; the daemon's log says where."
