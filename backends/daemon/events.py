"""Announcing changes: topic and version only, coalesced and bounded for each listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

_LAG = 0.05
_HEARTBEAT = 5.0
_MOST_TOPICS = 256
_ABOUT_OURSELVES = frozenset({"polling", "coverage", "status", "contexts", "audit"})


class Events:
    """One daemon's announcements. A listener that falls behind gets each topic's newest version once."""

    def __init__(self, lag: float = _LAG, heartbeat: float = _HEARTBEAT) -> None:
        self._lag = lag
        self._heartbeat = heartbeat
        self._versions: dict[str, int] = {}
        self._listeners: set[_Listener] = set()
        self._closed = False
        self.news = 0
        """Counts announcements of data: what was computed at the same count is still true."""

    def publish(self, topic: str, version: int | None = None) -> None:
        """Something of `topic` is new; without a version of its own the topic counts its announcements."""
        self._versions[topic] = self._versions.get(topic, 0) + 1 if version is None else version
        self.news += topic not in _ABOUT_OURSELVES
        for listener in self._listeners:
            listener.put(topic, self._versions[topic])

    def close(self) -> None:
        """Tell every listener that the daemon stops, and end their streams."""
        self._closed = True
        for listener in self._listeners:
            listener.ready.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """JSON lines for one listener, a blank line where nothing happened for a while."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield b"\n"
            while not self._closed:
                try:
                    async with asyncio.timeout(self._heartbeat):
                        await listener.ready.wait()
                except TimeoutError:
                    yield b"\n"
                    continue
                if not self._closed:
                    await asyncio.sleep(self._lag)
                if waiting := listener.take():
                    yield waiting
            yield listener.take() + b'{"topic": "shutdown"}\n'
        finally:
            self._listeners.discard(listener)


class _Listener:
    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._waiting: dict[str, int] = {}
        self._gap = False

    def put(self, topic: str, version: int) -> None:
        if topic not in self._waiting and len(self._waiting) >= _MOST_TOPICS:
            self._waiting.clear()
            self._gap = True
        self._waiting[topic] = version
        self.ready.set()

    def take(self) -> bytes:
        lines = [json.dumps({"topic": topic, "version": version}) for topic, version in self._waiting.items()]
        if self._gap:
            lines.insert(0, json.dumps({"gap": True}))
        self._waiting.clear()
        self._gap = False
        self.ready.clear()
        return "".join(f"{line}\n" for line in lines).encode()
