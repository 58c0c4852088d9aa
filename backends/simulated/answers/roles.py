"""STS: a role that does not exist cannot be assumed, as in AWS; moto would invent an account for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud
from backends.simulated.seed import members

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("sts", "AssumeRole")
def assume_role(simulation: Simulation, request: wire.Request) -> None:
    """Leave it to moto where the role exists, and its trust policy asks for no more than was said."""
    arn = request.query.get("RoleArn", "")
    parts = arn.split(":")
    if len(parts) == 6 and parts[4] in accounts.BY_ID:
        members.plant_once(parts[4], simulation.seed, simulation.clock.naive())
        for role in Cloud(parts[4], accounts.REGIONS[0]).iam.roles.values():
            if role.arn == arn and _trusts(role.assume_role_policy_document, request.query.get("ExternalId", "")):
                return
    user = f"arn:{accounts.PARTITION}:iam::{request.account}:user/{accounts.OPERATOR_USER}"
    message = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    raise wire.AwsError("AccessDenied", message, 403)


def _trusts(policy: str, external_id: str) -> bool:
    asked = json.loads(policy)["Statement"][0].get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId", "")
    return not asked or asked == external_id
