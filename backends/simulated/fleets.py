"""How Auto Scaling groups get and lose instances: across zones, by their policy, spot where the policy says so.

moto launches a whole group into one subnet, marks nothing as spot, and picks victims in hash order; this engine takes
its place, for the seed, for the living world and for clients' own SetDesiredCapacity alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from moto.autoscaling.models import InstanceState
from moto.ec2.models.instances import StateReason
from moto.ec2.models.spot_requests import SpotInstanceRequest
from moto.ec2.utils import random_spot_request_id

from backends.simulated import catalog
from backends.simulated.cloud import Cloud, free_address, release_address
from backends.simulated.market import SpotMarket
from backends.simulated.randomness import fraction

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
    """One line of DescribeScalingActivities."""

    id: str
    group: str
    at: datetime
    description: str
    cause: str
    status: str
    message: str = ""


@dataclass(slots=True)
class Fleets:
    """The engine.

    moment     simulated now, naive UTC
    dry        whether a spot pool (zone id, type) has no capacity
    fallback   the share of spot launches of a region that are made on demand instead
    """

    seed: int
    market: SpotMarket
    moment: Callable[[], datetime]
    dry: Callable[[str, str], bool] = lambda zone_id, instance_type: False
    fallback: Callable[[str], float] = lambda region: 0.0
    activities: dict[tuple[str, str], list[Activity]] = field(default_factory=dict)
    serial: int = 0

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
        spot = self._wants_spot(group) and not give_up
        choice = self._pick(cloud, group, spot)
        if choice is None:
            self._record(cloud, group, "Launching a new EC2 instance", "Failed", _NO_CAPACITY)
            return None
        subnet, kind = choice
        instance = self.run(cloud, _template(group), kind, subnet, _tags(group), spot, _disk(group))
        if instance is None:
            self._record(cloud, group, "Launching a new EC2 instance", "Failed", "InsufficientFreeAddressesInSubnet")
            return None
        instance.autoscaling_group = group
        group.instance_states.append(InstanceState(instance))
        self._register(cloud, group, instance)
        self._record(cloud, group, f"Launching a new EC2 instance: {instance.id}", "Successful")
        return instance

    def run(
        self,
        cloud: Cloud,
        template: dict[str, Any],
        kind: str,
        subnet: Any,
        tags: dict[str, str],
        spot: bool,
        disk: tuple[str, int],
    ) -> Any | None:
        """Start one instance in a subnet with its root volume and, for spot, its request; None if the subnet is full."""
        address = free_address(subnet)
        if address is None:
            return None
        volume_type, size = disk
        ebs = {"VolumeSize": size, "VolumeType": volume_type, "DeleteOnTermination": True}
        reservation = cloud.ec2.run_instances(
            catalog.image_id(kind, cloud.region),
            1,
            template.get("user_data"),
            [],
            instance_type=kind,
            is_instance_type_default=True,
            subnet_id=subnet.id,
            private_ip=address,
            security_group_ids=list(template.get("security_groups", ())),
            launch_template=template.get("launch_template") or {},
            key_name=template.get("key_name"),
            region_name=cloud.region,
            monitoring_state=template.get("monitoring", "disabled"),
            lifecycle="spot" if spot else None,
            tags={"instance": tags},
            block_device_mappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs}],
        )
        instance = reservation.instances[0]
        instance.root_device_name = "/dev/xvda"
        instance.virtualization_type = "hvm"
        instance.architecture = "arm64" if catalog.TYPES[kind].arm else "x86_64"
        instance.metadata_options.http_tokens = template.get("http_tokens", "required")
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
        instance.terminate()
        self.bury(instance, why)
        if group is None:
            return
        group.instance_states = [other for other in group.instance_states if other.instance is not instance]
        for arn in group.target_group_arns:
            cloud.elbv2.target_groups[arn].deregister_terminated_instances([instance.id])
        self._record(cloud, group, f"Terminating EC2 instance: {instance.id}", "Successful", cause=cause)

    def bury(self, instance: Any, why: tuple[str, str]) -> None:
        """Write the reason and the time of an end on an instance and on its spot request."""
        code, message = why
        at = self.moment()
        instance.state_reason = StateReason(message, code)
        instance._reason = f"{message.partition(': ')[2] or message} ({at:%Y-%m-%d %H:%M:%S} GMT)"
        instance.terminated_at = at
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

    def _wants_spot(self, group: Any) -> bool:
        policy = (group.mixed_instances_policy or {}).get("InstancesDistribution")
        if not policy:
            return False
        base = int(policy.get("OnDemandBaseCapacity", 0))
        share = int(policy.get("OnDemandPercentageAboveBaseCapacity", 100))
        desired = group.desired_capacity or 0
        on_demand = min(desired, base) + ceil(max(desired - base, 0) * share / 100)
        steady = sum(1 for state in group.instance_states if state.instance.lifecycle != "spot")
        return steady >= on_demand

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
        self, cloud: Cloud, group: Any, description: str, status: str, message: str = "", cause: str = ""
    ) -> None:
        at = self.moment()
        why = f"At {at:%Y-%m-%dT%H:%M:%SZ} " + (
            f"an instance was taken out of service {cause}."
            if cause
            else f"the group was below its desired capacity of {group.desired_capacity}."
        )
        lines = self.activities.setdefault((cloud.account, cloud.region), [])
        identity = f"{len(lines):08x}-{cloud.account[:4]}-4000-8000-{cloud.account}"
        lines.append(Activity(identity, group.name, at, description, why, status, message))
        del lines[:-2000]


def types(group: Any) -> list[str]:
    """The instance types a group may use, preferred first."""
    policy = group.mixed_instances_policy or {}
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", [])
    named = [override["InstanceType"] for override in overrides if override.get("InstanceType") in catalog.TYPES]
    return named or [group.instance_type if group.instance_type in catalog.TYPES else "m5.large"]


def subnets(cloud: Cloud, group: Any) -> list[Any]:
    """The subnets a group launches into."""
    if group.vpc_zone_identifier:
        return [cloud.ec2.get_subnet(name) for name in group.vpc_zone_identifier.split(",")]
    defaults = cloud.ec2.get_default_subnets()
    return [defaults[zone] for zone in group.availability_zones if zone in defaults]


def install(fleets: Fleets) -> None:
    """Put the engine in moto's place."""
    from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup

    FakeAutoScalingGroup.set_desired_capacity = lambda self, wanted: fleets.scale(self, wanted)
    # The engine registers what it launches; moto's way fails on a stopped member and goes through a set.
    AutoScalingBackend.update_attached_target_groups = lambda self, group_name: None


