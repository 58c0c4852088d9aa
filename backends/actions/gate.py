"""The gate: nothing is sent without a write window, opened on record, nor without the right confirmation."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from backends.actions.world import Actor, Clock, Journal, Refused, clipped, utc
from backends.model import Json, Plan, Ref, Risk

LONGEST_MINUTES = 480
_MOST_WINDOWS = 64


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which one credential context may write. `name` is public; the token is known to its opener alone."""

    name: str
    context: str
    actor: Actor
    expires: datetime

    def as_json(self) -> Json:
        return {"window": self.name, "context": self.context, "expires": utc(self.expires)}


class WriteWindows:
    """Write windows by token. Only digests of tokens are kept; every opening, extension and closing is on record."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._windows: dict[bytes, Window] = {}

    async def open(self, context: str, minutes: int, actor: Actor) -> tuple[str, Window]:
        """(token, window). The record is written first: without it there is no window. `Refused` for a bad duration."""
        self._forget_expired()
        if len(self._windows) >= _MOST_WINDOWS:
            raise Refused("busy", f"There are {_MOST_WINDOWS} open write windows already; close one first.")
        window = Window(f"w-{secrets.token_hex(4)}", context, actor, self._until(minutes))
        await self._record("opened", window, actor)
        token = secrets.token_hex(32)
        self._windows[_digest(token)] = window
        return token, window

    async def extend(self, token: str, context: str, minutes: int, actor: Actor) -> Window:
        """The window until `minutes` from now."""
        window = replace(self.check(token, context), expires=self._until(minutes))
        await self._record("extended", window, actor)
        self._windows[_digest(token)] = window
        return window

    async def close(self, token: str, context: str, actor: Actor) -> None:
        """No more writing with this token, even where the record of it cannot be written."""
        window = self.check(token, context)
        del self._windows[_digest(token)]
        await self._record("closed", window, actor)

    def check(self, token: Any, context: str) -> Window:
        """The open window of this token in this context; otherwise `Refused`, which says how to get one."""
        found = None
        given = _digest(token) if isinstance(token, str) else b""
        for known, window in self._windows.items():
            if hmac.compare_digest(known, given):
                found = window
        if found is None:
            raise Refused("read-only", "Quarterdeck is read-only here: nothing was sent. Start it with --write to act.")
        if found.context != context:
            raise Refused("read-only", "This write window is for other credentials: nothing was sent.")
        if self._clock() >= found.expires:
            raise Refused("read-only", "The write window has expired: nothing was sent. Open another to act.")
        return found

    def _until(self, minutes: int) -> datetime:
        if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= LONGEST_MINUTES:
            raise Refused("bad-parameter", f"A write window lasts 1 to {LONGEST_MINUTES} whole minutes.")
        return self._clock() + timedelta(minutes=minutes)

    def _forget_expired(self) -> None:
        now = self._clock()
        self._windows = {known: window for known, window in self._windows.items() if window.expires > now}

    async def _record(self, what: str, window: Window, actor: Actor) -> None:
        await self._journal.append(
            {
                "event": f"write-window-{what}",
                "actor": actor.as_json(),
                "context": window.context,
                "outcome": {"state": what, "window": window.name, "expires": utc(window.expires)},
            }
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def expected_confirmation(plan: Plan) -> str:
    """What must be typed: "" (Enter) for a reversible plan, "y", or the id's last 6 characters; in bulk the count."""
    if plan.risk is Risk.REVERSIBLE:
        return ""
    if plan.risk is Risk.TRAFFIC:
        return "y"
    return Ref.parse(plan.targets[0]).id[-6:] if len(plan.targets) == 1 else str(len(plan.targets))


def confirmed(plan: Plan, confirm: Any) -> None:
    """Raise `Refused` unless the confirmation is the one that the plan's rung of the ladder asks for."""
    expected = expected_confirmation(plan)
    if plan.risk is Risk.DESTRUCTIVE:
        if not isinstance(confirm, str) or confirm.strip() != expected:
            raise Refused("unconfirmed", f"Not confirmed, nothing was sent: type {clipped(expected, 40)!r} to confirm.")
        return
    said_yes = confirm is True or (isinstance(confirm, str) and confirm.strip().lower() in ("y", "yes", "true"))
    if expected and not said_yes:
        raise Refused("unconfirmed", "Not confirmed, nothing was sent: answer y to confirm.")
