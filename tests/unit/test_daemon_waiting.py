"""Who waits for polls waits for those that come, and for none that will not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backends.aws.kinds import KINDS
from backends.daemon.events import Events
from backends.daemon.ledger import Ledger
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.polling import Polling
from backends.daemon.triples import Triple
from backends.model import GLOBAL_REGION, Scope

ACCOUNT = "111122223333"
DAILY = next(kind for kind in KINDS if kind.name == "cost.daily")
SCOPE = Scope.of([(ACCOUNT, GLOBAL_REGION)])


class World:
    """A poll that costs money and has not been tried; `entry` is whose credentials would poll it, if any work."""

    def __init__(self) -> None:
        self.entry: Any = None
        self.scope = SCOPE
        self.known: list[dict[str, Any]] = []
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        contexts: Any = SimpleNamespace(
            serving=lambda account: self.entry,
            reviving=lambda account: False,
            withheld=dict,
            all=lambda: [SimpleNamespace(scope=self.scope)],
        )
        lanes: Any = SimpleNamespace(read=self._read)
        self.polling = Polling(
            lanes, Events(), contexts, {DAILY.name: DAILY}, LoopWatch(), lambda kind: None, ledger=Ledger(lanes)
        )

    async def _read(self, work: Callable[[Any], Any]) -> Any:
        self.asked.set()
        await self.answer.wait()
        return json.dumps({"rows": self.known})

    def untried(self) -> None:
        triple = Triple(ACCOUNT, GLOBAL_REGION, DAILY, due=0.0)
        self.polling._triples[triple.key] = triple

    async def waited(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            return await self.polling.poll(SCOPE, [], wait=True)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    running = asyncio.create_task(world.polling.run())
    yield world
    running.cancel()


async def test_what_no_working_credentials_poll_is_not_waited_for(world: World) -> None:
    world.untried()
    assert (await world.waited())["coverage"] == {"pending": 1}


async def test_what_is_paused_is_not_waited_for(world: World) -> None:
    world.entry = SimpleNamespace(active=True)
    world.polling.paused = True
    world.untried()
    assert (await world.waited())["coverage"] == {"pending": 1}


async def test_what_turns_out_to_have_been_paid_for_lately_is_not_waited_for(world: World) -> None:
    world.entry = SimpleNamespace(active=True)
    lately = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    place = {"account": ACCOUNT, "region": GLOBAL_REGION, "kind": DAILY.name}
    world.known = [place | {"state": "ok", "last_try": lately, "last_good": lately, "cost": 0.01}]
    world.polling.reconsider()
    waiting = asyncio.create_task(world.waited())
    await world.asked.wait()
    assert not waiting.done()
    world.answer.set()
    assert (await waiting)["coverage"] == {"ok": 1}


async def test_what_nobody_can_poll_any_more_is_not_waited_for(world: World) -> None:
    world.entry = SimpleNamespace(active=True)
    world.polling.reconsider()
    waiting = asyncio.create_task(world.waited())
    await world.asked.wait()
    assert not waiting.done()
    world.scope = Scope.of([])
    world.polling.reconsider()
    assert (await waiting)["tasks"] == 1
