"""STS: a role that does not exist cannot be assumed, as in AWS; moto would invent an account for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("sts", "AssumeRole")
def assume_role(simulation: Simulation, request: wire.Request) -> None:
    """Leave it to moto where the role exists."""
    arn = request.query.get("RoleArn", "")
    parts = arn.split(":")
    if len(parts) == 6 and parts[4] in accounts.BY_ID:
        roles = Cloud(parts[4], accounts.REGIONS[0]).iam.roles.values()
        if any(role.arn == arn for role in roles):
            return
    user = f"arn:{accounts.PARTITION}:iam::{request.account}:user/{accounts.OPERATOR_USER}"
    message = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    raise wire.AwsError("AccessDenied", message, 403)
