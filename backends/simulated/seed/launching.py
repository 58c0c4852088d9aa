"""What instances are started with beside launch templates: key pairs, and fleets that no Auto Scaling group keeps."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

from moto.ec2.models.key_pairs import KeyPair
from moto.ec2.utils import random_fleet_id, random_spot_fleet_request_id

from backends.simulated import accounts, catalog
from backends.simulated.ec2_fleets import CountedFleet, CountedSpotFleet
from backends.simulated.fleets import Fleets
from backends.simulated.hostile import CANARIES
from backends.simulated.randomness import number
from backends.simulated.seed import copies
from backends.simulated.seed.groups import make_template, user_data
from backends.simulated.seed.network import Network

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
# name, type, days old; the first is what machines and launch templates use, the second what somebody left
_KEYS = (("platform", "ed25519", 700), ("vendor-2017", "rsa", 3200))
_SpotFleet: Any = CountedSpotFleet  # moto's own base class asks for more than moto's classes have
_NO_CAPACITY = ("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request.")


def plant(networks: dict[tuple[str, str], Network], fleets: Fleets, now: datetime) -> None:
    """Make the key pairs of every place, and a few fleets."""
    for network in networks.values():
        for name, kind, age in _KEYS:
            _key_pair(network, name, kind, now - timedelta(days=age))
    _spot_fleet(networks[_PROD, _EAST], fleets, now - timedelta(days=260))
    _fleet(networks[_PROD, _EAST], "encoders", ("c5.xlarge", "c6i.xlarge"), (3, 3), fleets, now - timedelta(days=41))
    west = networks[_PROD, _WEST]
    image = copies.image_named(west.cloud, "golden-2026-10")
    _fleet(west, "load-test", ("c5.2xlarge",), (4, 1), fleets, now - timedelta(days=6), image)


def plant_idle(networks: dict[tuple[str, str], Network], now: datetime) -> None:
    """A Spot Fleet request that starts from a launch template, and at the moment nothing."""
    network = networks[_PROD, _WEST]
    template = network.cloud.ec2.get_launch_template_by_name("fleet-load-test")
    specification = {"LaunchTemplateId": template.id, "Version": "1"}
    overrides = [{"InstanceType": "c5.2xlarge", "SubnetId": subnet.id} for subnet in network.private[:2]]
    configs = [{"LaunchTemplateSpecification": specification, "Overrides": overrides}]
    _keep(
        *(network, "soak-test", 0, now - timedelta(days=5)),
        {"Type": "maintain", "ReplaceUnhealthyInstances": True, "LaunchTemplateConfigs": configs},
        strategy="priceCapacityOptimized",
    )


def _key_pair(network: Network, name: str, kind: str, created: datetime) -> None:
    ec2, place = network.cloud.ec2, (network.cloud.account, network.cloud.region)
    digits = f"{number('key', *place, name):016x}" * 2
    fingerprint = (
        base64.b64encode(bytes.fromhex(digits * 2)).decode()
        if kind == "ed25519"
        else ":".join(digits[at : at + 2] for at in range(0, 32, 2))
    )
    tags = {"owner": "platform"} if name == "platform" else {}
    pair = KeyPair(name, kind, fingerprint, b"", b"", tags, ec2)
    pair.create_time = created
    ec2.key_pairs[name] = pair


def _fleet(
    network: Network,
    name: str,
    types: tuple[str, ...],
    size: tuple[int, int],
    fleets: Fleets,
    created: datetime,
    image: Any = None,
) -> None:
    """`size` is what is wanted and what there is; where AWS cannot give more, it says so. `image` is the account's."""
    wanted, given = size
    ec2 = network.cloud.ec2
    template = make_template(network, f"fleet-{name}", types[0], "workers", ("gp3", 40), created)
    if given < wanted:
        template.default_version_number = 1
    overrides = [
        {"InstanceType": kind, "SubnetId": subnet.id, "WeightedCapacity": 1.0}
        for kind in types
        for subnet in network.private[:2]
    ]
    specification = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": "2"}
    fleet = CountedFleet(
        created,
        _NO_CAPACITY if given < wanted else None,
        ec2_backend=ec2,
        fleet_id=random_fleet_id(),
        on_demand_options={"AllocationStrategy": "lowest-price"},
        spot_options={
            "AllocationStrategy": "price-capacity-optimized" if given == wanted else "lowest-price",
            "InstanceInterruptionBehavior": "terminate",
        },
        target_capacity_specification={
            "TotalTargetCapacity": wanted,
            "OnDemandTargetCapacity": 0,
            "SpotTargetCapacity": wanted,
            "DefaultTargetCapacityType": "spot",
        },
        launch_template_configs=[{"LaunchTemplateSpecification": specification, "Overrides": overrides}],
        excess_capacity_termination_policy="termination",
        replace_unhealthy_instances=True,
        terminate_instances_with_expiration=False,
        fleet_type="request",
        valid_from=created,
        valid_until=None,
        tag_specifications=[{"ResourceType": "fleet", "Tags": [{"Key": "Name", "Value": name}]}],
    )
    ec2.fleets[fleet.id] = fleet
    tags = {"Name": name, "env": "prod", "aws:ec2:fleet-id": fleet.id}
    fleet.members += _launched(network, fleets, types[0], given, tags, created)
    if image is not None:
        for version in template.versions:
            version.data["ImageId"] = image.id
        for instance in fleet.members:
            copies.start_from(instance, image)


