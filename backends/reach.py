"""How far a context reaches beyond its profiles: accounts by a role, the accounts of an organization, and at what pace.

Standard library only: a pane imports this. External ids travel with a context and stay in memory; they are never
printed, logged or stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SHARE = 0.5
"""Of the rates that AWS documents, how much is taken where nothing is said."""
SESSION_NAME = "quarterdeck"


@dataclass(frozen=True, slots=True)
class Role:
    """An account that is reached by assuming `arn` with the credentials of `source_profile` ("": the chain's own).

    regions   narrows the account's enabled regions; empty means all of them
    """

    arn: str
    external_id: str = field(default="", repr=False)
    session_name: str = SESSION_NAME
    source_profile: str = ""
    regions: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class Organization:
    """Every active account of the organization that `source_profile` may list, each by a role of the same name.

    include, exclude   account ids, ids of organizational units ("ou-…") or their paths ("/Workloads/Production");
                       nothing included means all
    """

    role_name: str
    external_id: str = field(default="", repr=False)
    session_name: str = SESSION_NAME
    source_profile: str = ""
    regions: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def role(self, partition: str, account: str) -> Role:
        """How one of its accounts is reached."""
        arn = f"arn:{partition}:iam::{account}:role/{self.role_name}"
        return Role(arn, self.external_id, self.session_name, self.source_profile, self.regions)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a user has configured about whose AWS is read and how fast; part of a context's identity."""

    roles: tuple[Role, ...] = ()
    organization: Organization | None = None
    share: float = SHARE

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Reach:
        """TypeError or ValueError where it is not what `asdict` gave."""
        organization = value.get("organization")
        return cls(
            tuple(Role(**_tupled(role)) for role in value.get("roles", ())),
            Organization(**_tupled(organization)) if organization else None,
            float(value.get("share", SHARE)),
        )

    def told(self) -> list[Any]:
        """What may be remembered of it: everything but external ids."""
        known = asdict(self)
        parts = [*known["roles"], *filter(None, [known["organization"]])]
        return [{name: said for name, said in part.items() if name != "external_id"} for part in parts]


def _tupled(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(said) if isinstance(said, list | tuple) else said for name, said in value.items()}
