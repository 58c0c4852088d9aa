"""How Auto Scaling groups get and lose instances: across zones, by their policy, spot where the policy says so.

moto launches a whole group into one subnet, marks nothing as spot, and picks victims in hash order; this engine takes
its place, for the seed, for the living world and for clients' own SetDesiredCapacity alike.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from moto.autoscaling.models import InstanceState
from moto.ec2.models.instances import Instance, StateReason
from moto.ec2.models.spot_requests import SpotInstanceRequest
from moto.ec2.utils import random_spot_request_id

from backends.simulated import catalog
from backends.simulated.bend import bend
from backends.simulated.cloud import Cloud, finish_volume, free_address, release_address
from backends.simulated.group_policy import disk, subnets, tags, template, types, wants_spot
from backends.simulated.market import SpotMarket
from backends.simulated.randomness import fraction, number

USER_SHUTDOWN = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
SPOT_RECLAIMED = ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")
_NO_CAPACITY = "Could not launch Spot Instances. InsufficientInstanceCapacity - there is no Spot capacity available."


class FleetSpotRequest(SpotInstanceRequest):
    """The spot request behind an instance that a group launched."""

    def __init__(self, instance: Any, created: datetime, **fields: Any) -> None:
        self._instance = instance
        self.created = self.status_updated = created.replace(tzinfo=UTC)
        super().__init__(**fields)

    def launch_instance(self) -> Any:
        return self._instance


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of DescribeScalingActivities; `place` is the subnet it was in, where it got as far."""

    id: str
    group: str
    at: datetime
    description: str
    cause: str
    status: str
    message: str = ""
    place: tuple[str, str] | None = None


