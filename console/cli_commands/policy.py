"""`quarterdeck policy`: the least that an IAM policy must allow, from the declarations."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

import click

from backends.client import Json, Reach, gather
from console.cli_commands.failures import Failure, no_such_kind
from console.cli_commands.output import say_json

IDENTITY = ("sts:GetCallerIdentity", "ec2:DescribeRegions", "iam:ListAccountAliases")
"""What every poll begins with: who am I, which regions are enabled, what is the account called."""
LISTING = "organizations:ListAccounts"
UNITS = (
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
)
"""What an organization is listed with, and what more where some of its units are meant."""


@click.command()
@click.option("--write", is_flag=True, help="Also what carrying out the actions needs.")
@click.argument("kinds", nargs=-1, metavar="[KIND]…")
def policy(write: bool, kinds: tuple[str, ...]) -> None:
    """Print the least IAM policy for polling every kind, or those named. Needs no credentials.

    Where config.toml names more accounts ([[accounts]], [organizations]) there is a statement about reaching them: it
    belongs to the identity that assumes their roles, the others to those roles as well.
    """
    from console.settings import reach

    declared = declarations()
    known = {kind["name"]: kind for kind in declared["kinds"]}
    for name in kinds:
        if name not in known:
            raise no_such_kind(name, list(known))
    chosen = [known[name] for name in kinds] if kinds else list(known.values())
    actions = [action for action in declared["actions"] if not kinds or set(action["kinds"]) & set(kinds)]
    say_json(document(chosen, actions if write else [], reaching(reach(), gather().partition)))


def declarations() -> Json:
    """Every declared kind and action, from a process of its own: this one imports neither AWS nor the actions."""
    command = [sys.executable, "-P", "-m", "backends.declarations"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(
            "The declarations cannot be read: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        )
    found: Json = json.loads(done.stdout)
    return found


def reaching(reach: Reach, partition: str) -> list[Json]:
    """Statements that let an identity reach the accounts that are configured beyond its own."""
    organization, roles = reach.organization, [role.arn for role in reach.roles]
    statements: list[Json] = []
    if organization is not None:
        roles.append(organization.role(partition, "*").arn)
        units = not all(name.isdigit() for name in (*organization.include, *organization.exclude))
        listing = [LISTING, *(UNITS if units else ())]
        statements.append({"Sid": "QuarterdeckLists", "Effect": "Allow", "Action": sorted(listing), "Resource": "*"})
    if roles:
        assuming = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": sorted(roles)}
        statements.append({"Sid": "QuarterdeckReaches"} | assuming)
    return statements


def document(kinds: list[Json], actions: list[Json], more: Sequence[Json] = ()) -> Json:
    """An IAM policy document. Polling is read-only on every resource; actions are a statement of their own."""
    polling = sorted({*IDENTITY, *(permission for kind in kinds for permission in kind["permissions"])})
    statements = [{"Sid": "QuarterdeckPolls", "Effect": "Allow", "Action": polling, "Resource": "*"}]
    acting = {permission for action in actions for permission in (*action["permissions"], *action["reads"])}
    if needed := sorted(acting - set(polling)):
        statements.append({"Sid": "QuarterdeckActs", "Effect": "Allow", "Action": needed, "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": [*statements, *more]}
