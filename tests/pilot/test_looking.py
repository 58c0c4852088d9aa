"""Every screen shows the part of the scope and the instant that its header names, and says as of when it is true."""

from __future__ import annotations

import asyncio

import pytest

from console.screens.home import summary_lines
from tests.pilot.conftest import Open, text_of, until

LATER = "2026-11-23T12:00:00Z"
SCREENS = {"home": "home", "costs": "costs", "advice": "advice", "coverage": "coverage"}


def said(home: dict[str, object], *, complete: bool = True, replayed: bool = False) -> str:
    lines = summary_lines(home, {}, 120, complete, replayed)
    return "".join(text for line in lines for text, _ in line)


@pytest.mark.parametrize("mode", SCREENS)
async def test_a_chosen_account_and_instant_reach_every_screen(console: Open, mode: str) -> None:
    async with console(mode) as (app, pilot, client):
        asked = SCREENS[mode]
        await until(pilot, lambda: any(name == asked for name, _ in client.calls))
        app.command_account("sandbox")
        wanted = {"at": "", "accounts": ("444455556666",), "regions": ()}
        await until(pilot, lambda: (asked, wanted) in client.calls)
        app.command_region("eu-west-1")
        await app.command_at("-2h")
        narrowed = {"at": LATER, "accounts": ("444455556666",), "regions": ("eu-west-1",)}
        await until(pilot, lambda: (asked, narrowed) in client.calls)


async def test_anomalies_and_changes_follow_too(console: Open) -> None:
    async with console("home") as (app, pilot, client):
        await until(pilot, lambda: bool(app.session.account_ids))
        app.command_account("sandbox")
        app.action_open_anomalies()
        look = {"at": "", "accounts": ("444455556666",), "regions": ()}
        await until(pilot, lambda: ("anomalies", look) in client.calls)
        app.command_changes("-30m")
        await until(
            pilot,
            lambda: any(name == "changes" and query["accounts"] == look["accounts"] for name, query in client.calls),
        )


async def test_a_fan_of_the_past_is_asked_for_as_of_then(console: Open) -> None:
    async with console("spot") as (app, pilot, client):
        await until(pilot, lambda: "vs naive" in text_of(app))
        await app.command_at("-2h")
        await until(pilot, lambda: any(name == "forecast" and value[1] == LATER for name, value in client.calls))


async def test_a_price_that_moved_since_its_forecast_makes_the_forecast_stale(console: Open) -> None:
    async with console("spot") as (app, pilot, _client):
        await until(pilot, lambda: "stale" in text_of(app))
        rows = [line for line in text_of(app).splitlines() if ".xlarge" in line]
        assert {"m3.xlarge" in line for line in rows if "stale" in line} == {True}
        assert {"m3.xlarge" in line for line in rows if "stale" not in line} == {False}


async def test_what_nobody_had_judged_by_then_is_not_said_to_be_in_order(console: Open) -> None:
    async with console("advice") as (app, pilot, _client):
        await until(pilot, lambda: "Idle instance" in text_of(app))
        await app.command_at("-2h")
        await until(pilot, lambda: "none is kept from that instant" in text_of(app))
        assert "There is no advice" not in text_of(app)
    assert "advice worth not judged by then" in said({"advice_total": None}, replayed=True)


async def test_as_of_is_of_what_is_on_screen(console: Open) -> None:
    async with console("home") as (app, pilot, _client):
        await until(pilot, lambda: "as of 14:07:00Z" in text_of(app))
        await pilot.press("3")
        await until(pilot, lambda: "as of 14:02:11Z" in text_of(app))
        await pilot.press("1")
        await until(pilot, lambda: "as of 14:07:00Z" in text_of(app))


