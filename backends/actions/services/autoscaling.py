"""Auto Scaling: how many instances a group is to have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from backends.actions.base import Action, Change, Parameter, Proposal, Request, Sight, Target
from backends.actions.cost import Instances, monthly
from backends.actions.world import Aws, Refused
from backends.model import Json, Ref, Risk

_AT_ONCE = 50
_AUTOSCALER_TAG = "k8s.io/cluster-autoscaler/enabled"


async def groups(aws: Aws, names: Sequence[str]) -> dict[str, Json]:
    """The groups of those names that exist, as DescribeAutoScalingGroups tells them."""
    found: dict[str, Json] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = list(names[start : start + _AT_ONCE])
        for group in await aws.pages(
            "autoscaling", "DescribeAutoScalingGroups", "AutoScalingGroups", AutoScalingGroupNames=some, MaxRecords=100
        ):
            found[group["AutoScalingGroupName"]] = group
    return found


async def observe(aws: Aws, refs: Sequence[Ref]) -> dict[Ref, Json]:
    found = await groups(aws, [ref.id for ref in refs])
    return {ref: found[ref.id] for ref in refs if ref.id in found}


def facts(group: Json) -> Json:
    return {
        "DesiredCapacity": group.get("DesiredCapacity"),
        "MinSize": group.get("MinSize"),
        "MaxSize": group.get("MaxSize"),
        "Status": group.get("Status") or "",
    }


def sight(parameters: Json, group: Json) -> Sight:
    wanted, desired = parameters["desired_capacity"], group.get("DesiredCapacity")
    if desired != wanted:
        gone = bool(group.get("Status"))
        return Sight(False, False, f"DesiredCapacity is {desired}, not {wanted}", failed=gone)
    instances = group.get("Instances") or []
    serving = sum(instance.get("LifecycleState") == "InService" for instance in instances)
    settled = serving == wanted == len(instances)
    progress = "" if settled else f"; {serving} of {wanted} instances InService so far"
    return Sight(True, settled, f"DesiredCapacity is {wanted}{progress}")


async def propose(aws: Aws, targets: Sequence[Target]) -> Proposal:
    changes = [_change(target) for target in targets]
    requests = [
        Request(
            "autoscaling",
            "SetDesiredCapacity",
            {"AutoScalingGroupName": c.target.ref.id, "DesiredCapacity": c.after, "HonorCooldown": False},
        )
        for c in changes
    ]
    names = targets[0].ref.id if len(targets) == 1 else f"{len(targets)} Auto Scaling groups"
    proposal = Proposal(f"Set the desired capacity of {names}", requests, changes)
    for change in changes:
        proposal.blast_radius += _blast_radius(change)
        proposal.warnings += _warnings(change)
    proposal.warnings += [w for some in await asyncio.gather(*(_policies(aws, c) for c in changes)) for w in some]
    proposal.cost, proposal.cost_source = await _cost(aws, changes)
    return proposal


def _change(target: Target) -> Change:
    name, group, wanted = target.ref.id, target.element, target.parameters["desired_capacity"]
    if group.get("Status"):
        raise Refused("bad-target", f"Auto Scaling group {name} is being deleted; its size cannot be set any more.")
    if not group["MinSize"] <= wanted <= group["MaxSize"]:
        raise Refused(
            "bad-parameter",
            f"Auto Scaling group {name} allows {group['MinSize']} to {group['MaxSize']} instances, not {wanted}; "
            "choose a size within these bounds or change them first.",
        )
    before = group["DesiredCapacity"]
    return Change(target, "DesiredCapacity", before, wanted, {"desired_capacity": before})


def _blast_radius(change: Change) -> list[str]:
    group, delta = change.target.element, change.after - change.before
    unit = group.get("DesiredCapacityType") or "units"
    what = "instance" if unit == "units" else f"{unit} of capacity"
    verb = "launched" if delta > 0 else "terminated"
    lines = [f"{change.target.ref.id}: {abs(delta)} {what}{'s' if abs(delta) > 1 and unit == 'units' else ''} {verb}"]
    behind = [arn.split(":targetgroup/")[-1].split("/")[0] for arn in group.get("TargetGroupARNs") or []]
    behind += [f"classic load balancer {name}" for name in group.get("LoadBalancerNames") or []]
    if behind:
        lines.append(f"{change.target.ref.id} serves {', '.join(behind)}")
    return lines


def _warnings(change: Change) -> list[str]:
    name, group = change.target.ref.id, change.target.element
    instances = group.get("Instances") or []
    tags = {tag.get("Key"): tag.get("Value") for tag in group.get("Tags") or []}
    needed = "Launch" if change.after > change.before else "Terminate"
    warnings = []
    if needed in {process.get("ProcessName") for process in group.get("SuspendedProcesses") or []}:
        warnings.append(f"{name}: the process {needed} is suspended, so nothing will happen until it is resumed.")
    if change.after == 0:
        warnings.append(f"{name}: no instance is left; whatever it serves stops.")
    if change.after < change.before:
        protected = sum(bool(instance.get("ProtectedFromScaleIn")) for instance in instances)
        if len(instances) - protected < change.before - change.after:
            warnings.append(f"{name}: {protected} instances are protected from scale-in, so fewer will end than asked.")
        warnings.append(f"{name}: Auto Scaling chooses which instances end; what is only on their disks is lost.")
    if "eks:nodegroup-name" in tags:
        warnings.append(
            f"{name}: EKS manages this group for node group {tags['eks:nodegroup-name']}; "
            "set the node group's size instead (eks.set_nodegroup_size)."
        )
    elif _AUTOSCALER_TAG in tags:
        warnings.append(f"{name}: the Kubernetes Cluster Autoscaler manages this group and may set it back.")
    return warnings


async def _policies(aws: Aws, change: Change) -> list[str]:
    name = change.target.ref.id
    policies = await aws.aside(
        f"{name}: whether a scaling policy would set the size back",
        aws.pages("autoscaling", "DescribePolicies", "ScalingPolicies", AutoScalingGroupName=name),
    )
    active = [policy["PolicyName"] for policy in policies or [] if policy.get("Enabled", True)]
    return [f"{name}: a scaling policy may set the size again: {', '.join(active)}."] if active else []


async def _cost(aws: Aws, changes: Sequence[Change]) -> tuple[float | None, str]:
    counted = []
    for change in changes:
        group, name = change.target.element, change.target.ref.id
        types = {instance.get("InstanceType") or "" for instance in group.get("Instances") or []}
        if group.get("MixedInstancesPolicy"):
            return None, f"unpriced: {name} mixes instance types or purchase options"
        if (group.get("DesiredCapacityType") or "units") != "units":
            return None, f"unpriced: {name} counts its capacity in {group['DesiredCapacityType']}"
        if len(types) != 1 or "" in types:
            return None, f"unpriced: the instance type of {name} is not certain from its {len(types)} running types"
        counted.append(Instances(types.pop(), change.after - change.before))
    return await monthly(aws, counted, "Linux/UNIX On-Demand assumed, disks and traffic not counted")


def covers(request: Request, ref: Ref) -> bool:
    return bool(request.parameters["AutoScalingGroupName"] == ref.id)


DECLARED = (
    Action(
        name="autoscaling.set_desired_capacity",
        title="Set desired capacity",
        help="Sets how many instances an Auto Scaling group is to have, within its own minimum and maximum.",
        kinds=("autoscaling.group",),
        parameters=(
            Parameter(
                "desired_capacity",
                "integer",
                "instances wanted, from the group's MinSize to its MaxSize",
                minimum=0,
                maximum=10_000,
            ),
        ),
        risk=Risk.TRAFFIC,
        permissions=("autoscaling:SetDesiredCapacity",),
        reads=("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribePolicies"),
        observe=observe,
        facts=facts,
        propose=propose,
        sight=sight,
        covers=covers,
        inverse="autoscaling.set_desired_capacity",
        repeatable=True,
        idempotency="SetDesiredCapacity sets an absolute size: sent twice, it has the effect of once.",
    ),
)
