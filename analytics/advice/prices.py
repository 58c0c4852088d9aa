"""The bundled list prices: few, dated, with their source. What is not in the list has no price."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

HOURS = 730
"""Hours in the month that savings are stated for."""


@dataclass(frozen=True, slots=True)
class Price:
    """A value with where it is from and the day it was true."""

    value: float
    unit: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by (table, region, item), for example ("ec2.linux", "eu-west-1", "m5.large")."""

    prices: dict[tuple[str, str, str], Price]

    def find(self, table: str, region: str, item: str) -> Price | None:
        """The price, or None: unpriced is not free."""
        return self.prices.get((table, region, item))


@lru_cache(maxsize=4)
def bundled(currency: str = "USD") -> PriceList:
    """What of the list that is shipped is in that currency: prices of two are never compared."""
    text = resources.files("analytics.advice").joinpath("prices.json").read_text(encoding="utf-8")
    prices = read(text).prices
    return PriceList({place: price for place, price in prices.items() if price.unit.startswith(currency)})


def read(text: str) -> PriceList:
    """A price list from its JSON; ValueError on a price that is not above zero."""
    found: dict[tuple[str, str, str], Price] = {}
    for table in json.loads(text)["tables"]:
        for item, value in table["prices"].items():
            if not value > 0:
                raise ValueError(
                    f"the price of {item} in {table['table']}, {table['region']}, is {value}; it must be above zero"
                )
            found[table["table"], table["region"], item] = Price(value, table["unit"], table["source"], table["as_of"])
    return PriceList(found)
