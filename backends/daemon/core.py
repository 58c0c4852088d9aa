"""The daemon in one object: its parts, wired; how it starts, keeps house and stops."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from backends.currency import currency_of
from backends.daemon.analysis import Analysis, forget_jobs
from backends.daemon.cadence import PER_DAY
from backends.daemon.collecting import start_collector
from backends.daemon.configuration import Configuration, ConfigurationError, read
from backends.daemon.contexts import Contexts
from backends.daemon.events import Events
from backends.daemon.home import Figures
from backends.daemon.keeping import forget_backups
from backends.daemon.keys import KeyProblem, in_memory, take_key
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.daemon.lifecycle import Door, Election, StartProblem
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.money import told_in
from backends.daemon.polling import Polling
from backends.daemon.remembered import Remembered
from backends.daemon.serving import Server
from backends.daemon.vigil import Vigil
from backends.daemon.watching import Watching
from backends.daemon.writes import Writes
from backends.launch import LOG_FILE
from backends.model import Kind
from backends.store import Amiss, NoEncryption, Store, StoreError, WrongKey, utcnow

log = logging.getLogger(__name__)

_HOUSEKEEPING_SECONDS = 3.0
_TIDY_SECONDS = 6 * 3600.0
STORE_FILE = "store.duckdb"
WORK_DIRECTORY = "work"
ACCOUNTS_FILE = "accounts.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this daemon was started.

    linger      seconds, negative for ever
    paid_every  see Polling
    budget      USD that polls may cost in an account in a day
    """

    home: Path
    partition: str
    endpoint: str
    label: str
    linger: float
    paid_every: float
    budget: float = PER_DAY


