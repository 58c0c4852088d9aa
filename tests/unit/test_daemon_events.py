"""Announcements are topics and versions, coalesced, bounded, and end with a goodbye."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from backends.daemon.events import Events


async def following(stream: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    """The events of the stream's next chunk; none for a heartbeat."""
    chunk = await anext(stream)
    return [json.loads(line) for line in chunk.splitlines() if line.strip()]


async def test_many_announcements_of_a_topic_arrive_as_its_newest_version() -> None:
    events = Events(lag=0.01)
    stream = events.stream()
    assert await following(stream) == []
    for version in range(1000):
        events.publish("ec2.instance", version)
    events.publish("coverage")
    assert await following(stream) == [{"topic": "ec2.instance", "version": 999}, {"topic": "coverage", "version": 1}]
    await stream.aclose()


async def test_a_listener_that_sleeps_through_too_many_topics_is_told_of_the_gap() -> None:
    events = Events(lag=0.01)
    stream = events.stream()
    await following(stream)
    for number in range(300):
        events.publish(f"topic-{number}")
    found = await following(stream)
    assert found[0] == {"gap": True}
    assert len(found) <= 257
    await stream.aclose()


async def test_silence_is_a_blank_line_now_and_then() -> None:
    events = Events(heartbeat=0.01)
    stream = events.stream()
    await anext(stream)
    assert await anext(stream) == b"\n"
    await stream.aclose()


async def test_the_end_is_announced_after_what_was_still_waiting() -> None:
    events = Events(lag=0.01)
    stream = events.stream()
    await following(stream)
    events.publish("audit")
    events.close()
    rest = b"".join([chunk async for chunk in stream])
    assert [json.loads(line)["topic"] for line in rest.splitlines()] == ["audit", "shutdown"]


async def test_one_listener_does_not_take_from_another() -> None:
    events = Events(lag=0.01)
    first, second = events.stream(), events.stream()
    await asyncio.gather(following(first), following(second))
    events.publish("advice")
    assert await following(first) == await following(second) == [{"topic": "advice", "version": 1}]
    await first.aclose()
    await second.aclose()
