"""Polls and a store that is opened again: a compaction waits for those under way, after a broken store they say so."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backends.aws.tasks import Page, SweepEnd, SweepTask
from backends.daemon import lanes as lanes_module
from backends.daemon.events import Events
from backends.daemon.keeping import compact
from backends.daemon.lanes import Lanes
from backends.daemon.loopwatch import LoopWatch
from backends.daemon.polling import Polling
from backends.daemon.triples import Triple
from backends.model import CoverageState, Json, Scope
from backends.store import NO_ROOM, Retention, Store, StoreBroken, StoreBusy, StoreFull, utcnow
from tests.unit.store_world import ACCOUNT, BOX, REGION, SCOPE, covered, open_store, page

EVERYTHING = Retention(36_500, 36_500)


class World:
    """A store, a poll of boxes in it whose second page comes when `go` is set, and how often that was begun."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.began, self.go, self.first = 0, asyncio.Event(), asyncio.Event()
        self.entry = entry = SimpleNamespace(collector=SimpleNamespace(sweep=self._sweep, death=None), active=True)
        self.withheld: dict[str, str] = {}
        self.coverage = covered(BOX)
        contexts: Any = SimpleNamespace(
            serving=lambda account: entry,
            failed=lambda entry: None,
            withheld=lambda: self.withheld,
            all=lambda: [SimpleNamespace(scope=Scope.of([(ACCOUNT, REGION)]))],
        )
        watch = LoopWatch()
        self.polling = Polling(lanes, Events(), contexts, {BOX.name: BOX}, watch, lambda kind: None)
        self.triple = Triple(ACCOUNT, REGION, BOX)
        self.polling._triples[self.triple.key] = self.triple
        self.running = asyncio.create_task(self.polling.run())

    async def _sweep(self, task: SweepTask) -> AsyncIterator[Page | SweepEnd]:
        self.began += 1
        yield Page(page(BOX, [{"id": "b1", "name": "first"}]), 1)
        self.first.set()
        await self.go.wait()
        yield Page(page(BOX, [{"id": "b2", "name": "second"}]), 1)
        yield SweepEnd(self.coverage)

    async def state(self) -> Json:
        return await self.past(None)

    async def past(self, at: datetime | None) -> Json:
        rows = json.loads(await self.lanes.read(lambda reader: reader.coverage(SCOPE, at)))["rows"]
        [row] = [dict(row) for row in rows if row["region"] == REGION and row["kind"] == BOX.name]
        return row

    async def boxes(self) -> list[str]:
        return sorted(await self.lanes.read(lambda reader: reader.table(BOX.name, SCOPE).column("id").to_pylist()))

    async def ended(self, sweeps: int) -> None:
        while self.triple.sweeps < sweeps:
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    lanes = await Lanes.open(lambda: open_store(tmp_path))
    world = World(lanes)
    async with asyncio.timeout(120):
        await world.first.wait()
    yield world
    world.running.cancel()
    await world.polling.close()
    await lanes.close()


async def test_a_poll_under_way_ends_well_before_the_store_is_compacted(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes_module, "_SLOW_SECONDS", 600.0)  # a busy machine's line of the log is none of ours
    async with asyncio.timeout(120):
        compacting = asyncio.create_task(compact(world.lanes, world.polling.held(), EVERYTHING))
        await asyncio.sleep(0.05)
        assert not compacting.done()
        world.go.set()
        await compacting
        assert world.triple.sweeps == 1
        assert (await world.state())["state"] == "ok"
        assert await world.boxes() == ["b1", "b2"]
        await world.polling.poll(SCOPE, [BOX.name], wait=True)
    assert world.began == 2, "polls go on"
    assert (await world.state())["state"] == "ok"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_no_poll_begins_while_they_are_held(world: World) -> None:
    world.go.set()
    async with asyncio.timeout(120):
        async with world.polling.held():
            assert world.triple.sweeps == 1
            asked = asyncio.create_task(world.polling.poll(SCOPE, [BOX.name], wait=True))
            await asyncio.sleep(0.1)
            assert world.began == 1
        await asked
    assert world.began == 2


