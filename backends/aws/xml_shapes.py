"""What each place in an XML answer of one operation means: botocore's output shape as a table of states.

A node's state follows from its parent's and its tag. State 0 is what nobody asks about. Only what AWS's EC2 answers are
made of is known here; a shape that has more (maps, flattened lists, recursion) is `Unplanned` and read node by node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backends.aws.redact import ENVIRONMENT, SECRET, role
from backends.aws.xml_tokens import Ints, Tags

_DEEPEST = 24
_TEXTS = {"string": "text", "character": "text", "timestamp": "time"}
_SCALARS = _TEXTS | {
    "integer": "integer",
    "long": "integer",
    "boolean": "boolean",
    "double": "number",
    "float": "number",
}


class Unplanned(Exception):
    """What this way of reading does not know."""


@dataclass
class State:
    """A place in the answer.

    kind      structure, list, text, time, integer, number, boolean, secret (its value is never looked at) or other
    name      the member's name in botocore's result, "" for a list's items
    members   tag → the state of that child; of a list every child's is `item`
    scalar    of a secret: whether it is text (anything else may be absent and is then not blanked)
    """

    number: int
    kind: str
    name: str
    members: dict[str, State] = field(default_factory=dict)
    item: State | None = None
    scalar: str = ""

    def child(self, name: str) -> State | None:
        """The member of that name in the result."""
        return next((state for state in self.members.values() if state.name == name), None)


class States:
    """All states of one output shape."""

    def __init__(self, shape: Any) -> None:
        self.all: list[State] = [State(0, "ignored", "")]
        self.root = self._made(shape, "", 0)
        self._table: Ints = np.zeros((len(self.all), 0), dtype=np.int32)

    def _new(self, kind: str, name: str) -> State:
        state = State(len(self.all), kind, name)
        self.all.append(state)
        return state

    def _made(self, shape: Any, name: str, depth: int) -> State:
        if depth > _DEEPEST:
            raise Unplanned
        kind = shape.type_name
        meaning = role(name) if name else 0
        if meaning == SECRET and kind != "boolean":
            state = self._new("secret", name)
            state.scalar = _SCALARS.get(kind, kind)
            return state
        if meaning == ENVIRONMENT:
            return self._new("other", name)
        if kind == "structure":
            state = self._new("structure", name)
            for member_name, member in shape.members.items():
                if member.serialization.get("location"):
                    raise Unplanned
                if member.serialization.get("flattened"):
                    raise Unplanned
                tag = str(member.serialization.get("name") or member_name)
                state.members[tag] = self._made(member, member_name, depth + 1)
            return state
        if kind == "list":
            state = self._new("list", name)
            state.item = self._made(shape.member, "", depth + 1)
            return state
        return self._new(_SCALARS.get(kind, "other"), name)

    def table(self, tags: Tags) -> Ints:
        """state × tag → state, for every tag met so far."""
        count = len(tags.numbers)
        if self._table.shape[1] < count:
            numbers = {name.decode(): number for name, number in tags.numbers.items()}
            made = np.zeros((len(self.all), count), dtype=np.int32)
            for state in self.all:
                if state.item is not None:
                    made[state.number, :] = state.item.number
                for tag, member in state.members.items():
                    if tag in numbers:
                        made[state.number, numbers[tag]] = member.number
            self._table = made
        return self._table

    def along(self, path: str, start: State) -> list[State]:
        """The states from `start` along a dotted path of members. Unplanned where it leads nowhere."""
        found = [start]
        for name in path.split("."):
            member = found[-1].child(name)
            if member is None:
                raise Unplanned
            found.append(member)
        return found
