"""Write windows: opened on record, for one context, for a while; and the ladder of confirmations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from actions_world import OPERATOR, Bridge, FakeAws, group, group_ref

from backends.actions import Refused
from backends.actions.gate import confirmed, expected_confirmation
from backends.model import Risk


@pytest.fixture
def bridge(tmp_path: Any) -> Bridge:
    return Bridge(tmp_path, FakeAws(groups={"web-front": group("web-front"), "b": group("b")}))


async def test_opening_extending_and_closing_are_on_record_without_the_token(bridge: Bridge) -> None:
    token, window = await bridge.windows.open("context", 5, OPERATOR)
    assert bridge.windows.check(token, "context") == window
    assert len(token) == 64
    bridge.clock.moves(minutes=4)
    longer = await bridge.windows.extend(token, "context", 5, OPERATOR)
    bridge.clock.moves(minutes=4)
    assert bridge.windows.check(token, "context") == longer
    await bridge.windows.close(token, "context", OPERATOR)
    with pytest.raises(Refused, match="read-only"):
        bridge.windows.check(token, "context")
    assert bridge.events == [f"write-window-{what}" for what in ("opened", "extended", "closed")]
    assert bridge.table.rows[0]["actor"] == OPERATOR.as_json()
    assert bridge.table.rows[0]["outcome"]["window"] == window.name
    assert token not in str(bridge.table.rows)


async def test_a_window_ends_by_itself_and_cannot_be_extended_then(bridge: Bridge) -> None:
    token, _ = await bridge.windows.open("context", 1, OPERATOR)
    bridge.clock.moves(seconds=60)
    for attempt in (
        bridge.windows.extend(token, "context", 5, OPERATOR),
        bridge.windows.close(token, "context", OPERATOR),
    ):
        with pytest.raises(Refused, match="expired"):
            await attempt


@pytest.mark.parametrize("minutes", [0, -1, 481, True, 1.5, float("nan"), "60", None])
async def test_a_bad_duration_opens_nothing(bridge: Bridge, minutes: Any) -> None:
    with pytest.raises(Refused, match="1 to 480"):
        await bridge.windows.open("context", minutes, OPERATOR)
    assert bridge.events == []


async def test_a_window_that_cannot_be_recorded_does_not_open(bridge: Bridge) -> None:
    bridge.table.broken = True
    with pytest.raises(OSError, match="disk full"):
        await bridge.windows.open("context", 5, OPERATOR)
    assert bridge.windows._windows == {}


async def test_a_window_that_cannot_be_recorded_closes_all_the_same(bridge: Bridge) -> None:
    token, _ = await bridge.windows.open("context", 5, OPERATOR)
    bridge.table.broken = True
    with pytest.raises(OSError, match="disk full"):
        await bridge.windows.close(token, "context", OPERATOR)
    with pytest.raises(Refused, match="read-only"):
        bridge.windows.check(token, "context")


async def test_windows_are_bounded_and_expired_ones_make_room(bridge: Bridge) -> None:
    for _ in range(64):
        await bridge.windows.open("context", 5, OPERATOR)
    with pytest.raises(Refused, match="close one first"):
        await bridge.windows.open("context", 5, OPERATOR)
    bridge.clock.moves(minutes=5)
    await bridge.windows.open("context", 5, OPERATOR)


async def test_each_rung_of_the_ladder_asks_for_its_own_confirmation(bridge: Bridge) -> None:
    traffic = await bridge.plan("autoscaling.set_desired_capacity", group_ref("web-front"), desired_capacity=5)
    bulk = await bridge.plan(
        "autoscaling.set_desired_capacity", group_ref("web-front"), group_ref("b"), desired_capacity=5
    )
    reversible, deadly = replace(traffic, risk=Risk.REVERSIBLE), replace(traffic, risk=Risk.DESTRUCTIVE)
    assert [
        expected_confirmation(plan) for plan in (reversible, traffic, deadly, replace(bulk, risk=Risk.DESTRUCTIVE))
    ] == [
        "",
        "y",
        "-front",
        "2",
    ]
    confirmed(reversible, None)
    confirmed(deadly, " -front ")
    for wrong in (True, "y", "front", None):
        with pytest.raises(Refused, match="type '-front'"):
            confirmed(deadly, wrong)
