"""The accounts of an organization: those that are active and wanted, as Organizations lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from backends.aws.coverage import clean
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

    async def wanted(self, organization: Organization) -> tuple[list[str], str]:
        """The numbers of its active accounts that are wanted, sorted, and a sentence on what is named and is not there.

        The tree of units is walked only where one is named. Refusal or EndlessPages where they cannot be had.
        """
        included, excluded = set(organization.include), set(organization.exclude)
        listed = {str(account["Id"]): _active(account) async for account in self._all("ListAccounts", "Accounts")}
        named = included | excluded
        places: dict[str, set[str]] = {}
        there = set(listed)
        if not all(name.isdigit() for name in named):
            async for root in self._all("ListRoots", "Roots"):
                there |= await self._walk(str(root["Id"]), "", {str(root["Id"]), "/"}, places)
        found = []
        for account in (number for number, active in listed.items() if active):
            names = {account} | places.get(account, set())
            if (not included or names & included) and not names & excluded:
                found.append(account)
        return sorted(found), _absent(organization, there)

    async def _walk(
        self, parent: str, path: str, names: set[str], places: dict[str, set[str]], depth: int = 0
    ) -> set[str]:
        """Notes under what names each account below `parent` may be meant: every unit above it, by id and by path.

        Gives the names of all units that were seen, of those without accounts too.
        """
        async for account in self._all("ListAccountsForParent", "Accounts", ParentId=parent):
            places[str(account["Id"])] = names
        seen = set(names)
        if depth == _DEEPEST:
            return seen
        async for unit in self._all("ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=parent):
            below = f"{path}/{unit['Name']}"
            seen |= await self._walk(str(unit["Id"]), below, names | {str(unit["Id"]), below}, places, depth + 1)
        return seen

    async def _all(self, operation: str, items: str, **parameters: str) -> AsyncIterator[Json]:
        async def send(asked: Json) -> Json:
            return await self._requester.send(self._client, self._line, _SERVICE, operation, asked, 0.0)

        paging = Paging.of(self._loader, self._client, _SERVICE, operation)
        async for page in pages(paging, send, dict(parameters), iam_action(_SERVICE, operation)):
            for item in page.get(items) or ():
                yield item


def _absent(organization: Organization, there: set[str]) -> str:
    """One sentence on what is included or excluded and is nothing of the organization's; "" where all is."""
    said = [(name, "include") for name in organization.include] + [(name, "exclude") for name in organization.exclude]
    lacking = [f"{clean(name, 80)!r} ({where})" for name, where in said if name not in there]
    return f"The organization has no account, unit or path {', '.join(lacking)}." if lacking else ""


def _active(account: Json) -> bool:
    """`State` is what replaced `Status` in 2026; both say ACTIVE."""
    return bool((account.get("State") or account.get("Status")) == "ACTIVE")
