"""A request that a stopping daemon gives up ends in a sentence, for whoever waits and for whoever reads the log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Response

from backends.actions import Refused
from backends.client import BackendError, Client, DaemonSpec
from backends.daemon.events import Events
from backends.daemon.problems import Route
from backends.daemon.writes import Writes
from backends.wire import Reply
from console.screens.acting import unanswered


async def test_a_request_that_is_given_up_is_answered() -> None:
    begun, sent = asyncio.Event(), []
    router = APIRouter(route_class=Route)

    @router.get("/long")
    async def long() -> Response:
        begun.set()
        return await asyncio.get_running_loop().create_future()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    app: Any = FastAPI()
    app.include_router(router)
    scope = {"type": "http", "method": "GET", "path": "/long", "query_string": b"", "headers": []}
    request = asyncio.create_task(app(scope, receive, send))
    async with asyncio.timeout(120):
        await begun.wait()
        request.cancel()
        await request
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["message"] == "The daemon was stopped before it had answered."


async def test_an_answer_that_is_none_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(DaemonSpec(tmp_path), tmp_path / "socket")

    async def exchange(*_: Any) -> Reply:
        return Reply(500, {}, b"Internal Server Error")

    monkeypatch.setattr(client._pool, "exchange", exchange)
    with pytest.raises(BackendError, match=r"^The daemon failed to answer /v1/audit\.$"):
        await client.audit()


@pytest.mark.parametrize(
    ("code", "status", "state"),
    [
        ("read-only", 403, "refused"),
        ("no-collector", 409, "refused"),
        ("connection-lost", 0, "unknown"),
        ("stopping", 503, "unknown"),
        ("internal", 500, "unknown"),
    ],
)
def test_only_a_refusal_says_that_nothing_was_sent(code: str, status: int, state: str) -> None:
    assert unanswered(BackendError(code, "So it is.", status)) == {"state": state, "detail": "So it is.", "steps": []}


async def test_a_daemon_that_is_being_stopped_carries_no_other_plan_out(tmp_path: Path) -> None:
    nothing: Any = None
    writes = Writes(nothing, nothing, Events(), tmp_path, "")
    await writes.drain()
    with pytest.raises(Refused, match="is being stopped: nothing was sent") as refused:
        await writes.execute(nothing, "a plan", "a token", "", nothing)
    assert refused.value.status == 409
    writes.recover_soon()
    assert writes._recovering is None, "nor does it settle what an earlier one left open"
