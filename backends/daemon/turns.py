"""Whose turn it is to be polled: what hangs in one account, region or service for minutes leaves turns to the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations

from backends.daemon.triples import Triple
from backends.model import GLOBAL_REGION, Kind

AT_ONCE = 8
"""Of one account, region or service, where there are others, half of it at a time; of one such within another half of
that, and so on: else what hangs in a region might be all of one service, and keep that from every other region."""


def shared(places: Iterable[tuple[str, str, Kind]]) -> tuple[bool, bool, bool]:
    """Whether there are several accounts, regions and services among those (account, region, kind)."""
    accounts, regions, services = set(), set(), set()
    for account, region, kind in places:
        accounts.add(account)
        regions.add(region)
        services.add(kind.service)
    return len(accounts) > 1, len(regions - {GLOBAL_REGION}) > 1, len(services) > 1


class Turns:
    """The turns that polls `under_way` leave; `several` as `shared` tells it of all that is polled."""

    def __init__(self, under_way: Iterable[Triple], several: tuple[bool, bool, bool]) -> None:
        self._several = several
        self._taken = 0
        self._full: set[tuple[str, str, str]] = set()
        self._by_whom: Counter[tuple[tuple[int, str], ...]] = Counter()
        for triple in under_way:
            self.take(triple)

    @property
    def left(self) -> bool:
        """Whether any poll may begin."""
        return self._taken < AT_ONCE

    def free(self, triple: Triple) -> bool:
        """Whether this one may: its account, region and service have not all the turns that they may have."""
        place = triple.account, triple.region, triple.kind.service
        if place in self._full:
            return False
        free = all(self._by_whom[whose] < AT_ONCE >> len(whose) for whose in self._whose(triple))
        if not free:
            # Hundreds of kinds may wait for one place: that is found out once.
            self._full.add(place)
        return free

    def take(self, triple: Triple) -> None:
        """Count a poll that is under way."""
        self._taken += 1
        self._by_whom.update(self._whose(triple))

    def _whose(self, triple: Triple) -> list[tuple[tuple[int, str], ...]]:
        named = enumerate((triple.account, triple.region, triple.kind.service))
        ones = [(part, name) for part, name in named if self._several[part]]
        return [whose for size in range(1, len(ones) + 1) for whose in combinations(ones, size)]
