"""Classic Load Balancers: why an instance is out of service, which moto does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_FAILED = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
_STOPPED = "Instance is in stopped state."


@answers("elb", "DescribeInstanceHealth")
def describe_instance_health(simulation: Simulation, request: wire.Request) -> dict[str, Any] | None:
    """The instances of a load balancer; one that does not run is out of service."""
    cloud, name = Cloud(request.account, request.region), wire.parameters(request)["LoadBalancerName"]
    balancer = cloud.elb.load_balancers.get(name)
    if balancer is None:
        return None
    states = {instance.id: instance.state for instance in cloud.instances()}
    return {"InstanceStates": [_told(identity, states.get(identity, "")) for identity in balancer.instance_ids]}


def _told(identity: str, state: str) -> dict[str, str]:
    if state == "running":
        return {"InstanceId": identity, "State": "InService", "ReasonCode": "N/A", "Description": "N/A"}
    description = _STOPPED if state == "stopped" else _FAILED
    return {"InstanceId": identity, "State": "OutOfService", "ReasonCode": "Instance", "Description": description}
