"""How the answers to one question become elements: as rows at once where a kind's plan can, else one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import pyarrow as pa

from backends.aws.expressions import compiled
from backends.aws.lean_xml import read_xml
from backends.aws.metric_pages import SHAPE as METRIC_SHAPE
from backends.aws.metric_pages import read_metrics
from backends.aws.paging import Monotony
from backends.aws.parsers import PageMaker
from backends.aws.readings import Points
from backends.aws.xml_flat import FlatPage
from backends.aws.xml_pages import Irregular, Plan
from backends.model import Call, Json

Elements: TypeAlias = list[Json] | pa.RecordBatch
_ROWS = "\0rows"
_HELD_BYTES = 1 << 20
"""Points of a series are read so much at a time: nobody waits for the first of them, and each reading has its price."""


class Answers:
    """The answers to one question of a step, page by page, in their order.

    `parent` is the element that the question is about; EndlessPages where the pages do not get on.
    """

    def __init__(self, maker: PageMaker, step: Call, plan: Plan | None, parent: Json, operation: str) -> None:
        self._maker, self._step, self._plan, self._parent = maker, step, plan, parent
        self._kept = kept_of(step, parent)
        self._monotony = Monotony(operation)
        self._held: list[FlatPage] = []
        self._shape: Any = None

    def read(self, body: bytes, shape: Any) -> Json:
        """What an XML answer says, by its shape; its elements may be such as only `elements` understands."""
        if shape is not None and shape.name == METRIC_SHAPE:
            return read_metrics(body, shape)
        if self._plan is None or shape is None or shape.name != self._plan.shape:
            return read_xml(body, shape)
        if self._maker.kind.series is not None and (page := self._plan.held(body, self._kept)) is not None:
            self._shape = shape
            return {**page.told, _ROWS: page}
        try:
            told, batch = self._maker.read(self._plan, body, self._kept)
        except Irregular:
            return read_xml(body, shape)
        return {**told, _ROWS: batch}

    def answered(self, group: Sequence[Json], pages: Sequence[Json]) -> Elements:
        """The elements that a step's own `answer` makes of all pages."""
        assert self._step.answer is not None
        found = self._step.answer(group, pages)
        if isinstance(found, Points) and len(found):
            with suppress(Irregular):
                return self._maker.points(found)
        return list(found)

    def elements(self, answer: Json) -> Iterator[Elements]:
        """The elements that an answer completes: its own and those before it, or none where they are held."""
        rows = answer.get(_ROWS)
        if isinstance(rows, FlatPage):
            self._monotony.see(*rows.ends)
            self._held.append(rows)
            if sum(page.end - page.begin for page in self._held) >= _HELD_BYTES:
                yield from self.held()
            return
        yield from self.held()
        found = elements_of(self._step, answer, self._parent) if rows is None else rows
        self._monotony.see(len(found), *_ends(found))
        yield found

    def held(self) -> Iterator[Elements]:
        """The elements of all pages that are held."""
        pages, self._held = self._held, []
        if not pages:
            return
        assert self._plan is not None
        try:
            found = [self._maker.together(self._plan, pages, self._kept)]
        except Irregular:
            found = [self._alone(self._plan, page) for page in pages]
        yield from found

    def _alone(self, plan: Plan, page: FlatPage) -> Elements:
        try:
            return self._maker.read(plan, page.body, self._kept)[1]
        except Irregular:
            return elements_of(self._step, read_xml(page.body, self._shape), self._parent)


def elements_of(step: Call, answer: Json, parent: Json) -> list[Json]:
    """The elements of one page of an answer, with what they take from the enclosing element and the previous step."""
    kept = kept_of(step, parent)
    found: list[Json] = []
    for outer in _listed(compiled(step.within)(answer)) if step.within else [answer]:
        inherited = {name: compiled(path)(outer) for name, path in step.inherit.items()} | kept
        for element in _listed(compiled(step.items)(outer)):
            value = element if isinstance(element, dict) else {"value": element}
            if step.texts:
                value = value | {name: _said(value.get(name)) for name in step.texts}
            found.append(value | inherited if inherited else value)
    return found


def kept_of(step: Call, parent: Json) -> Json:
    """What the elements of a step take from the element that it was asked about."""
    return {name: compiled(path)(parent) for name, path in step.keep.items()}


def _ends(elements: Elements) -> tuple[Any, Any]:
    """The first and the last element of a page, both None for an empty one."""
    if not len(elements):
        return None, None
    if isinstance(elements, pa.RecordBatch):
        first, last = (elements.slice(place, 1).drop_columns(["raw"]) for place in (0, len(elements) - 1))
        return first.to_pylist(), last.to_pylist()
    return elements[0], elements[-1]


def _said(text: Any) -> Any:
    """What a JSON text says; null where it is none, for nobody could tell the secrets in it."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
