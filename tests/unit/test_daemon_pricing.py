"""Plans are priced from the list and from the spot prices that the store knows; what is not known has no price."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analytics.advice.prices import bundled
from backends.daemon.pricing import lookup
from backends.model import Scope
from backends.store import Query

SCOPE = Scope.of([("111122223333", "us-east-1"), ("111122223333", "eu-west-1")])


class FakeLanes:
    """A reader that answers with the rows it was given, and remembers what it was asked."""

    def __init__(self, *rows: tuple[float | None, str, str]) -> None:
        self.found = rows
        self.asked: list[Query] = []

    async def read(self, work: Any) -> Any:
        return work(self)

    def rows(self, query: Query) -> bytes:
        self.asked.append(query)
        return json.dumps({"columns": ["price", "zone_id", "changed"], "rows": self.found}).encode()


async def test_on_demand_comes_from_the_list_with_its_day() -> None:
    price = await lookup(FakeLanes(), SCOPE)("us-east-1", "t3.large", "Linux/UNIX", False)  # type: ignore[arg-type]
    listed = bundled().find("ec2.linux", "us-east-1", "t3.large")
    assert price is not None and listed is not None
    assert price.hourly == listed.value and listed.as_of in price.source


@pytest.mark.parametrize(
    ("region", "instance_type", "product"),
    [
        ("us-east-1", "t3.large", "Windows"),
        ("us-east-1", "x99.large", "Linux/UNIX"),
        ("mars-north-1", "t3.large", "Linux/UNIX"),
    ],
)
async def test_what_the_list_does_not_have_is_unpriced(region: str, instance_type: str, product: str) -> None:
    assert await lookup(FakeLanes(), SCOPE)(region, instance_type, product, False) is None  # type: ignore[arg-type]


async def test_a_plan_in_china_is_not_priced_by_the_list_but_by_spot_prices_known_there() -> None:
    lanes: Any = FakeLanes((0.35, "cnn1-az1", "2026-11-23T14:00:00Z"))
    price = lookup(lanes, SCOPE, "CNY")
    assert await price("us-east-1", "t3.large", "Linux/UNIX", False) is None
    spot = await price("us-east-1", "t3.large", "Linux/UNIX", True)
    assert spot is not None and spot.hourly == 0.35


async def test_spot_is_the_highest_zone_of_the_regions_own_rows() -> None:
    lanes = FakeLanes((0.05, "use1-az4", "2026-11-23T14:00:00Z"))
    price = await lookup(lanes, SCOPE)("us-east-1", "t3.large", "Linux/UNIX", True)  # type: ignore[arg-type]
    assert price is not None and price.hourly == 0.05 and "use1-az4" in price.source
    [asked] = lanes.asked
    assert asked.scope.regions == ("us-east-1",) and asked.sort == (("price", True),)


@pytest.mark.parametrize("rows", [(), ((None, "use1-az4", "2026-11-23T14:00:00Z"),)])
async def test_no_spot_price_is_no_price(rows: Any) -> None:
    assert await lookup(FakeLanes(*rows), SCOPE)("us-east-1", "t3.large", "Linux/UNIX", True) is None  # type: ignore[arg-type]
