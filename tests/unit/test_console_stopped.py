"""A daemon that was stopped stays so: a pane that merely shows does not ask for it."""

from __future__ import annotations

import asyncio
from typing import Any

from console.session import COALESCE, Session


class Asked:
    """A client that counts how often the state was asked for."""

    def __init__(self) -> None:
        self.times = 0

    async def status(self) -> dict[str, Any]:
        self.times += 1
        return {}


async def test_the_last_words_of_a_stopped_daemon_are_not_asked_about() -> None:
    client, heard = Asked(), list[frozenset[str]]()
    told: Any = client
    session = Session(_never, heard.append, client=told, state="live")
    for event in ({"topic": "polling"}, {"topic": "ec2.instance", "version": 3}, {"topic": "shutdown"}):
        session._hear(event)
    await asyncio.sleep(1.5 * COALESCE)
    assert client.times == 0 and set(heard) == {frozenset({"session"})}
    session._hear({"gap": True})
    async with asyncio.timeout(10):
        while not client.times:
            await asyncio.sleep(0.01)
    assert session.state == "live" and frozenset({"*"}) in heard


async def _never(_: Any) -> Any:
    raise AssertionError
