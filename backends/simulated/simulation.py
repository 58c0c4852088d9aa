"""One simulated cloud, assembled: clock, market, fleets, bills, world, log and faults under one lock."""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import Any

from backends.simulated import accounts, seed
from backends.simulated.bills import Bills
from backends.simulated.clock import Clock
from backends.simulated.faults import Faults
from backends.simulated.fleets import Fleets, install
from backends.simulated.market import SpotMarket
from backends.simulated.metrics import Metrics
from backends.simulated.requests_log import RequestsLog
from backends.simulated.scenarios import SCENARIOS
from backends.simulated.seed import identities, past_events
from backends.simulated.trail import Trail
from backends.simulated.world import World


@dataclass(slots=True)
class Simulation:
    """`lock` is held while the world steps and while an answer is made, so that nobody sees half a step."""

    seed: int
    scenario: str
    clock: Clock
    market: SpotMarket
    fleets: Fleets
    metrics: Metrics
    bills: Bills
    trail: Trail
    world: World
    log: RequestsLog
    faults: Faults
    lock: RLock

    @property
    def credentials(self) -> tuple[str, str]:
        return identities.credentials()

    def status(self) -> dict[str, Any]:
        """What GET /_simulated/status tells."""
        with self.lock:
            return {
                "simulated": True,
                "seed": self.seed,
                "scenario": self.scenario,
                "now": f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}",
                "started": f"{self.clock.start:%Y-%m-%dT%H:%M:%SZ}",
                "running": self.clock.running,
                "speed": self.clock.speed,
                "minutes": self.world.minute,
                "effects": self.world.active(),
                "instances": self.world.census(),
                "accounts": [account.id for account in accounts.ACCOUNTS],
                "regions": list(accounts.REGIONS),
            }

    def step(self, minutes: int) -> dict[str, Any]:
        """Live through that many simulated minutes at once."""
        for _ in range(minutes):
            with self.lock:
                self.clock.advance(1)
                self.world.catch_up()
        return self.status()


def assemble(clock: Clock, seed_number: int, scenario: str) -> Simulation:
    """Build and seed a cloud. `moto_setup.prepare` must have run."""
    market = SpotMarket(seed_number, clock.start)
    fleets = Fleets(seed_number, market, clock.naive)
    install(fleets)
    seed.install()
    profiles = seed.plant(fleets, clock.naive(), seed_number)
    metrics = Metrics(seed_number, profiles)
    bills = Bills(seed_number, clock.start)
    trail = Trail()
    world = World(seed_number, clock, market, fleets, metrics, bills, trail, SCENARIOS[scenario])
    fleets.dry, fleets.fallback = world.dry, world.fallback
    past_events.plant(trail, clock.now(), seed_number)
    fleets.announce = past_events.groups_doing(trail, clock)
    return Simulation(
        seed_number, scenario, clock, market, fleets, metrics, bills, trail, world, RequestsLog(), Faults(), RLock()
    )
