"""IAM: people and machines of various ages, keys that should have been rotated, roles and policies, some too wide."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import AccessKeyLastUsed

from backends.simulated import accounts
from backends.simulated.accounts import SimulatedAccount
from backends.simulated.cloud import Cloud
from backends.simulated.hostile import HOSTILE, wire_safe
from backends.simulated.randomness import stream


@dataclass(frozen=True, slots=True)
class Person:
    """`keys` are (age in days, days since use or None for never, active), `policies` those attached to the person."""

    name: str
    age: int
    groups: tuple[str, ...] = ()
    console_idle: int | None = None
    mfa: bool = True
    keys: tuple[tuple[int, int | None, bool], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    policies: tuple[str, ...] = ()


_PEOPLE = {
    accounts.PRODUCTION.id: (
        Person(accounts.OPERATOR_USER, 200, ("operators",), keys=((30, 0, True),)),
        Person("alice.moreau", 1480, ("administrators",), 1, keys=((412, 3, True),)),
        Person("bob.lindqvist", 1290, ("developers",), 2),
        Person("chen.wei", 960, ("developers",), 0, keys=((88, 1, True),)),
        Person("dana.okafor", 770, ("operators",), 5),
        Person("erik.contractor", 640, ("developers",), 214, mfa=False, keys=((640, 190, True), (300, None, True))),
        Person("fatima.zahra", 410, ("auditors",), 9),
        Person("ci-deployer", 1120, ("deployers",), keys=((733, 0, True), (40, None, False))),
        Person("terraform", 1100, ("administrators",), mfa=False, keys=((1095, 2, True),)),
        Person("backup-agent", 900, (), keys=((901, 0, True),), tags=(("note", HOSTILE[4]),), policies=("write-logs",)),
        Person("legacy-smtp", 2100, (), keys=((2100, 730, True),), tags=(("owner", "unknown"),)),
        Person("grace.holm", 30, ("developers",), None, mfa=False),
        Person("intern.2024", 480, ("developers",), 420, mfa=False, keys=((480, 430, False),)),
        Person("metrics-exporter", 350, (), keys=((350, 0, True),), tags=(("team", HOSTILE[10]),)),
    ),
    accounts.SANDBOX.id: (
        Person("alice.moreau", 900, ("administrators",), 12),
        Person("playground", 700, ("administrators",), mfa=False, keys=((700, 1, True), (650, 400, True))),
        Person("hans.test", 220, ("developers",), 60, mfa=False),
        Person("notebook-runner", 160, (), keys=((160, 0, True),), tags=(("note", HOSTILE[15]),)),
    ),
}

_EC2 = {"Service": "ec2.amazonaws.com"}
_EKS = {"Service": "eks.amazonaws.com"}
# role name → (who assumes it, policy names, age in days, days since use)
_ROLES: dict[str, tuple[dict[str, str], tuple[str, ...], int, int | None]] = {
    "eks-cluster": (_EKS, ("cluster-control",), 1100, 0),
    "eks-node": (_EC2, ("node-basics", "read-artifacts"), 1100, 0),
    "web-instance": (_EC2, ("read-artifacts", "write-logs"), 1300, 0),
    "worker-instance": (_EC2, ("queue-consumer", "write-logs"), 800, 0),
    "db-instance": (_EC2, ("write-logs",), 1300, 0),
    "deploy": ({"AWS": "arn:aws:iam::111122223333:root"}, ("deploy-everything",), 1120, 1),
    "audit-read": ({"AWS": "arn:aws:iam::111122223333:root"}, ("audit",), 410, 9),
    "break-glass": ({"AWS": "arn:aws:iam::111122223333:root"}, ("administrator",), 1500, None),
    "old-lambda": ({"Service": "lambda.amazonaws.com"}, ("write-logs",), 1900, 700),
    "vendor-monitoring": ({"AWS": "arn:aws:iam::999988887777:root"}, ("audit",), 620, 3),
}

# What AWS's own services act as in production: role name → (which service, what it may do, age in days)
_SERVICE_ROLES: dict[str, tuple[str, list[str], int]] = {
    "aws-ec2-spot-fleet-tagging-role": (
        "spotfleet.amazonaws.com",
        ["ec2:RunInstances", "ec2:RequestSpotInstances", "ec2:TerminateInstances", "ec2:CreateTags"],
        260,
    ),
    "flow-logs": ("vpc-flow-logs.amazonaws.com", ["logs:CreateLogStream", "logs:PutLogEvents"], 500),
}

_POLICIES: dict[str, list[tuple[list[str], str]]] = {
    "administrator": [(["*"], "*")],
    "audit": [(["ec2:Describe*", "iam:Get*", "iam:List*", "cloudtrail:LookupEvents", "ce:Get*"], "*")],
    "cluster-control": [(["ec2:*", "elasticloadbalancing:*"], "*")],
    "deploy-everything": [(["ec2:*", "autoscaling:*", "iam:PassRole"], "*")],
    "developer": [(["ec2:Describe*", "logs:*", "s3:Get*"], "*")],
    "node-basics": [(["ec2:Describe*", "ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "*")],
    "operate": [
        (
            ["autoscaling:SetDesiredCapacity", "ec2:StartInstances", "ec2:StopInstances", "eks:UpdateNodegroupConfig"],
            "*",
        )
    ],
    "queue-consumer": [(["sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:aws:sqs:*:111122223333:jobs-*")],
    "read-artifacts": [(["s3:GetObject"], "arn:aws:s3:::example-artifacts/*")],
    "write-logs": [(["logs:CreateLogStream", "logs:PutLogEvents"], "*")],
    "old-catch-all": [(["s3:*", "dynamodb:*", "sns:*"], "*")],
}
_GROUP_POLICIES = {
    "administrators": "administrator",
    "auditors": "audit",
    "deployers": "deploy-everything",
    "developers": "developer",
    "operators": "operate",
}


def plant(account: SimulatedAccount, now: datetime, seed: int) -> None:
    """Make the users, groups, roles and policies of one account."""
    iam = Cloud(account.id, "us-east-1").iam
    iam.create_account_alias(f"example-{account.alias}")
    rng = stream(seed, "iam", account.id)
    arns = {}
    for name, statements in _POLICIES.items():
        policy = iam.create_policy(f"{name} for {account.alias}", "/", _document(statements), name, [])
        policy.create_date = policy.update_date = now - timedelta(days=rng.randint(60, 1500), hours=rng.randint(0, 23))
        arns[name] = policy.arn
    for group, policy_name in _GROUP_POLICIES.items():
        iam.create_group(group).create_date = now - timedelta(days=1500)
        iam.attach_group_policy(arns[policy_name], group)
    for person in _PEOPLE[account.id]:
        _person(iam, account, person, now)
        for policy_name in person.policies:
            iam.attach_user_policy(arns[policy_name], person.name)
    _roles(iam, account, arns, now)


def credentials() -> tuple[str, str]:
    """The operator's access key id and secret, as the seed made them."""
    user = Cloud(accounts.PRODUCTION.id, "us-east-1").iam.get_user(accounts.OPERATOR_USER)
    key = user.access_keys[0]
    return key.access_key_id, key.secret_access_key


