"""The way to a daemon: requests that outlive the one that they began with, and its events.

A daemon that died is started again and the context registered again, unseen, for everything that may safely be sent
twice; for the rest the error "connection-lost" says that the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from backends.context import Context
from backends.launch import BackendError, DaemonSpec, answers, ensure, find_socket
from backends.version import VERSION
from backends.wire import Connection, ConnectionLost, Json, Pool

_SILENCE = 20.0
"""Seconds without a word, not even a heartbeat, after which a daemon counts as gone."""
_READ = 60.0
_UNKNOWN_CONTEXT = 410


class Link:
    """What a client reaches its daemon by. Use from one event loop; close when done."""

    def __init__(self, spec: DaemonSpec, socket: Path | None = None) -> None:
        self.spec = spec
        self.context_id = ""
        self.registration: Json = {}
        self._socket = socket or find_socket(spec.home)
        self._context: Context | None = None
        self._wait = True
        self._pool = Pool()
        self._lives = 0
        self._reviving = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the daemon lives on for its linger."""
        self._pool.close()
        await asyncio.sleep(0)

    async def register(self, context: Context, *, wait: bool = True) -> Json:
        """Say whose credentials this client's requests use → {"context", "accounts", "scope"}.

        `wait=False` answers before STS has, with what is known already. 401 "no-credentials", 409 "other-endpoint".
        """
        answer = await self._post("/v1/contexts", {"context": context.as_json(), "wait": wait}, patience=None)
        self._context, self._wait = context, wait
        self.context_id, self.registration = str(answer["context"]), answer
        return answer

    async def events(self) -> AsyncIterator[Json]:
        """{"topic", "version"} for ever; {"lost": true} where the daemon has gone, or is silent, without a word; then
        {"gap": true}, for some may have been missed: read again what is shown.

        After a crash the daemon is started again; after a deliberate shutdown the stream waits until somebody does.
        """
        delay, stopped, missed, known = 0.1, False, False, True
        while True:
            try:
                connection = await Connection.open(self._socket)
                async for line in connection.lines("/v1/events", self._headers(), _SILENCE):
                    delay = 0.1
                    if missed:
                        # Not before it is heard of: what accepts connections may be hung all the same.
                        missed = stopped = False
                        yield {"gap": True}
                    if line.strip():
                        event = json.loads(line)
                        stopped = event.get("topic") == "shutdown"
                        yield event
            except OSError as error:
                known = getattr(error, "status", 0) != _UNKNOWN_CONTEXT
                if not stopped:
                    yield {"lost": True}
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
            missed = True
            if stopped and not await answers(find_socket(self.spec.home)):
                continue
            try:
                await self._revive(self._lives)
                if self._context is not None and not known:
                    # A daemon that began anew knows nobody, and it may be that nothing else is asked of it.
                    await self.register(self._context, wait=self._wait)
            except BackendError:
                continue

    async def _get(self, path: str, **query: Any) -> Json:
        answer: Json = await self._call("GET", _target(path, query), None, _READ, True)
        return answer

    async def _list(self, path: str, **query: Any) -> list[Json]:
        answer: list[Json] = await self._call("GET", _target(path, query), None, _READ, True)
        return answer

    async def _post(
        self, path: str, body: Mapping[str, Any], *, patience: float | None = _READ, again: bool = True
    ) -> Json:
        answer: Json = await self._call("POST", path, json.dumps(body).encode(), patience, again)
        return answer

    async def _call(self, method: str, target: str, body: bytes | None, patience: float | None, again: bool) -> Any:
        for attempt in range(4):
            life = self._lives
            try:
                async with asyncio.timeout(patience):
                    reply = await self._pool.exchange(self._socket, method, target, self._headers(), body)
            except TimeoutError:
                raise BackendError("timeout", f"The daemon did not answer {target.split('?')[0]} in time.") from None
            except ConnectionLost as lost:
                if lost.sent and not again:
                    text = "The daemon went away in the middle; whether it acted is unknown: see the audit."
                    raise BackendError("connection-lost", text) from lost
                if attempt == 3:
                    raise BackendError("connection-lost", "The daemon keeps going away; see its log.") from lost
                await self._revive(life)
                continue
            try:
                answer = json.loads(reply.body) if reply.body else None
            except ValueError:
                raise BackendError(
                    "error", f"The daemon failed to answer {target.split('?')[0]}.", reply.status
                ) from None
            if reply.status < 400:
                return answer
            refusal = BackendError.of(answer, reply.status)
            if refusal.code == "unknown-context" and self._context is not None and attempt < 3:
                await self.register(self._context, wait=self._wait)
                continue
            raise refusal
        raise AssertionError("unreachable")

    def _headers(self) -> dict[str, str]:
        headers = {"x-quarterdeck-version": VERSION}
        if self.context_id:
            headers["x-quarterdeck-context"] = self.context_id
        return headers

    async def _revive(self, life: int) -> None:
        """Find the daemon again, or start it; once for however many calls noticed its death together."""
        async with self._reviving:
            if life != self._lives:
                return
            self._pool.close()
            self._socket = await ensure(self.spec)
            self._lives += 1


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = urlencode([(name, str(value)) for name, value in query.items() if value not in ("", None)])
    return f"{path}?{given}" if given else path
