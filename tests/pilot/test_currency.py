"""The console on a store of AWS in China: every amount is CNY, and nothing calls it USD."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.pilot.conftest import Open, text_of, until
from tests.pilot.fake_backend import KINDS, FakeClient
from tests.pilot.test_spot import typed


class InChina(FakeClient):
    """What the daemon tells of partition aws-cn: its kinds and its attention come in CNY."""

    async def status(self) -> dict[str, Any]:
        return await super().status() | {"partition": "aws-cn"}

    async def kinds(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(json.dumps(KINDS).replace("USD", "CNY"))
        return told

    async def home(self, **look: Any) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(json.dumps(await super().home(**look)).replace("USD", "CNY"))
        return told

    async def plan(self, *asked: Any) -> dict[str, Any]:
        return await super().plan(*asked) | {"currency": "CNY"}


@pytest.mark.parametrize(
    ("mode", "line", "shown"),
    [
        ("home", "", ("4,012.50 CNY", "70.08 CNY a month (9 opens it)")),
        ("costs", "", ("total CNY",)),
        ("advice", "", ("CNY/month", "70.08 CNY a month in all")),
        ("spot", "", ("0.0",)),
        ("spot", "savings", ("CNY/h", "0.1400")),
        ("spot", "need vcpu>=4", ("28.50 CNY for 20 × 24 h", "cost CNY", "CNY/h")),
    ],
)
async def test_in_china_money_is_cny(console: Open, mode: str, line: str, shown: tuple[str, ...]) -> None:
    async with console(mode, size=(160, 48), client=InChina()) as (app, pilot, _):
        if line:
            await typed(pilot, app, line)
        await until(pilot, lambda: all(text in text_of(app) for text in shown))
        assert not re.search(r"USD|\$\s?\d", text_of(app))


async def test_in_china_the_evidence_and_the_plan_of_advice_are_told_in_cny(console: Open) -> None:
    async with console("advice", size=(160, 48), client=InChina()) as (app, pilot, _):
        await pilot.press("x")
        await until(pilot, lambda: "70.08 CNY a month" in text_of(app) and "falsified" not in text_of(app))
        await pilot.press("a")
        await until(pilot, lambda: "+70.10 CNY a month" in text_of(app))
        assert "USD" not in text_of(app)


async def test_in_china_the_cost_of_calls_stays_usd_and_says_whose_prices_that_is(console: Open) -> None:
    async with console("coverage", size=(160, 48), client=InChina()) as (app, pilot, _):
        said = "0.02 USD spent on calls (prices of the partition aws, not of aws-cn)"
        await until(pilot, lambda: said in " ".join(text_of(app).split()))
