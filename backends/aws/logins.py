"""Logins: the credentials of a profile, or of a role assumed with them. Clients are shared by all roles of a profile.

A client costs memory and a hundredth of a second, and nothing of it but the credentials differs from account to
account: an organization of a hundred accounts needs as many clients as one account does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from aiobotocore.credentials import AioDeferredRefreshableCredentials

from backends.aws.asides import Asides
from backends.aws.requests import Line, Refusal, Requester, Tally
from backends.reach import Role

_ATTEMPTS = 2
"""Of a request for credentials: whoever needs them tries again."""
_WHOSE: ContextVar[AioDeferredRefreshableCredentials] = ContextVar("whose")


@dataclass(frozen=True, slots=True)
class Login:
    """One set of credentials: those of a profile ("" for the chain's own), or of a role assumed with them."""

    profile: str = ""
    role: Role | None = None

    @classmethod
    def of(cls, role: Role) -> Login:
        return cls(role.source_profile, role)


def assumed(
    role: Role, keys: Requester, region: str, sts: Callable[[], Awaitable[Any]], asides: Asides
) -> AioDeferredRefreshableCredentials:
    """The role's credentials: asked for when they are needed first, and again before they end.

    `keys` sends the requests for them, `sts` gives the client of the source, `asides` hears what they cost.
    """

    async def assume() -> dict[str, str]:
        line = Line("", region, Tally(), focus=True, attempts=_ATTEMPTS)
        parameters = {"RoleArn": role.arn, "RoleSessionName": role.session_name}
        if role.external_id:
            parameters["ExternalId"] = role.external_id
        try:
            answer = await keys.send(await sts(), line, "sts", "AssumeRole", parameters, 0.0)
        except Refusal as refusal:
            raise refusal.cause from None
        finally:
            asides.note(role.account, line.tally)
        given = answer["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"],
        }

    return AioDeferredRefreshableCredentials(assume, "assume-role")


class WhoeverAsks:
    """Credentials of a client that several roles share: those of the role that the running request is made as."""

    method = "assume-role"

    async def get_frozen_credentials(self) -> Any:
        return await _WHOSE.get().get_frozen_credentials()

    async def get_account_id(self) -> Any:
        return await _WHOSE.get().get_account_id()

    def get_deferred_property(self, name: str) -> Any:
        """What an endpoint's rules may ask for later: of the credentials that the request is then made with."""
        return lambda: _WHOSE.get().get_deferred_property(name)()


class Borrowed:
    """A shared client in the hands of one role: the same methods, signed with that role's credentials."""

    def __init__(self, client: Any, credentials: AioDeferredRefreshableCredentials) -> None:
        self._client, self._credentials = client, credentials
        self.meta = client.meta

    def __getattr__(self, operation: str) -> Any:
        method = getattr(self._client, operation)

        async def call(**parameters: Any) -> Any:
            before = _WHOSE.set(self._credentials)
            try:
                return await method(**parameters)
            finally:
                _WHOSE.reset(before)

        return call
