"""Elements of a response → rows → one Arrow page, by the kind's declaration alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.aws.convert import CONVERTERS, Unfit
from backends.aws.expressions import Reader, compiled
from backends.aws.readings import Points
from backends.aws.redact import Redactor
from backends.aws.xml_flat import FlatPage
from backends.aws.xml_pages import Elements, Irregular, Plan
from backends.blocks import packed
from backends.model import ColumnType, Json, Kind

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.utf8(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us"),
    "tags": pa.utf8(),
    "list": pa.list_(pa.utf8()),
}
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
_SAFE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)
NO_KEY = "key"
Array = np.ndarray[Any, np.dtype[Any]]
_BLOCK_ROWS = 25
"""Few enough that the block of one changed element is soon unpacked, enough that elements tell of one another."""
_RAW = (
    pa.field("hash", pa.uint64()),
    pa.field("raw", pa.binary()),
    pa.field("raw_at", pa.int32()),
    pa.field("raw_size", pa.int32()),
)


def page_schema(kind: Kind) -> pa.Schema:
    """`id`, every declared column, and what is told of the raw elements.

    hash              of the raw element and the declaration: where it is the same, so are all columns; null for points
    raw               in the first row of every few the block (see `backends.blocks`) of their raw elements, else null
    raw_at, raw_size  where in the last block told the row's element is as JSON text; null where it is not kept
    """
    # The points of a series repeat a few texts over and over.
    text = pa.utf8() if kind.series is None else pa.dictionary(pa.int32(), pa.utf8())
    fields = [pa.field("id", text, nullable=False)]
    fields += [
        pa.field(column.name, text if column.type == "text" else ARROW_TYPES[column.type]) for column in kind.columns
    ]
    return pa.schema([*fields, *_RAW])


def written(batches: Sequence[pa.RecordBatch]) -> bytes:
    """Batches of one kind as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    found: bytes = sink.getvalue().to_pybytes()
    return found


