"""EKS: how many nodes a managed node group is to have."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from backends.actions.base import Action, Change, Parameter, Proposal, Request, Sight, Target
from backends.actions.cost import Instances, monthly
from backends.actions.world import Aws, Refused, failure_of
from backends.model import Json, Ref, Risk

_BUSY = ("CREATING", "UPDATING", "DELETING", "CREATE_FAILED", "DELETE_FAILED")


def _names(ref: Ref) -> tuple[str, str]:
    cluster, slash, group = ref.id.partition("/")
    if not slash or not cluster or not group:
        raise Refused("bad-target", f"{str(ref)!a} does not name a node group; its id is cluster/nodegroup.")
    return cluster, group


async def observe(aws: Aws, refs: Sequence[Ref]) -> dict[Ref, Json]:
    elements = await asyncio.gather(*(_nodegroup(aws, ref) for ref in refs))
    return {ref: element for ref, element in zip(refs, elements, strict=True) if element is not None}


async def _nodegroup(aws: Aws, ref: Ref) -> Json | None:
    cluster, group = _names(ref)
    try:
        answer = await aws.call("eks", "DescribeNodegroup", clusterName=cluster, nodegroupName=group)
    except Exception as error:
        if failure_of(error).code == "ResourceNotFoundException":
            return None
        raise
    element: Json = answer["nodegroup"]
    return element


def facts(group: Json) -> Json:
    scaling = group.get("scalingConfig") or {}
    return {
        "scalingConfig.desiredSize": scaling.get("desiredSize"),
        "scalingConfig.minSize": scaling.get("minSize"),
        "scalingConfig.maxSize": scaling.get("maxSize"),
        "status": group.get("status") or "",
    }


def sight(parameters: Json, group: Json) -> Sight:
    wanted, now = parameters["desired_size"], facts(group)
    desired, status = now["scalingConfig.desiredSize"], now["status"]
    if desired != wanted:
        gone = status in ("DELETING", "DELETE_FAILED")
        return Sight(False, False, f"desiredSize is {desired}, not {wanted}; status {status}", failed=gone)
    return Sight(True, status != "UPDATING", f"desiredSize is {wanted}; status {status}")


async def propose(aws: Aws, targets: Sequence[Target]) -> Proposal:
    changes = [_change(target) for target in targets]
    names = targets[0].ref.id if len(targets) == 1 else f"{len(targets)} node groups"
    proposal = Proposal(f"Set the size of {names}", [_request(change) for change in changes], changes)
    for change in changes:
        proposal.blast_radius += _blast_radius(change)
        proposal.warnings += _warnings(change)
    proposal.cost, proposal.cost_source = await _cost(aws, changes)
    return proposal


def _change(target: Target) -> Change:
    name, now, wanted = target.ref.id, facts(target.element), target.parameters["desired_size"]
    least, most = now["scalingConfig.minSize"], now["scalingConfig.maxSize"]
    if now["status"] in _BUSY:
        raise Refused("bad-target", f"Node group {name} is {now['status']}; its size can be set when it is ACTIVE.")
    if least is None or most is None or not least <= wanted <= most:
        raise Refused(
            "bad-parameter",
            f"Node group {name} allows {least} to {most} nodes, not {wanted}; "
            "choose a size within these bounds or change them first.",
        )
    before = now["scalingConfig.desiredSize"]
    return Change(target, "scalingConfig.desiredSize", before, wanted, {"desired_size": before})


def _request(change: Change) -> Request:
    cluster, group = _names(change.target.ref)
    now = facts(change.target.element)
    return Request(
        "eks",
        "UpdateNodegroupConfig",
        {
            "clusterName": cluster,
            "nodegroupName": group,
            # Minimum and maximum travel as they are: some implementations replace the whole structure.
            "scalingConfig": {
                "minSize": now["scalingConfig.minSize"],
                "maxSize": now["scalingConfig.maxSize"],
                "desiredSize": change.after,
            },
            "clientRequestToken": secrets.token_hex(16),
        },
    )


def _blast_radius(change: Change) -> list[str]:
    delta, group = change.after - change.before, change.target.element
    nodes = f"{abs(delta)} node{'s' if abs(delta) > 1 else ''}"
    lines = [f"{change.target.ref.id}: {nodes} {'added' if delta > 0 else 'drained and terminated'}"]
    behind = [item.get("name") for item in (group.get("resources") or {}).get("autoScalingGroups") or []]
    if behind:
        lines.append(f"{change.target.ref.id} runs on Auto Scaling group {', '.join(map(str, behind))}")
    return lines


def _warnings(change: Change) -> list[str]:
    name, group = change.target.ref.id, change.target.element
    warnings = []
    if group.get("status") == "DEGRADED":
        issues = [issue.get("code") for issue in (group.get("health") or {}).get("issues") or []]
        warnings.append(f"{name} is DEGRADED ({', '.join(map(str, issues)) or 'no issue named'}).")
    if change.after < change.before:
        warnings.append(
            f"{name}: EKS tries to evict the pods of the nodes that it removes, and ends those nodes after 15 minutes "
            "even where a disruption budget forbids it."
        )
    if change.after == 0:
        warnings.append(f"{name}: no node is left; pods that fit nowhere else stay pending.")
    warnings.append(f"{name}: if the Cluster Autoscaler watches this group, it may set the size again.")
    return warnings


async def _cost(aws: Aws, changes: Sequence[Change]) -> tuple[float | None, str]:
    counted = []
    for change in changes:
        group, name = change.target.element, change.target.ref.id
        types = group.get("instanceTypes") or []
        if len(types) != 1:
            return None, f"unpriced: {name} may use any of {len(types)} instance types"
        product = "Windows" if str(group.get("amiType", "")).startswith("WINDOWS") else "Linux/UNIX"
        spot = group.get("capacityType") == "SPOT"
        counted.append(Instances(types[0], change.after - change.before, product, spot))
    return await monthly(aws, counted, "disks and traffic not counted")


def covers(request: Request, ref: Ref) -> bool:
    return (request.parameters["clusterName"], request.parameters["nodegroupName"]) == _names(ref)


DECLARED = (
    Action(
        name="eks.set_nodegroup_size",
        title="Set node group size",
        help="Sets how many nodes a managed node group is to have; its minimum and maximum stay as they are.",
        kinds=("eks.nodegroup",),
        parameters=(
            Parameter(
                "desired_size",
                "integer",
                "nodes wanted, from the node group's minSize to its maxSize",
                minimum=0,
                maximum=10_000,
            ),
        ),
        risk=Risk.TRAFFIC,
        permissions=("eks:UpdateNodegroupConfig",),
        reads=("eks:DescribeNodegroup",),
        observe=observe,
        facts=facts,
        propose=propose,
        sight=sight,
        covers=covers,
        inverse="eks.set_nodegroup_size",
        repeatable=True,
        idempotency="UpdateNodegroupConfig carries the plan's own clientRequestToken: EKS carries it out once.",
    ),
)
