"""Whose cloud is simulated: two accounts, the regions they may use, and what the zones are called in each.

Further accounts of the same organization hold next to nothing; they are there for whoever assumes a role in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class SimulatedAccount:
    """`zone_shift` rotates zone ids against zone names, because AWS maps names to zones per account."""

    id: str
    alias: str
    profile: str
    zone_shift: int


PRODUCTION = SimulatedAccount("111122223333", "production", "simulated-production", 0)
SANDBOX = SimulatedAccount("444455556666", "sandbox", "simulated-sandbox", 1)
ACCOUNTS = (PRODUCTION, SANDBOX)

OPERATOR_USER = "quarterdeck-operator"
ACCESS_ROLE = "QuarterdeckAccess"


@dataclass(frozen=True, slots=True)
class Member(SimulatedAccount):
    """An account of the organization beside the two.

    open         whether it has the role ACCESS_ROLE
    external_id  what has to be said to assume it, "" for nothing
    """

    open: bool = True
    external_id: str = ""


MEMBERS = (
    Member("210000000001", "data", "", 2),
    Member("210000000002", "payments", "", 1),
    Member("210000000003", "edge", "", 0),
    Member("210000000004", "audited", "", 2, external_id="quarterdeck-4711"),
    Member("210000000005", "sealed", "", 0, open=False),
)
BY_ID: dict[str, SimulatedAccount] = {account.id: account for account in (*ACCOUNTS, *MEMBERS)}


@dataclass(frozen=True, slots=True)
class Unit:
    """An organizational unit: its id, its name, the unit above it ("": the root), and the accounts directly in it."""

    id: str
    name: str
    parent: str
    accounts: tuple[str, ...]


UNITS = (
    Unit("ou-sim1-workload", "Workloads", "", ("210000000003",)),
    Unit("ou-sim1-live0000", "Live", "ou-sim1-workload", ("210000000001", "210000000002")),
    Unit("ou-sim1-trial000", "Trial", "ou-sim1-workload", (SANDBOX.id,)),
    Unit("ou-sim1-locked00", "Locked", "", ("210000000004", "210000000005")),
)

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
NOT_OPTED_IN = ("af-south-1", "ap-east-1", "eu-south-1", "me-south-1")

_ZONE_IDS = {
    "us-east-1": ("use1-az1", "use1-az2", "use1-az4"),
    "eu-west-1": ("euw1-az1", "euw1-az2", "euw1-az3"),
    "ap-southeast-2": ("apse2-az1", "apse2-az2", "apse2-az3"),
}


def zone_names(region: str) -> tuple[str, ...]:
    """The zone names of an enabled region, in order."""
    return tuple(region + letter for letter in "abc")


def zone_ids(region: str) -> tuple[str, ...]:
    """The zone ids of an enabled region, in order: the same place in every account."""
    return _ZONE_IDS[region]


@cache
def zone_id(account: str, name: str) -> str:
    """The zone id behind a zone name as that account sees it; KeyError for a zone that is not simulated."""
    region, letter = name[:-1], name[-1]
    ids = _ZONE_IDS[region]
    return ids[("abc".index(letter) + BY_ID[account].zone_shift) % len(ids)]


@cache
def zone_name(account: str, identity: str) -> str:
    """The reverse of `zone_id`."""
    for region in REGIONS:
        for name in zone_names(region):
            if zone_id(account, name) == identity:
                return name
    raise KeyError(identity)


def role_arn(account: SimulatedAccount) -> str:
    """The role through which the operator reaches an account."""
    return f"arn:{PARTITION}:iam::{account.id}:role/{ACCESS_ROLE}"
