"""The accounts of an organization: those that are active and wanted, as Organizations lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from backends.aws.paging import Paging, pages
from backends.aws.requests import Line, Requester, Tally
from backends.model import GLOBAL_REGION, Json, iam_action
from backends.reach import Organization

_SERVICE = "organizations"
_ATTEMPTS = 3
_DEEPEST = 10
"""Levels of units that are walked; AWS has five under a root."""


class Members:
    """Lists the members of an organization with the credentials of its management or a delegated account.

    What that takes is counted in `tally`.
    """

    def __init__(self, requester: Requester, client: Any, loader: Any, account: str, tally: Tally) -> None:
        self._requester, self._client, self._loader = requester, client, loader
        self._line = Line(account, GLOBAL_REGION, tally, focus=True, attempts=_ATTEMPTS)

    async def wanted(self, organization: Organization) -> list[str]:
        """The numbers of its active accounts that are wanted, sorted; Refusal or EndlessPages where they cannot be had.

        The tree of units is walked only where one is named.
        """
        included, excluded = set(organization.include), set(organization.exclude)
        active = [str(account["Id"]) async for account in self._all("ListAccounts", "Accounts") if _active(account)]
        named = included | excluded
        places: dict[str, set[str]] = {}
        if not all(name.isdigit() for name in named):
            async for root in self._all("ListRoots", "Roots"):
                await self._walk(str(root["Id"]), "", {str(root["Id"]), "/"}, places)
        found = []
        for account in active:
            names = {account} | places.get(account, set())
            if (not included or names & included) and not names & excluded:
                found.append(account)
        return sorted(found)

    async def _walk(self, parent: str, path: str, names: set[str], places: dict[str, set[str]], depth: int = 0) -> None:
        """Notes under what names each account below `parent` may be meant: every unit above it, by id and by path."""
        async for account in self._all("ListAccountsForParent", "Accounts", ParentId=parent):
            places[str(account["Id"])] = names
        if depth == _DEEPEST:
            return
        async for unit in self._all("ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=parent):
            below = f"{path}/{unit['Name']}"
            await self._walk(str(unit["Id"]), below, names | {str(unit["Id"]), below}, places, depth + 1)

    async def _all(self, operation: str, items: str, **parameters: str) -> AsyncIterator[Json]:
        async def send(asked: Json) -> Json:
            return await self._requester.send(self._client, self._line, _SERVICE, operation, asked, 0.0)

        paging = Paging.of(self._loader, self._client, _SERVICE, operation)
        async for page in pages(paging, send, dict(parameters), iam_action(_SERVICE, operation)):
            for item in page.get(items) or ():
                yield item


def _active(account: Json) -> bool:
    """`State` is what replaced `Status` in 2026; both say ACTIVE."""
    return bool((account.get("State") or account.get("Status")) == "ACTIVE")
