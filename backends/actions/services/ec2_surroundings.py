"""What hangs on an instance: stop protection, its group, its spot request, its load balancers, its local disks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.actions.base import Target
from backends.actions.services.autoscaling import groups
from backends.actions.world import Aws, Refused
from backends.model import Json

READS = (
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeSpotInstanceRequests",
    "autoscaling:DescribeAutoScalingGroups",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)

_TARGET_GROUPS_READ = 20
"""Target health is one request per target group; beyond this many in the VPC the plan says that it did not look."""


@dataclass(slots=True)
class Around:
    """What stopping would touch. `replaced` are the instances that an Auto Scaling group would end and replace."""

    blast_radius: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


def group_of(instance: Json) -> str:
    """The Auto Scaling group that the instance belongs to, by the tag that only Auto Scaling can set; "" for none."""
    for tag in instance.get("Tags") or []:
        if tag.get("Key") == "aws:autoscaling:groupName":
            return str(tag.get("Value") or "")
    return ""


async def refuse_protected(aws: Aws, targets: Sequence[Target]) -> None:
    """Refuse where stop protection is on; where that cannot be read, note it as unknown."""
    answers = await asyncio.gather(*(_protected(aws, target.ref.id) for target in targets))
    shielded = [target.ref.id for target, on in zip(targets, answers, strict=True) if on]
    if shielded:
        raise Refused("bad-target", f"Stop protection is on for {', '.join(shielded)}; turn it off there first.")


async def _protected(aws: Aws, instance: str) -> bool:
    request = aws.call("ec2", "DescribeInstanceAttribute", InstanceId=instance, Attribute="disableApiStop")
    answer = await aws.aside(f"{instance}: stop protection", request)
    return bool(((answer or {}).get("DisableApiStop") or {}).get("Value"))


async def look(aws: Aws, targets: Sequence[Target]) -> Around:
    around = Around()
    await _auto_scaling(aws, targets, around)
    await _spot(aws, targets, around)
    await _local_disks(aws, targets, around)
    await _load_balancers(aws, targets, around)
    for target in targets:
        if _loses_address(target.element):
            around.warnings.append(f"{target.ref.id} loses its public address {target.element['PublicIpAddress']}.")
    return around


async def _auto_scaling(aws: Aws, targets: Sequence[Target], around: Around) -> None:
    members = {target.ref.id: group for target in targets if (group := group_of(target.element))}
    if not members:
        return
    names = sorted(set(members.values()))
    known = await aws.aside("The Auto Scaling groups of these instances", groups(aws, names)) or {}
    for instance, name in members.items():
        group = known.get(name, {})
        lifecycle = {m.get("InstanceId"): m.get("LifecycleState") for m in group.get("Instances") or []}.get(instance)
        suspended = {process.get("ProcessName") for process in group.get("SuspendedProcesses") or []}
        if lifecycle == "Standby" or {"HealthCheck", "ReplaceUnhealthy"} & suspended:
            around.warnings.append(
                f"{instance} is a member of Auto Scaling group {name}, which will not replace it now."
            )
            continue
        around.replaced.append(instance)
        around.warnings.append(
            f"{instance} is a member of Auto Scaling group {name}: the group terminates a stopped member and launches "
            "another, so this cannot be undone; set it to standby or change the desired capacity instead."
        )
    around.blast_radius += [
        f"Auto Scaling group {name}: {list(members.values()).count(name)} of its members" for name in names
    ]


async def _spot(aws: Aws, targets: Sequence[Target], around: Around) -> None:
    by_request = {
        target.element["SpotInstanceRequestId"]: target.ref.id
        for target in targets
        if target.element.get("InstanceLifecycle") == "spot" and target.element.get("SpotInstanceRequestId")
    }
    if not by_request:
        return
    requests = await aws.aside(
        "The spot requests of these instances",
        aws.pages(
            "ec2",
            "DescribeSpotInstanceRequests",
            "SpotInstanceRequests",
            Filters=[{"Name": "spot-instance-request-id", "Values": sorted(by_request)}],
        ),
    )
    for request in requests or []:
        instance = by_request.get(request.get("SpotInstanceRequestId"), "")
        if instance and request.get("Type") == "one-time":
            raise Refused(
                "bad-target",
                f"Instance {instance} comes from a one-time spot request: EC2 cannot stop it, only end it.",
            )
    around.warnings += [
        f"{instance} is a spot instance: its request is disabled while it is stopped, and it starts again only where "
        "there is spot capacity."
        for instance in sorted(by_request.values())
    ]


async def _local_disks(aws: Aws, targets: Sequence[Target], around: Around) -> None:
    types = sorted({str(target.element["InstanceType"]) for target in targets if target.element.get("InstanceType")})
    if not types:
        return
    answers = await aws.aside(
        "Whether these instance types have instance store",
        aws.pages("ec2", "DescribeInstanceTypes", "InstanceTypes", InstanceTypes=types),
    )
    sizes = {
        answer.get("InstanceType"): (answer.get("InstanceStorageInfo") or {}).get("TotalSizeInGB")
        for answer in answers or []
        if answer.get("InstanceStorageSupported")
    }
    for target in targets:
        kind = target.element.get("InstanceType")
        if kind in sizes:
            size = f"{sizes[kind]} GB of " if sizes[kind] else ""
            around.warnings.append(f"{target.ref.id} ({kind}) loses what is on its {size}instance store.")


async def _load_balancers(aws: Aws, targets: Sequence[Target], around: Around) -> None:
    networks = {target.element.get("VpcId") for target in targets} - {None}
    listed = aws.pages("elbv2", "DescribeTargetGroups", "TargetGroups", marker=True)
    found = await aws.aside("The target groups of these instances", listed)
    here = [g for g in found or [] if g.get("TargetType") == "instance" and g.get("VpcId") in networks]
    if len(here) > _TARGET_GROUPS_READ:
        around.warnings.append(f"Which of {len(here)} target groups send traffic to them was not looked up: too many.")
        return
    ids = {target.ref.id for target in targets}
    for line, warning in await asyncio.gather(*(_target_group(aws, group, ids) for group in here)):
        around.blast_radius += line
        around.warnings += warning


async def _target_group(aws: Aws, group: Json, ids: set[str]) -> tuple[list[str], list[str]]:
    name = group.get("TargetGroupName") or ""
    request = aws.call("elbv2", "DescribeTargetHealth", TargetGroupArn=group["TargetGroupArn"])
    answer = await aws.aside(f"The targets of {name}", request) or {}
    health = [
        ((item.get("Target") or {}).get("Id"), (item.get("TargetHealth") or {}).get("State"))
        for item in answer.get("TargetHealthDescriptions") or []
    ]
    ours = [instance for instance, _ in health if instance in ids]
    if not ours:
        return [], []
    others = len({instance for instance, state in health if state == "healthy" and instance not in ids})
    line = f"target group {name}: {len(ours)} of {len(health)} targets, {others} other healthy ones remain"
    return [line], [] if others else [f"Target group {name} is left without a healthy target."]


def _loses_address(instance: Json) -> bool:
    """Whether the public address is one that EC2 lent (an Elastic IP address stays)."""
    if not instance.get("PublicIpAddress"):
        return False
    interfaces = instance.get("NetworkInterfaces") or []
    owners = {(interface.get("Association") or {}).get("IpOwnerId") for interface in interfaces} - {None}
    return not owners or "amazon" in owners