def _template(group: Any) -> dict[str, Any]:
    if group.ec2_launch_template:
        version = group.ec2_launch_template.get_version(group.launch_template_version)
        return {
            "launch_template": {
                "LaunchTemplateId": group.ec2_launch_template.id,
                "Version": group.launch_template_version,
            },
            "user_data": version.user_data,
            "security_groups": version.data.get("SecurityGroupIds", []),
            "key_name": version.data.get("KeyName"),
            "http_tokens": version.data.get("MetadataOptions", {}).get("HttpTokens", "optional"),
        }
    config = group.launch_config
    return {
        "user_data": config.user_data,
        "security_groups": config.security_groups,
        "key_name": config.key_name,
        "http_tokens": "optional",
    }


def _tags(group: Any) -> dict[str, str]:
    return group.get_propagated_tags() | {"aws:autoscaling:groupName": group.name}


def _disk(group: Any) -> tuple[str, int]:
    if group.ec2_launch_template:
        data = group.ec2_launch_template.get_version(group.launch_template_version).data
        mappings = data.get("BlockDeviceMappings") or []
    else:
        mappings = group.launch_config.block_device_mapping_dict or []
    ebs = mappings[0].get("Ebs", {}) if mappings else {}
    return ebs.get("VolumeType") or "gp3", int(ebs.get("VolumeSize") or 20)
