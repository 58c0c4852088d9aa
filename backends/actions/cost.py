"""The monthly cost change of a plan: priced with its source, or unpriced with its reason, never a silent 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backends.actions.world import HOURS_A_MONTH, Aws, failure_of


@dataclass(frozen=True, slots=True)
class Instances:
    """`change` instances more (or fewer, if negative) of one type."""

    instance_type: str
    change: int
    product: str = "Linux/UNIX"
    spot: bool = False


async def monthly(aws: Aws, changes: Sequence[Instances], note: str = "") -> tuple[float | None, str]:
    """(money per month, source), or (None, "unpriced: why"). One missing price makes the sum unpriced."""
    if aws.desk.price is None:
        return None, "unpriced: no price list at hand"
    tally: Counter[tuple[str, str, bool]] = Counter()
    for change in changes:
        tally[change.instance_type, change.product, change.spot] += change.change
    total, sources = 0.0, []
    for (instance_type, product, spot), count in sorted(tally.items()):
        try:
            price = await aws.desk.price(aws.region, instance_type, product, spot)
        except Exception as error:
            return None, f"unpriced: the price of {instance_type} could not be read ({failure_of(error).code})"
        if price is None:
            return None, f"unpriced: no {'spot' if spot else 'On-Demand'} price for {instance_type} in {aws.region}"
        total += price.hourly * HOURS_A_MONTH * count
        sources.append(price.source)
    basis = f"{HOURS_A_MONTH} h a month × {', '.join(dict.fromkeys(sources))}"
    return round(total, 2), f"{basis}; {note}" if note else basis
