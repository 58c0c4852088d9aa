"""The gate's keeper: the one action engine of this daemon, its journal in the store, its anchor beside it."""

from __future__ import annotations

import asyncio
import logging
import pwd
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from backends.actions import (
    ActionEngine,
    Actor,
    AuditTrail,
    Desk,
    Outcome,
    PlanShelf,
    Refused,
    Step,
    Window,
    WriteWindows,
)
from backends.actions.anchor import Anchor
from backends.currency import DECLARED
from backends.daemon.contexts import Contexts, Entry
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.pricing import lookup
from backends.daemon.serving import Peer
from backends.model import Json, Plan
from backends.store import utcnow

log = logging.getLogger(__name__)

ANCHOR_FILE = "audit.anchor"


class StoredRecords:
    """The audit's records, kept in the store: the writer's lane returns once a record is durable."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def add(self, record: Json) -> None:
        await self._lanes.write(lambda store: store.add_audit(record))

    async def all(self) -> Sequence[Json]:
        return await self._lanes.read(lambda reader: reader.audit_records())


class Writes:
    """Plans, write windows, executions and the audit of one daemon. Nothing is sent to AWS but through here."""

    def __init__(
        self,
        lanes: Lanes,
        contexts: Contexts,
        events: Events,
        home: Path,
        endpoint: str,
        currency: str = DECLARED,
    ) -> None:
        self._lanes = lanes
        self._contexts = contexts
        self._events = events
        self._endpoint = endpoint
        self._currency = currency
        self.trail = AuditTrail(StoredRecords(lanes), Anchor(home / ANCHOR_FILE), utcnow)
        self.windows = WriteWindows(self.trail, utcnow)
        self.engine = ActionEngine(self.trail, self.windows, PlanShelf(utcnow), utcnow)
        self._recovering: asyncio.Task[None] | None = None
        self._executions: set[asyncio.Task[Outcome]] = set()
        self._opened: dict[str, Window] = {}
        self._draining = False

    @property
    def running(self) -> int:
        """How many plans are being carried out."""
        return len(self._executions)

    def status(self, context: str) -> Json:
        """Until when this context may write, and what is under way."""
        window = self._opened.get(context)
        open_still = window is not None and window.expires > utcnow()
        return {"open": open_still, "running": self.running} | (window.as_json() if window and open_still else {})

    def desk(self, entry: Entry) -> Desk:
        """One context as the actions see it; `Refused` while its collector is not there."""
        collector = entry.collector
        if collector is None or not collector.alive:
            raise Refused("no-collector", "AWS cannot be reached for these credentials right now; try again.")
        accounts = {account.account: account for account in entry.accounts if account.account}
        price = lookup(self._lanes, entry.scope, self._currency)
        return Desk(entry.id, collector.call, accounts, self._endpoint, price, self._currency)

    async def open_window(self, entry: Entry, minutes: int, peer: Peer) -> Json:
        """An audited write window for this context → {"token", "expires", "window"}."""
        token, window = await self.windows.open(entry.id, minutes, actor(peer))
        self._opened[entry.id] = window
        self._events.publish("audit")
        self._events.publish("status")
        return {"token": token, **window.as_json()}

    async def execute(self, entry: Entry, plan: str, token: object, confirm: object, peer: Peer) -> Json:
        """Carry a plan out; it goes on to its outcome even if the client hangs up."""
        if self._draining:
            raise Refused("stopping", "The daemon is being stopped: nothing was sent; make the plan again.")
        self.windows.check(token, entry.id)
        work = self.engine.execute(
            plan,
            token,
            confirm=confirm,
            actor=actor(peer),
            desk=self.desk(entry),
            on_step=partial(self._stepped, plan),
        )
        task = asyncio.create_task(work)
        self._executions.add(task)
        task.add_done_callback(self._executed)
        outcome = await asyncio.shield(task)
        return outcome.as_json()

    def _executed(self, task: asyncio.Task[Outcome]) -> None:
        self._executions.discard(task)
        self._events.publish("audit")
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, Refused):
            log.error("Carrying a plan out", exc_info=error)

    def _stepped(self, plan: str, step: Step) -> None:
        self._events.publish(f"plan:{plan}")

    async def plan(self, entry: Entry, action: str, targets: Sequence[str], parameters: Json) -> Plan:
        """A plan, made from what AWS says now."""
        return await self.engine.plan(action, targets, parameters, self.desk(entry))

    async def undo(self, entry: Entry, record: int) -> Plan:
        """The plan that takes an executed one back."""
        return await self.engine.undo(record, self.desk(entry))

    def recover_soon(self) -> None:
        """Settle what a dead daemon left open, now that a context has been identified."""
        if not self._draining and (self._recovering is None or self._recovering.done()):
            self._recovering = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        for entry in self._contexts.all():
            try:
                if entry.identified.is_set() and await self.engine.recover(self.desk(entry)):
                    self._events.publish("audit")
            except Refused:
                continue
            except Exception:
                log.exception("Recovering what an earlier daemon left open")

    async def drain(self) -> None:
        """Begin nothing more, and wait until nothing is being carried out."""
        self._draining = True
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.gather(self._recovering, return_exceptions=True)
        await asyncio.gather(*self._executions, return_exceptions=True)
        await self.engine.drain()


def actor(peer: Peer) -> Actor:
    """Who asks, as the kernel says it."""
    try:
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        name = str(peer.uid)
    return Actor(peer.uid, name, peer.pid)