async def test_where_a_poll_does_not_end_in_time_nothing_is_compacted_and_it_goes_on(
    world: World, tmp_path: Path
) -> None:
    inode = (tmp_path / "store.duckdb").stat().st_ino
    with pytest.raises(StoreBusy, match=r"^The store stays as it is: 1 poll has not ended within 0\.05 s; try again"):
        await compact(world.lanes, world.polling.held(0.05), EVERYTHING)
    assert (tmp_path / "store.duckdb").stat().st_ino == inode
    world.go.set()
    async with asyncio.timeout(120):
        await world.ended(1)
    assert (await world.state())["state"] == "ok"


async def test_credentials_that_cease_to_work_are_history_and_once_they_work_again_what_failed_is_polled_at_once(
    world: World,
) -> None:
    world.go.set()
    async with asyncio.timeout(120):
        await world.ended(1)
        world.triple.state, world.triple.due = CoverageState.ERROR, asyncio.get_running_loop().time() + 20_000
        for withheld in ({}, {ACCOUNT: "not polled: expired"}):
            world.withheld = withheld
            world.polling.reconsider()
            await asyncio.sleep(0.05)
        assert world.began == 1
        assert world.polling.status(SCOPE)["errors"] == 1
        while not (past := await world.past(utcnow()))["problem"]:
            await asyncio.sleep(0.01)
        assert (past["state"], past["problem"]) == ("error", "not polled: expired")
        world.withheld = {}
        world.polling.reconsider()
        await world.ended(2)
    assert world.polling.status(SCOPE)["errors"] == 0
    assert world.triple.state is CoverageState.OK


async def test_what_a_collector_left_that_made_way_for_another_is_polled_at_once(world: World) -> None:
    another = SimpleNamespace(sweep=world.entry.collector.sweep, death=None)
    world.coverage, world.entry.collector = replace(covered(BOX), state=CoverageState.ERROR), another
    async with asyncio.timeout(120):
        world.go.set()
        await world.ended(1)
        world.coverage = covered(BOX)
        await world.ended(2)
    assert world.triple.state is CoverageState.OK


async def test_what_could_not_be_kept_is_told_since_when_until_a_later_poll_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StoreFull(f"Finishing a sweep failed: {NO_ROOM}")

    world.go.set()
    async with asyncio.timeout(120):
        await world.ended(1)
        assert world.polling.unkept() == {}
        with monkeypatch.context() as patched:
            patched.setattr(Store, "finish_sweep", full)
            await world.polling.poll(SCOPE, [BOX.name], wait=True)
            first = world.polling.unkept()[world.triple.key]
            await world.polling.poll(SCOPE, [BOX.name], wait=True)
        assert first.startswith("not kept since 20") and first.endswith(f"Z: {NO_ROOM}")
        assert world.polling.unkept() == {world.triple.key: first}
        await world.polling.poll(SCOPE, [BOX.name], wait=True)
    assert world.polling.unkept() == {}


async def test_a_poll_during_which_the_store_broke_ends_as_an_error_that_says_so_and_the_next_one_is_whole(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(store: Store) -> None:
        raise StoreBroken("A page of the file is bad.")

    with pytest.raises(StoreBroken):
        await world.lanes.write(breaks)
    async with asyncio.timeout(120):
        world.go.set()
        await world.ended(1)
        told = await world.state()
        assert told["state"] == "error"
        assert told["problem"] == "The store was opened again while this poll was under way; the next one begins anew."
        assert await world.boxes() == ["b1"], "what it had brought stays"
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(errors) == 1
        await world.polling.poll(SCOPE, [BOX.name], wait=True)
    assert (await world.state())["state"] == "ok"
    assert await world.boxes() == ["b1", "b2"]
