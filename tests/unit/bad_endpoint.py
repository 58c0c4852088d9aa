"""An endpoint that answers what a test tells it to, byte for byte, and a store that takes what a sweep makes of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiobotocore.config import AioConfig

from backends.aws import requests, session
from backends.aws.kinds import KINDS
from backends.aws.logins import Login
from backends.aws.requests import Requester
from backends.aws.session import Sessions
from backends.aws.sweep import Sweep
from backends.aws.tasks import SweepTask
from backends.aws.throttle import Throttle
from backends.context import Context
from backends.model import GLOBAL_REGION, Coverage, Json, Kind, Scope
from backends.store import Query, Store
from tests.unit.store_world import T0

ACCOUNT, REGION = "111122223333", "eu-west-1"
BY_NAME = {kind.name: kind for kind in KINDS}
HASTY, LESS_HASTY = 0.15, 1.5
"""Seconds of patience where no answer comes at all, and where one comes that is not to be given up."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. reset: the connection breaks instead; hang: nothing comes; cut: only that much of the body does."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    hang: bool = False
    cut: int | None = None


Answer = Callable[[str, dict[str, str], int], Said]
"""(operation, query parameters, how many requests came before) → the answer

Among the parameters are `signed_as`, an access key, and `signed_for`, a region.
"""


class Endpoint:
    """`answer` may be exchanged at any time; `asked` are the operations, in order."""

    def __init__(self) -> None:
        self.answer: Answer = lambda operation, query, before: Said()
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                operation, query = _understood(head, body)
                said = self.answer(operation, query, len(self.asked))
                self.asked.append(operation)
                if said.hang:
                    await asyncio.sleep(3600)
                if said.reset:
                    writer.transport.abort()
                    return
                told = {"Date": formatdate(usegmt=True), "Content-Length": str(len(said.body))} | said.headers
                lines = [f"HTTP/1.1 {said.status} X", *(f"{name}: {value}" for name, value in told.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + said.body[: said.cut])
                await writer.drain()
                if said.cut is not None:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()


def _understood(head: bytes, body: bytes) -> tuple[str, dict[str, str]]:
    query = dict(parse_qsl(body.decode("utf-8", "replace")))
    signed = re.search(rb"Credential=(\w+)/\d+/([\w-]+)/", head)
    signature = {"signed_as": signed[1].decode(), "signed_for": signed[2].decode()} if signed else {}
    if target := re.search(rb"(?i)x-amz-target: [\w.]*\.(\w+)", head):
        return target[1].decode(), signature
    query |= signature
    path = head.split(b" ", 2)[1].decode()
    return query.get("Action") or path, query


class World:
    """One account in one region, read from the endpoint into a store of its own; `swept` are the kinds that were.

    `hasty` are clients that give up an answer after so many seconds, for days that hang: on any other day it would be
    for the machine to say whether an answer comes in time.
    """

    def __init__(self, endpoint: Endpoint, sessions: Sessions, hasty: dict[float, Sessions], store: Store) -> None:
        self.endpoint, self.sessions, self.hasty, self.store = endpoint, sessions, hasty, store
        self.requester = Requester(throttle=Throttle(share=1000))
        self.swept: set[str] = set()
        self._minutes = 0

    async def sweep(self, kind: str, *, region_known: bool = True, patience: float | None = None) -> Coverage:
        """One sweep, its pages stored as they come, its end written."""
        declared, began = BY_NAME[kind], self._now()
        sessions = self.sessions if patience is None else self.hasty[patience]
        self.swept.add(kind)
        region = REGION if declared.regional else GLOBAL_REGION
        number = self.store.begin_sweep(ACCOUNT, region, kind, began)

        async def emit(arrow: bytes, rows: int) -> None:
            self.store.ingest(number, arrow)

        async def client(service: str) -> Any:
            return await sessions.client(Login(), service, region)

        sweep = Sweep(
            declared,
            SweepTask(ACCOUNT, region, kind),
            requester=self.requester,
            client=client,
            loader=sessions.loader,
            emit=emit,
            region_known=region_known,
        )
        coverage = await sweep.run()
        self.store.finish_sweep(number, coverage, self._now())
        return coverage

    def _now(self) -> datetime:
        self._minutes += 1
        return T0 + timedelta(minutes=self._minutes)

    def table(self, kind: str, column: str = "id") -> list[Any]:
        """One column of the rows that are there now."""
        found = self.read(kind)
        place = found["columns"].index(column)
        return sorted((row[place] for row in found["rows"]), key=str)

    def read(self, kind: str) -> Json:
        scope = Scope.of([(ACCOUNT, REGION), (ACCOUNT, GLOBAL_REGION)])
        answer: Json = json.loads(self.store.rows(Query(kind, scope)))
        return answer


@asynccontextmanager
async def bad_world(directory: Path, monkeypatch: pytest.MonkeyPatch, kinds: Sequence[str]) -> AsyncIterator[World]:
    """A world that has no pauses, and takes the endpoint for AWS itself."""
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIA0", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)
    declared: list[Kind] = [BY_NAME[name] for name in kinds]
    store = Store.open(directory / "store.duckdb", declared, identity=("aws", ""))
    sessions = Sessions(Context(region=REGION))
    hasty = {seconds: Sessions(Context(region=REGION)) for seconds in (HASTY, LESS_HASTY)}
    services = sorted({"sts", *(kind.service for kind in declared)})
    try:
        # Made while the environment says where and as whom.
        for service in services:
            await sessions.client(Login(), service, REGION)
        for seconds, own in hasty.items():
            with monkeypatch.context() as patched:
                patched.setattr(session, "_POLLING", session._POLLING.merge(AioConfig(read_timeout=seconds)))
                for service in services:
                    await own.client(Login(), service, REGION)
        yield World(endpoint, sessions, hasty, store)
    finally:
        for each in (sessions, *hasty.values()):
            await each.close()
        server.close()
        store.close()
