"""What an instance costs by the hour, for plans: the bundled list prices, and the spot prices that the store knows."""

from __future__ import annotations

import json

from analytics.advice.prices import bundled
from backends.actions import Price, PriceLookup
from backends.currency import DECLARED
from backends.daemon.lanes import Lanes
from backends.daemon.meaning import PRICES
from backends.model import Scope
from backends.store import Query, Reader, quote

_TABLES = {"Linux/UNIX": "ec2.linux"}


def lookup(lanes: Lanes, scope: Scope, currency: str = DECLARED) -> PriceLookup:
    """Prices in that currency as one credential context may know them. What is not known is None: unpriced, never 0."""

    async def price(region: str, instance_type: str, product: str, spot: bool) -> Price | None:
        if spot:
            return await lanes.read(lambda reader: _spot(reader, scope, region, instance_type, product))
        listed = bundled(currency).find(_TABLES.get(product, ""), region, instance_type)
        return Price(listed.value, f"{listed.source}, {listed.as_of}") if listed is not None else None

    return price


def _spot(reader: Reader, scope: Scope, region: str, instance_type: str, product: str) -> Price | None:
    """The highest spot price of the region's zones: a plan does not say which zone it will be."""
    words = f"instance_type={quote(instance_type)} product={quote(product)}"
    query = Query(PRICES, scope.narrowed(regions=[region]), words, (("price", True),), limit=1)
    found = json.loads(reader.rows(query))
    if not found["rows"]:
        return None
    row = dict(zip(found["columns"], found["rows"][0], strict=True))
    if row["price"] is None:
        return None
    return Price(row["price"], f"spot price, the highest zone ({row['zone_id']}) since {row['changed']}")
