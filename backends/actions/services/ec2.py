"""EC2: stop and start instances."""

from __future__ import annotations

from collections.abc import Sequence

from backends.actions.base import Action, Change, Proposal, Request, Sight, Target
from backends.actions.cost import Instances, monthly
from backends.actions.services import ec2_surroundings as surroundings
from backends.actions.world import Aws, Refused, failure_of
from backends.model import Json, Ref, Risk

_ENDED = ("shutting-down", "terminated")


def state(instance: Json) -> str:
    return str((instance.get("State") or {}).get("Name") or "unknown")


async def observe(aws: Aws, refs: Sequence[Ref]) -> dict[Ref, Json]:
    # A filter, not InstanceIds: one instance that is gone would make the whole request fail.
    wanted = [{"Name": "instance-id", "Values": [ref.id for ref in refs]}]
    found = {
        instance["InstanceId"]: instance
        for reservation in await aws.pages("ec2", "DescribeInstances", "Reservations", Filters=wanted)
        for instance in reservation.get("Instances") or []
    }
    return {ref: found[ref.id] for ref in refs if ref.id in found}


def facts(instance: Json) -> Json:
    return {
        "State": state(instance),
        "InstanceType": instance.get("InstanceType"),
        "AutoScalingGroup": surroundings.group_of(instance),
    }


def sight_stopped(_parameters: Json, instance: Json) -> Sight:
    now = state(instance)
    return Sight(now in ("stopping", "stopped"), now == "stopped", f"State is {now}", failed=now in _ENDED)


def sight_started(_parameters: Json, instance: Json) -> Sight:
    now = state(instance)
    return Sight(now in ("pending", "running"), now == "running", f"State is {now}", failed=now in _ENDED)


async def propose_stop(aws: Aws, targets: Sequence[Target]) -> Proposal:
    for target in targets:
        _refuse_unstoppable(target)
    await surroundings.refuse_protected(aws, targets)
    proposal = await _proposal(aws, targets, "StopInstances", "running", "stopped")
    around = await surroundings.look(aws, targets)
    proposal.blast_radius += around.blast_radius
    proposal.warnings += around.warnings
    if around.replaced:
        # The group ends a member that stops, so for the instance this is a termination: the highest rung.
        proposal.risk, proposal.undoable = Risk.DESTRUCTIVE, False
    return proposal


async def propose_start(aws: Aws, targets: Sequence[Target]) -> Proposal:
    for target in targets:
        _refuse_unless(target, "stopped", "started")
    proposal = await _proposal(aws, targets, "StartInstances", "stopped", "running")
    proposal.warnings += [
        f"{t.ref.id} is a member of Auto Scaling group {group}, which may end it before it is healthy."
        for t in targets
        if (group := surroundings.group_of(t.element))
    ]
    return proposal


def _refuse_unless(target: Target, needed: str, participle: str) -> None:
    now = state(target.element)
    if now != needed:
        raise Refused("bad-target", f"Instance {target.ref.id} is {now}; only a {needed} one can be {participle}.")


def _refuse_unstoppable(target: Target) -> None:
    _refuse_unless(target, "running", "stopped")
    if target.element.get("RootDeviceType") == "instance-store":
        raise Refused(
            "bad-target",
            f"Instance {target.ref.id} has its root on instance store: EC2 cannot stop it, only terminate it.",
        )


async def _proposal(aws: Aws, targets: Sequence[Target], operation: str, before: str, after: str) -> Proposal:
    ids = [target.ref.id for target in targets]
    verb = operation.removesuffix("Instances")
    what = f"instance {ids[0]}" if len(ids) == 1 else f"{len(ids)} instances"
    proposal = Proposal(
        f"{verb} {what}",
        [Request("ec2", operation, {"InstanceIds": ids})],
        [Change(target, "State", before, after, {}) for target in targets],
    )
    proposal.blast_radius.append(f"{len(ids)} instance{'s' if len(ids) > 1 else ''} {after}: {', '.join(ids)}")
    allowed = await _dry_run(aws, operation, ids)
    proposal.checks.append((f"EC2 DryRun of {operation}", allowed))
    if allowed != "allowed":
        proposal.warnings.append(
            f"EC2's own dry run of {operation} says {allowed}: these credentials cannot be sure to carry it out."
        )
    proposal.cost, proposal.cost_source = await _cost(aws, targets, 1 if operation == "StartInstances" else -1)
    return proposal


async def _dry_run(aws: Aws, operation: str, ids: list[str]) -> str:
    """EC2's own answer: "allowed", "denied", or "unknown (code)". DryRun is real for both operations."""
    try:
        await aws.call("ec2", operation, InstanceIds=ids, DryRun=True)
    except Exception as error:
        failure = failure_of(error)
        if failure.code in ("DryRunOperation", "Client.DryRunOperation"):
            return "allowed"
        return "denied" if failure.denied else f"unknown ({failure.code})"
    raise Refused(
        "aws-error",
        f"This endpoint ignored DryRun and may have carried {operation} out; look at {', '.join(ids)} before going on.",
    )


async def _cost(aws: Aws, targets: Sequence[Target], sign: int) -> tuple[float | None, str]:
    counted = [
        Instances(
            str(target.element.get("InstanceType")),
            sign,
            str(target.element.get("PlatformDetails") or "Linux/UNIX"),
            target.element.get("InstanceLifecycle") == "spot",
        )
        for target in targets
    ]
    return await monthly(aws, counted, "volumes and Elastic IP addresses cost the same either way")


def covers(request: Request, ref: Ref) -> bool:
    return ref.id in request.parameters["InstanceIds"]


_READS = ("ec2:DescribeInstances",)

DECLARED = (
    Action(
        name="ec2.stop_instance",
        title="Stop instance",
        help="Stops running instances: memory and instance store are lost, volumes stay and go on costing.",
        kinds=("ec2.instance",),
        parameters=(),
        risk=Risk.TRAFFIC,
        permissions=("ec2:StopInstances",),
        reads=(*_READS, *surroundings.READS),
        observe=observe,
        facts=facts,
        propose=propose_stop,
        sight=sight_stopped,
        covers=covers,
        inverse="ec2.start_instance",
        repeatable=True,
        idempotency="StopInstances leaves an instance that is stopping or stopped as it is.",
    ),
    Action(
        name="ec2.start_instance",
        title="Start instance",
        help="Starts stopped instances; they cost money from then on and may get other public addresses.",
        kinds=("ec2.instance",),
        parameters=(),
        risk=Risk.TRAFFIC,
        permissions=("ec2:StartInstances",),
        reads=_READS,
        observe=observe,
        facts=facts,
        propose=propose_start,
        sight=sight_started,
        covers=covers,
        inverse="ec2.stop_instance",
        repeatable=True,
        idempotency="StartInstances leaves an instance that is pending or running as it is.",
    ),
)
