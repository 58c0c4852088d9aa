"""Auto Scaling groups and their launch templates: on demand, mixed and all spot, well kept and neglected."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.types import Base64EncodedString

from backends.simulated import accounts, catalog
from backends.simulated.fleets import Fleets
from backends.simulated.hostile import CANARIES, HOSTILE, wire_safe
from backends.simulated.randomness import stream
from backends.simulated.seed.network import Network

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class GroupSeed:
    """`size` is (min, desired, max); `on_demand` (base, share above it in %) or None for no mixed policy.

    breathes   how far the desired size swings with the day, as a share of it
    service    the target group that members register with, by service name
    """

    account: str
    region: str
    name: str
    size: tuple[int, int, int]
    types: tuple[str, ...]
    firewall: str
    on_demand: tuple[int, int] | None = None
    strategy: str = "price-capacity-optimized"
    breathes: float = 0.0
    service: str = ""
    disk: tuple[str, int] = ("gp3", 30)
    age: int = 300
    tags: tuple[tuple[str, str], ...] = ()
    legacy: bool = False


_WEB = ("m6i.large", "m5.large", "m5a.large", "c5.xlarge")
_BATCH = ("c5.xlarge", "c6i.xlarge", "m5.xlarge", "r5.large", "c5.2xlarge")
GROUPS: tuple[GroupSeed, ...] = (
    GroupSeed(_PROD, _EAST, "web-frontend", (6, 12, 24), _WEB, "web", (4, 25), breathes=0.35, service="web", age=410),
    GroupSeed(_PROD, _EAST, "checkout-api", (4, 8, 12), ("m6i.xlarge",), "api", breathes=0.15, service="api", age=390),
    GroupSeed(_PROD, _EAST, "queue-workers-spot", (0, 18, 60), _BATCH, "workers", (0, 0), breathes=0.3, age=200),
    GroupSeed(
        _PROD, _EAST, "render-farm", (0, 6, 20), ("g4dn.xlarge",), "workers", (0, 0), strategy="lowest-price", age=120
    ),
    GroupSeed(_PROD, _EAST, "search-index", (3, 5, 8), ("r5.xlarge",), "api", disk=("gp2", 500), age=820),
    GroupSeed(
        _PROD, _EAST, "legacy-monolith", (2, 3, 4), ("m4.large",), "web", disk=("gp2", 200), age=1600, legacy=True
    ),
    GroupSeed(
        _PROD, _EAST, "graviton-canary", (1, 3, 6), ("m6g.large", "r6g.large", "m7g.xlarge"), "api", (1, 0), age=45,
        tags=(("note", HOSTILE[4]), ("выпуск", HOSTILE[12])),
    ),
    GroupSeed(_PROD, _WEST, "web-frontend", (3, 7, 16), _WEB, "web", (2, 25), breathes=0.35, service="web", age=405),
    GroupSeed(_PROD, _WEST, "checkout-api", (2, 5, 8), ("m6i.xlarge",), "api", breathes=0.15, service="api", age=380),
    GroupSeed(_PROD, _WEST, "queue-workers-spot", (0, 9, 30), _BATCH, "workers", (0, 0), breathes=0.3, age=190),
    GroupSeed(_PROD, _SOUTH, "web-frontend", (2, 4, 8), _WEB, "web", (2, 25), breathes=0.35, service="web", age=240),
    GroupSeed(_PROD, _SOUTH, "reports-nightly", (0, 3, 10), ("r5.large", "r6i.large"), "workers", (0, 30), age=240),
    GroupSeed(_DEV, _EAST, "dev-web", (1, 3, 4), ("t3.large",), "web", service="web", age=150, disk=("gp2", 50)),
    GroupSeed(_DEV, _EAST, "ml-training", (0, 6, 16), ("g4dn.xlarge", "m5.2xlarge", "c5.2xlarge"), "workers", (0, 0)),
    GroupSeed(_DEV, _WEST, "load-generators", (0, 5, 40), ("c5.large", "c5.xlarge", "c6i.xlarge"), "workers", (0, 0)),
    GroupSeed(
        _DEV, _SOUTH, "abandoned-poc", (2, 2, 2), ("t2.medium",), "debug-all", age=900, disk=("gp2", 100),
        tags=(("owner", HOSTILE[5]), ("purpose", HOSTILE[8])),
    ),
)  # fmt: skip

_SCRIPT = """#!/bin/bash
set -euo pipefail
export DB_PASSWORD={db}
export BOOTSTRAP_TOKEN={token}
curl -fsS -H "Authorization: Bearer {canary}" https://bootstrap.example.internal/{name} | bash
"""


def user_data(name: str, canary: str) -> Base64EncodedString:
    """A start-up script with planted secrets, as AWS carries it."""
    script = _SCRIPT.format(name=name, canary=canary, token=CANARIES[2], db=CANARIES[3])
    return Base64EncodedString(base64.b64encode(script.encode()).decode())


def plant(seed: GroupSeed, network: Network, targets: dict[str, str], fleets: Fleets, now: datetime) -> None:
    """Make one group with its launch template (or configuration) and its instances, aged believably."""
    cloud = network.cloud
    created = now - timedelta(days=seed.age)
    source: dict[str, Any] = {"launch_config_name": "", "launch_template": {}, "mixed_instances_policy": None}
    if seed.legacy:
        source["launch_config_name"] = _configuration(seed, network, created)
    else:
        template = make_template(network, seed.name, seed.types[0], seed.firewall, seed.disk, created)
        specification = {"LaunchTemplateId": template.id, "Version": "$Latest"}
        if seed.on_demand is None:
            source["launch_template"] = specification
        else:
            source["mixed_instances_policy"] = mixed_policy(specification, seed.types, seed.on_demand, seed.strategy)
    arns = [targets[seed.service]] if seed.service in targets else []
    low, desired, high = seed.size
    group = cloud.autoscaling.create_auto_scaling_group(
        name=seed.name,
        availability_zones=[],
        desired_capacity=desired,
        max_size=high,
        min_size=low,
        vpc_zone_identifier=",".join(network.private_ids),
        default_cooldown=300,
        health_check_period=300,
        health_check_type="ELB" if arns else "EC2",
        load_balancers=[],
        target_group_arns=arns,
        placement_group=None,
        termination_policies=[],
        tags=_tags(seed),
        **source,
    )
    group.created_time = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
    group.breathes = seed.breathes
    spread_ages(group, fleets, now, min(seed.age, 40))


def make_template(
    network: Network, name: str, kind: str, firewall: str, disk: tuple[str, int], created: datetime
) -> Any:
    """A launch template with two versions, both carrying planted secrets in their user data."""
    cloud = network.cloud
    data = {
        "ImageId": catalog.image_id(kind, cloud.region),
        "InstanceType": kind,
        "KeyName": "platform",
        "UserData": user_data(name, CANARIES[1]),
        "SecurityGroupIds": [network.groups[firewall].id],
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"VolumeType": disk[0], "VolumeSize": disk[1], "DeleteOnTermination": True},
            }
        ],
        "MetadataOptions": {
            "HttpTokens": "optional" if disk[0] == "gp2" else "required",
            "HttpPutResponseHopLimit": 2,
        },
    }
    template = cloud.ec2.create_launch_template(name, "first", dict(data), {"launch-template": {"Name": name}})
    template.create_version(data, "current")
    template.default_version_number = 2
    template.create_time = created
    for days, version in zip((0, 3), template.versions, strict=True):
        version.create_time = created + timedelta(days=days)
    return template


def mixed_policy(
    specification: dict[str, str], types: tuple[str, ...], on_demand: tuple[int, int], strategy: str
) -> dict[str, Any]:
    """A mixed instances policy over `types`."""
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": dict(specification),
            "Overrides": [{"InstanceType": kind, "WeightedCapacity": "1"} for kind in types],
        },
        "InstancesDistribution": {
            "OnDemandAllocationStrategy": "prioritized",
            "OnDemandBaseCapacity": on_demand[0],
            "OnDemandPercentageAboveBaseCapacity": on_demand[1],
            "SpotAllocationStrategy": strategy,
        },
    }


def spread_ages(group: Any, fleets: Fleets, now: datetime, oldest_days: int) -> None:
    """Let the members of a new group have been launched at different times."""
    rng = stream("ages", group.account_id, group.region, group.name)
    for state in group.instance_states:
        share = rng.random() ** 2
        minutes = 45 + int(share * oldest_days * 1440)
        fleets.date(state.instance, now - timedelta(minutes=minutes, seconds=rng.randint(0, 59)))


def _configuration(seed: GroupSeed, network: Network, created: datetime) -> str:
    name = f"{seed.name}-2019"
    config = network.cloud.autoscaling.create_launch_configuration(
        name=name,
        image_id=catalog.image_id(seed.types[0], network.cloud.region),
        key_name="platform",
        kernel_id="",
        ramdisk_id="",
        security_groups=[network.groups[seed.firewall].id],
        user_data=user_data(seed.name, CANARIES[0]),
        instance_type=seed.types[0],
        instance_monitoring=False,
        instance_profile_name="web-instance",
        spot_price=None,
        ebs_optimized=False,
        associate_public_ip_address=False,
        block_device_mappings=[
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": seed.disk[0], "VolumeSize": seed.disk[1]}}
        ],
    )
    config.created_time = created
    return name


def _tags(seed: GroupSeed) -> list[dict[str, Any]]:
    env = "prod" if seed.account == _PROD else "dev"
    tags = {
        "Name": seed.name,
        "env": env,
        "team": seed.name.partition("-")[0],
        "cost-center": f"cc-{len(seed.name):03}",
    }
    tags |= {key: wire_safe(value) for key, value in seed.tags}
    return [{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()]