def _spot_fleet(network: Network, fleets: Fleets, created: datetime) -> None:
    """One that predates launch templates: its start-up script stands in the request itself."""
    kind = "c5.large"
    specification = {
        "ImageId": catalog.image_id(kind, network.cloud.region),
        "InstanceType": kind,
        "KeyName": "platform",
        "SubnetId": network.private[0].id,
        "UserData": user_data("geocoder", CANARIES[1]),
    }
    config = {"Type": "request", "ReplaceUnhealthyInstances": False}
    fleet = _keep(network, "geocoder-2021", 4, created, config, strategy="lowestPrice", specifications=(specification,))
    tags = {"Name": "geocoder", "env": "prod", "aws:ec2spot:fleet-request-id": fleet.id}
    fleet.take(_launched(network, fleets, kind, 2, tags, created))


def _keep(
    network: Network,
    name: str,
    target: int,
    created: datetime,
    config: dict[str, Any],
    strategy: str,
    specifications: tuple[dict[str, Any], ...] = (),
) -> Any:
    """A Spot Fleet request without instances; `config` is what it says beside what all of them do."""
    ec2 = network.cloud.ec2
    common = {
        "InstanceInterruptionBehavior": "terminate",
        "ExcessCapacityTerminationPolicy": "default",
        "TerminateInstancesWithExpiration": False,
        "ValidFrom": created,
    }
    fleet = _SpotFleet(
        created,
        common | config,
        target=target,
        ec2_backend=ec2,
        spot_backend=ec2,
        spot_fleet_request_id=random_spot_fleet_request_id(),
        spot_price="0.12",
        iam_fleet_role=f"arn:{accounts.PARTITION}:iam::{network.cloud.account}:role/aws-ec2-spot-fleet-tagging-role",
        allocation_strategy=strategy,
        launch_specs=list(specifications),
        launch_template_config=None,
        instance_interruption_behaviour="terminate",
        tag_specifications=[{"ResourceType": "spot-fleet-request", "Tags": [{"Key": "Name", "Value": name}]}],
    )
    ec2.spot_fleet_requests[fleet.id] = fleet
    return fleet


def _launched(
    network: Network, fleets: Fleets, kind: str, count: int, tags: dict[str, str], created: datetime
) -> list[Any]:
    start = {"security_groups": [network.groups["workers"].id], "key_name": "platform"}
    made = []
    for index in range(count):
        subnet = network.private[index % 2]
        instance = fleets.run(network.cloud, start, kind, subnet, dict(tags), True, ("gp3", 40))
        if instance is None:
            raise ValueError(f"the seed puts more machines into {subnet.cidr_block} than it has addresses")
        fleets.date(instance, created + timedelta(minutes=3 + index))
        made.append(instance)
    return made