class PageMaker:
    """Makes the pages of one sweep of one kind.

    unfit   how many values could not be read as declared, by column; "key" counts elements without an identity,
            which are left out
    ids     the distinct ids so far
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.unfit: Counter[str] = Counter()
        self.ids: set[str] = set()
        self._schema = page_schema(kind)
        self._redact = Redactor(kind.redact)
        self._columns: list[tuple[str, Reader, Callable[[Any], Any]]] = [
            (column.name, compiled(column.path), CONVERTERS[column.type]) for column in kind.columns
        ]
        names = [column.name for column in kind.columns]
        self._key = [names.index(name) for name in kind.key]
        self._time = names.index(kind.series.time) if kind.series else None
        declared = repr([(column.name, column.path, column.type) for column in kind.columns])
        self._declared = blake2b(declared.encode(), digest_size=blake2b.PERSON_SIZE).digest()

    def page(self, elements: Sequence[Any]) -> tuple[bytes, int]:
        """The elements as an Arrow IPC stream and its number of rows."""
        batch = self.batch(elements)
        return written([batch]), batch.num_rows

    def batch(self, elements: Sequence[Any]) -> pa.RecordBatch:
        """The elements as rows of `page_schema`; of duplicate keys the last wins.

        A series' elements are points: the key's duplicates at other times are kept.
        """
        rows: dict[Any, tuple[str, list[Any], Any]] = {}
        for element in elements:
            clean = self._redact(element)
            row = self._row(clean)
            key = [row[place] for place in self._key]
            if any(part is None or part == "" for part in key):
                self.unfit[NO_KEY] += 1
                continue
            id_ = "/".join(map(_id_part, key))
            self.ids.add(id_)
            rows[id_ if self._time is None else (id_, row[self._time])] = (id_, row, clean)
        told = self._told(rows.values())
        whole = [[id_, *row] for id_, row, _ in rows.values()]
        columns = list(zip(*whole, strict=True)) if whole else [()] * (len(self._schema) - len(_RAW))
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=False)]
        kept = [element if told is None or told[id_] is row else None for id_, row, element in rows.values()]
        lines = pa.array([_line(element) for element in kept if element is not None], pa.binary())
        return self._whole(arrays, lines, None if told is None else [element is not None for element in kept])

    def read(self, plan: Plan, body: bytes, kept: Json) -> tuple[Json, pa.RecordBatch]:
        """The elements of an XML answer as `batch` gives them, and its own texts. Irregular: to be read otherwise."""
        found = plan.read(body, kept)
        return found.told, self._batch(found)

    def together(self, plan: Plan, pages: Sequence[FlatPage], kept: Json) -> pa.RecordBatch:
        """The elements of several answers, as `read` gives each's. Irregular: each is to be read alone."""
        return self._batch(plan.together(pages, kept))

    def points(self, points: Points) -> pa.RecordBatch:
        """Points as rows. Irregular: they are to be read element by element."""
        return self._batch(points.elements(self.kind, self._redact, _line))

    def _batch(self, found: Elements) -> pa.RecordBatch:
        """Elements as rows. Irregular where one has no identity, or an identity is not its own."""
        lines = found.lines() if found.slow or self._time is None else None
        columns = found.columns
        if found.slow:
            self._complete(found, [json.loads(line) for line in found.lines().to_pylist()])
        if self._time is not None:
            for column in self.kind.columns:
                if column.type == "text":
                    columns[column.name] = columns[column.name].dictionary_encode()
        ids, each = self._identities([columns[name] for name in self.kind.key])
        if len(set(each)) < len(each):
            raise Irregular
        mask = None if self._time is None else self._newest(ids, columns[self.kind.columns[self._time].name])
        batch = self._whole(
            [ids, *(columns[column.name] for column in self.kind.columns)],
            lines if mask is None else found.lines(mask),
            mask,
        )
        self.unfit.update(found.unfit)
        self.ids.update(each)
        return batch

    def _identities(self, parts: list[pa.Array]) -> tuple[pa.Array, list[str]]:
        """The id of every row, and all of them (of points: all different ones). Irregular where an element has none."""
        if any(part.null_count for part in parts):
            raise Irregular
        if all(pa.types.is_dictionary(part.type) for part in parts):
            return _joined(parts)
        if not all(pa.types.is_string(part.type) for part in parts):
            raise Irregular
        if any(pc.any(pc.equal(part, "")).as_py() for part in parts):
            raise Irregular
        ids = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")
        return ids, ids.to_pylist()

    def _complete(self, found: Elements, objects: list[Any]) -> None:
        """The columns whose paths only their own readers know."""
        for name, read, convert in self._columns:
            if name in found.slow:
                values, bad = _read_one_by_one(objects, read, convert)
                found.columns[name] = pa.array(values, self._schema.field(name).type)
                if bad:
                    found.unfit[name] = bad

    def _newest(self, ids: pa.DictionaryArray, times: pa.Array) -> Array:
        """Of points, whether each is its market's newest: `_told` for arrays. Irregular where a point comes twice."""
        if times.null_count:
            raise Irregular
        codes, moments = np.asarray(ids.indices, dtype=np.int64), np.asarray(times.cast(pa.int64()))
        span = int(moments.max(initial=0)) - int(moments.min(initial=0)) + 1
        if span * len(ids.dictionary) >= 1 << 62:
            raise Irregular
        marks = codes * span + (moments - moments.min(initial=0))
        order = np.argsort(marks)
        marks, codes = marks[order], codes[order]
        if np.any(marks[1:] == marks[:-1]):
            raise Irregular
        newest = np.zeros(len(codes), dtype=bool)
        newest[order[np.append(codes[1:] != codes[:-1], True)[: len(codes)]]] = True
        return newest

    def _whole(self, arrays: list[pa.Array], lines: pa.Array, kept: Sequence[bool] | Array | None) -> pa.RecordBatch:
        """Rows with their raw elements in blocks; `kept` says which rows have one, None: all."""
        rows = len(arrays[0])
        bounds, data = np.zeros(1, dtype=np.int32), lines.buffers()[2]
        if len(lines) and data is not None:
            bounds = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
        where = np.arange(rows) if kept is None else np.flatnonzero(kept)
        firsts = np.arange(0, len(where), _BLOCK_ROWS)
        at, size = np.zeros(rows, dtype=np.int32), np.zeros(rows, dtype=np.int32)
        at[where] = bounds[:-1] - np.repeat(bounds[firsts], np.diff(np.append(firsts, len(where))))
        size[where] = np.diff(bounds)
        absent = None if kept is None else ~np.asarray(kept, dtype=bool)
        raw: list[bytes | None] = [None] * rows
        for first in firsts.tolist():
            last = min(first + _BLOCK_ROWS, len(where))
            start, end = int(bounds[first]), int(bounds[last])
            raw[int(where[first])] = packed(data.slice(start, end - start))
        hashes = pa.nulls(rows, pa.uint64()) if self._time is not None else self._hashes(data, bounds)
        arrays += [hashes, pa.array(raw, pa.binary()), pa.array(at, mask=absent), pa.array(size, mask=absent)]
        return pa.record_batch(arrays, schema=self._schema)

    def _hashes(self, data: pa.Buffer | None, bounds: Any) -> pa.Array:
        if data is None or len(bounds) == 1:
            return pa.array([], pa.uint64())
        view, declared, places = memoryview(data), self._declared, bounds.tolist()
        found = b"".join(
            blake2b(view[start:end], digest_size=8, person=declared).digest() for start, end in pairwise(places)
        )
        return pa.array(np.frombuffer(found, dtype=np.uint64))

    def _told(self, rows: Iterable[tuple[str, list[Any], Any]]) -> dict[str, list[Any]] | None:
        """Of a series, each market's newest point: the only one whose raw element is kept. None: every row's is."""
        place = self._time
        if place is None:
            return None
        newest: dict[str, list[Any]] = {}
        for id_, row, _ in rows:
            known = newest.get(id_)
            if known is None or known[place] is None or (row[place] is not None and row[place] >= known[place]):
                newest[id_] = row
        return newest

    def _row(self, element: Any) -> list[Any]:
        row = []
        for name, read, convert in self._columns:
            value = read(element)
            if value is not None:
                try:
                    value = convert(value)
                except Unfit:
                    self.unfit[name] += 1
                    value = None
            row.append(value)
        return row

    @property
    def complaint(self) -> str:
        """A sentence about what could not be read as declared, or ""."""
        counts = Counter(self.unfit)
        without = counts.pop(NO_KEY, 0)
        parts = []
        if without:
            parts.append(f"{without} without {' and '.join(self.kind.key)} were left out")
        if counts:
            named = ", ".join(f"{name} ({count})" for name, count in counts.most_common(3))
            parts.append(f"{counts.total()} values were not of the declared type and are empty: {named}")
        return f"Of {self.kind.name}, {'; '.join(parts)}." if parts else ""


