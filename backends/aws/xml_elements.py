"""The elements of one page as they leave an XML answer, and their texts as the values that columns declare."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.aws.convert import CONVERTERS, Unfit
from backends.aws.xml_columns import Column, Field, First
from backends.aws.xml_tokens import Ints
from backends.model import Json

INTEGER = r"^(?:0|-?[1-9][0-9]{0,17})$"


@dataclass
class Elements:
    """The elements of one page, in its order.

    columns  by name, one value per element, as `PageMaker` makes them
    slow     columns that only their path's own reader, on the element as an object, can give
    lines    gives the elements, or those of a mask, as JSON texts, secrets blanked
    unfit    how many values were not of the declared type, by column
    told     the answer's own texts, such as its next token
    """

    columns: dict[str, pa.Array]
    slow: list[str]
    lines: Callable[..., pa.Array]
    unfit: dict[str, int]
    told: Json


_INSTANT = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_LONGEST_NUMBER = 24
_TYPES = {"integer": pa.int64(), "number": pa.float64(), "time": pa.timestamp("us")}


def converted(texts: pa.Array, kind: str, how: Column | None = None) -> tuple[pa.Array, int]:
    """The texts as the column's type, and how many were not of it."""
    if kind == "boolean":
        return pc.equal(texts, "true"), 0
    if kind not in _QUICK:
        return texts, 0
    if isinstance(how, Field | First) and how.leaf.kind == "integer":
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.utf8()), texts)
    plain, quick = _QUICK[kind]
    if plain(texts):
        try:
            return quick(texts), 0
        except pa.ArrowInvalid:
            pass
    return _one_by_one(texts, kind)


def _integers(texts: pa.Array) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, INTEGER), min_count=0).as_py())


def _numbers(texts: pa.Array) -> bool:
    """Whether Arrow reads them as Python does: no exponents, nothing beyond a float, no names of what is no number."""
    bounds, data = _bytes(texts)
    return not data.translate(None, b"0123456789.-") and int(np.diff(bounds).max(initial=0)) <= _LONGEST_NUMBER


def _instants(texts: pa.Array) -> bool:
    """Whether all are written as AWS mostly does, one like the other: digits stand where the first has some."""
    bounds, data = _bytes(texts)
    size = int(bounds[1] - bounds[0]) if len(texts) else 0
    if texts.null_count or not size or np.any(np.diff(bounds) != size) or not _INSTANT.fullmatch(data[:size]):
        return False
    marks = np.frombuffer(data, dtype=np.uint8).reshape(len(texts), size)
    digits = marks - np.uint8(48) < 10
    return bool(np.all(digits == digits[0]) and np.all(digits | (marks == marks[0])))


def _bytes(texts: pa.Array) -> tuple[Ints, bytes]:
    """Where each text begins and the last ends, and all of them one after another."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(len(texts) + 1, dtype=np.int32), b""
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(bounds[0]), int(bounds[-1])
    return bounds - first, data.slice(first, last - first).to_pybytes()


_QUICK: dict[str, tuple[Callable[[pa.Array], bool], Callable[[pa.Array], pa.Array]]] = {
    "integer": (_integers, lambda texts: texts.cast(pa.int64())),
    "number": (_numbers, lambda texts: texts.cast(pa.float64())),
    "time": (_instants, lambda texts: texts.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))),
}


def _one_by_one(texts: pa.Array, kind: str) -> tuple[pa.Array, int]:
    convert, values, bad = CONVERTERS[kind], [], 0  # type: ignore[index]
    for text in texts.to_pylist():
        try:
            values.append(None if text is None else convert(text))
        except Unfit:
            values.append(None)
            bad += 1
    return pa.array(values, _TYPES[kind]), bad