@dataclass(slots=True)
class Fleets:
    """The engine.

    moment     simulated now, naive UTC
    dry        whether a spot pool (zone id, type) has no capacity
    fallback   the share of spot launches of a region that are made on demand instead
    announce   hears of every launch ("RunInstances") and end ("TerminateInstances") that a group brings about
    """

    seed: int
    market: SpotMarket
    moment: Callable[[], datetime]
    dry: Callable[[str, str], bool] = lambda zone_id, instance_type: False
    fallback: Callable[[str], float] = lambda region: 0.0
    announce: Callable[[str, Any], None] = lambda operation, instance: None
    activities: dict[tuple[str, str], list[Activity]] = field(default_factory=dict)
    serial: int = 0
    told: int = 0

    def scale(self, group: Any, desired: int | None) -> None:
        """Bring a group to a size. Bounds are the caller's business, as in AWS they are the API's."""
        wanted = group.min_size if desired is None else desired
        group.desired_capacity = wanted
        running = [state for state in group.instance_states if state.lifecycle_state == "InService"]
        for _ in range(wanted - len(running)):
            if self.launch(group) is None:
                break
        surplus = len(running) - wanted
        while surplus > 0:
            state = self._victim(group)
            if state is None:
                break
            self.terminate(group, state, USER_SHUTDOWN, f"to shrink the group to {wanted}")
            surplus -= 1

    def launch(self, group: Any) -> Any | None:
        """Start one more instance for a group, on demand or spot as its policy wants; None where there is no room."""
        cloud = Cloud(group.account_id, group.region)
        give_up = fraction(self.seed, "fallback", group.name, self.serial) < self.fallback(cloud.region)
        spot = wants_spot(group) and not give_up
        choice = self._pick(cloud, group, spot)
        if choice is None:
            self._record(cloud, group, "Launching a new EC2 instance", "Failed", _NO_CAPACITY)
            return None
        subnet, kind = choice
        instance = self.run(cloud, template(group), kind, subnet, tags(group), spot, disk(group))
        if instance is None:
            self._record(cloud, group, "Launching a new EC2 instance", "Failed", "InsufficientFreeAddressesInSubnet")
            return None
        instance.autoscaling_group = group
        group.instance_states.append(InstanceState(instance))
        self._register(cloud, group, instance)
        self._record(cloud, group, f"Launching a new EC2 instance: {instance.id}", "Successful", where=subnet)
        self.announce("RunInstances", instance)
        return instance

    def run(
        self,
        cloud: Cloud,
        start: dict[str, Any],
        kind: str,
        subnet: Any,
        labels: dict[str, str],
        spot: bool,
        root: tuple[str, int],
    ) -> Any | None:
        """Start one instance with its root volume and, for spot, its request; None if the subnet is full."""
        address = free_address(subnet)
        if address is None:
            return None
        volume_type, size = root
        ebs = {"VolumeSize": size, "VolumeType": volume_type, "DeleteOnTermination": True}
        reservation = cloud.ec2.run_instances(
            catalog.image_id(kind, cloud.region),
            1,
            start.get("user_data"),
            [],
            instance_type=kind,
            is_instance_type_default=True,
            subnet_id=subnet.id,
            private_ip=address,
            security_group_ids=list(start.get("security_groups", ())),
            key_name=start.get("key_name"),
            region_name=cloud.region,
            monitoring_state=start.get("monitoring", "disabled"),
            lifecycle="spot" if spot else None,
            tags={"instance": labels | start.get("template_tags", {})},
            block_device_mappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs}],
        )
        instance = reservation.instances[0]
        for _, block in instance.get_block_device_mapping:
            finish_volume(cloud, cloud.ec2.volumes[block.volume_id])
        for nic in instance.nics.values():
            nic.delete_on_termination = True
        instance.root_device_name = "/dev/xvda"
        instance.virtualization_type = "hvm"
        instance.architecture = "arm64" if catalog.TYPES[kind].arm else "x86_64"
        instance.metadata_options.http_tokens = start.get("http_tokens", "required")
        self.date(instance, self.moment())
        if spot:
            self._request_spot(cloud, instance, subnet, kind)
        return instance

    def date(self, instance: Any, at: datetime) -> None:
        """Let an instance and what hangs on it have begun at a moment."""
        instance.launch_time = at
        for nic in instance.nics.values():
            nic.attach_time = at
        for _, block in instance.get_block_device_mapping:
            block.attach_time = at
            instance.ec2_backend.volumes[block.volume_id].create_time = at
        request = getattr(instance, "spot_request", None)
        if request is not None:
            request.created = request.status_updated = at.replace(tzinfo=UTC)

    def terminate(self, group: Any | None, state: Any, why: tuple[str, str], cause: str = "") -> None:
        """End an instance (`state` is a group's InstanceState or the instance) and take it out of its group."""
        instance = getattr(state, "instance", state)
        cloud = Cloud(instance.ec2_backend.account_id, instance.region_name)
        instance.end_reason = why
        instance.terminate()
        if group is None:
            return
        group.instance_states = [other for other in group.instance_states if other.instance is not instance]
        for arn in group.target_group_arns:
            cloud.elbv2.target_groups[arn].deregister_terminated_instances([instance.id])
        subnet = cloud.ec2.get_subnet(instance.subnet_id)
        self._record(cloud, group, f"Terminating EC2 instance: {instance.id}", "Successful", cause=cause, where=subnet)
        if why != SPOT_RECLAIMED:
            self.announce("TerminateInstances", instance)

    def bury(self, instance: Any, why: tuple[str, str]) -> None:
        """Write the reason and the time of an end on an instance and on its spot request."""
        code, message = why
        at = self.moment()
        instance.state_reason = StateReason(message, code)
        instance._reason = f"{message.partition(': ')[2] or message} ({at:%Y-%m-%d %H:%M:%S} GMT)"
        instance.ended_at = at
        release_address(instance)
        request = getattr(instance, "spot_request", None)
        if request is not None and request.state == "active":
            reclaimed = why == SPOT_RECLAIMED
            request.state = "closed"
            request._status_code = "instance-terminated-no-capacity" if reclaimed else "instance-terminated-by-user"
            request.status_message = (
                "Your instance was terminated because there is no longer enough Spot capacity available."
                if reclaimed
                else "Your Spot Instance was terminated by a user or by Auto Scaling."
            )
            request.status_updated = at.replace(tzinfo=UTC)

    def _request_spot(self, cloud: Cloud, instance: Any, subnet: Any, kind: str) -> None:
        request = FleetSpotRequest(
            instance,
            self.moment(),
            ec2_backend=cloud.ec2,
            spot_request_id=random_spot_request_id(),
            price=str(catalog.on_demand(kind, cloud.region)),
            image_id=instance.image_id,
            spot_instance_type="one-time",
            valid_from=None,
            valid_until=None,
            launch_group=None,
            availability_zone_group=None,
            key_name=instance.key_name,
            security_groups=[group.id for group in instance.security_groups],
            user_data=None,
            instance_type=kind,
            placement=subnet.availability_zone,
            kernel_id=None,
            ramdisk_id=None,
            monitoring_enabled=False,
            subnet_id=subnet.id,
            tags={},
            spot_fleet_id=None,
            instance_interruption_behaviour="terminate",
        )
        cloud.ec2.spot_instance_requests[request.id] = request
        instance.spot_request = request
        instance.spot_instance_request_id = request.id

    def _pick(self, cloud: Cloud, group: Any, spot: bool) -> tuple[Any, str] | None:
        """The pool that a launch goes to: the emptiest zone first on demand, price and spread together for spot."""
        self.serial += 1
        crowd: dict[str, int] = {}
        for state in group.instance_states:
            zone = state.instance.placement.zone
            crowd[zone] = crowd.get(zone, 0) + 1
        best: tuple[float, Any, str] | None = None
        for subnet in subnets(cloud, group):
            here = crowd.get(subnet.availability_zone, 0)
            for rank, kind in enumerate(types(group)):
                if spot:
                    cost = self._spot_cost(cloud, subnet, kind)
                    if cost is None:
                        continue
                    score = cost * (1 + 0.2 * here) * (1 + 0.5 * fraction(self.seed, group.name, self.serial, kind))
                else:
                    score = here + 100.0 * rank
                if best is None or score < best[0]:
                    best = (score, subnet, kind)
        return best[1:] if best else None

    def _spot_cost(self, cloud: Cloud, subnet: Any, kind: str) -> float | None:
        """Spot price relative to on demand; None for a pool that does not exist or has dried up."""
        identity = cloud.zone_id(subnet.availability_zone)
        price = self.market.price(identity, kind, self.moment().replace(tzinfo=UTC).timestamp())
        if price is None or self.dry(identity, kind):
            return None
        return price / catalog.on_demand(kind, cloud.region)

    def _victim(self, group: Any) -> Any | None:
        """Whom a shrinking group loses: the oldest unprotected instance of its fullest zone."""
        crowd: dict[str, list[Any]] = {}
        for state in group.instance_states:
            if not state.protected_from_scale_in and state.lifecycle_state == "InService":
                crowd.setdefault(state.instance.placement.zone, []).append(state)
        if not crowd:
            return None
        fullest = max(sorted(crowd), key=lambda zone: len(crowd[zone]))
        return min(crowd[fullest], key=lambda state: (state.instance.launch_time, state.instance.id))

    def _register(self, cloud: Cloud, group: Any, instance: Any) -> None:
        for arn in group.target_group_arns:
            target_group = cloud.elbv2.target_groups.get(arn)
            if target_group is not None:
                target_group.register([{"Id": instance.id, "Port": target_group.port}])

    def _record(
        self,
        cloud: Cloud,
        group: Any,
        description: str,
        status: str,
        message: str = "",
        cause: str = "",
        where: Any = None,
    ) -> None:
        at = self.moment()
        why = f"At {at:%Y-%m-%dT%H:%M:%SZ} " + (
            f"an instance was taken out of service {cause}."
            if cause
            else f"the group was below its desired capacity of {group.desired_capacity}."
        )
        place = (where.id, where.availability_zone) if where is not None else None
        self.tell(cloud, Activity(self.next_activity(), group.name, at, description, why, status, message, place))

    def next_activity(self) -> str:
        """The id of the next activity."""
        self.told += 1
        return str(UUID(int=number(self.seed, "activity", self.told) << 64 | self.told, version=4))

    def tell(self, cloud: Cloud, activity: Activity) -> None:
        """Remember an activity; they come in the order of their times."""
        lines = self.activities.setdefault((cloud.account, cloud.region), [])
        lines.append(activity)
        del lines[:-2000]


