"""What every node of an XML answer is: its state, from its parent's and its tag, level by level."""

from __future__ import annotations

import numpy as np

from backends.aws.xml_shapes import State, States
from backends.aws.xml_tokens import Ints, Irregular, Nodes, Tags

_KINDS = {
    name: number
    for number, name in enumerate(
        ("ignored", "structure", "list", "text", "time", "integer", "number", "boolean", "secret", "other")
    )
}
STRUCTURE, LIST, TEXT, TIME, INTEGERS, NUMBER, BOOLEAN, SECRET, OTHER = range(1, 10)


def kinds_of(states: States) -> Ints:
    """The number of each state's kind."""
    return np.array([_KINDS[state.kind] for state in states.all], dtype=np.int8)


class Places:
    """Of each node its `state`, its `parent` (the root is its own) and the `kind` of its state, all by number.

    Irregular where a reader of one node after another would find something else: a value with nodes in it, a member
    twice, a value of a kind that is not known here.
    """

    def __init__(self, nodes: Nodes, states: States, tags: Tags, kinds: Ints) -> None:
        table = states.table(tags)
        self.state = np.zeros(len(nodes.event), dtype=np.int32)
        self.parent = np.zeros(len(nodes.event), dtype=np.int32)
        self.state[0] = states.root.number
        for above, level in zip(nodes.levels, nodes.levels[1:], strict=False):
            inner = above[~nodes.leaf[above]]
            parent = inner[np.searchsorted(inner, level) - 1]
            self.parent[level] = parent
            self.state[level] = table[self.state[parent], nodes.tag[level]]
        self.kind = kinds[self.state]
        self._order = np.argsort(self.state.astype(np.int16), kind="stable")
        self._bounds = np.concatenate([[0], np.cumsum(np.bincount(self.state, minlength=len(states.all)))])
        self._check(nodes.leaf)

    def of(self, state: State) -> Ints:
        """The nodes of a state, in order."""
        return self._order[self._bounds[state.number] : self._bounds[state.number + 1]]

    def _check(self, leaf: Ints) -> None:
        kind = self.kind
        if np.any(kind == OTHER) or np.any((kind >= TEXT) & (kind <= BOOLEAN) & ~leaf):
            raise Irregular
        # Those of one state come in their parents' order: a member that is there twice stands beside itself.
        state, parent = self.state[self._order], self.parent[self._order]
        twice = self._order[1:][(state[1:] == state[:-1]) & (parent[1:] == parent[:-1])]
        if np.any((kind[twice] > 0) & (kind[self.parent[twice]] == STRUCTURE)):
            raise Irregular
