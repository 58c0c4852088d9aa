"""Auto Scaling: instance refreshes are started, told of and cancelled; moto knows none."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from backends.simulated import refreshes, wire
from backends.simulated.answers.autoscaling import group_named
from backends.simulated.answers.registry import answers
from backends.simulated.refreshes import Refresh

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("autoscaling", "StartInstanceRefresh")
def start_instance_refresh(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One at a time, as in AWS; the world exchanges the instances from the next minute on."""
    given = wire.parameters(request)
    group = group_named(request, given["AutoScalingGroupName"])
    if any(refresh.active for refresh in refreshes.of(group)):
        message = "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
        raise wire.AwsError("InstanceRefreshInProgress", message)
    if not group.instance_states:
        raise wire.AwsError("ValidationError", "An Instance Refresh needs at least one instance in the group.")
    preferences = {"MinHealthyPercentage": 90, "SkipMatching": False} | (given.get("Preferences") or {})
    refresh = Refresh(
        simulation.fleets.next_activity(),
        simulation.clock.naive(),
        len(group.instance_states),
        preferences,
        given.get("DesiredConfiguration"),
    )
    refreshes.of(group).append(refresh)
    return {"InstanceRefreshId": refresh.id}


@answers("autoscaling", "CancelInstanceRefresh")
def cancel_instance_refresh(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """What is exchanged stays so."""
    group = group_named(request, wire.parameters(request)["AutoScalingGroupName"])
    active = next((refresh for refresh in refreshes.of(group) if refresh.active), None)
    if active is None:
        raise wire.AwsError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    active.end("Cancelled", simulation.clock.naive(), "Cancelled due to user request.")
    return {"InstanceRefreshId": active.id}


@answers("autoscaling", "DescribeInstanceRefreshes")
def describe_instance_refreshes(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """A group's refreshes, newest first."""
    given = wire.parameters(request)
    group = group_named(request, given["AutoScalingGroupName"])
    wanted = given.get("InstanceRefreshIds")
    chosen = [found for found in reversed(refreshes.of(group)) if not wanted or found.id in wanted]
    offset, size = int(given.get("NextToken") or 0), min(given.get("MaxRecords") or 50, 100)
    output: dict[str, Any] = {"InstanceRefreshes": [_told(group, found) for found in chosen[offset : offset + size]]}
    if offset + size < len(chosen):
        output["NextToken"] = str(offset + size)
    return output


def _told(group: Any, refresh: Refresh) -> dict[str, Any]:
    told = {
        "InstanceRefreshId": refresh.id,
        "AutoScalingGroupName": group.name,
        "Status": refresh.status,
        "StatusReason": refresh.reason,
        "StartTime": refresh.started.replace(tzinfo=UTC),
        "EndTime": refresh.ended.replace(tzinfo=UTC) if refresh.ended else None,
        "PercentageComplete": refresh.percent,
        "InstancesToUpdate": refresh.left,
        "Preferences": refresh.preferences,
        "DesiredConfiguration": refresh.wanted,
        "RollbackDetails": refresh.rollback,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}
