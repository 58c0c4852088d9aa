"""The spot market: prices per zone id, type and product that walk like real ones, extended as the clock moves.

Shape, after what was measured on real histories: three in ten markets hardly ever move; the others change about every
six hours by about 0.2 %, the next change keeps its direction with probability 0.75, prices come in steps of 0.0001 USD
and drift back to their level over weeks. An unchanged price is announced again about daily. Under pressure (a
scenario) a market changes every few minutes and follows the pressure upwards.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp, log

from backends.simulated import accounts, catalog
from backends.simulated.randomness import stream

HISTORY = timedelta(days=31)
_TICK = 0.0001
_HOUR, _DAY = 3600.0, 86400.0

Pressure = Callable[["Market", float], float]
"""How many times its own price a market asks at a moment (epoch seconds): 1 in peace."""


@dataclass(slots=True)
class Market:
    """One market and its points so far: `times` (epoch seconds, rising) and `prices` (USD per hour)."""

    zone_id: str
    region: str
    instance_type: str
    product: str
    on_demand: float
    base: float
    flat: bool
    rng: random.Random
    times: list[float] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    level: float = 0.0
    direction: int = 1
    next_change: float = 0.0
    spacing: float = 6 * _HOUR

    def price(self, at: float) -> float:
        """The price in force; the first known one before the history begins."""
        return self.prices[max(bisect_right(self.times, at) - 1, 0)]

    def points(self, start: float, end: float) -> Iterator[Point]:
        """The points in [start, end], and before them the one in force at `start`."""
        first = max(bisect_right(self.times, start) - 1, 0)
        for index in range(first, bisect_right(self.times, end)):
            yield Point(self, self.times[index], self.prices[index])

    def begin(self, at: float) -> None:
        self.level = self.base
        self.spacing = self.rng.uniform(4.8, 8.2) * _HOUR
        self.direction = self.rng.choice((-1, 1))
        self._announce(at + self.rng.uniform(0, _DAY), self.base)
        self.next_change = self.times[-1] + self._wait()

    def extend(self, until: float, pressure: Pressure) -> None:
        """Add the points up to `until`."""
        if pressure(self, until) != 1.0 and self.next_change > until + 900:
            self.next_change = until + self.rng.uniform(10, 240)
        while True:
            again = self.times[-1] + _DAY * self._daily()
            moment = min(self.next_change, again)
            if moment > until:
                return
            if moment < self.next_change:
                self._announce(moment, self.prices[-1])
                continue
            push = pressure(self, moment)
            self._walk(strong=push != 1.0)
            self._announce(moment, self.level * push)
            self.next_change = moment + (self.rng.uniform(180, 900) if push != 1.0 else self._wait())

    def _daily(self) -> float:
        """0.98 … 1.02, from the last announcement itself: asking twice must not move the generator."""
        return 0.98 + (self.times[-1] % 997) / 997 * 0.04

    def _announce(self, at: float, price: float) -> None:
        self.times.append(round(at))
        ceiling = self.on_demand
        self.prices.append(round(min(max(round(price / _TICK) * _TICK, 0.0005), ceiling), 4))

    def _walk(self, strong: bool) -> None:
        away = log(self.level / self.base)
        stay = 0.75 - self.direction * away * 1.5  # the further away, the likelier it turns back
        if self.rng.random() > min(max(stay, 0.1), 0.9):
            self.direction = -self.direction
        if self.rng.random() < 0.22 and not strong:
            self.level += self.direction * _TICK
        else:
            self.level *= exp(self.direction * 0.0024 * exp(self.rng.gauss(0, 1.05)))
        self.level = min(max(self.level, self.base * 0.5), self.on_demand)

    def _wait(self) -> float:
        if self.flat:
            return 400 * _DAY
        return max(self.spacing * self.rng.lognormvariate(0, 0.25), 600.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One line of a price history."""

    market: Market
    at: float
    price: float


class SpotMarket:
    """All markets. Thread safety is the caller's: the world steps and answers are given under one lock."""

    def __init__(self, seed: int, start: datetime) -> None:
        hour = start.replace(minute=0, second=0, microsecond=0)
        self.begin = (hour - HISTORY).timestamp()
        self.markets: dict[tuple[str, str, str], Market] = {}
        for market in _markets(seed):
            market.begin(self.begin)
            self.markets[market.zone_id, market.instance_type, market.product] = market
        self.extend(start.timestamp(), lambda market, at: 1.0)

    def extend(self, until: float, pressure: Pressure) -> None:
        """Let every market live until then (epoch seconds)."""
        for market in self.markets.values():
            market.extend(until, pressure)

    def price(self, zone_id: str, instance_type: str, at: float, product: str = catalog.LINUX) -> float | None:
        """The price in force, or None where there is no such market."""
        market = self.markets.get((zone_id, instance_type, product))
        return market.price(at) if market else None


def _markets(seed: int) -> Iterator[Market]:
    for region in accounts.REGIONS:
        for kind in catalog.TYPES.values():
            if not kind.market:
                continue
            for product in (catalog.LINUX, catalog.WINDOWS) if kind.windows else (catalog.LINUX,):
                price = catalog.on_demand(kind.name, region, product)
                share = stream(seed, "share", region, kind.name, product).uniform(0.28, 0.52)
                for identity in accounts.zone_ids(region):
                    rng = stream(seed, "market", identity, kind.name, product)
                    base = price * share * rng.uniform(0.9, 1.12)
                    flat = rng.random() < (0.27 if product == catalog.LINUX else 0.5)
                    yield Market(identity, region, kind.name, product, price, round(base, 4), flat, rng)
