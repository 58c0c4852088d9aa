"""A collector that still runs and answers no more: nobody waits for it for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from backends.aws import process as module
from backends.aws.frames import frame
from backends.aws.process import Collector


class Speaking:
    """A process in this one: what it is sent goes to `heard`, what it says is fed to `stdout`."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self.pid, self.returncode = 1, None
        self.stdin, self.stdout = self, asyncio.StreamReader()
        self.write, self.killed = heard, False
        self.ended = asyncio.Event()

    async def drain(self) -> None: ...

    def close(self) -> None:
        self.stdout.feed_eof()
        self.ended.set()

    def kill(self) -> None:
        self.killed = True
        self.close()

    async def wait(self) -> None:
        await self.ended.wait()


async def test_a_collector_that_is_stopped_is_killed_and_whoever_waits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SIGN_SECONDS", 0.01)
    stopped = await asyncio.create_subprocess_exec(
        "sleep", "600", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    collector = Collector(stopped)
    async with asyncio.timeout(120):
        [account] = await collector.identify()
        await collector.close()
    assert account.state == "error"
    assert collector.death is not None and collector.death.how == "by signal 9: it answered no more"


async def test_a_collector_that_says_that_it_lives_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SIGN_SECONDS", 0.01)
    asked, often = 0, asyncio.Event()

    def heard(sent: bytes) -> None:
        nonlocal asked
        if b'"ping"' in sent:
            asked += 1
            process.stdout.feed_data(frame({"id": 0, "what": "pong"}))
            if asked == 5:
                often.set()

    process: Any = Speaking(heard)
    collector = Collector(process)
    waiting = asyncio.create_task(collector.identify())
    async with asyncio.timeout(120):
        await often.wait()
        assert collector.alive and not process.killed and not waiting.done()
        process.stdout.feed_data(frame({"id": 1, "what": "accounts", "accounts": []}))
        assert await waiting == []
        await collector.close()
