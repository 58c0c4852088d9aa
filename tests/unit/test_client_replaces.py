"""Two newer clients that find an older daemon at the same time: it is replaced once, and its successor left alone."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from backends import client as module
from backends.client import BackendError, Client, DaemonSpec
from backends.daemon import routes_state
from backends.launch import ANNOUNCEMENT_FILE

OLD, NEW = 1001, 1002


@pytest.mark.parametrize("lost", [False, True])
async def test_whoever_comes_second_goes_on_with_the_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    (tmp_path / ANNOUNCEMENT_FILE).write_text(json.dumps({"pid": NEW}))
    revived: list[int] = []

    async def post(path: str, body: Any, **how: Any) -> Any:
        assert (path, body["pid"]) == ("/v1/shutdown", OLD)
        if lost:
            raise BackendError("connection-lost", "The daemon went away in the middle.")
        return {"stopping": False}

    async def somebody_answers(path: Path) -> bool:
        return True

    async def revive(life: int) -> None:
        revived.append(life)

    client = Client(DaemonSpec(tmp_path), tmp_path / "socket")
    monkeypatch.setattr(client, "_post", post)
    monkeypatch.setattr(client, "_revive", revive)
    monkeypatch.setattr(module, "answers", somebody_answers)
    async with asyncio.timeout(120):
        await client.replace_daemon(OLD)
    assert revived == [0]


@pytest.mark.parametrize(("meant", "stops"), [("this one", True), ("another", False), ("whichever", True)])
async def test_a_daemon_stops_unless_another_one_was_meant(meant: str, stops: bool) -> None:
    pid = {"this one": os.getpid(), "another": os.getpid() + 1, "whichever": 0}[meant]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"drain": True, "pid": pid}).encode()}

    stopped: list[bool] = []
    daemon: Any = SimpleNamespace(stop=lambda: stopped.append(True))
    answer = await routes_state.shutdown(Request({"type": "http", "headers": [], "path": "/"}, receive), daemon)
    assert json.loads(bytes(answer.body)) == {"stopping": stops}
    assert bool(stopped) is stops
