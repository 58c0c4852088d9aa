"""Who asks: the daemon behind a request, and the credential context that limits what it may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Request

from backends.daemon.answers import texts
from backends.daemon.contexts import Entry
from backends.daemon.core import Daemon
from backends.daemon.problems import Refusal
from backends.model import Scope
from backends.store import Reader

_IDENTITY_SECONDS = 30.0
READ_SECONDS = 30.0

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

        Waits for STS where the context is new: until the account is proved, nobody sees anything of it.
        """
        if not self.entry.accounts:
            await self.identified()
        asked = narrowing or {}
        return self.entry.scope.narrowed(texts(asked, "accounts"), texts(asked, "regions"))

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


async def _gone(request: Request) -> None:
    """Return once the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _asking(request: Request) -> AsyncIterator[Asking]:
    daemon = daemon_of(request)
    entry = daemon.contexts.get(request.headers.get("x-quarterdeck-context", ""))
    entry.in_use += 1
    try:
        yield Asking(daemon, entry, request)
    finally:
        entry.in_use -= 1
        entry.touch()


Asked = Annotated[Asking, Depends(_asking)]
Serving = Annotated[Daemon, Depends(daemon_of)]
