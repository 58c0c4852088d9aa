"""Resolved views, kept while they are looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


SAMPLE = 100


@dataclass(slots=True)
class View:
    """An ordered list of versions, or its head, and the widths of a sample of their rows, in terminal cells.

    cards   the number of each one's card
    hashes  of each one's account, region and id, as DuckDB hashes them
    total   how many there are: more than `cards` where only the head is known
    sample  the cards of a hundred of them
    widths  come with the first window, None before
    """

    cards: Array
    hashes: Array
    total: int
    sample: Array
    widths: dict[str, int] | None = None

    @property
    def whole(self) -> bool:
        """Whether every one is known, not only the head."""
        return len(self.cards) == self.total

    @property
    def size(self) -> int:
        """Its bytes, more or less."""
        return int(self.cards.nbytes + self.hashes.nbytes + self.sample.nbytes) + 500


def spread(cards: Array) -> Array:
    """A hundred cards spread over an ordered list."""
    return cards[:: max(1, -(-len(cards) // SAMPLE))].copy()


class ViewCache:
    """Views by what defines them, least recently used first out; safe from several threads."""

    def __init__(self, limit_bytes: int = 128 * 2**20) -> None:
        self._views: OrderedDict[tuple[object, ...], View] = OrderedDict()
        self._lock = threading.Lock()
        self._limit = limit_bytes
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> View | None:
        with self._lock:
            view = self._views.get(key)
            if view is not None:
                self._views.move_to_end(key)
            return view

    def put(self, key: tuple[object, ...], view: View) -> None:
        """Keeps the view; older data versions of the same view go at once."""
        with self._lock:
            stale = [k for k in self._views if k[:-1] == key[:-1]]
            for old in stale:
                self._bytes -= self._views.pop(old).size
            self._views[key] = view
            self._bytes += view.size
            while self._bytes > self._limit and len(self._views) > 1:
                self._bytes -= self._views.popitem(last=False)[1].size

    def __len__(self) -> int:
        return len(self._views)
