"""How late the event loop is: looked at closely while there is work, hardly at rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backends.daemon.loopwatch import LoopWatch


@pytest.fixture
async def steps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """After how many seconds the next look was to be taken, look by look."""
    loop, asked = asyncio.get_running_loop(), []
    usual = loop.call_later

    def call_later(delay: float, callback: Callable[..., Any], *arguments: Any) -> asyncio.TimerHandle:
        if getattr(callback, "__self__", None).__class__ is LoopWatch:
            asked.append(delay)
        return usual(delay, callback, *arguments)

    monkeypatch.setattr(loop, "call_later", call_later)
    return asked


@pytest.fixture
async def watch(steps: list[float]) -> Iterator[LoopWatch]:
    watch = LoopWatch()
    watch.start()
    yield watch
    watch.stop()


async def test_it_looks_closely_as_soon_as_there_is_work_and_until_there_is_none(
    watch: LoopWatch, steps: list[float]
) -> None:
    assert steps == [0.5]
    with watch.working(), watch.working():
        await asyncio.sleep(0.12)
        assert set(steps[1:]) == {0.05}
    looks = len(steps)
    await asyncio.sleep(0.12)
    assert set(steps[looks:]) == {0.5}


async def test_a_stall_is_told(watch: LoopWatch) -> None:
    assert watch.summary() == {"p50": 0.0, "p99": 0.0, "max": 0.0}
    with watch.working():
        time.sleep(0.1)
        await asyncio.sleep(0.01)
    # The timer was due 50 ms after the work began.
    assert watch.summary()["max"] >= 45


async def test_nothing_is_looked_at_any_more_once_it_has_stopped(watch: LoopWatch, steps: list[float]) -> None:
    watch.stop()
    looks = len(steps)
    with watch.working():
        await asyncio.sleep(0.12)
    assert len(steps) == looks
