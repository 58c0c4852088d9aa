"""Who asks: the daemon behind a request, and the credential context that limits what it may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Request

from backends.daemon.answers import texts
from backends.daemon.contexts import Entry, nobody
from backends.daemon.core import Daemon
from backends.daemon.problems import Refusal
from backends.model import IMPORTED, Account, Scope
from backends.store import Reader

_IDENTITY_SECONDS = 30.0
READ_SECONDS = 30.0
_WITHOUT_CREDENTIALS = frozenset(
    f"/v1/{name}"
    for name in (
        *("rows", "series", "sparks", "changes", "coverage", "sql", "home", "audit"),
        *("forecasts", "anomalies", "advice", "costs", "analyze"),
    )
)
"""What may be asked without naming a context: the answers are about what was imported."""

T = TypeVar("T")


def daemon_of(request: Request) -> Daemon:
    """The daemon that serves this request."""
    daemon: Daemon = request.app.state.daemon
    return daemon


class Asking(NamedTuple):
    """A request's daemon and its registered context."""

    daemon: Daemon
    entry: Entry
    request: Request

    async def scope(self, narrowing: Mapping[str, Any] | None = None) -> Scope:
        """What the request may see: the context's own accounts, narrowed by "accounts" and "regions".

        An account is named by its number, its alias or its profile.
        A Refusal names those there are where one of them is none of the context's.
        Waits for STS where the context is new: until the account is proved, nobody sees anything of it.
        """
        if not self.entry.accounts:
            await self.identified()
        asked = narrowing or {}
        # Whom STS could not name, because there is no network, sees what was imported.
        entry = self.entry if self.entry.scope.pairs else await guest(self.daemon)
        accounts, regions = texts(asked, "accounts"), texts(asked, "regions")
        known = [account for account in entry.accounts if account.account]
        accounts = tuple(
            next((account.account for account in known if account.answers_to(word)), word) for word in accounts
        )
        _among("account", accounts, {*entry.scope.accounts, *(account.account for account in known)})
        _among("region", regions, {*entry.scope.regions, *(region for account in known for region in account.regions)})
        return entry.scope.narrowed(accounts, regions)

    async def identified(self) -> None:
        """Wait until STS has been asked in this daemon's life."""
        try:
            async with asyncio.timeout(_IDENTITY_SECONDS):
                await self.entry.identified.wait()
        except TimeoutError:
            raise Refusal(504, "identifying", "AWS has not yet said whose credentials these are; try again.") from None

    async def read(self, work: Callable[[Reader], T], seconds: float = READ_SECONDS) -> T:
        """Run `work` in a reader's thread for as long as the client waits: a newer keystroke hangs up on an older."""
        reading = asyncio.ensure_future(self.daemon.lanes.read(work, seconds))
        leaving = asyncio.ensure_future(_gone(self.request))
        try:
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise Refusal(499, "hung-up", "The client did not wait for the answer.")
            return reading.result()
        finally:
            for task in (reading, leaving):
                task.cancel()
            await asyncio.gather(reading, leaving, return_exceptions=True)


def _among(what: str, named: Iterable[str], known: Collection[str]) -> None:
    """Refuse a name that is not of the scope: no rows of it would read as if there were none."""
    for name in named:
        if name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "there are none"
            raise Refusal(404, "not-found", f"There is no {what} {name} in the scope of these credentials; {there}.")


async def _gone(request: Request) -> None:
    """Return once the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def guest(daemon: Daemon, *, again: bool = False) -> Entry:
    """Who sees what was imported and nothing else; `again` looks anew for the regions that it was imported for."""
    entry = daemon.contexts.guest
    if again or not entry.accounts:
        watched = await daemon.lanes.read(lambda reader: reader.watched())
        regions = watched.narrowed([IMPORTED]).regions
        entry.accounts = (Account(IMPORTED, regions=regions),) if regions else ()
    return entry


async def _asking(request: Request) -> AsyncIterator[Asking]:
    daemon = daemon_of(request)
    asked = request.headers.get("x-quarterdeck-context", "")
    if not asked and request.url.path in _WITHOUT_CREDENTIALS:
        entry = await guest(daemon)
        if not entry.accounts:
            raise nobody()
    else:
        entry = daemon.contexts.get(asked)
    entry.in_use += 1
    try:
        yield Asking(daemon, entry, request)
    finally:
        entry.in_use -= 1
        entry.touch()


Asked = Annotated[Asking, Depends(_asking)]
Serving = Annotated[Daemon, Depends(daemon_of)]