def install(fleets: Fleets) -> None:
    """Put the engine in moto's place, and let instances that clients end or stop tell when and why as well."""
    from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup

    bend(FakeAutoScalingGroup, "set_desired_capacity", lambda self, wanted: fleets.scale(self, wanted))
    # The engine registers what it launches; moto's way fails on a stopped member and goes through a set.
    bend(AutoScalingBackend, "update_attached_target_groups", lambda self, group_name: None)
    _date_ends(fleets)


def _date_ends(fleets: Fleets) -> None:
    terminate, stop, start = Instance.terminate, Instance.stop, Instance.start

    def terminated(self: Any) -> Any:
        if self.state == "terminated":
            return copy(self._state)
        before = terminate(self)
        fleets.bury(self, getattr(self, "end_reason", USER_SHUTDOWN))
        return before

    def stopped(self: Any) -> Any:
        before = stop(self)
        self.ended_at = fleets.moment()
        self._reason = f"User initiated ({self.ended_at:%Y-%m-%d %H:%M:%S} GMT)"
        return before

    def started(self: Any) -> Any:
        before = start(self)
        self.launch_time, self.ended_at = fleets.moment(), None
        return before

    for name, replacement in (("terminate", terminated), ("stop", stopped), ("start", started)):
        bend(Instance, name, replacement)
