"""Auto Scaling where moto is lenient or silent: bounds hold, updates keep the policy, activities are told."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud
from backends.simulated.fleets import Activity

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


def group_named(request: wire.Request, name: str) -> Any:
    """moto's group of that name where the request is meant for; AwsError in AWS's words where there is none."""
    group = Cloud(request.account, request.region).autoscaling.autoscaling_groups.get(name)
    if group is None:
        raise wire.AwsError("ValidationError", "AutoScalingGroup name not found - null")
    return group


def _within(group: Any, desired: int, low: int, high: int) -> None:
    if desired > high:
        message = f"New SetDesiredCapacity value {desired} is above max value {high} for the AutoScalingGroup."
        raise wire.AwsError("ValidationError", message)
    if desired < low:
        message = f"New SetDesiredCapacity value {desired} is below min value {low} for the AutoScalingGroup."
        raise wire.AwsError("ValidationError", message)


@answers("autoscaling", "SetDesiredCapacity")
def set_desired_capacity(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """AWS refuses sizes outside of the group's bounds; moto launches them."""
    given = wire.parameters(request)
    group = group_named(request, given["AutoScalingGroupName"])
    _within(group, given["DesiredCapacity"], group.min_size, group.max_size)
    simulation.fleets.scale(group, given["DesiredCapacity"])
    _follow(group)
    return {}


@answers("autoscaling", "UpdateAutoScalingGroup")
def update_auto_scaling_group(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Sizes are checked, and what is not given stays as it is: moto erases a mixed policy that is not repeated."""
    given = wire.parameters(request)
    group = group_named(request, given["AutoScalingGroupName"])
    low, high = given.get("MinSize", group.min_size), given.get("MaxSize", group.max_size)
    if low > high:
        raise wire.AwsError("ValidationError", "Max bound must be greater than or equal to min bound.")
    desired = given.get("DesiredCapacity")
    if desired is None:
        desired = min(max(group.desired_capacity or 0, low), high)
    else:
        _within(group, desired, low, high)
    _apply(group, given)
    group.min_size, group.max_size = low, high
    simulation.fleets.scale(group, desired)
    _follow(group)
    return {}


def _apply(group: Any, given: dict[str, Any]) -> None:
    """Everything but the sizes, where it is given."""
    if given.get("VPCZoneIdentifier") or given.get("AvailabilityZones"):
        group._set_azs_and_vpcs(given.get("AvailabilityZones", []), given.get("VPCZoneIdentifier"), update=True)
    source = [given.get(key) for key in ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy")]
    if any(source):
        group.mixed_instances_policy = source[2]
        group._set_launch_configuration(*source)
    for key, attribute in (
        ("HealthCheckGracePeriod", "health_check_grace_period"),
        ("HealthCheckType", "health_check_type"),
        ("DefaultCooldown", "default_cooldown"),
        ("CapacityRebalance", "capacity_rebalance"),
        ("NewInstancesProtectedFromScaleIn", "new_instances_protected_from_scale_in"),
        ("TerminationPolicies", "termination_policies"),
    ):
        if key in given:
            setattr(group, attribute, given[key])


def _follow(group: Any) -> None:
    """A node group's own numbers follow its Auto Scaling group; a group that an operator sized keeps that size."""
    group.breathes = 0.0
    nodegroup = getattr(group, "nodegroup", None)
    if nodegroup is not None:
        sizes = {"minSize": group.min_size, "maxSize": group.max_size, "desiredSize": group.desired_capacity}
        nodegroup.scaling_config.update(sizes)


@answers("autoscaling", "DescribeScalingActivities")
def describe_scaling_activities(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """What the groups did, newest first; moto never tells any."""
    given = wire.parameters(request)
    lines = simulation.fleets.activities.get((request.account, request.region), [])
    name = given.get("AutoScalingGroupName")
    chosen = [line for line in reversed(lines) if name in (None, line.group)]
    offset, size = int(given.get("NextToken") or 0), min(given.get("MaxRecords") or 100, 100)
    output: dict[str, Any] = {"Activities": [_activity(request, line) for line in chosen[offset : offset + size]]}
    if offset + size < len(chosen):
        output["NextToken"] = str(offset + size)
    return output


def _activity(request: wire.Request, line: Activity) -> dict[str, Any]:
    subnet, zone = line.place or ("", "")
    told = {
        "ActivityId": line.id,
        "AutoScalingGroupName": line.group,
        "Description": line.description,
        "Cause": line.cause,
        "StartTime": line.at.replace(tzinfo=UTC),
        "EndTime": line.at.replace(tzinfo=UTC),
        "StatusCode": line.status,
        "Progress": 100,
        "Details": json.dumps({"Subnet ID": subnet, "Availability Zone": zone} if subnet else {}),
    }
    group = Cloud(request.account, request.region).autoscaling.autoscaling_groups.get(line.group)
    return (
        told
        | ({"StatusMessage": line.message} if line.message else {})
        | ({"AutoScalingGroupState": "Deleted"} if group is None else {"AutoScalingGroupARN": group.arn})
    )
