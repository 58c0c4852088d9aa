"""What this pane knows of the daemon: connection, whose AWS, scope, instant, polling. No drawing.

Screens ask `session.client`; events come in as sets of topics, a few times a second at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypedDict

from backends.client import BackendError, Client
from backends.currency import currency_of

Progress = Callable[[str], None]
Factory = Callable[[Progress], Awaitable[Client]]
Json = dict[str, Any]

COALESCE = 0.4  # seconds that events gather before screens hear of them
_STATUS_TOPICS = frozenset({"polling", "status", "contexts", "coverage"})


@dataclass(slots=True)
class Narrowing:
    """The part of the scope that the operator chose to look at; empty is everything."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


class Look(TypedDict):
    """Instant and part of the scope, as the client's methods take them."""

    at: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]


def _unheard(_: frozenset[str]) -> None:
    """Nobody draws yet."""


FIRST_ROWS = 150


@dataclass
class Session:
    """One pane's state. `changed` is called with topics, "session" among them when something of the header changed."""

    factory: Factory
    changed: Callable[[frozenset[str]], None] = _unheard
    write: bool = False
    first_kind: str = ""
    client: Client | None = None
    problem: str = ""
    progress: str = "connecting to the daemon"
    state: str = "connecting"
    kinds: dict[str, Json] = field(default_factory=dict)
    status: Json = field(default_factory=dict)
    accounts: list[Json] = field(default_factory=list)
    scope: list[tuple[str, str]] = field(default_factory=list)
    narrowing: Narrowing = field(default_factory=Narrowing)
    at: str = ""
    token: str = ""
    token_expires: str = ""
    generation: int = 0

    def __post_init__(self) -> None:
        self.connected = asyncio.Event()
        self.described = asyncio.Event()
        self._topics: set[str] = set()
        self._flushing: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self._first: asyncio.Task[Json] | None = None

    # -- life

    async def start(self) -> None:
        """Connect, learn kinds and state, then follow events until cancelled. What `factory` raises is raised."""
        self.client = client = await self.factory(self._say)
        self._take_registration(client.registration)
        if self.first_kind:
            self._first = asyncio.create_task(client.rows(self.first_kind, limit=FIRST_ROWS))
        self.connected.set()
        self.state = "live"
        kinds, status = await asyncio.gather(client.kinds(), client.status())
        self.kinds = {str(kind["name"]): kind for kind in kinds}
        self._take_status(status)
        self.described.set()
        self.changed(frozenset({"session"}))
        await self._follow(client)

    def _say(self, sentence: str) -> None:
        self.progress = sentence
        self.changed(frozenset({"session"}))

    async def _follow(self, client: Client) -> None:
        """Events for ever; a stream that breaks is followed again, and everything shown is read again then."""
        delay = 0.5
        while True:
            try:
                async for event in client.events():
                    delay = 0.5
                    self._hear(event)
            except (BackendError, OSError) as error:
                self.lost(str(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, 10.0)

    def _hear(self, event: Json) -> None:
        if event.get("lost"):
            self.lost("The daemon does not answer.")
            return
        topic = str(event.get("topic", ""))
        if topic == "shutdown":
            self.lost("The daemon was stopped.")
            return
        gap = bool(event.get("gap"))
        if self.state == "reconnecting":
            self.state, gap = "live", True
        self.gather("*" if gap else topic)

    def gather(self, topic: str) -> None:
        """Let screens know of a topic soon, together with what else comes in meanwhile."""
        self._topics.add(topic)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(COALESCE, self._flush)

    def _flush(self) -> None:
        topics, self._topics, self._flushing = frozenset(self._topics), set(), None
        if self.state == "reconnecting":
            # To ask about a stopped daemon's last words would start it again; all is read once one is there.
            return
        if topics & _STATUS_TOPICS or "*" in topics:
            self._watching = asyncio.get_running_loop().create_task(self._read_status())
        self.changed(topics)

    async def _read_status(self) -> None:
        await self.ask_status()

    async def ask_status(self) -> None:
        """Read polling progress and accounts again; a daemon that does not answer leaves the state as lost."""
        if self.client is None:
            return
        try:
            self._take_status(await self.client.status())
        except (BackendError, OSError) as error:
            self.lost(str(error))
            return
        self.found()
        self.changed(frozenset({"session"}))

    def lost(self, why: str) -> None:
        """The daemon went away: what is shown becomes stale until it is back."""
        if self.state == "live":
            self.state, self.problem = "reconnecting", why
            self.changed(frozenset({"session"}))

    def found(self) -> None:
        """The daemon answered."""
        if self.state == "reconnecting":
            self.state, self.problem = "live", ""
            self.gather("*")

    def first_rows(self, kind: str) -> asyncio.Task[Json] | None:
        """The rows asked for before there was a screen, once, if they are of that kind."""
        first, self._first = self._first, None
        return first if kind == self.first_kind else None

    # -- what the daemon said

    def _take_registration(self, registration: Json) -> None:
        if registration.get("accounts"):
            self.accounts = list(registration["accounts"])
        if registration.get("scope"):
            self.scope = [(str(account), str(region)) for account, region in registration["scope"]]

    def _take_status(self, status: Json) -> None:
        if status.get("pid") != self.status.get("pid"):
            # A write window lives and dies with the daemon that opened it.
            self.token = self.token_expires = ""
        self.status = status
        own = getattr(self.client, "context_id", "")
        for context in status.get("contexts", ()):
            if isinstance(context, dict) and context.get("context") == own:
                self._take_registration(context)

    # -- what screens ask

    @property
    def polling(self) -> Json:
        found = self.status.get("polling")
        return found if isinstance(found, dict) else {}

    @property
    def label(self) -> str:
        """The banner of a store that is not AWS itself: its label, or else its endpoint."""
        return str(self.status.get("label") or self.status.get("endpoint") or "")

    @property
    def currency(self) -> str:
        """What AWS bills in the partition of the store."""
        return currency_of(str(self.status.get("partition") or ""))

    @property
    def account_ids(self) -> list[str]:
        return sorted({account for account, _ in self.scope})

    @property
    def region_names(self) -> list[str]:
        return sorted({region for _, region in self.scope if region != "global"})

    def account_name(self, account: str) -> str:
        """Alias or profile beside the number, so that a person can tell production from a sandbox."""
        for known in self.accounts:
            if known.get("account") == account:
                return str(known.get("alias") or ("" if known.get("role") else known.get("profile")) or "")
        return ""

    def account_called(self, word: str) -> str:
        """The number of the scope's account of that number, alias or profile; "" where there is none."""
        from backends.model import Account  # the first rows do not wait for the vocabulary

        named = [Account.from_json(known) for known in self.accounts]
        numbers = [word, *(account.account for account in named if account.answers_to(word))]
        return next((number for number in numbers if number in self.account_ids), "")

    @property
    def account_words(self) -> list[str]:
        """What each account of the scope is called: by its name where it has one."""
        return [self.account_name(account) or account for account in self.account_ids]

    @property
    def narrowed(self) -> str:
        """The part of the scope that is looked at, as it is typed: `@production,eu-west-1`; "" for all of it."""
        accounts = [self.account_name(account) or account for account in self.narrowing.accounts]
        words = [*accounts, *self.narrowing.regions]
        return f"@{','.join(words)}" if words else ""

    @property
    def several_accounts(self) -> bool:
        return len(self.narrowing.accounts or self.account_ids) > 1

    @property
    def several_regions(self) -> bool:
        return len(self.narrowing.regions or self.region_names) > 1

    @property
    def look(self) -> Look:
        """What every question about what is shown names: the instant, and the part of the scope."""
        return {"at": self.at, "accounts": self.narrowing.accounts, "regions": self.narrowing.regions}

    def heading_to(self, at: str) -> None:
        """Look at another instant; "" is now. Answers under way for the old one are dropped."""
        self.at = at
        self.generation += 1

    def narrow(self, accounts: tuple[str, ...], regions: tuple[str, ...]) -> None:
        """Look at a part of the scope. Answers under way for the old one are dropped."""
        self.narrowing = Narrowing(accounts, regions)
        self.generation += 1
