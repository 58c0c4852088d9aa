"""The spot screen's looks, and the pools for a need that is typed in the `:` bar."""

from __future__ import annotations

from typing import Any

import pytest

from console.screens.pools import PoolsScreen
from console.widgets.price_chart import Fan, draw
from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import NOW


async def typed(pilot: object, app: object, line: str) -> None:
    await pilot.press("colon")  # type: ignore[attr-defined]
    await until(pilot, lambda: app.screen.prompt is not None)  # type: ignore[attr-defined,arg-type]
    for character in line:
        await pilot.press(character)  # type: ignore[attr-defined]
    await pilot.press("enter")  # type: ignore[attr-defined]


async def test_at_80_by_24_v_leads_from_the_fan_to_a_day_ago_to_the_record(console: Open) -> None:
    async with console("spot") as (app, pilot, client):
        await until(pilot, lambda: "vs naive" in text_of(app))
        await pilot.press("v")
        await until(pilot, lambda: "3 prices came since" in text_of(app))
        assert ("forecast", (client.ref("spot.price", 0), "", 24)) in client.calls
        await pilot.press("v")
        await until(pilot, lambda: "as they turned out" in text_of(app))
        assert "51 past origins" in text_of(app) and "24 h" in text_of(app)
        await pilot.press("v")
        await until(pilot, lambda: "as they turned out" not in text_of(app))


async def test_with_room_the_record_stands_beside_the_chart(console: Open) -> None:
    async with console("spot", size=(160, 48)) as (app, pilot, _):
        await until(pilot, lambda: "as they turned out" in text_of(app) and "┤" in text_of(app))
        await pilot.press("v")
        await until(pilot, lambda: "came since" in text_of(app) and "as they turned out" in text_of(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_a_need_that_is_typed_shows_pools_mix_and_frontier(console: Open, size: tuple[int, int]) -> None:
    async with console("spot", size=size) as (app, pilot, client):
        await typed(pilot, app, "need vcpu>=4 count=20")
        await until(pilot, lambda: "use1-az1/m5.xlarge" in text_of(app))
        text = text_of(app)
        assert "28.50 USD" in text and "2 pools, at most 50% in one" in text
        assert "+ 10 unknown" in text and "unknown" in text.partition("use1-az2")[2]
        assert "not off" in text
        assert next(call for call in client.calls if call[0] == "pools")[1][0] == "vcpu>=4 count=20"


async def test_score_asks_aws_once_and_evidence_is_a_key_away(console: Open) -> None:
    async with console("spot", size=(120, 40)) as (app, pilot, client):
        await typed(pilot, app, "need vcpu>=4")
        await until(pilot, lambda: "use1-az1/m5.xlarge" in text_of(app))
        await typed(pilot, app, "score")
        await until(pilot, lambda: any(call[0] == "scores" for call in client.calls))
        await until(pilot, lambda: app.screen.rows[0]["score"] == 7)
        await pilot.press("x")
        await until(pilot, lambda: "it rests on" in text_of(app))
        text = text_of(app)
        assert "1 interruption in 900 instance-hours seen" in text and "7 of 10" in text
        assert "says nothing of interruptions" in text


async def test_what_is_no_need_is_said_where_the_mix_would_be(console: Open) -> None:
    async with console("spot") as (app, pilot, _):
        await typed(pilot, app, "need nonsense=1")
        await until(pilot, lambda: "A need has no 'nonsense'" in text_of(app))
        assert isinstance(app.screen, PoolsScreen)
        await typed(pilot, app, "need vcpu>=2")
        await until(pilot, lambda: "use1-az1/m5.xlarge" in text_of(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_savings_are_sums_of_what_is_priced_and_name_what_is_not(console: Open, size: tuple[int, int]) -> None:
    async with console("spot", size=size) as (app, pilot, _):
        await typed(pilot, app, "savings")
        await until(pilot, lambda: "2 of 3" in text_of(app) and "m5.xlarge" in text_of(app))
        text = text_of(app)
        assert "58%…66%" in text and "1 unpriced some way: x9.huge" in text
        assert "unpriced" in text.partition("x9.huge")[2]
        assert "0 of 3" in text and "unpriced" in text.partition("0 of 3")[2]


async def test_savings_of_an_instant_that_was_not_observed_are_not_known_and_not_none(
    console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console("spot") as (app, pilot, client):
        told = await client.savings()
        ways = [way | {"instances": 0} for way in told["totals"]]
        blind = {"coverage": {"states": {"unobserved": 6}}, "at": NOW, "running": 0, "unpriced": 0, "totals": ways}

        async def then(**_: Any) -> dict[str, Any]:
            return told | blind | {"lines": [], "unpriced_types": []}

        monkeypatch.setattr(client, "savings", then)
        await typed(pilot, app, "at -2h")
        await typed(pilot, app, "savings")
        await until(pilot, lambda: "Running instances: not known. 0 of 6 polls succeeded." in text_of(app))
        assert "unobserved 6" in text_of(app) and "0 of 0" not in text_of(app)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_demand_shows_each_group_s_need_and_enter_its_week(console: Open, size: tuple[int, int]) -> None:
    async with console("fleets", size=size) as (app, pilot, client):
        await typed(pilot, app, "demand")
        await until(pilot, lambda: "legacy" in text_of(app))
        assert "5.1" in text_of(app) and "+70%" in text_of(app)
        await pilot.press("G", "enter")
        await until(pilot, lambda: "┤" in text_of(app) and "profile +70%" in text_of(app))
        assert [call[1][0] for call in client.calls if call[0] == "demand"] == ["", "web"]


def test_what_came_after_a_forecast_is_drawn_over_it_in_a_look_of_its_own() -> None:
    hours = [float(hour) for hour in range(1, 49)]
    fan = Fan([(-24.0, 1.0), (0.0, 1.0)], hours, [1.0] * 48, (), [1.0] * 48)
    came = Fan(fan.history, hours, fan.middle, (), fan.naive, [(6.0, 1.2), (20.0, 1.4)])
    without, beside = (sum(look == "bold mark" for line in draw(f, 100, 12) for _, look in line) for f in (fan, came))
    assert without == 0 and beside > 5
    plain = draw(came, 100, 12, ascii=True)
    assert any(text == "o" for line in plain for text, _ in line)
