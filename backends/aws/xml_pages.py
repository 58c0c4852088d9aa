"""Pages of a hot kind: from the bytes of an XML answer to Arrow columns and JSON, without an object per node.

A kind's declaration and botocore's output shape are compiled into a `Plan` once. Reading a page then is array work: the
markup (`xml_tokens`) gives every node its state (`xml_shapes`); a column is the texts of the nodes of its state by row;
the raw elements are one gather of texts and of fragments like `,"State":{"Code":`. What comes out is what
botocore's parse, redaction, the column's path and its conversion give, field for field; a page that holds anything
else raises `Irregular`, and is read that long way instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backends.aws.redact import NAMES, PRIVATE_KEY, VALUES
from backends.aws.xml_columns import Column, column_of
from backends.aws.xml_elements import Elements
from backends.aws.xml_flat import Flat, FlatPage, NotFlat, flat_of
from backends.aws.xml_fragments import Fragments
from backends.aws.xml_places import kinds_of
from backends.aws.xml_reading import Reading
from backends.aws.xml_shapes import State, States, Unplanned
from backends.aws.xml_tokens import Irregular, Nodes, Tags
from backends.model import Call, Kind

__all__ = ["Elements", "Irregular", "Plan", "Unplanned", "plan_of"]


class Plan:
    """How a kind's elements are read out of one operation's answers. Unplanned where they cannot be so."""

    def __init__(self, kind: Kind, step: Call, shape: Any) -> None:
        if shape is None or shape.serialization.get("resultWrapper") or step.answer is not None:
            raise Unplanned
        self.kind, self.shape = kind, str(shape.name)
        self.tags = Tags()
        self.states = States(shape)
        root = self.states.root
        outer = _listed(self.states.along(step.within, root)) if step.within else root
        self._outer = outer if step.within else None
        self.element = _listed(self.states.along(step.items, outer))
        if self.element.kind != "structure":
            raise Unplanned
        self.inherited = self._fields_of_outer(step)
        self.kept = tuple(step.keep)
        names = {state.name for state in self.element.members.values()}
        if names & {*self.kept, *(name for name, _ in self.inherited)}:
            raise Unplanned
        self.told = [s for s in root.members.values() if s.kind in ("text", "secret") and s.scalar in ("", "text")]
        for state in self.told:
            state.kind = "text"
        _blank(kind.redact, self.element)
        self.hidden = _naming(self.element)
        self.columns = {column.name: self._column(column) for column in kind.columns}
        self._flat = self._flat_of(shape, step)
        self.slow = [name for name, column in self.columns.items() if column is None]
        self.fragments = Fragments(self.states, [name for name, _ in self.inherited], self.kept)
        self.kinds = kinds_of(self.states)
        self.inside = np.zeros(len(self.states.all), dtype=bool)
        self.inside[[state.number for state in _under(self.element)]] = True

    def _fields_of_outer(self, step: Call) -> list[tuple[str, State]]:
        found: list[tuple[str, State]] = []
        for name, path in step.inherit.items():
            state = self._outer.child(path) if self._outer is not None else None
            if state is None or state.kind != "text":
                raise Unplanned
            found.append((name, state))
        return found

    def _flat_of(self, shape: Any, step: Call) -> Flat | None:
        own = self.element.members.values()
        if any(value in own for _, values in self.hidden for value in values):
            return None
        columns = [(column, self.columns[column.name]) for column in self.kind.columns]
        told = [state.name for state in self.told]
        return flat_of(shape, step, self.states.root, self.element, columns, told)

    def _column(self, column: Any) -> Column | None:
        outer = dict(self.inherited)
        return column_of(column, self.element, outer, self.kept)

    def read(self, body: bytes, kept: Mapping[str, Any]) -> Elements:
        """The elements of an answer; `kept` are fields that the step before gives them. Irregular: read otherwise."""
        if _is_secret(body, kept):
            raise Irregular
        if self._flat is not None:
            try:
                return self._flat.read([self._flat.page(body)], kept)
            except NotFlat:
                pass
        return Reading(self, Nodes(body, self.tags), kept).elements()

    def held(self, body: bytes, kept: Mapping[str, Any]) -> FlatPage | None:
        """The answer as one that may be read together with those after it; None where it has to be read alone."""
        if self._flat is None or _is_secret(body, kept):
            return None
        try:
            return self._flat.page(body)
        except NotFlat:
            return None

    def together(self, pages: Sequence[FlatPage], kept: Mapping[str, Any]) -> Elements:
        """The elements of pages that were held. Irregular: each is to be read alone."""
        assert self._flat is not None
        try:
            return self._flat.read(pages, kept)
        except NotFlat:
            raise Irregular from None


def _is_secret(body: bytes, kept: Mapping[str, Any]) -> bool:
    """Whether anything may have to be blanked that only the long way finds."""
    return PRIVATE_KEY.encode() in body or any(
        value is not None and not isinstance(value, str) for value in kept.values()
    )


_plans: dict[tuple[int, int], tuple[Kind, Plan | None]] = {}


def plan_of(kind: Kind, depth: int, client: Any) -> Plan | None:
    """The plan of a kind's step, compiled once; None where its answers are read node by node."""
    known = _plans.get((id(kind), depth))
    if known is None:
        model, step = client.meta.service_model, kind.calls[depth]
        try:
            if model.resolved_protocol != "ec2":
                raise Unplanned
            plan = Plan(kind, step, model.operation_model(step.operation).output_shape)
        except Unplanned:
            plan = None
        # The kind is kept so that its id stays its own.
        known = _plans[id(kind), depth] = kind, plan
    return known[1]


def _listed(states: Sequence[State]) -> State:
    """The items of the list at the end of a path; Unplanned where it passes through another list."""
    *way, last = states
    if last.item is None or any(state.kind != "structure" for state in way):
        raise Unplanned
    return last.item


def _blank(paths: Sequence[str], element: State) -> None:
    for path in paths:
        if "*" in path.split("."):
            raise Unplanned
        states = [element]
        for step in filter(None, re.split(r"\.|(\[\*?\])", path)):
            following = [s.item if step.startswith("[") else s.child(step) for s in states]
            states = [state for state in following if state is not None]
        for state in states:
            state.kind, state.scalar = "secret", state.scalar or state.kind
            state.members, state.item = {}, None


def _under(element: State) -> list[State]:
    """A state and all below it."""
    found, ahead = [], [element]
    while ahead:
        state = ahead.pop()
        found.append(state)
        ahead += [*state.members.values(), *([state.item] if state.item else [])]
    return found


def _naming(element: State) -> list[tuple[list[State], list[State]]]:
    """Structures in which the text of one member may say that another is a secret: (names, values)."""
    found = []
    for state in _under(element):
        children = list(state.members.values())
        values = [child for child in children if child.name in VALUES]
        if state.kind == "structure" and values:
            names = [child for child in children if child.name in NAMES and child.kind in ("text", "time")]
            if names:
                for value in values:
                    if value.kind not in ("text", "time", "secret"):
                        value.kind = "other"
                found.append((names, values))
    return found
