"""Every account that a context reaches: its profiles, the roles that are configured, and an organization's members."""

from __future__ import annotations

import asyncio

from backends.aws.coverage import clean
from backends.aws.identity import identify
from backends.aws.logins import Login
from backends.aws.organization import Members
from backends.aws.paging import EndlessPages
from backends.aws.requests import Refusal, Requester, Tally
from backends.aws.session import Sessions
from backends.model import GLOBAL_REGION, Account, CoverageState
from backends.reach import Organization


class Whose:
    """Asks who the logins of a context are, as often as it is told to, and knows which login reads which account."""

    def __init__(self, sessions: Sessions, requester: Requester) -> None:
        self._sessions, self._requester = sessions, requester
        self._members: list[str] = []
        self._readers: dict[str, tuple[Account, Login]] = {}
        self._asking = asyncio.Lock()

    async def ask(self) -> list[Account]:
        """Asks for every login at once: one account each, in their order, then those of the organization."""
        async with self._asking:
            accounts = await self._ask()
        configured = bool(self._sessions.context.reach.roles or self._sessions.context.reach.organization)
        if configured and any(account.state == "ok" for account in accounts):
            # Whoever reaches their accounts by roles of a named profile may have nothing else, and lacks nothing.
            accounts = [a for a in accounts if a.state != "none" or a.profile or a.role]
        return accounts

    async def reader(self, number: str) -> tuple[Account, Login] | None:
        """Who reads that account; asked for where it is not known yet, None where nobody does."""
        if number not in self._readers:
            async with self._asking:
                if number not in self._readers:
                    await self._ask()
        return self._readers.get(number)

    async def _ask(self) -> list[Account]:
        logins = list(self._sessions.logins)
        accounts = await self._each(logins)
        organization = self._sessions.context.reach.organization
        problems = await self._add_members(organization, logins, accounts) if organization is not None else []
        for login, account in reversed(list(zip(logins, accounts, strict=True))):
            if account.state == "ok":
                self._keep(login, account)
        return accounts + problems

    async def _add_members(
        self, organization: Organization, logins: list[Login], accounts: list[Account]
    ) -> list[Account]:
        """Adds the organization's accounts that nothing reads yet; gives what is wrong with the organization itself.

        The account that lists the others is read with its own credentials: it seldom has the role.
        """
        context = self._sessions.context
        source = Login(organization.source_profile)
        own = accounts[logins.index(source)] if source in logins else await self._known_again(source)
        problem = await self._list(organization, own)
        known = {account.account for account in accounts if account.state == "ok"}
        if own.account in self._members and own.account not in known:
            logins.append(source)
            accounts.append(own)
            known.add(own.account)
        configured = {role.arn for role in context.reach.roles}
        roles = (organization.role(context.partition, number) for number in self._members if number not in known)
        members = [Login.of(role) for role in roles if role.arn not in configured]
        logins += members
        accounts += await self._each(members)
        return problem

    async def _list(self, organization: Organization, source: Account) -> list[Account]:
        """Lists the organization anew. Where that fails its members stay, and an account without a number tells why;
        one tells as well what is included or excluded by a name that the organization does not have."""
        login = Login(organization.source_profile)
        role = organization.role(self._sessions.context.partition, "*").arn
        state, problem = source.state, source.problem
        if state == "ok":
            tally = Tally()
            try:
                client = await self._sessions.client(login, "organizations", GLOBAL_REGION)
                members = Members(self._requester, client, self._sessions.loader, source.account, tally)
                self._members, absent = await members.wanted(organization)
                return [Account("", profile=login.profile, problem=absent, role=role)] if absent else []
            except (Refusal, EndlessPages) as error:
                denied = isinstance(error, Refusal) and error.verdict.state is CoverageState.DENIED
                state, problem = "denied" if denied else "error", clean(str(error))
            finally:
                self._sessions.asides.note(source.account, tally)
        problem = f"The accounts of the organization cannot be listed: {problem}"
        return [Account("", profile=login.profile, state=state, problem=problem, role=role)]

    async def _each(self, logins: list[Login]) -> list[Account]:
        return list(await asyncio.gather(*map(self._known_again, logins)))

    async def _known_again(self, login: Login) -> Account:
        """Asks again; a login that failed before starts afresh, for somebody may have logged in since."""
        account = await identify(self._sessions, self._requester, login)
        if account.state != "ok":
            await self._sessions.forget(login)
            if account.state != "denied" and Login(login.profile) not in self._sessions.logins:
                await self._sessions.forget(Login(login.profile))
        return account

    def _keep(self, login: Login, account: Account) -> None:
        """This login reads that account now, and none that it read before."""
        for number in [number for number, (_, reader) in self._readers.items() if reader == login]:
            del self._readers[number]
        self._readers[account.account] = (account, login)
