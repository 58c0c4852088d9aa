"""The only door to writes: menu, parameters, plan, confirm ladder, result; and read-only means no."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from backends.client import BackendError
from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import FakeClient


def asked(client: FakeClient, name: str) -> list[Any]:
    return [value for called, value in client.calls if called == name]


async def test_traffic_is_confirmed_with_y_and_the_record_is_shown(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        await pilot.press("a")
        await until(pilot, lambda: "Set desired capacity" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "instances wanted" in text_of(app))
        await pilot.press("backspace", *"4", "enter")
        await until(pilot, lambda: "3 → 4" in text_of(app))
        text = text_of(app)
        assert "production 111122223333" in text and "us-east-1" in text
        assert "\x1b" not in text
        await pilot.press("y")
        await until(pilot, lambda: "audit record 17" in text_of(app))
        assert asked(client, "plan")[0][2] == {"desired": 4}
        assert asked(client, "execute") == [("p1", "t", "y")]


async def test_enter_on_a_traffic_plan_cancels_because_focus_is_on_cancel(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        await pilot.press("a")
        await until(pilot, lambda: "Set desired capacity" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "instances wanted" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "Cancel" in text_of(app))
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert asked(client, "execute") == [] and asked(client, "write_window") == []


async def test_destruction_needs_the_last_six_characters(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        await pilot.press("a")
        await until(pilot, lambda: "Terminate" in text_of(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: "to execute" in text_of(app))
        await pilot.press(*"wrong", "enter")
        await until(pilot, lambda: "nothing was sent" in text_of(app))
        assert asked(client, "execute") == []
        await pilot.press(*["backspace"] * 5, *"000000", "enter")
        await until(pilot, lambda: "audit record 17" in text_of(app))
        assert asked(client, "execute")[0][2] == "000000"


async def test_without_write_the_plan_is_shown_and_nothing_is_asked_for(console: Open) -> None:
    async with console("fleets") as (app, pilot, client):
        await pilot.press("a")
        await until(pilot, lambda: "Start" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "read-only" in text_of(app) and "exact calls" in text_of(app))
        await pilot.press("enter", "y")
        await pilot.pause(0.1)
        assert asked(client, "write_window") == [] and asked(client, "execute") == []


async def test_advice_goes_straight_to_the_plan_of_its_action(console: Open) -> None:
    async with console("advice", write=True) as (app, pilot, client):
        await pilot.press("a")
        await until(pilot, lambda: "exact calls" in text_of(app))
        assert asked(client, "plan")[0][0] == "ec2.stop_instance"
        await pilot.press("enter")
        await until(pilot, lambda: "audit record 17" in text_of(app))


async def test_another_daemon_holds_no_write_window_of_the_first(console: Open) -> None:
    async with console("fleets", write=True) as (app, _pilot, client):
        app.session.token, app.session.token_expires = "t", "2099-01-01T00:00:00Z"
        await app.session.ask_status()
        assert app.session.token == "t"
        told = client.status

        async def of_another() -> dict[str, object]:
            return {**await told(), "pid": 4242}

        client.status = of_another
        await app.session.ask_status()
        assert (app.session.token, app.session.token_expires) == ("", "")


async def test_all_of_a_plan_can_be_read_before_it_is_confirmed(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        plan = client.plan

        async def long(action: str, targets: list[str], parameters: dict[str, Any]) -> dict[str, Any]:
            return {**await plan(action, targets, parameters), "warnings": [f"warning {n}" for n in range(20)]}

        client.plan = long  # type: ignore[method-assign]
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        await pilot.press("a", "enter")
        await until(pilot, lambda: "instances wanted" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "more lines below" in text_of(app))
        assert "exact calls" not in text_of(app)
        await pilot.press("down")
        await until(pilot, lambda: app.screen.body.top == 1)  # type: ignore[attr-defined]
        await pilot.press("pagedown", "pagedown", "G")
        await until(pilot, lambda: "the end" in text_of(app))
        assert "$ aws autoscaling" in text_of(app) and "undo:" in text_of(app)
        assert asked(client, "execute") == []
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "audit record 17" in text_of(app))


async def test_what_was_refused_can_be_filled_in_again(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):
        plan = client.plan

        async def strict(action: str, targets: list[str], parameters: dict[str, Any]) -> dict[str, Any]:
            if parameters["desired"] > 12:
                raise BackendError("bad-parameter", "The group may have 0 to 12 instances, not 99.", 400)
            return await plan(action, targets, parameters)

        client.plan = strict  # type: ignore[method-assign]
        await pilot.press("tab")
        await until(pilot, lambda: "group-0" in text_of(app))
        await pilot.press("a", "enter")
        await until(pilot, lambda: "instances wanted" in text_of(app))
        await pilot.press("ctrl+u", *"99", "enter")
        await until(pilot, lambda: "0 to 12 instances" in text_of(app))
        assert app.screen.query_one(Input).value == "99"
        await pilot.press("end", "backspace", "enter")
        await until(pilot, lambda: "exact calls" in text_of(app))
        assert asked(client, "plan")[-1][2] == {"desired": 9}


async def test_undoing_a_record_that_is_not_there_names_the_panes_own_command(console: Open) -> None:
    async with console("fleets", write=True) as (app, pilot, client):

        async def undo_plan(record: str) -> dict[str, Any]:
            raise BackendError("no-record", f"There is no audit record {record}; list them with quarterdeck audit.")

        client.undo_plan = undo_plan  # type: ignore[method-assign]
        await pilot.press("colon", *"undo 99", "enter")
        await until(pilot, lambda: "no audit record 99" in text_of(app) and ":audit" in text_of(app))
