"""Pages of GetMetricData: from the bytes of an XML answer to Arrow, a row for each metric with its times and values.

A page may hold 100,800 values. They are read as arrays, as EC2's pages are (see `xml_pages`); one that holds anything
but results with times and values is read node by node, and laid out the same afterwards.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.aws.convert import time
from backends.aws.lean_xml import read_xml
from backends.aws.xml_elements import converted
from backends.aws.xml_places import BOOLEAN, TEXT, Places, kinds_of
from backends.aws.xml_shapes import State, States
from backends.aws.xml_tokens import Ints, Irregular, Nodes, Tags
from backends.model import Json

METRICS = pa.schema(
    [
        pa.field("Id", pa.utf8()),
        pa.field("Label", pa.utf8()),
        pa.field("StatusCode", pa.utf8()),
        pa.field("Timestamps", pa.list_(pa.timestamp("us"))),
        pa.field("Values", pa.list_(pa.float64())),
    ]
)
"""A row for each result. What AWS does not tell of one is null, a list without items."""
SHAPE = "GetMetricDataOutput"
_RESULTS, _WRAPPER = "MetricDataResults", "\0wrapper"
_NUMBER = re.compile(rb"[0-9.eE+-]*")
_LONGEST_NUMBER = 32
_DATED = "^[0-9]{4}-"


def results_of(answer: Json) -> pa.RecordBatch:
    """The results of an answer as rows of `METRICS`, however it was read."""
    found = answer.get(_RESULTS, [])
    if isinstance(found, pa.RecordBatch):
        return found
    rows = [
        {name: result.get(name) for name in ("Id", "Label", "StatusCode")}
        | {"Values": result.get("Values", []), "Timestamps": [time(at) for at in result.get("Timestamps", [])]}
        for result in found
    ]
    return pa.RecordBatch.from_pylist(rows, schema=METRICS)


class MetricReader:
    """Reads the answers of GetMetricData by their shape, which is compiled once."""

    def __init__(self, shape: Any) -> None:
        self._shape, self._tags, self._states = shape, Tags(), States(shape)
        self._answer = self._states.root
        # The shape lies within a wrapper, which it does not tell of as a member.
        wrapper = State(len(self._states.all), "structure", "")
        wrapper.members = {str(shape.serialization["resultWrapper"]): self._answer}
        self._states.all.append(wrapper)
        self._states.root = wrapper
        self._result = _item(self._answer.child(_RESULTS))
        self._others = [state for state in self._result.members.values() if state.name not in METRICS.names]
        self._kinds = kinds_of(self._states)

    def read(self, body: bytes) -> Json:
        """What an answer says, its results as rows of `METRICS` where they can be read so."""
        try:
            return self._read(body)
        except Irregular:
            return read_xml(body, self._shape)

    def _read(self, body: bytes) -> Json:
        if b"&" in body:
            raise Irregular
        nodes = Nodes(body, self._tags)
        page = _Page(nodes, Places(nodes, self._states, self._tags, self._kinds))
        if len(page.of(self._answer)) != 1 or any(page.filled(state) for state in self._others):
            raise Irregular
        answer: Json = {}
        for state in self._answer.members.values():
            told = page.of(state)
            if not len(told):
                continue
            if state.kind == "text":
                answer[state.name] = page.texts(told)[0].as_py()
            elif state.name == _RESULTS:
                answer[state.name] = page.results(self._result)
            elif page.filled(state):
                raise Irregular
            else:
                answer[state.name] = []
        return answer


_reader: list[MetricReader] = []


def read_metrics(body: bytes, shape: Any) -> Json:
    """What an answer of GetMetricData says; its results may be such as `results_of` understands."""
    if not _reader:
        _reader.append(MetricReader(shape))
    return _reader[0].read(body)


def _item(state: State | None) -> State:
    assert state is not None and state.item is not None
    return state.item


class _Page:
    """One page: its nodes and their places."""

    def __init__(self, nodes: Nodes, places: Places) -> None:
        self._nodes, self._places = nodes, places
        self.of = places.of
        inner = (places.kind > 0) & ((places.kind < TEXT) | (places.kind > BOOLEAN))
        if np.any(inner & nodes.leaf & (nodes.start < nodes.end)):
            raise Irregular

    def filled(self, state: State) -> bool:
        """Whether any node of a state has nodes inside."""
        return not self._nodes.leaf[self.of(state)].all()

    def texts(self, which: Ints) -> pa.Array:
        """The texts of leaves, one after another in a single copy."""
        bounds = np.empty(2 * len(which) + 1, dtype=np.int32)
        bounds[0:-1:2], bounds[1::2] = self._nodes.start[which], self._nodes.end[which]
        bounds[-1] = len(self._nodes.text)
        between = pa.Array.from_buffers(
            pa.utf8(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(self._nodes.text)]
        )
        return between.take(pa.array(np.arange(0, 2 * len(which), 2)))

    def results(self, result: State) -> pa.RecordBatch:
        nodes = self.of(result)
        row = np.full(len(self._places.state), -1, dtype=np.int32)
        row[nodes] = np.arange(len(nodes), dtype=np.int32)
        columns = []
        for field in METRICS:
            state = result.child(field.name)
            assert state is not None
            own = self.of(state)
            rows = row[self._places.parent[own]]
            if state.item is None:
                places = np.zeros(len(nodes), dtype=np.int64)
                absent = np.ones(len(nodes), dtype=bool)
                places[rows], absent[rows] = np.arange(len(own)), False
                columns.append(self.texts(own).take(pa.array(places, mask=absent)))
            else:
                columns.append(self._lists(state.item, own, rows, len(nodes), field.type))
        return pa.record_batch(columns, schema=METRICS)

    def _lists(self, item: State, lists: Ints, rows: Ints, count: int, kind: pa.DataType) -> pa.Array:
        """The items of each row's list, converted."""
        items = self.of(item)
        owner = np.zeros(len(self._places.state), dtype=np.int32)
        owner[lists] = rows
        sizes = np.bincount(owner[self._places.parent[items]], minlength=count)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        texts = self.texts(items)
        values = _numbers(texts) if pa.types.is_floating(kind.value_type) else _times(texts)
        return pa.ListArray.from_arrays(pa.array(offsets), values)


def _numbers(texts: pa.Array) -> pa.Array:
    """Texts as numbers. Irregular where Python might read another, or none."""
    if not len(texts):
        return pa.array([], pa.float64())
    sizes = np.diff(np.frombuffer(texts.buffers()[1], dtype=np.int32)[: len(texts) + 1])
    if not sizes.min() or sizes.max() > _LONGEST_NUMBER or not _NUMBER.fullmatch(texts.buffers()[2]):
        raise Irregular
    try:
        values = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        raise Irregular from None
    if not np.all(np.isfinite(np.asarray(values))):
        raise Irregular
    return values


def _times(texts: pa.Array) -> pa.Array:
    """Texts as times. Irregular where one is none, or is not written as a date."""
    if not pc.all(pc.match_substring_regex(texts, _DATED), min_count=0).as_py():
        raise Irregular
    values, bad = converted(texts, "time")
    if bad:
        raise Irregular
    return values
