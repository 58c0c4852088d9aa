"""What there is to poll: every (account, region, kind) of the registered contexts, each with its own state."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from math import inf

from backends.daemon.cadence import rank
from backends.model import GLOBAL_REGION, CoverageState, Json, Kind, Scope

Key = tuple[str, str, str]


FAILING = frozenset({CoverageState.ERROR, CoverageState.THROTTLED})
"""What is to be had and was not; what is denied or does not exist is another thing."""


@dataclass
class Triple:
    """One (account, region, kind). `due` is on the loop's clock; `tried` once a sweep of this daemon's life has ended.

    `before` is whether one had ended in an earlier life, as the store tells; until it is asked, `due` is infinite.
    `kept` is whether the store has the end of the newest sweep, `unkept_since` when the first one after the last that
    was kept had ended.
    `last_good` is when the last good sweep began, in this life or an earlier one; `newest` is the newest point of a
    series once a sweep of this life has ended well; `streak`: see `cadence.streak`.
    """

    account: str
    region: str
    kind: Kind
    due: float = 0.0
    running: bool = False
    tried: bool = False
    before: bool = False
    failures: int = 0
    state: CoverageState = CoverageState.PENDING
    forced: bool = False
    sweeps: int = 0
    last_good: datetime | None = None
    newest: datetime | None = None
    streak: int = 0
    kept: bool = True
    unkept_since: datetime | None = None

    @property
    def key(self) -> Key:
        return self.account, self.region, self.kind.name

    @property
    def order(self) -> tuple[int, str, str]:
        """Its place in a first poll."""
        return rank(self.kind.name), self.region, self.account


def keys_of(scope: Scope, kinds: Iterable[Kind]) -> list[tuple[str, str, Kind]]:
    """Every triple of a scope: regional kinds in each region, global ones once in each account; only what is polled."""
    found = []
    for kind in filter(lambda kind: kind.polled and not kind.on_demand, kinds):
        for account, region in sorted(scope.pairs):
            if kind.regional == (region != GLOBAL_REGION):
                found.append((account, region, kind))
    return found


def progress(triples: Iterable[Triple], withheld: Collection[str] = ()) -> Json:
    """done, total, in flight, whether each has been tried once, and how many fail as things stand: those of accounts
    that are not polled among them.

    "first_poll_ever" is whether any is known to wait for its very first poll, not only for that of this daemon's life.
    """
    known = list(triples)
    done = sum(1 for triple in known if triple.tried)
    return {
        "in_flight": sum(1 for triple in known if triple.running),
        "done": done,
        "total": len(known),
        "errors": sum(1 for t in known if t.state in FAILING or t.account in withheld),
        "first_poll_complete": bool(known) and done == len(known),
        "first_poll_ever": any(not (triple.tried or triple.before) and triple.due < inf for triple in known),
    }


def totals(triples: Iterable[Triple]) -> dict[str, int]:
    """How many triples are in each coverage state."""
    counted: dict[str, int] = {}
    for triple in triples:
        counted[triple.state.value] = counted.get(triple.state.value, 0) + 1
    return dict(sorted(counted.items()))
