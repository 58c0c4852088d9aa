"""What happens in a simulated day. A scenario is a list of timed effects; another one is a few lines here."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that lasts from `start` for `minutes` simulated minutes after the clock first ran.

    zone_id, types       the spot pools it touches; no types for every type of the zone
    price                how many times the usual price the pools ask at the height of it
    dry                  whether the pools have no capacity: no launches, and instances are reclaimed
    reclaim_per_hour     the share of running spot instances of the pools that is reclaimed each hour
    region, on_demand    where clusters give up on spot, and the share of their launches that is on demand instead
    ill                  the share of load balancer targets that fall ill each hour, everywhere
    """

    name: str
    start: int
    minutes: int
    zone_id: str = ""
    types: tuple[str, ...] = ()
    price: float = 1.0
    dry: bool = False
    reclaim_per_hour: float = 0.0
    region: str = ""
    on_demand: float = 0.0
    ill: float = 0.0

    def on(self, minute: float) -> bool:
        return self.start <= minute < self.start + self.minutes

    def touches(self, zone_id: str, instance_type: str) -> bool:
        return self.zone_id == zone_id and (not self.types or instance_type in self.types)

    def push(self, minute: float) -> float:
        """The price factor at a minute: it rises within the first half hour or so and falls in the last."""
        if not self.on(minute):
            return 1.0
        rise = 1 - exp(-(minute - self.start) / 20)
        fall = 1 - exp(-(self.start + self.minutes - minute) / 25)
        return 1 + (self.price - 1) * min(rise, fall)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`reclaim_per_day` is the everyday share of spot instances that AWS takes back."""

    name: str
    help: str
    effects: tuple[Effect, ...] = ()
    reclaim_per_day: float = 0.02


_COMPUTE = ("c5.large", "c5.xlarge", "c5.2xlarge", "c6i.xlarge", "m5.xlarge", "m5.2xlarge", "r5.xlarge")
SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("calm", "An ordinary day: fleets breathe, prices walk, a target falls ill now and then."),
        Scenario(
            "spot-storm",
            "Spot capacity dries up in one zone of us-east-1: prices climb, instances are reclaimed, costs rise.",
            (
                Effect("prices climb", 1, 420, "use1-az1", price=2.4),
                Effect("capacity dries up", 2, 300, "use1-az1", dry=True, reclaim_per_hour=1.6),
                Effect("the neighbour follows", 10, 240, "use1-az2", _COMPUTE, price=1.7),
                Effect("the neighbour is short too", 20, 120, "use1-az2", _COMPUTE, dry=True, reclaim_per_hour=0.5),
                Effect("fallback to on demand", 3, 360, region="us-east-1", on_demand=0.7),
                Effect("overloaded services", 2, 180, ill=0.12),
            ),
            reclaim_per_day=0.05,
        ),
    )
}
