"""A console on the fake backend, driven through keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from backends.client import Client
from console import type_ahead
from console.desk import QuarterdeckApp
from console.session import Session
from console.terminal import detect
from tests.pilot.fake_backend import FakeClient

Opened = tuple[QuarterdeckApp, Pilot[None], FakeClient]
Open = Callable[..., AbstractAsyncContextManager[Opened]]


async def until(pilot: Pilot[None], true: Callable[[], Any]) -> None:
    """Wait until something holds; the test fails if it never does."""
    for _ in range(1000):
        if true():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came true")


def text_of(app: QuarterdeckApp) -> str:
    """What is on the screen, as lines of text."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """`async with console("fleets", size=(80, 24)) as (app, pilot, client)`: rows are on screen."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(type_ahead, "PATIENCE", 120.0)  # a busy machine drops no keys
    notify = QuarterdeckApp.notify

    def lasting(self: QuarterdeckApp, message: str, **how: Any) -> None:
        notify(self, message, **how | {"timeout": 120.0})

    monkeypatch.setattr(QuarterdeckApp, "notify", lasting)  # nor does a notice go before it was looked for

    @asynccontextmanager
    async def opened(
        mode: str = "home",
        *,
        size: tuple[int, int] = (80, 24),
        client: FakeClient | None = None,
        write: bool = False,
        environment: dict[str, str] | None = None,
    ) -> AsyncIterator[Opened]:
        fake = client or FakeClient()

        async def factory(progress: Callable[[str], None]) -> Client:
            progress("connecting")
            return fake  # type: ignore[return-value]

        app = QuarterdeckApp(Session(factory, write=write), detect(environment or {}), mode=mode)
        async with app.run_test(size=size, notifications=True) as pilot:
            view: Any = app.screen
            await until(pilot, lambda: view.is_mounted and view.table.window.total is not None)
            await pilot.pause()
            yield app, pilot, fake

    return opened
