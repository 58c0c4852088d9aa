"""The pieces of JSON between the texts of a page's elements."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from backends.aws.redact import REDACTED
from backends.aws.xml_places import LIST, STRUCTURE
from backends.aws.xml_shapes import States


class Fragments:
    """The pieces of JSON between the texts, numbered; which one is needed follows from state and place."""

    def __init__(self, states: States, inherited: Sequence[str], kept: Sequence[str]) -> None:
        self.texts: list[str] = []
        self.empty, self.true, self.false = self._add(""), self._add("true"), self._add("false")
        self.null, self.redacted = self._add("null"), self._add(REDACTED)
        quoted = ("text", "time", "secret")
        opening = {"structure": "{", "list": "["} | dict.fromkeys(quoted, '"')
        # Four of each: first in its parent or not, after a text (which still lacks its closing quote) or not.
        self.before = np.zeros(len(states.all), dtype=np.int32)
        for state in states.all:
            name = f"{json.dumps(state.name)}:" if state.name else ""
            start = len(self.texts)
            for comma in (",", ""):
                for quote in ("", '"'):
                    self._add(f"{quote}{comma}{name}{opening.get(state.kind, '')}")
            self.before[state.number] = start
        self.element = self._add("{")
        self.closes = np.zeros((3, 2), dtype=np.int32)
        for number, mark in ((STRUCTURE, "}"), (LIST, "]")):
            self.closes[number] = self._add(mark), self._add(f'"{mark}')
        # What an element takes from around it stands at its end: after a text or not, a text itself or null.
        self.taken = np.array(
            [
                [[self._add(f"{quote},{json.dumps(name)}:{own}") for own in ("", '"')] for quote in ("", '"')]
                for name in (*inherited, *kept)
            ],
            dtype=np.int32,
        )
        self.bytes = "".join(self.texts).encode()
        self.ends = np.cumsum([len(text.encode()) for text in self.texts])

    def _add(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1
