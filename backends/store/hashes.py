"""Sets of 64-bit hashes that only grow, as a few sorted arrays: a hundredth of what a Python set of them weighs."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Hashes:
    """A growing set. Arrays merge as they come to be of one size, so that there are never many."""

    def __init__(self) -> None:
        self._sorted: list[Array] = []

    def add(self, hashes: Array) -> None:
        """Puts hashes in, known ones or not."""
        new = np.sort(hashes)
        while self._sorted and len(self._sorted[-1]) <= 2 * len(new):
            new = np.sort(np.concatenate([self._sorted.pop(), new]), kind="stable")
        if len(new):
            self._sorted.append(new)

    def has(self, hashes: Array) -> Array:
        """For each hash whether it is in."""
        found = np.zeros(len(hashes), dtype=bool)
        for known in self._sorted:
            place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            found |= known[place] == hashes
        return found