def test_costs_that_are_not_all_in_say_so() -> None:
    half = {"month_to_date": 4928.74, "yesterday": 10.0, "series": [], "open_from": None}
    assert "4,928.74 USD, partial: 1 of 2 accounts under way" in said(
        {"cost": half | {"coverage": {"ok": 1, "pending": 1}}}
    )
    assert "partial" not in said({"cost": half | {"coverage": {"ok": 1, "empty": 1}}})
    frozen = half | {"coverage": {"error": 2, "denied": 1}, "stale": 2}
    assert "4,928.74 USD, partial: 1 of 3 accounts missing, 2 of 3 accounts stale" in said({"cost": frozen})
    assert "4,928.74 USD, 1 of 2 accounts stale" in said(
        {"cost": half | {"coverage": {"ok": 1, "error": 1}, "stale": 1}}
    )
    none = half | {"month_to_date": None, "yesterday": None}
    assert "cost this month not yet known" in said({"cost": none | {"coverage": {"pending": 2}}})
    assert "cost this month not known" in said({"cost": none | {"coverage": {"denied": 2}}})


async def test_a_day_that_is_not_over_draws_no_cliff(console: Open) -> None:
    async with console("costs", size=(120, 30)) as (app, pilot, client):
        whole = client.costs

        async def costs(**look: object) -> dict[str, object]:
            answer = await whole(**look)
            for service in answer["services"]:
                service["values"] = [7.0] * 21 + [0.5]
            return answer

        client.costs = costs  # type: ignore[method-assign]
        app.screen.reload()  # type: ignore[attr-defined]
        await until(pilot, lambda: "7.00" in text_of(app))
        line = next(line for line in text_of(app).splitlines() if "AmazonS3" in line)
        assert "▁" not in line
        assert "0.50" not in line


def test_what_nobody_looked_at_is_not_none() -> None:
    home = {"counts": {"ec2.instance": 0, "ec2.volume": 0}, "unobserved": ["ec2.instance"], "changes_30m": None}
    text = said(home, replayed=True)
    assert "ec2.instance –" in text
    assert "ec2.volume" not in text
    assert "not observed: changes in 30 min" in text


def test_a_part_is_never_told_as_the_whole() -> None:
    counts = {"ec2.instance": 231, "ec2.volume": 59, "spot.price": 0}
    cost = {"month_to_date": 4181.19, "coverage": {"pending": 2}}
    home = {"counts": counts, "partial": ["ec2.volume", "spot.price"], "changes_30m": None, "cost": cost}
    home |= {"coverage": {"states": {"ok": 7, "pending": 9}}}
    text = said(home, complete=False)
    assert "ec2.instance 231 " in text
    assert "ec2.volume 59… " in text
    assert "spot.price … " in text
    assert "pending 9 · … marks what is partial" in text
    assert "4,181.19 USD, partial: 2 of 2 accounts under way" in text
    assert "not yet known: changes in 30 min" in text
    young = {"changes_30m": 1, "changes_since": "2026-11-23T13:56:00Z", "as_of": "2026-11-23T14:00:00Z"}
    text = said(home | young | {"partial": [], "cost": cost | {"coverage": {"ok": 1, "denied": 1}}})
    assert "1 change in 4 min" in text
    assert "partial: 1 of 2 accounts missing" in text
    assert "…" not in text


async def test_no_fan_is_left_of_a_market_that_is_no_longer_listed(console: Open) -> None:
    async with console("spot", size=(120, 30)) as (app, pilot, _client):
        await until(pilot, lambda: "vs naive" in text_of(app))
        app.screen.set_filter("no-such-market")  # type: ignore[attr-defined]
        await until(pilot, lambda: "no market is chosen" in text_of(app))
        assert "+7d" not in text_of(app)


async def test_nothing_of_the_present_stays_under_an_instant_that_is_still_being_read(console: Open) -> None:
    async with console("home") as (app, pilot, client):
        await until(pilot, lambda: "4,012.50" in text_of(app))
        answer, slow = client.home, asyncio.Event()

        async def home(**look: str) -> dict[str, object]:
            await slow.wait()
            return await answer(**look)

        client.home = home  # type: ignore[method-assign]
        await app.command_at("-2h")
        await until(pilot, lambda: "REPLAY" in text_of(app) and "reading" in text_of(app))
        assert "4,012.50" not in text_of(app)
        assert "as of" not in text_of(app)
        slow.set()
        await until(pilot, lambda: "as of 12:00:00Z" in text_of(app))
