"""EKS clusters, their node groups, and the Auto Scaling groups and instances that moto does not make for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backends.simulated import accounts
from backends.simulated.fleets import Fleets
from backends.simulated.hostile import HOSTILE
from backends.simulated.randomness import number
from backends.simulated.seed.groups import make_template, mixed_policy, spread_ages
from backends.simulated.seed.network import Network

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class NodegroupSeed:
    name: str
    size: tuple[int, int, int]
    types: tuple[str, ...]
    spot: bool = False
    version: str = ""
    trouble: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ClusterSeed:
    """`age` in days; `open` whether the API endpoint answers the whole internet."""

    account: str
    region: str
    name: str
    version: str
    age: int
    nodegroups: tuple[NodegroupSeed, ...]
    open: bool = False
    logging: bool = True
    tags: dict[str, str] = field(default_factory=dict)


_SPOT = ("m5.xlarge", "m6i.xlarge", "c5.2xlarge", "r5.xlarge")
CLUSTERS: tuple[ClusterSeed, ...] = (
    ClusterSeed(
        _PROD, _EAST, "prod-main", "1.33", 500,
        (
            NodegroupSeed("system", (3, 3, 5), ("m6i.large",)),
            NodegroupSeed("general", (4, 9, 16), ("m6i.xlarge",), version="1.32"),
            NodegroupSeed("spot", (0, 12, 30), _SPOT, spot=True),
        ),
        tags={"env": "prod", "note": HOSTILE[0], "شعار": HOSTILE[11]},
    ),
    ClusterSeed(
        _PROD, _EAST, "prod-data", "1.29", 910,
        (
            NodegroupSeed("memory", (3, 5, 8), ("r5.xlarge",)),
            NodegroupSeed(
                "old-ami", (1, 2, 3), ("m5.large",),
                trouble=("Ec2LaunchTemplateVersionMismatch", "The launch template version is not the one expected."),
            ),
        ),
        open=True, logging=False, tags={"env": "prod", "owner": HOSTILE[4]},
    ),
    ClusterSeed(
        _PROD, _WEST, "prod-eu", "1.31", 420,
        (NodegroupSeed("general", (3, 6, 12), ("m6i.xlarge",)), NodegroupSeed("spot", (0, 6, 20), _SPOT, spot=True)),
        tags={"env": "prod"},
    ),
    ClusterSeed(
        _PROD, _SOUTH, "prod-apac", "1.34", 60,
        (NodegroupSeed("general", (2, 3, 6), ("m6i.large",)),), tags={"env": "prod"},
    ),
    ClusterSeed(
        _DEV, _EAST, "dev-playground", "1.30", 640,
        (NodegroupSeed("default", (1, 4, 8), ("t3.large",)), NodegroupSeed("spot", (0, 4, 12), _SPOT, spot=True)),
        open=True, logging=False, tags={"env": "dev", "note": HOSTILE[6], "blob": HOSTILE[-1][:256]},
    ),
    ClusterSeed(
        _DEV, _WEST, "ci-runners", "1.32", 200,
        (NodegroupSeed("runners", (1, 6, 20), _SPOT, spot=True),), tags={"env": "ci"},
    ),
)  # fmt: skip


def plant(seed: ClusterSeed, network: Network, fleets: Fleets, now: datetime) -> None:
    """Make one cluster with its node groups and their nodes."""
    cloud = network.cloud
    created = now - timedelta(days=seed.age)
    identity = f"{number(fleets.seed, seed.account, seed.region, seed.name):016X}" * 2
    cluster = cloud.eks.create_cluster(
        name=seed.name,
        role_arn=f"arn:aws:iam::{cloud.account}:role/eks-cluster",
        resources_vpc_config=_endpoints(seed, network),
        version=seed.version,
        logging=_logging(seed.logging),
        tags=dict(seed.tags),
    )
    cluster.created_at = created
    cluster.platformVersion = f"eks.{2 + int(identity[-1], 16)}"
    cluster.endpoint = f"https://{identity}.gr7.{cloud.region}.eks.amazonaws.com"
    cluster.identity = {"oidc": {"issuer": f"https://oidc.eks.{cloud.region}.amazonaws.com/id/{identity}"}}
    # With STANDARD AWS would have upgraded what has left standard support.
    cluster.upgrade_policy = {"supportType": "EXTENDED" if seed.version <= "1.32" else "STANDARD"}
    cluster.health = {"issues": []}
    for nodegroup in seed.nodegroups:
        _nodegroup(seed, nodegroup, network, fleets, now)


def _nodegroup(seed: ClusterSeed, part: NodegroupSeed, network: Network, fleets: Fleets, now: datetime) -> None:
    cloud = network.cloud
    created = now - timedelta(days=max(seed.age - 20, 5))
    low, desired, high = part.size
    version = part.version or seed.version
    made = cloud.eks.create_nodegroup(
        cluster_name=seed.name,
        node_role=f"arn:aws:iam::{cloud.account}:role/eks-node",
        nodegroup_name=part.name,
        subnets=network.private_ids,
        scaling_config={"minSize": low, "maxSize": high, "desiredSize": desired},
        disk_size=80,
        instance_types=list(part.types),
        ami_type="AL2023_x86_64_STANDARD" if version >= "1.30" else "AL2_x86_64",
        labels={"workload": part.name},
        tags={"env": seed.tags.get("env", "")},
        capacity_type="SPOT" if part.spot else "ON_DEMAND",
        version=version,
        release_version=f"{version}.{number('release', version) % 9}-20260{1 + number('month', version) % 9}15",
    )
    made.created_at = made.modified_at = created
    if part.trouble:
        code, message = part.trouble
        made.health = {"issues": [{"code": code, "message": message, "resourceIds": []}]}
        made.status = "DEGRADED"
    name = f"eks-{part.name}-{made.uuid}"
    made.resources = {"autoScalingGroups": [{"name": name}]}
    group = _group(seed, part, name, network, created)
    group.nodegroup = made
    spread_ages(group, fleets, now, min(seed.age, 25))


def _group(seed: ClusterSeed, part: NodegroupSeed, name: str, network: Network, created: datetime) -> Any:
    low, desired, high = part.size
    template = make_template(network, name, part.types[0], "eks-nodes", ("gp3", 80), created)
    specification = {"LaunchTemplateId": template.id, "Version": "$Latest"}
    tags = {
        "Name": f"{seed.name}-{part.name}",
        "env": seed.tags.get("env", ""),
        "eks:cluster-name": seed.name,
        "eks:nodegroup-name": part.name,
        f"kubernetes.io/cluster/{seed.name}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
    }
    group = network.cloud.autoscaling.create_auto_scaling_group(
        name=name,
        availability_zones=[],
        desired_capacity=desired,
        max_size=high,
        min_size=low,
        launch_config_name="",
        launch_template={},
        vpc_zone_identifier=",".join(network.private_ids),
        default_cooldown=300,
        health_check_period=15,
        health_check_type="EC2",
        load_balancers=[],
        target_group_arns=[],
        placement_group=None,
        termination_policies=["AllocationStrategy", "OldestLaunchTemplate", "OldestInstance"],
        tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
        capacity_rebalance=part.spot,
        mixed_instances_policy=mixed_policy(
            specification, part.types, (0, 0 if part.spot else 100), "price-capacity-optimized"
        ),
    )
    group.created_time = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
    return group


def _endpoints(seed: ClusterSeed, network: Network) -> dict[str, Any]:
    return {
        "subnetIds": network.private_ids,
        "securityGroupIds": [network.groups["eks-nodes"].id],
        "clusterSecurityGroupId": network.groups["eks-nodes"].id,
        "vpcId": network.vpc.id,
        "endpointPublicAccess": seed.open,
        "endpointPrivateAccess": True,
        "publicAccessCidrs": ["0.0.0.0/0"] if seed.open else [],
    }


def _logging(enabled: bool) -> dict[str, Any]:
    kinds = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
    return {"clusterLogging": [{"types": kinds, "enabled": enabled}]}
