"""Who changed what: the mutating requests, and what AWS did by itself, as CloudTrail tells them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backends.simulated import accounts


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked. `role` is set for a role's session, which is then `name`; a service is known by its dot."""

    name: str
    access_key: str = ""
    role: str = ""
    invoked_by: str = ""
    mfa: bool = False

    @property
    def service(self) -> bool:
        return self.name.endswith(".amazonaws.com")

    def identity(self, account: str) -> dict[str, Any]:
        """The record's `userIdentity`."""
        if self.service:
            return {"type": "AWSService", "invokedBy": self.name}
        invoked = {"invokedBy": self.invoked_by} if self.invoked_by else {}
        common = {"accountId": account, "accessKeyId": self.access_key} | invoked
        if self.name == "root":
            return {
                "type": "Root",
                "principalId": account,
                "arn": f"arn:{accounts.PARTITION}:iam::{account}:root",
            } | common
        if not self.role:
            arn = f"arn:{accounts.PARTITION}:iam::{account}:user/{self.name}"
            return {"type": "IAMUser", "principalId": f"AIDA{self.name}", "arn": arn, "userName": self.name} | common
        issuer = {
            "type": "Role",
            "principalId": f"AROA{self.role}",
            "arn": f"arn:{accounts.PARTITION}:iam::{account}:role/{self.role}",
            "accountId": account,
            "userName": self.role,
        }
        return {
            "type": "AssumedRole",
            "principalId": f"AROA{self.role}:{self.name}",
            "arn": f"arn:{accounts.PARTITION}:sts::{account}:assumed-role/{self.role}/{self.name}",
            "sessionContext": {
                "sessionIssuer": issuer,
                "attributes": {"mfaAuthenticated": str(self.mfa).lower()},
            },
        } | common


AUTO_SCALING = Caller("AutoScaling", role="AWSServiceRoleForAutoScaling", invoked_by="autoscaling.amazonaws.com")


@dataclass(frozen=True, slots=True)
class Event:
    """One management event; `resources` are (type, name), `error` the code of a refused request.

    `request` and `response` are the parameters as CloudTrail writes them: names begin small, secrets are left out.
    """

    id: str
    at: datetime
    account: str
    region: str
    source: str
    name: str
    caller: Caller
    request: dict[str, Any]
    response: dict[str, Any] | None = None
    resources: tuple[tuple[str, str], ...] = ()
    error: str = ""
    agent: str = ""
    read_only: bool = False


class Trail:
    """The last events, newest first when asked."""

    def __init__(self, limit: int = 20_000) -> None:
        self._events: deque[Event] = deque(maxlen=limit)
        self._serial = 0

    def next_id(self, account: str) -> str:
        """An event id: counted, so that the same history has the same ids."""
        self._serial += 1
        return f"{self._serial:08x}-0000-4000-8000-{account}"

    def add(self, event: Event) -> None:
        self._events.append(event)

    def of(self, account: str, region: str) -> list[Event]:
        """Events of one account and region, newest first."""
        mine = [e for e in reversed(self._events) if e.account == account and e.region == region]
        return sorted(mine, key=lambda event: event.at, reverse=True)