def _id_part(value: Any) -> str:
    """A day is written without its midnight."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value == datetime.combine(value, time.min) else "%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def _joined(parts: list[pa.DictionaryArray]) -> tuple[pa.DictionaryArray, list[str]]:
    """Parts of ids joined by slashes, each different one once. Irregular where a part is empty."""
    places = [np.asarray(part.indices, dtype=np.int64) for part in parts]
    codes = np.zeros(len(parts[0]), dtype=np.int64)
    for part, place in zip(parts, places, strict=True):
        codes = codes * len(part.dictionary) + place
    _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
    texts = []
    for part, place in zip(parts, places, strict=True):
        known = part.dictionary.to_pylist()
        if "" in known:
            raise Irregular
        texts.append([known[number] for number in place[firsts].tolist()])
    each = ["/".join(some) for some in zip(*texts, strict=True)]
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), pa.array(each, pa.utf8())), each


def _line(element: Any) -> bytes:
    """The element as compact JSON with sorted keys."""
    try:
        return _ENCODER.encode(element).encode()
    except UnicodeEncodeError:
        # JSON may spell lone surrogates, which no UTF-8 has.
        return _SAFE.encode(element).encode()


def _read_one_by_one(objects: list[Any], read: Reader, convert: Callable[[Any], Any]) -> tuple[list[Any], int]:
    """The values of one column, and how many were not of its type."""
    values, bad = [], 0
    for element in objects:
        value = read(element)
        try:
            values.append(None if value is None else convert(value))
        except Unfit:
            values.append(None)
            bad += 1
    return values, bad
