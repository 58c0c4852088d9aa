"""EKS where moto stops at paper: node groups whose instances follow, and the versions with their support dates."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud
from backends.simulated.randomness import number

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

# version → (released, end of standard support, end of extended support)
_VERSIONS = {
    "1.34": ("2025-10-02", "2026-12-02", "2027-12-02"),
    "1.33": ("2025-05-29", "2026-07-29", "2027-07-29"),
    "1.32": ("2025-01-23", "2026-03-23", "2027-03-23"),
    "1.31": ("2024-09-26", "2025-11-26", "2026-11-26"),
    "1.30": ("2024-05-23", "2025-07-23", "2026-07-23"),
    "1.29": ("2024-01-23", "2025-03-23", "2026-03-23"),
}
_DEFAULT = "1.34"


@answers("eks", "UpdateNodegroupConfig")
def update_nodegroup_config(simulation: Simulation, request: wire.Request) -> dict[str, Any] | None:
    """Sizes are checked as AWS does and the node group's Auto Scaling group follows; other changes are moto's."""
    given = wire.parameters(request)
    wanted = given.get("scalingConfig")
    cloud = Cloud(request.account, request.region)
    cluster = cloud.eks.clusters.get(request.uri.get("name", ""))
    nodegroup = cluster and cluster.nodegroups.get(request.uri.get("nodegroupName", ""))
    if nodegroup is None or not wanted:
        return None
    sizes = nodegroup.scaling_config | {key: value for key, value in wanted.items() if value is not None}
    low, desired, high = sizes["minSize"], sizes["desiredSize"], sizes["maxSize"]
    if high < 1 or low > high:
        raise wire.AwsError("InvalidParameterException", f"Minimum capacity {low} can't be greater than maximum {high}")
    if not low <= desired <= high:
        bound = f"greater than max size {high}" if desired > high else f"less than min size {low}"
        raise wire.AwsError("InvalidParameterException", f"desired capacity {desired} can't be {bound}")
    group = cloud.autoscaling.autoscaling_groups.get(nodegroup.resources["autoScalingGroups"][0]["name"])
    if group is not None:
        group.min_size, group.max_size = low, high
        simulation.fleets.scale(group, desired)
    cloud.eks.update_nodegroup_config(
        cluster_name=cluster.name,
        nodegroup_name=nodegroup.nodegroup_name,
        labels=given.get("labels"),
        taints=given.get("taints"),
        scaling_config=sizes,
        update_config=given.get("updateConfig"),
    )
    names = {"minSize": "MinSize", "maxSize": "MaxSize", "desiredSize": "DesiredSize"}
    at = simulation.clock.now()
    update = {
        "id": str(uuid.UUID(int=number("update", nodegroup.arn, at, desired) << 64 | number(at))),
        "status": "Successful",
        "type": "ConfigUpdate",
        "params": [{"type": names[key], "value": str(value)} for key, value in wanted.items() if key in names],
        "createdAt": at,
        "errors": [],
    }
    cluster.updates[update["id"]] = (nodegroup.nodegroup_name, update)
    return {"update": update}


@answers("eks", "DescribeClusterVersions")
def describe_cluster_versions(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Kubernetes versions with the dates at which support ends, newest first."""
    given = wire.parameters(request)
    now = simulation.clock.now()
    versions = []
    for version, dates in _VERSIONS.items():
        released, standard, extended = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in dates)
        status = _support(now, standard, extended)
        if given.get("clusterVersions") and version not in given["clusterVersions"]:
            continue
        if given.get("defaultOnly") and version != _DEFAULT:
            continue
        if given.get("status") and status != given["status"]:
            continue
        versions.append(
            {
                "clusterVersion": version,
                "clusterType": "eks",
                "defaultPlatformVersion": "eks.12",
                "defaultVersion": version == _DEFAULT,
                "releaseDate": released,
                "endOfStandardSupportDate": standard,
                "endOfExtendedSupportDate": extended,
                "status": status,
                "versionStatus": status.upper().replace("-", "_"),
                "kubernetesPatchVersion": f"{version}.4",
            }
        )
    return {"clusterVersions": versions}


def _support(now: datetime, standard: datetime, extended: datetime) -> str:
    if now <= standard:
        return "standard-support"
    return "extended-support" if now <= extended else "unsupported"
