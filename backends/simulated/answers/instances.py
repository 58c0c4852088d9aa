"""EC2 instances: what AWS refuses to stop or to start, where moto just does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


def _named(request: wire.Request) -> list[Any]:
    wanted = wire.parameters(request).get("InstanceIds") or []
    return [i for i in Cloud(request.account, request.region).instances() if i.id in wanted]


@answers("ec2", "StopInstances")
def stop_instances(simulation: Simulation, request: wire.Request) -> None:
    """Terminated and one-time spot instances cannot be stopped; the rest is moto's."""
    for instance in _named(request):
        _not_terminated(instance)
        if instance.lifecycle == "spot":
            message = (
                f"You can't stop the Spot Instance '{instance.id}' because it is associated with a one-time "
                "Spot Instance request. You can only stop Spot Instances associated with persistent requests."
            )
            raise wire.AwsError("UnsupportedOperation", message)


@answers("ec2", "StartInstances")
def start_instances(simulation: Simulation, request: wire.Request) -> None:
    """Terminated instances cannot be started; the rest is moto's."""
    for instance in _named(request):
        _not_terminated(instance)


def _not_terminated(instance: Any) -> None:
    if instance.state == "terminated":
        message = f"The instance '{instance.id}' is not in a state from which it can be started or stopped."
        raise wire.AwsError("IncorrectInstanceState", message)