def plant_service_roles(now: datetime) -> None:
    """Make the roles that AWS's services assume in production."""
    iam = Cloud(accounts.PRODUCTION.id, "us-east-1").iam
    for name, (service, actions, age) in _SERVICE_ROLES.items():
        role = _role(iam, name, {"Service": service}, now - timedelta(days=age))
        role.last_used = now - timedelta(minutes=25)
        iam.put_role_policy(name, "service", _document([(actions, "*")]))


def _person(iam: Any, account: SimulatedAccount, person: Person, now: datetime) -> None:
    tags = [{"Key": key, "Value": wire_safe(value)[:256]} for key, value in person.tags]
    user = iam.create_user("us-east-1", person.name, "/", tags)
    user.create_date = now - timedelta(days=person.age)
    if person.console_idle is not None:
        user.password = "seeded-and-never-shown"  # noqa: S105 - a marker that the user may log in, not a secret
        user.password_last_used = now - timedelta(days=person.console_idle, minutes=37)
    if person.mfa and person.console_idle is not None:
        user.enable_mfa_device(f"arn:aws:iam::{account.id}:mfa/{person.name}", "000000", "000000")
    for group in person.groups:
        iam.add_user_to_group(group, person.name)
    for age, idle, active in person.keys:
        key = iam.create_access_key(person.name, status="Active" if active else "Inactive")
        key.create_date = now - timedelta(days=age)
        if idle is not None:
            key.last_used = AccessKeyLastUsed(now - timedelta(days=idle, minutes=11), "ec2", "us-east-1")
    if person.name == "legacy-smtp":
        iam.put_user_policy(person.name, "send-anything", _document([(["ses:*"], "*")]))


def _roles(iam: Any, account: SimulatedAccount, arns: dict[str, str], now: datetime) -> None:
    for name, (principal, policies, age, idle) in _ROLES.items():
        role = _role(iam, name, principal, now - timedelta(days=age))
        if idle is not None:
            role.last_used = now - timedelta(days=idle, minutes=5)
        for policy in policies:
            iam.attach_role_policy(arns[policy], name)
        if principal == _EC2:
            iam.create_instance_profile(name, "/", [name]).create_date = role.create_date
    access = _role(iam, accounts.ACCESS_ROLE, {"AWS": f"arn:aws:iam::{accounts.PRODUCTION.id}:root"}, now)
    access.create_date = now - timedelta(days=200)
    access.description = wire_safe(f"Assumed by {accounts.OPERATOR_USER} {HOSTILE[12]}")
    iam.attach_role_policy(arns["operate"], accounts.ACCESS_ROLE)
    iam.attach_role_policy(arns["audit"], accounts.ACCESS_ROLE)


def _role(iam: Any, name: str, principal: dict[str, str], created: datetime) -> Any:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal}]}
    trust["Statement"][0]["Action"] = "sts:AssumeRole"  # type: ignore[index]
    role = iam.create_role(name, json.dumps(trust), "/", None, f"{name} role", [], "3600")
    role.create_date = created
    return role


def _document(statements: list[tuple[list[str], str]]) -> str:
    body = [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": body})
