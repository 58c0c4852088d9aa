"""The store's lanes: writes in order and to their end, reads side by side and stopped when nobody wants them."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from backends.daemon import lanes as lanes_module
from backends.daemon.lanes import Lanes
from backends.niceness import NICENESS
from backends.store import Reader, Store, StoreBroken, StoreError, StoreInterrupted

SLOW = "SELECT count(*) FROM range(100000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3"


@pytest.fixture
async def lanes(tmp_path: Path) -> Lanes:
    return await Lanes.open(lambda: Store.open(tmp_path / "store.duckdb", (), identity=("aws", "")))


async def test_writes_happen_in_the_order_they_were_asked_in_one_thread(lanes: Lanes) -> None:
    seen: list[tuple[int, int]] = []
    await asyncio.gather(
        *(lanes.write(lambda store, n=n: seen.append((n, threading.get_ident()))) for n in range(50))  # type: ignore[misc]
    )
    assert [n for n, _ in seen] == list(range(50))
    assert len({thread for _, thread in seen}) == 1
    await lanes.close()


async def test_work_that_holds_a_lane_for_seconds_is_a_line_of_the_log(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def quick(store: Store | Reader) -> None: ...

    monkeypatch.setattr(lanes_module, "_SLOW_SECONDS", 600.0)
    await lanes.write(quick)
    await lanes.read(quick)
    assert not caplog.records
    monkeypatch.setattr(lanes_module, "_SLOW_SECONDS", 0.0)
    await lanes.write(quick)
    await lanes.read(quick)
    written, read = (record.getMessage() for record in caplog.records)
    assert written.startswith("A write of the store took ") and written.endswith("<locals>.quick")
    assert read.startswith("A read of the store took ")
    await lanes.close()


async def test_a_write_goes_on_to_its_end_when_nobody_waits_any_more(lanes: Lanes) -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work(store: Store) -> None:
        begun.set()
        assert go.wait(120)
        ended.set()

    task = asyncio.create_task(lanes.write(work))
    await asyncio.to_thread(begun.wait, 120)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    go.set()
    await lanes.close()
    assert ended.is_set()


async def test_a_read_that_is_not_wanted_any_more_is_interrupted_and_its_reader_used_again(lanes: Lanes) -> None:
    for _ in range(4):
        task = asyncio.create_task(lanes.read(lambda reader: reader.sql(SLOW)))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(120):
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    assert b"[[1]]" in await lanes.read(lambda reader: reader.sql("SELECT 1 AS one"))
    await lanes.close()


async def test_a_read_is_stopped_though_the_interrupt_came_before_its_statement(lanes: Lanes) -> None:
    begun, go = threading.Event(), threading.Event()

    def work(reader: Reader) -> bytes:
        begun.set()
        assert go.wait(120)
        return reader.sql(SLOW)

    task = asyncio.create_task(lanes.read(work))
    await asyncio.to_thread(begun.wait, 120)
    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()  # Whoever cancels twice does not free a reader that is at work.
    await asyncio.sleep(0.05)
    assert not task.done()
    go.set()
    async with asyncio.timeout(120):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert b"[[1]]" in await lanes.read(lambda reader: reader.sql("SELECT 1 AS one"))
    await lanes.close()


async def test_closing_stops_the_reads_that_are_under_way_and_those_that_wait(lanes: Lanes) -> None:
    asked = [asyncio.create_task(lanes.read(lambda reader: reader.sql(SLOW))) for _ in range(5)]
    asked.append(asyncio.create_task(lanes.read_behind(lambda reader: reader.sql(SLOW))))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(120):
        await lanes.close()
        ends = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(end) for end in ends] == [StoreInterrupted] * 6


async def test_a_read_that_takes_too_long_is_stopped(lanes: Lanes) -> None:
    with pytest.raises(TimeoutError):
        await lanes.read(lambda reader: reader.sql(SLOW), seconds=0.1)
    await lanes.close()


async def test_after_the_store_broke_it_is_opened_again(lanes: Lanes) -> None:
    before = lanes.store

    def breaks(store: Store) -> None:
        raise StoreBroken("A page of the file is bad.")

    with pytest.raises(StoreBroken):
        await lanes.write(breaks)
    assert lanes.store is not before
    assert b"[[1]]" in await lanes.read(lambda reader: reader.sql("SELECT 1 AS one"))
    await lanes.close()


def one(reader: Reader) -> bytes:
    return reader.sql("SELECT 1 AS one")


class Held:
    """Work in the writer's thread that has `begun` and waits until it may `go`."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.begun.set()
        assert self.go.wait(120)

    async def read_meanwhile(self, lanes: Lanes, asked: asyncio.Task[None]) -> bytes:
        """What a read brings that is asked for after whoever asked for the work has given it up."""
        await asyncio.to_thread(self.begun.wait, 120)
        asked.cancel()
        reading = asyncio.create_task(lanes.read(one))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not reading.done() and not asked.done()
        self.go.set()
        async with asyncio.timeout(120):
            await asyncio.gather(asked, return_exceptions=True)
            assert asked.cancelled()
            return await reading


