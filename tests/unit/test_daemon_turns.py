"""What hangs in one place holds nobody else up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from backends.daemon.events import Events
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.polling import Polling
from backends.daemon.sweeping import Ended
from backends.daemon.triples import Triple
from backends.daemon.turns import AT_ONCE
from backends.model import CoverageState, Scope
from tests.unit.store_world import BOX, GROUP, PRICE

ACCOUNTS, REGIONS = ("111111111111", "222222222222"), ("eu-west-1", "us-east-1", "us-west-2")
KINDS = tuple(
    replace(kind, name=f"{service}.{kind.name.partition('.')[2]}", service=service)
    for service in ("lab", "shop", "yard")
    for kind in (BOX, GROUP, PRICE)
)


@pytest.mark.parametrize(
    "hangs",
    [
        lambda triple: triple.region == REGIONS[0],
        lambda triple: triple.account == ACCOUNTS[0],
        lambda triple: triple.kind.service == "lab",
    ],
    ids=["region", "account", "service"],
)
async def test_what_hangs_in_one_place_leaves_turns_to_all_others(hangs: Any) -> None:
    under_way: set[Any] = set()
    most = 0
    done: set[Any] = set()

    async def sweep(triple: Triple, entry: Any, *, focused: bool) -> Ended:
        nonlocal most
        under_way.add(triple.key)
        most = max(most, len(under_way))
        await (asyncio.Event().wait() if hangs(triple) else asyncio.sleep(0))
        under_way.discard(triple.key)
        done.add(triple.key)
        return Ended(CoverageState.OK, None)

    scope = Scope.of((account, region) for account in ACCOUNTS for region in REGIONS)
    contexts: Any = SimpleNamespace(
        serving=lambda account: SimpleNamespace(active=True, collector=None),
        reviving=lambda account: False,
        withheld=dict,
        all=lambda: [SimpleNamespace(scope=scope)],
    )
    lanes: Any = SimpleNamespace(read=_nothing_known)
    polling = Polling(lanes, Events(), contexts, {kind.name: kind for kind in KINDS}, LoopWatch(), lambda kind: None)
    polling._sweeps = SimpleNamespace(sweep=sweep)  # type: ignore[assignment]
    polling.reconsider()
    running = asyncio.create_task(polling.run())
    well = {triple.key for triple in polling.of(scope) if not hangs(triple)}
    async with asyncio.timeout(20):
        while done != well:
            await asyncio.sleep(0)
    running.cancel()
    await polling.close()
    assert 0 < most <= AT_ONCE


async def _nothing_known(_work: Any) -> str:
    return '{"rows": []}'
