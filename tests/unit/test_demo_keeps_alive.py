"""While a console is open on the demo, a simulated AWS that died is started again, once, and its clock let run."""

from __future__ import annotations

import asyncio
import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import demo, demo_endpoint
from console.demo import Demo, keep_alive


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        yield endpoint


async def test_a_dead_endpoint_is_started_again_where_it_was(
    listening: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, spawned, told = listening.getsockname()[1], [], asyncio.Event()

    def spawn(seed: int, scenario: str, where: int, home: Path, started: str) -> None:
        spawned.append((seed, scenario, where, home, started))
        listening.listen()

    async def announced(process: Any, home: Path) -> dict[str, Any]:
        return {"port": port}

    async def control(where: int, path: str, body: Any = None) -> dict[str, Any]:
        assert (where, path, body) == (port, "clock", {"running": True, "catch_up": True})
        told.set()
        return {}

    monkeypatch.setattr(demo_endpoint, "spawn", spawn)
    monkeypatch.setattr(demo_endpoint, "announced", announced)
    monkeypatch.setattr(demo_endpoint, "control", control)
    known = {"port": port, "started": "2026-11-26T12:00:00+00:00"}
    keeping = asyncio.create_task(keep_alive(Demo(3, "calm"), tmp_path, known, every=0.01))
    async with asyncio.timeout(120):
        await told.wait()
    await asyncio.sleep(0.1)
    keeping.cancel()
    assert spawned == [(3, "calm", port, tmp_path, known["started"])]


async def test_an_endpoint_that_listens_is_left_alone(listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    assert await demo_endpoint.gone({"port": port})
    listening.listen()
    assert not await demo_endpoint.gone({"port": port})


async def test_a_demo_starts_anew_only_once_the_daemon_of_an_earlier_one_has_closed_its_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def started(world: Demo, home: Path) -> dict[str, Any]:
        return {"left": sorted(path.name for path in home.iterdir())}

    def locked(handle: int, how: int) -> None:
        tried.set()
        flock(handle, how)

    monkeypatch.setattr(demo, "start_both", started)
    flock = fcntl.flock
    with (tmp_path / "daemon.lock").open("w") as closing:
        flock(closing, fcntl.LOCK_EX)
        (tmp_path / "store.duckdb.wal").write_text("being written")
        monkeypatch.setattr(fcntl, "flock", locked)
        starting = asyncio.create_task(demo._start(Demo(), tmp_path, lambda sentence: None))
        async with asyncio.timeout(120):
            await tried.wait()
            assert (tmp_path / "store.duckdb.wal").exists()
            closing.close()
            assert (await starting)["left"] == ["daemon.lock"]
