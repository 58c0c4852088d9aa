"""EC2's status checks and scheduled events: moto's instances are always well, and nothing is ever done to them."""

from __future__ import annotations

from datetime import UTC, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, ailments, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_CHECKS = {"system": "SystemStatus", "instance": "InstanceStatus", "ebs": "AttachedEbsStatus"}
_STARTING = timedelta(minutes=3)
_SAID = {"ok": "passed", "impaired": "failed", "initializing": "initializing"}


@answers("ec2", "DescribeInstanceStatus")
def describe_instance_status(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Running instances, with IncludeAllInstances the others too; of these nothing is checked."""
    given = wire.parameters(request)
    named, everything = given.get("InstanceIds") or [], bool(given.get("IncludeAllInstances"))
    found = [
        status
        for instance in Cloud(request.account, request.region).instances()
        if (not named or instance.id in named) and (everything or instance.state == "running")
        if _passes(given, status := _status(simulation, request.account, instance))
    ]
    offset, size = _offset(given.get("NextToken")), given.get("MaxResults") or max(len(found), 1)
    output: dict[str, Any] = {"InstanceStatuses": found[offset : offset + size]}
    if offset + size < len(found):
        output["NextToken"] = f"after-{offset + size}"
    return output


def _offset(token: str | None) -> int:
    number = (token or "after-0").removeprefix("after-")
    if not number.isdigit():
        raise wire.AwsError("InvalidNextToken", f"The token '{token}' is invalid")
    return int(number)


def _status(simulation: Simulation, account: str, instance: Any) -> dict[str, Any]:
    zone = instance.placement.zone
    told: dict[str, Any] = {
        "AvailabilityZone": zone,
        "AvailabilityZoneId": accounts.zone_id(account, zone),
        "InstanceId": instance.id,
        "InstanceState": {"Code": instance._state.code, "Name": instance.state},
    }
    told |= _checks(simulation, instance)
    scheduled = ailments.event(instance)
    if scheduled is not None and instance.state != "terminated":
        told["Events"] = [_event(simulation, instance, scheduled)]
    return told


def _checks(simulation: Simulation, instance: Any) -> dict[str, Any]:
    if instance.state != "running":
        return {name: {"Status": "not-applicable"} for name in _CHECKS.values()}
    ill = ailments.impairment(instance)
    well = "initializing" if simulation.clock.naive() - instance.launch_time < _STARTING else "ok"
    checks: dict[str, Any] = {}
    for check, name in _CHECKS.items():
        failing = ill is not None and ill.check == check
        state = "impaired" if failing else well
        detail: dict[str, Any] = {"Name": "reachability", "Status": _SAID[state]}
        if ill is not None and failing:
            detail["ImpairedSince"] = ill.since.replace(tzinfo=UTC)
        checks[name] = {"Details": [detail], "Status": state}
    return checks


def _event(simulation: Simulation, instance: Any, event: ailments.Event) -> dict[str, Any]:
    over = ailments.over(instance, event, simulation.clock.naive())
    told: dict[str, Any] = {
        "InstanceEventId": event.id,
        "Code": event.code,
        "Description": ("[Completed] " if over else "") + event.description,
        "NotBefore": event.begins.replace(tzinfo=UTC),
    }
    if event.ends is not None:
        told["NotAfter"] = event.ends.replace(tzinfo=UTC)
    return told


def _passes(given: dict[str, Any], status: dict[str, Any]) -> bool:
    fields = {
        "availability-zone": [status["AvailabilityZone"]],
        "event.code": [event["Code"] for event in status.get("Events", [])],
        "instance-state-name": [status["InstanceState"]["Name"]],
        "instance-status.status": [status["InstanceStatus"]["Status"]],
        "system-status.status": [status["SystemStatus"]["Status"]],
        "attached-ebs-status.status": [status["AttachedEbsStatus"]["Status"]],
    }
    for wanted in given.get("Filters") or []:
        if wanted["Name"] not in fields:
            raise wire.AwsError("InvalidParameterValue", f"The filter '{wanted['Name']}' is invalid")
        values = fields[wanted["Name"]]
        if not any(fnmatchcase(value, pattern) for value in values for pattern in wanted.get("Values", [])):
            return False
    return True