async def test_readers_wait_until_a_broken_store_is_open_again_though_nobody_waits_for_that(tmp_path: Path) -> None:
    held = Held()

    def opener() -> Store:
        if lanes:
            held.wait()
        return Store.open(tmp_path / "store.duckdb", (), identity=("aws", ""))

    def breaks(store: Store) -> None:
        raise StoreBroken("A page of the file is bad.")

    lanes: list[Lanes] = []
    lanes.append(await Lanes.open(opener))
    await lanes[0].read(one)
    assert b"[[1]]" in await held.read_meanwhile(lanes[0], asyncio.create_task(lanes[0].write(breaks)))
    await lanes[0].close()


async def test_readers_wait_for_what_is_written_alone_though_nobody_waits_for_that(lanes: Lanes) -> None:
    held = Held()
    alone = asyncio.create_task(lanes.write_alone(lambda store: held.wait(), 120))
    assert b"[[1]]" in await held.read_meanwhile(lanes, alone)
    await lanes.close()


async def test_a_store_that_could_not_be_opened_again_is_when_it_is_read_next(tmp_path: Path) -> None:
    locked = [StoreError("Another process has it.")]

    def opener() -> Store:
        if lanes and locked:
            raise locked.pop()
        return Store.open(tmp_path / "store.duckdb", (), identity=("aws", ""))

    def breaks(store: Store) -> None:
        raise StoreBroken("A page of the file is bad.")

    lanes: list[Lanes] = []
    lanes.append(await Lanes.open(opener))
    with pytest.raises(StoreError, match="Another process"):
        await lanes[0].write(breaks)
    with pytest.raises(StoreBroken):
        await lanes[0].read(one)
    assert b"[[1]]" in await lanes[0].read(one)
    await lanes[0].close()
    with pytest.raises(StoreInterrupted):
        await lanes[0].read(one)


async def test_an_error_in_a_read_reaches_who_asked_and_nobody_else(lanes: Lanes) -> None:
    def fails(reader: Reader) -> None:
        raise StoreError("There is no such thing.")

    with pytest.raises(StoreError):
        await lanes.read(fails)
    assert b"[[2]]" in await lanes.read(lambda reader: reader.sql("SELECT 2 AS two"))
    await lanes.close()


async def test_the_analyses_read_while_every_reader_is_busy_and_give_way(lanes: Lanes) -> None:
    asked = [asyncio.create_task(lanes.read(lambda reader: reader.sql(SLOW))) for _ in range(4)]
    async with asyncio.timeout(120):
        niceness = await lanes.read_behind(lambda _: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        assert b"[[1]]" in await lanes.read_behind(lambda reader: reader.sql("SELECT 1 AS one"))
    assert niceness >= NICENESS
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await lanes.close()