class Daemon:
    """Everything that the routes use. Make one with `await Daemon.open(…)`, end it with `close`."""

    def __init__(
        self, settings: Settings, kinds: Iterable[Kind], lanes: Lanes, configuration: Configuration, work: Path
    ) -> None:
        self.settings = settings
        self.currency = currency_of(settings.partition)
        self.configuration = configuration
        self.kinds = {kind.name: kind for kind in kinds}
        self.lanes = lanes
        self.started = time.time()
        self.events = Events()
        lanes.told = self._store_told
        self.loopwatch = LoopWatch()
        self.figures = Figures()
        self.ledger = Ledger(lanes, settings.budget)
        self.contexts = Contexts(
            settings.partition,
            settings.endpoint,
            settings.home / LOG_FILE,
            lambda context, log_path: start_collector(context, log_path, self.ledger.add),
            self._contexts_changed,
            Remembered(settings.home / ACCOUNTS_FILE),
        )
        self.analysis = Analysis(
            lanes, self.events, self.kinds, work, self.loopwatch, self.contexts.scope, self._unsettled, self.currency
        )
        self.polling = Polling(
            lanes,
            self.events,
            self.contexts,
            self.kinds,
            self.loopwatch,
            self.analysis.noticed,
            settings.paid_every,
            self.ledger,
        )
        self.watching = Watching(lanes, self.events, self.contexts, self.kinds, self.ledger, self.polling.paying)
        self.writes = Writes(lanes, self.contexts, self.events, settings.home, settings.endpoint, self.currency)
        self.server: Server | None = None
        self._background: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._vigil = Vigil(settings.linger, time.monotonic())
        self._tidied = time.monotonic()

    @classmethod
    async def open(cls, settings: Settings, kinds: Iterable[Kind]) -> Daemon:
        """Open the store and make the parts.

        StartProblem with one sentence where the store will not open, or what is configured for it cannot be meant.
        """
        kinds = tuple(told_in(kind, settings.partition) for kind in kinds)
        try:
            configuration = read({kind.name: kind for kind in kinds})
            key = take_key(configuration.key_place)
        except (ConfigurationError, KeyProblem) as error:
            raise StartProblem("configuration", str(error)) from error

        def opener() -> Store:
            identity = (settings.partition, settings.endpoint)
            return Store.open(settings.home / STORE_FILE, kinds, identity=identity, label=settings.label, key=key)

        def reading() -> Store:
            identity = (settings.partition, settings.endpoint)
            return Store.open_to_read(settings.home / STORE_FILE, kinds, identity=identity, key=key)

        try:
            lanes = await Lanes.open(opener, reading)
        except StoreError as error:
            code = "configuration" if isinstance(error, WrongKey | NoEncryption) else "store"
            raise StartProblem(code, str(error)) from error
        forget_backups(settings.home / WORK_DIRECTORY)
        # What an encrypted store holds is not left in files on a disk, not even for the length of an analysis.
        work = settings.home / WORK_DIRECTORY if key is None else in_memory(settings.home)
        forget_jobs(work)
        daemon = cls(settings, kinds, lanes, configuration, work)
        await daemon.ledger.load()
        return daemon

    @cached_property
    def declarations(self) -> bytes:
        """Every kind's declaration as JSON; made once, for every pane asks while it waits for its first rows."""
        return json.dumps([kind.as_json() for kind in self.kinds.values()], ensure_ascii=False).encode()

    @property
    def amiss(self) -> Amiss:
        """What the store cannot tell of the present: who is not polled, and what could not be kept."""
        return Amiss(self.contexts.withheld(), self.polling.unkept())

    def _unsettled(self, kinds: Collection[str]) -> bool:
        """Whether the first poll of any of these kinds is still under way."""
        return self.polling.first_poll_of(kinds)

    def _store_told(self) -> None:
        self.events.publish("status")
        self.events.publish("coverage")

    def _contexts_changed(self) -> None:
        self.events.publish("contexts")
        # An account whose credentials ceased to work is not polled any more, and coverage says so.
        self.events.publish("coverage")
        self.polling.reconsider()
        self.writes.recover_soon()

    def start(self) -> None:
        """Begin to poll, to watch the loop and to analyse."""
        self.loopwatch.start()
        for work in (self.polling.run(), self.analysis.run()):
            self._background.append(asyncio.create_task(work))

    async def keep_house(self, election: Election, door: Door) -> None:
        """Until told to stop: put a deleted socket back, let idle contexts go, and leave when nobody needs us."""
        step = _HOUSEKEEPING_SECONDS
        if self.settings.linger >= 0:
            step = min(step, max(0.5, self.settings.linger / 4))
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(step):
                    await self._stopping.wait()
            except TimeoutError:
                await self._look_around(election, door)

    async def _look_around(self, election: Election, door: Door) -> None:
        if not election.valid:
            log.warning("The store's directory is gone; leaving.")
            self.stop()
            return
        if not door.standing and self.server is not None:
            log.warning("The socket %s was deleted; binding it again.", door.path)
            try:
                await self.server.listen_also(door.bind())
            except (OSError, StartProblem) as error:
                log.warning("Binding the socket again: %r", error)
        await self.contexts.housekeeping()
        await self._tidy()
        if self._vigil.over(time.monotonic(), busy=self.busy):
            log.info("Nobody has needed this daemon for %g s; leaving.", self._vigil.patience)
            self.stop()

    async def _tidy(self) -> None:
        """A few times a day: let go of history that is older than it is kept for, and thin what is to be thinned."""
        if time.monotonic() - self._tidied < _TIDY_SECONDS or self.polling.sweeping or self.loopwatch.at_work:
            return
        self._tidied = time.monotonic()

        def work(store: Store) -> None:
            store.prune(utcnow(), self.configuration.retention)
            store.checkpoint()

        try:
            await self.lanes.write(work)
        except StoreError:
            log.exception("Tidying the store")

    @property
    def busy(self) -> bool:
        """Whether somebody is connected or something is being carried out."""
        return bool((self.server is not None and self.server.clients) or self.writes.running)

    def stop(self) -> None:
        """Begin the drained end; safe to call more than once, from a signal too."""
        self._stopping.set()

    async def drain(self) -> None:
        """Finish what is being carried out on AWS, then stop serving."""
        self.polling.stop()
        await self.writes.drain()
        self.events.close()
        if self.server is not None:
            self.server.stop()

    async def close(self) -> None:
        """Stop the rest in order; the store comes last and is closed whole."""
        self.loopwatch.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.polling.close()
        await self.watching.close()
        await self.contexts.close()
        await self.analysis.close()
        await self.ledger.close()
        await self.lanes.close()
