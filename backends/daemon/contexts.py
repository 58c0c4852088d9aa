"""Whose AWS: one collector for each distinct credential context, its accounts as STS names them, and its end.

Credentials that came from a client's environment live here, in memory, and in the collector's own environment; the id
of a context is keyed with a secret of this daemon's life, so that it tells nobody anything about them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from backends.context import Context, ContextError, normal_endpoint
from backends.daemon.collecting import Collector
from backends.daemon.deaths import Deaths
from backends.daemon.problems import Refusal
from backends.daemon.remembered import Remembered
from backends.model import GLOBAL_REGION, Account, Json, Scope

log = logging.getLogger(__name__)

IDLE_SECONDS = 600.0
RECHECK_SECONDS = 900.0
RECHECK_AFTER_FAILURE_SECONDS = 60.0
NO_CREDENTIALS = (
    "No AWS credentials were found. Run `aws configure` or `aws sso login`, or set AWS_PROFILE, "
    "or look around without an account: quarterdeck demo"
)

Start = Callable[[Context, Path], Awaitable[Collector]]


@dataclass
class Entry:
    """One registered context."""

    id: str
    context: Context
    collector: Collector | None = None
    accounts: tuple[Account, ...] = ()
    identified: asyncio.Event = field(default_factory=asyncio.Event)
    checked: float = 0.0
    used: float = field(default_factory=time.monotonic)
    in_use: int = 0
    suspect: bool = False
    guesses: int = 0
    """How many times in a row AWS did not tell the regions of some account."""

    @property
    def scope(self) -> Scope:
        """Every (account, region) that this context has proved to be its own."""
        pairs = []
        for account in self.accounts:
            if account.account:
                pairs += [(account.account, region) for region in (*account.regions, GLOBAL_REGION)]
        return Scope.of(pairs)

    def holds(self, account: str) -> Account | None:
        """The account of that number, by the way into it that works; None where this context has not proved it."""
        ways = [known for known in self.accounts if known.account == account]
        return min(ways, key=lambda known: known.state != "ok", default=None)

    @property
    def settled(self) -> bool:
        """Whether there is nothing that a login would mend: some account is read, and others at most refuse us."""
        states = {account.state for account in self.accounts if account.account or account.state != "ok"}
        return states <= {"ok", "denied"} and (states != {"denied"})

    @property
    def due(self) -> float:
        """Seconds after which to look again who we are; longer each time where AWS goes on not to tell the regions."""
        if self.suspect or not self.settled:
            return RECHECK_AFTER_FAILURE_SECONDS
        if self.guesses:
            return min(RECHECK_SECONDS, RECHECK_AFTER_FAILURE_SECONDS * (1 << min(self.guesses - 1, 8)))
        return RECHECK_SECONDS

    def touch(self) -> None:
        self.used = time.monotonic()

    @property
    def active(self) -> bool:
        """Whether a client uses it, or did a minute ago."""
        return self.in_use > 0 or time.monotonic() - self.used < 60

    def as_json(self) -> Json:
        regional = [list(pair) for pair in sorted(self.scope.pairs) if pair[1] != GLOBAL_REGION]
        return {
            "context": self.id,
            "accounts": [account.as_json() for account in self.accounts],
            "scope": regional,
            "identified": self.identified.is_set(),
        }


class Contexts:
    """The registered contexts of one daemon, all of one (partition, endpoint)."""

    def __init__(
        self,
        partition: str,
        endpoint: str,
        log_path: Path,
        start: Start,
        changed: Callable[[], None],
        remembered: Remembered,
    ) -> None:
        self.partition = partition
        self.endpoint = normal_endpoint(endpoint)
        self._log_path = log_path
        self._start = start
        self._changed = changed
        self._remembered = remembered
        self._key = secrets.token_bytes(32)
        self._deaths = Deaths()
        self.guest = Entry("", Context())
        self.guest.identified.set()
        self._entries: dict[str, Entry] = {}
        self._identifying: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Entry]:
        return list(self._entries.values())

    def scope(self) -> Scope:
        """Every (account, region) of every registered context and of what was imported: what the analyses look at."""
        return Scope.of(pair for entry in (*self._entries.values(), self.guest) for pair in entry.scope.pairs)

    def get(self, context: str) -> Entry:
        """The context of that id; Refusal "unknown-context" where it is unknown or was let go: register it again."""
        entry = self._entries.get(context)
        if entry is None:
            raise Refusal(410, "unknown-context", "The daemon does not know these credentials (any more).")
        entry.touch()
        return entry

    async def register(self, context: Context, wait: bool) -> Entry:
        """The entry of this context, its identity asked where it is new or was not well.

        Refusal 409 for another partition or endpoint, 401 where there are no credentials at all.
        """
        self._refuse_other_aws(context)
        name = self._id(context)
        if name not in self._entries:
            self._entries[name] = Entry(name, context, accounts=self._remembered.recall(context))
        entry = self._entries[name]
        entry.touch()
        if entry.identified.is_set() and entry.settled and entry.collector is not None and entry.collector.alive:
            return entry
        task = self._identify_soon(entry, fresh=entry.identified.is_set())
        if wait:
            await asyncio.shield(task)
            self._refuse_no_credentials(entry)
        return entry

    def _refuse_other_aws(self, context: Context) -> None:
        try:
            endpoint = normal_endpoint(context.endpoint)
        except ContextError as error:
            raise Refusal(400, "bad-endpoint", str(error)) from error
        if (endpoint, context.partition) != (self.endpoint, self.partition):
            ours, theirs = _aws(self.endpoint, self.partition), _aws(endpoint, context.partition)
            raise Refusal(
                409,
                "other-endpoint",
                f"This daemon's store belongs to {ours}; data of {theirs} is never mixed with it.",
            )

    def _refuse_no_credentials(self, entry: Entry) -> None:
        if entry.accounts and all(account.state == "none" and not account.account for account in entry.accounts):
            self._entries.pop(entry.id, None)
            asyncio.ensure_future(self._end(entry))  # noqa: RUF006 - the collector ends by itself when dropped
            raise nobody(account.problem for account in entry.accounts)

    def _id(self, context: Context) -> str:
        environment = {name: value for name, value in sorted(context.environment.items()) if name != "PATH"}
        said = json.dumps(context.as_json() | {"environment": environment}, sort_keys=True)
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()[:20]

    def _identify_soon(self, entry: Entry, fresh: bool) -> asyncio.Task[None]:
        task = self._identifying.get(entry.id)
        if task is None or task.done():
            task = asyncio.create_task(self._identify(entry, fresh))
            self._identifying[entry.id] = task
        return task

    async def _identify(self, entry: Entry, fresh: bool) -> None:
        """Ask STS who we are. `fresh` starts the collector anew, so that new credentials are read from their files."""
        entry.checked = time.monotonic()
        entry.suspect = False
        try:
            if entry.collector is None or not entry.collector.alive or fresh:
                died = await self._end(entry)
                entry.collector = await self._start(entry.context, self._log_path)
                if died:
                    self._deaths.replaced(entry.id, entry.collector.pid)
                    log.warning("Collector %d takes the place of one that ended.", entry.collector.pid)
            if self._entries.get(entry.id) is not entry:
                # Let go of while it started: nobody else would end it.
                await self._end(entry)
                return
            found = await entry.collector.identify()
        except Exception as error:
            log.exception("Identifying a context")
            found = [Account("", state="error", problem=f"The collector failed ({type(error).__name__}); see the log.")]
        entry.guesses = entry.guesses + 1 if any("regions" in account.unheard for account in found) else 0
        accounts = tuple(merged(entry.accounts, found))
        news = accounts != entry.accounts or not entry.identified.is_set()
        _narrate(entry.accounts, accounts)
        entry.accounts = accounts
        entry.identified.set()
        if news and all(account.state == "ok" for account in accounts):
            self._remembered.keep(entry.context, accounts)
        if news:
            self._changed()

    def failed(self, entry: Entry) -> None:
        """A sweep did not go well: look again who we are, soon but not often."""
        entry.suspect = True
        if time.monotonic() - entry.checked > RECHECK_AFTER_FAILURE_SECONDS:
            self._identify_soon(entry, fresh=False)

    async def housekeeping(self) -> None:
        """Look again who we are where that is due, and let go of contexts that nobody uses. Call it now and then."""
        now = time.monotonic()
        for entry in self.all():
            if not entry.in_use and now - entry.used > IDLE_SECONDS:
                self._entries.pop(entry.id, None)
                await self._end(entry)
                self._changed()
                continue
            dead = entry.collector is not None and not entry.collector.alive
            if entry.identified.is_set() and entry.active and (dead or now - entry.checked > entry.due):
                self._identify_soon(entry, fresh=False)

    def serving(self, account: str) -> Entry | None:
        """A context whose credentials for that account work now: one that somebody uses, else the one used last."""
        able = [
            entry
            for entry in self._entries.values()
            if entry.identified.is_set()
            and entry.collector is not None
            and entry.collector.alive
            and (known := entry.holds(account)) is not None
            and known.state == "ok"
        ]
        return max(able, key=lambda entry: (entry.active, entry.used), default=None)

    def withheld(self) -> dict[str, str]:
        """The accounts that are not polled because no credentials that are known work for them, each with why."""
        found: dict[str, str] = {}
        working: set[str] = set()
        for account in (account for entry in self._entries.values() for account in entry.accounts if account.account):
            if account.state == "ok":
                working.add(account.account)
            else:
                found[account.account] = f"not polled: {account.problem or f'its credentials are {account.state}'}"
        return {account: why for account, why in found.items() if account not in working}

    def reviving(self, account: str) -> bool:
        """Whether a collector that died is being replaced by one that will serve this account again."""
        fallen = [
            entry
            for entry in self._entries.values()
            if (entry.collector is None or not entry.collector.alive)
            and (known := entry.holds(account)) is not None
            and known.state == "ok"
        ]
        for entry in fallen:
            self._identify_soon(entry, fresh=False)
        return bool(fallen)

    def deaths(self) -> list[Json]:
        """The contexts whose collector ended without being asked to: see `Deaths.told`."""
        for entry in self.all():
            if entry.collector is not None:
                self._note(entry, entry.collector)
        return self._deaths.told()

    def _note(self, entry: Entry, collector: Collector) -> None:
        if collector.death is not None:
            accounts = sorted({account.account for account in entry.accounts if account.account})
            self._deaths.note(entry.id, accounts, collector.pid, collector.death)

    async def _end(self, entry: Entry) -> bool:
        """End the collector of a context; whether it had ended by itself."""
        collector, entry.collector = entry.collector, None
        if collector is None:
            return False
        with suppress(Exception):
            await collector.close()
        self._note(entry, collector)
        return collector.death is not None

    async def close(self) -> None:
        """Let go of all: their collectors end."""
        for task in self._identifying.values():
            task.cancel()
        await asyncio.gather(*self._identifying.values(), return_exceptions=True)
        entries = self.all()
        self._entries.clear()
        await asyncio.gather(*(self._end(entry) for entry in entries))


def _narrate(before: Iterable[Account], now: Iterable[Account]) -> None:
    """One line of the log for each account whose credentials have ceased to work, or work again."""
    states = {(account.profile, account.role): account.state for account in before}
    for account in now:
        who = f"{account.account or 'an account not named'} ({account.name})"
        was = states.get((account.profile, account.role), "ok")
        if account.state == "ok" and was != "ok":
            log.info("Credentials of %r work again; it is polled.", who)
        elif account.state not in ("ok", was):
            log.warning("Credentials of %r: %s; it is not polled. %r", who, account.state, account.problem)


def nobody(problems: Iterable[str] = ()) -> Refusal:
    """The refusal of whoever has no credentials: what is wrong with each profile, else one sentence on what to do."""
    return Refusal(401, "no-credentials", " ".join(dict.fromkeys(filter(None, problems))) or NO_CREDENTIALS)


def merged(before: Iterable[Account], found: Iterable[Account]) -> Iterable[Account]:
    """What was found now, and what AWS did not tell of it as it was told before; where credentials expired, the account
    they were known to be: its data stays, frozen."""
    known = {(account.profile, account.role): account for account in before if account.account}
    for account in found:
        earlier = known.pop((account.profile, account.role), None)
        if earlier is None:
            yield account
        elif account.account:
            yield _as_told_before(account, earlier)
        else:
            yield replace(earlier, state=account.state, problem=account.problem, expires=account.expires)
        if ":iam::*:" in account.role and account.state != "ok":
            # The organization could not be listed: its accounts are still those that they were.
            name = account.role.rpartition("*")[2]
            for role in [role for role in known if role[1].endswith(name)]:
                yield replace(known.pop(role), state=account.state, problem=account.problem)


def _as_told_before(account: Account, earlier: Account) -> Account:
    kept = set(account.unheard) - set(earlier.unheard) if account.account == earlier.account else set()
    unheard = tuple(name for name in account.unheard if name not in kept)
    return replace(account, unheard=unheard, **{name: getattr(earlier, name) for name in kept})


def _aws(endpoint: str, partition: str) -> str:
    return f"{endpoint} (partition {partition})" if endpoint else f"AWS ({partition})"
