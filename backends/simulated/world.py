"""The world living: minute by simulated minute groups breathe, spot is reclaimed, targets fall ill, costs accrue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import pi, sin
from typing import Any

from backends.simulated import accounts, alarms, catalog, refreshes
from backends.simulated.bills import Bills
from backends.simulated.clock import Clock
from backends.simulated.cloud import CLOUDS, Cloud
from backends.simulated.fleets import SPOT_RECLAIMED, USER_SHUTDOWN, Fleets
from backends.simulated.market import Market, SpotMarket
from backends.simulated.metrics import Metrics
from backends.simulated.randomness import moto_stream, stream
from backends.simulated.scenarios import Effect, Scenario
from backends.simulated.seed import balancers
from backends.simulated.trail import Caller, Event, Trail

_BREATHES = 0.25
"""How likely a group that wants another size takes a step towards it in a minute: something happens most minutes."""
_FORGET_TERMINATED = timedelta(hours=1)


class World:
    """Steps the cloud. Every step draws from its own stream, so history depends on seed and minute, not on clients."""

    def __init__(
        self,
        seed: int,
        clock: Clock,
        market: SpotMarket,
        fleets: Fleets,
        metrics: Metrics,
        bills: Bills,
        trail: Trail,
        scenario: Scenario,
    ) -> None:
        self.seed, self.clock, self.market, self.fleets = seed, clock, market, fleets
        self.metrics, self.bills, self.trail, self.scenario = metrics, bills, trail, scenario
        self.minute = 0
        self._begin = clock.start.timestamp()
        self._base_desired = {
            (cloud.account, cloud.region, group.name): group.desired_capacity
            for cloud in CLOUDS
            for group in cloud.groups()
        }
        for cloud in CLOUDS:
            bills.set_baseline(cloud.account, self._hourly(cloud.account))

    def active(self) -> list[str]:
        """The names of the scenario's effects at work."""
        return [effect.name for effect in self._effects()]

    def census(self) -> dict[str, int]:
        """Instances by state."""
        counts: dict[str, int] = {}
        for cloud in CLOUDS:
            for instance in cloud.instances():
                counts[instance.state] = counts.get(instance.state, 0) + 1
        return counts

    def dry(self, zone_id: str, instance_type: str) -> bool:
        """Whether a spot pool has no capacity now."""
        return any(effect.dry and effect.touches(zone_id, instance_type) for effect in self._effects())

    def fallback(self, region: str) -> float:
        """The share of spot launches of a region that are made on demand instead."""
        return max((effect.on_demand for effect in self._effects() if effect.region == region), default=0.0)

    def catch_up(self, limit: int = 1_000_000) -> int:
        """Live through the whole minutes that the clock is ahead, at most `limit`; how many were lived."""
        behind = int(self.clock.elapsed().total_seconds() // 60) - self.minute
        for _ in range(min(behind, limit)):
            self.minute += 1
            with moto_stream(self.seed, "minute", self.minute):
                self._live()
        return min(behind, limit)

    def _live(self) -> None:
        at = self._begin + self.minute * 60
        self.market.extend(at, self._pressure)
        self._repair()
        self._refresh()
        self._breathe(at)
        self._reclaim()
        self._targets(at)
        for cloud in CLOUDS:
            alarms.judge(cloud)
        if self.minute % 10 == 0:
            self._forget()
        for account in accounts.ACCOUNTS:
            self.bills.accrue(account.id, at, self._hourly(account.id))

    def _effects(self) -> list[Effect]:
        return [effect for effect in self.scenario.effects if self.minute > 0 and effect.on(self.minute)]

    def _pressure(self, market: Market, at: float) -> float:
        minute = (at - self._begin) / 60
        push = 1.0
        for effect in self.scenario.effects:
            if effect.price != 1.0 and effect.touches(market.zone_id, market.instance_type):
                push = max(push, effect.push(minute))
        return push

    def _repair(self) -> None:
        """Groups replace members that were stopped or terminated behind their back, and retry what found no room."""
        for cloud in CLOUDS:
            for group in cloud.groups():
                for state in list(group.instance_states):
                    if state.instance.state not in ("running", "pending"):
                        self._replace(cloud, group, state)
                if len(group.instance_states) < (group.desired_capacity or 0):
                    self.fleets.scale(group, group.desired_capacity)

    def _refresh(self) -> None:
        """Groups that were told to exchange their instances do so."""
        for cloud in CLOUDS:
            for group in cloud.groups():
                refreshes.advance(self.fleets, group)

    def _replace(self, cloud: Cloud, group: Any, state: Any) -> None:
        cause = "in response to an EC2 health check indicating it has been terminated or stopped"
        self.fleets.terminate(group, state, USER_SHUTDOWN, cause)

    def _breathe(self, at: float) -> None:
        """Some groups follow the day: their desired size swings around the size they were seeded with."""
        hour = (at % 86400) / 3600
        for cloud in CLOUDS:
            for group in cloud.groups():
                swing = getattr(group, "breathes", 0.0)
                base = self._base_desired.get((cloud.account, cloud.region, group.name))
                if not swing or base is None:
                    continue
                rng = stream(self.seed, "breathe", cloud.account, cloud.region, group.name, self.minute)
                wanted = base * (1 + swing * sin((hour - 9) / 24 * 2 * pi)) + rng.gauss(0, 0.6)
                low, high = group.min_size or 0, group.max_size or base
                target = min(max(round(wanted), low), high)
                current = group.desired_capacity or 0
                step = max(-2, min(2, target - current))
                if step and rng.random() < _BREATHES:
                    self.fleets.scale(group, current + step)
                    self._schedule(cloud, group.name, current + step)

    def _reclaim(self) -> None:
        """AWS takes spot instances back: a few every day, many where a scenario dries a pool up."""
        everyday = self.scenario.reclaim_per_day / 1440
        effects = [effect for effect in self._effects() if effect.reclaim_per_hour]
        for cloud in CLOUDS:
            rng = stream(self.seed, "reclaim", cloud.account, cloud.region, self.minute)
            for instance in list(cloud.instances()):
                if instance.lifecycle != "spot" or instance.state != "running":
                    continue
                zone_id = cloud.zone_id(instance.placement.zone)
                hourly = sum(e.reclaim_per_hour for e in effects if e.touches(zone_id, instance.instance_type))
                if rng.random() < everyday + hourly / 60:
                    self._take(cloud, instance)

    def _take(self, cloud: Cloud, instance: Any) -> None:
        group = getattr(instance, "autoscaling_group", None)
        self.fleets.terminate(group, instance, SPOT_RECLAIMED, "in response to a spot instance interruption")
        self._tell(
            cloud,
            "ec2.amazonaws.com",
            "BidEvictedEvent",
            Caller("spot.amazonaws.com"),
            {"instanceIdSet": [instance.id]},
            ("AWS::EC2::Instance", instance.id),
        )

    def _targets(self, at: float) -> None:
        """Targets fall ill and recover."""
        rate = 0.01 + sum(effect.ill for effect in self._effects())
        for cloud in CLOUDS:
            rng = stream(self.seed, "targets", cloud.account, cloud.region, self.minute)
            for group in cloud.elbv2.target_groups.values():
                ill = getattr(group, "ill", {})
                for target in sorted(ill):
                    if target not in group.targets or rng.random() < 1 / 45:
                        balancers.recover(group, target, at)
                for target in list(group.targets):
                    if target not in ill and rng.random() < rate / 60:
                        balancers.fall_ill(group, target, self.minute, at)

    def _forget(self) -> None:
        """AWS shows what was terminated or deleted for about an hour, and closed spot requests for a while longer."""
        horizon = self.clock.naive() - _FORGET_TERMINATED
        for cloud in CLOUDS:
            ec2 = cloud.ec2
            for identity, reservation in list(ec2.reservations.items()):
                gone = [i for i in reservation.instances if i.state == "terminated" and _ended(i, horizon) < horizon]
                for instance in gone:
                    reservation.instances.remove(instance)
                if not reservation.instances:
                    del ec2.reservations[identity]
            for identity, request in list(ec2.spot_instance_requests.items()):
                updated = getattr(request, "status_updated", None)
                if (
                    request.state == "closed"
                    and updated
                    and updated.replace(tzinfo=None) < horizon - timedelta(hours=5)
                ):
                    del ec2.spot_instance_requests[identity]
            for identity, gateway in list(ec2.nat_gateways.items()):
                if gateway.state == "deleted" and gateway.deleted_at < horizon:
                    del ec2.nat_gateways[identity]

    def _hourly(self, account: str) -> float:
        """What the running instances of an account cost in an hour, USD."""
        now = self.clock.now().timestamp()
        total = 0.0
        for cloud in CLOUDS:
            if cloud.account != account:
                continue
            for instance in cloud.instances():
                if instance.state == "running":
                    total += self._rate(cloud, instance, now)
        return total

    def _rate(self, cloud: Cloud, instance: Any, now: float) -> float:
        if instance.instance_type not in catalog.TYPES:
            return 0.0
        if instance.lifecycle == "spot":
            price = self.market.price(cloud.zone_id(instance.placement.zone), instance.instance_type, now)
            if price is not None:
                return price
        return catalog.on_demand(instance.instance_type, cloud.region)

    def _schedule(self, cloud: Cloud, group: str, size: int) -> None:
        """The team's own scheduler follows the day: its calls are in the trail as anybody's are."""
        request = {"autoScalingGroupName": group, "desiredCapacity": size, "honorCooldown": False}
        resource = ("AWS::AutoScaling::AutoScalingGroup", group)
        caller = Caller("capacity-scheduler", role="deploy")
        self._tell(cloud, "autoscaling.amazonaws.com", "SetDesiredCapacity", caller, request, resource)

    def _tell(
        self,
        cloud: Cloud,
        source: str,
        name: str,
        caller: Caller,
        request: dict[str, Any],
        *resources: tuple[str, str],
        response: dict[str, Any] | None = None,
    ) -> None:
        self.trail.add(
            Event(
                id=self.trail.next_id(cloud.account),
                at=datetime.fromtimestamp(self._begin + self.minute * 60, UTC),
                account=cloud.account,
                region=cloud.region,
                source=source,
                name=name,
                caller=caller,
                request=request,
                response=response,
                resources=resources,
            )
        )


def _ended(instance: Any, default: datetime) -> datetime:
    """When an instance was terminated; one that a client terminated is dated when it is first met."""
    if getattr(instance, "ended_at", None) is None:
        instance.ended_at = default + _FORGET_TERMINATED
    ended: datetime = instance.ended_at
    return ended
