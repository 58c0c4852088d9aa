"""Keys that come faster than the console opens what they are for: in order, and never on what lies beneath."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events

from console import type_ahead
from console.desk import QuarterdeckApp
from tests.pilot.conftest import Open, text_of, until

CONTROL = {"ctrl+u": "\x15", "enter": "\r", "backspace": "\x7f", "tab": "\t"}
SIGNS = {"/": "slash", ":": "colon", "=": "equals_sign", "-": "minus"}


def burst(app: QuarterdeckApp, *keys: str) -> None:
    """Keys as a terminal hands over those that came in one read: all at once."""
    for key in keys:
        app.post_message(events.Key(SIGNS.get(key, key), CONTROL.get(key, key if len(key) == 1 else None)))


@pytest.mark.parametrize("times", [1, 2])
async def test_letters_behind_a_slash_are_the_filter_and_touch_no_row(console: Open, times: int) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        screen: Any = app.screen
        for _ in range(times):
            burst(app, "/", "ctrl+u", *"stopped", "enter")
            await until(pilot, lambda: screen.filter == "stopped" and screen.prompt is None)
            burst(app, "/", "ctrl+u", *"pad", "enter")
            await until(pilot, lambda: screen.filter == "pad" and screen.prompt is None)
        assert app.screen is screen and not screen.table.sort[1]
        assert not [name for name, _ in client.calls if name in ("polling", "resource", "plan")]


async def test_a_command_and_what_follows_it_go_where_they_belong(console: Open) -> None:
    async with console("home") as (app, pilot, _):
        burst(app, ":", *"fleets", "enter", "/", *"state=stopped", "enter", "d")
        await until(pilot, lambda: "metrics" in text_of(app))
        assert app.current_mode == "fleets"
        assert app.screen_stack[0].filter == "state=stopped"  # type: ignore[attr-defined]
        assert "stopped" in text_of(app), "the row that d opened is one of those that were asked for"


async def test_a_dialog_gets_the_keys_that_were_typed_before_it_stood(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        tell = client.actions

        async def slowly() -> list[dict[str, Any]]:
            await asyncio.sleep(0.2)
            return await tell()

        client.actions = slowly  # type: ignore[method-assign]
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        burst(app, "a", "enter", "ctrl+u", "7", "enter")
        await until(pilot, lambda: "exact calls" in text_of(app))
        assert [value[2] for name, value in client.calls if name == "plan"] == [{"desired": 7}]
        assert not [name for name, _ in client.calls if name == "resource"], "enter drilled into no row"


async def test_nobody_confirms_a_plan_before_it_is_on_screen(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        burst(app, "a", "enter", "ctrl+u", "7", "enter", "y", "y")
        await until(pilot, lambda: "exact calls" in text_of(app))
        await pilot.pause(0.1)
        assert not [name for name, _ in client.calls if name in ("write_window", "execute")]
        await pilot.press("y")
        await until(pilot, lambda: "audit record 17" in text_of(app))


async def test_keys_for_what_does_not_come_are_dropped_and_leaving_waits_for_nothing(
    console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type_ahead, "PATIENCE", 0.1)
    async with console("fleets") as (app, pilot, client):

        async def never() -> list[dict[str, Any]]:
            await asyncio.Event().wait()
            return []

        client.actions = never  # type: ignore[method-assign]
        burst(app, "a", "p", "d")
        await until(pilot, lambda: "is dropped" in text_of(app))
        assert not [name for name, _ in client.calls if name in ("polling", "resource")]
        monkeypatch.setattr(type_ahead, "PATIENCE", 120.0)
        await pilot.press("d")
        await until(pilot, lambda: "metrics" in text_of(app))
        burst(app, "q", "a", "p", "ctrl+q")
        await until(pilot, lambda: not app.is_running)
