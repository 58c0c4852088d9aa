"""Pages whose elements are flat and alike, such as spot prices: each tag is compared with the first element's.

Where every element is the same sequence of tags with plain texts between them, the marks of a page make a table, a row
an element, and a column is a slice of it: nothing has to be looked up, nested or hashed. A page that is otherwise in
the least (a reference, a quote, a member missing or nested in one element) is `NotFlat`, and read as any page is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends import model
from backends.aws.xml_around import Around
from backends.aws.xml_columns import Column, Field, Kept
from backends.aws.xml_elements import INTEGER, Elements, converted
from backends.aws.xml_shapes import State
from backends.aws.xml_tokens import FIRSTS, PROLOG, TAG, Ints

_ITEM, _ITEM_OPEN, _ITEM_END = b"item", b"<item>", b"</item>"
_BEYOND = b"\n" * 8
"""What is read by words of eight bytes may reach beyond the last tag."""
_QUOTED = ("text", "time")


class NotFlat(Exception):
    """A page whose elements are not one like the other, or hold what is not plain text."""


@dataclass(frozen=True)
class Leaf:
    """A member of every element: what it is, None if nobody asks, and which of an element's tags it lies between."""

    state: State | None
    opens: int
    closes: int


@dataclass(frozen=True)
class FlatPage:
    """An answer whose elements lie between `begin` and `end`, not looked at yet; `told` is what else it says."""

    body: bytes
    begin: int
    end: int
    told: model.Json

    @property
    def ends(self) -> tuple[int, bytes, bytes]:
        """How long its elements are, and the first and the last of them."""
        body, begin, end = self.body, self.begin, self.end
        last = body.rfind(_ITEM_OPEN, begin, end)
        return end - begin, body[begin : body.find(_ITEM_END, begin)], body[last:end]


class Flat:
    """How a kind's flat elements are read out of one operation's answers."""

    def __init__(
        self,
        shape: Any,
        listed: tuple[str, str],
        members: Mapping[str, State],
        columns: Sequence[tuple[model.Column, Field | Kept]],
        kept: Sequence[str],
        told: Sequence[str],
    ) -> None:
        tag, name = listed
        self._outside = Around(shape, name, told)
        self._tag = tag.encode()
        self._open, self._close = f"<{tag}>".encode(), f"</{tag}>".encode()
        self._members = {tag.encode(): state for tag, state in members.items()}
        self._columns, self._kept = columns, kept

    def page(self, body: bytes) -> FlatPage:
        """An answer whose elements have not been looked at yet. NotFlat where it is none of flat elements."""
        begin, end = body.find(self._open) + len(self._open), body.rfind(self._close)
        if begin < len(self._open) or end < begin or not body.isascii() or not PROLOG.match(body):
            raise NotFlat
        if body.find(_ITEM_END, begin, end) < 0:
            raise NotFlat
        return FlatPage(body, begin, end, self._around(body, begin, end))

    def read(self, pages: Sequence[FlatPage], kept: Mapping[str, str | None]) -> Elements:
        """The elements of pages, as `xml_pages` gives them, told by the last. NotFlat: to be read otherwise."""
        text = b"".join([*(memoryview(page.body)[page.begin : page.end] for page in pages), _BEYOND])
        table = _Table(text, len(text) - len(_BEYOND), self._members)
        return table.elements(self._columns, kept, self._kept, pages[-1].told)

    def _around(self, body: bytes, begin: int, end: int) -> model.Json:
        """What the answer says besides its elements: read without them, it has to be whole and its list empty."""
        head, tail = body[:begin], body[end:]
        if self._tag in head[: -len(self._open)] or self._tag in tail[len(self._close) :]:
            raise NotFlat
        told = self._outside.read(head + tail)
        if told is None:
            raise NotFlat
        return told


def flat_of(
    shape: Any,
    step: model.Call,
    root: State,
    element: State,
    columns: Sequence[tuple[model.Column, Column | None]],
    told: Sequence[str],
) -> Flat | None:
    """How pages of flat elements are read; None where an element of this kind is more than that."""
    listed = next(((tag, state.name) for tag, state in root.members.items() if state.name == step.items), None)
    own = element.members.values()
    plain = [
        (column, how)
        for column, how in columns
        if isinstance(how, Kept) or (isinstance(how, Field) and how.leaf in own)
    ]
    if listed is None or step.within or step.inherit or len(plain) < len(columns):
        return None
    return Flat(shape, listed, element.members, plain, tuple(step.keep), told)


class _Table:
    """The elements of pages: their tags as a table of elements and their tags, and the texts between those."""

    def __init__(self, text: bytes, end: int, members: Mapping[bytes, State]) -> None:
        self._body = text
        marks = np.frombuffer(text, dtype=np.uint8, count=end)
        lefts, rights = np.flatnonzero(marks == 60), np.flatnonzero(marks == 62)
        tags = int(np.searchsorted(lefts, text.find(_ITEM_END))) + 1
        count = len(lefts)
        if not count or count % tags or count != len(rights):
            raise NotFlat
        if np.any(lefts >= rights) or np.any(rights[:-1] >= lefts[1:]):
            raise NotFlat
        self._lefts, self._rights = lefts.reshape(-1, tags), rights.reshape(-1, tags)
        self.rows = len(self._lefts)
        self._leaves = self._first(members)
        self._alike()
        self._plain(marks, end)

    def _first(self, members: Mapping[bytes, State]) -> list[Leaf]:
        """The members of the first element, which has to have nothing else."""
        body, pairs = self._body, zip(self._lefts[0].tolist(), self._rights[0].tolist(), strict=True)
        names = [body[left + 1 : right] for left, right in pairs]
        if len(names) < 3 or names[0] != _ITEM or names[-1] != b"/" + _ITEM:
            raise NotFlat
        leaves: list[Leaf] = []
        place = 1
        while place < len(names) - 1:
            name = names[place].removesuffix(b"/")
            closes = place if name != names[place] else place + 1
            state = members.get(name)
            if not TAG.fullmatch(name) or (closes > place and names[closes] != b"/" + name):
                raise NotFlat
            if state is not None and (state.kind not in (*_QUOTED, "integer", "boolean")):
                raise NotFlat
            leaves.append(Leaf(state, place, closes))
            place = closes + 1
        known = [leaf.state.number for leaf in leaves if leaf.state is not None]
        if not known or len(set(known)) < len(known):
            raise NotFlat
        return leaves

    def _alike(self) -> None:
        """Compares every element's tags with the first's, eight bytes at a time."""
        sizes = self._rights - self._lefts
        if np.any(sizes != sizes[0]):
            raise NotFlat
        words = np.ndarray((len(self._body) - 7,), dtype="<u8", buffer=self._body, strides=(1,))
        # Tag by tag, for what one takes stays in the processor's nearest memory.
        for places, size in zip(self._lefts.T.copy(), sizes[0].tolist(), strict=True):
            for at in range(0, size, 8):
                found = words[places + at]
                # What comes after a tag's end is not its own.
                if np.any((found ^ found[0]) & FIRSTS[min(size - at, 8)]):
                    raise NotFlat

    def _plain(self, marks: Ints, end: int) -> None:
        """No text may be written in JSON otherwise than here, nor be none of XML's."""
        if any(self._body.find(mark, 0, end) >= 0 for mark in (b"&", b'"', b"\\")):
            raise NotFlat
        low = np.flatnonzero(marks < 32)
        if not len(low):
            return
        if np.any((marks[low] != 10) & (marks[low] != 9)):
            raise NotFlat
        inside = np.zeros(self._lefts.shape[1], dtype=bool)
        inside[[leaf.opens for leaf in self._leaves if leaf.opens < leaf.closes]] = True
        after = np.searchsorted(self._rights.ravel(), low) - 1
        if np.any(inside[after % len(inside)] & (after >= 0)):
            raise NotFlat

    def elements(
        self,
        columns: Sequence[tuple[model.Column, Field | Kept]],
        kept: Mapping[str, str | None],
        taken: Sequence[str],
        told: model.Json,
    ) -> Elements:
        texts = self._texts([leaf for leaf in self._leaves if leaf.state is not None])
        found, unfit = {}, {}
        for column, how in columns:
            found[column.name], bad = converted(self._column(how, texts, kept), column.type, how)
            if bad:
                unfit[column.name] = bad

        def lines(mask: Ints | None = None) -> pa.Array:
            return self._lines(texts, mask, {name: kept.get(name) for name in taken})

        return Elements(found, [], lines, unfit, told)

    def _texts(self, leaves: Sequence[Leaf]) -> dict[int, pa.Array]:
        """The texts of members, one after another in a single copy, by the number of their states."""
        opens = self._rights[:, [leaf.opens for leaf in leaves]] + 1
        closes = self._lefts[:, [leaf.closes for leaf in leaves]]
        hollow = [place for place, leaf in enumerate(leaves) if leaf.opens == leaf.closes]
        closes[:, hollow] = opens[:, hollow]
        for leaf, start, end in zip(leaves, opens.T, closes.T, strict=True):
            if leaf.state is not None and leaf.state.kind == "time":
                self._dated(start, end)
        bounds = np.empty(2 * opens.size, dtype=np.int32)
        bounds[0::2], bounds[1::2] = opens.ravel(), closes.ravel()
        between = pa.Array.from_buffers(
            pa.utf8(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(self._body)]
        )
        places = np.arange(0, len(bounds), 2).reshape(-1, len(leaves)).T.ravel()
        joined = between.take(pa.array(places))
        found = {}
        for place, leaf in enumerate(leaves):
            assert leaf.state is not None
            found[leaf.state.number] = texts = joined.slice(place * self.rows, self.rows)
            _check(leaf.state.kind, texts)
        return found

    def _dated(self, start: Ints, end: Ints) -> None:
        """botocore leaves a time as it is that begins with a year and a hyphen."""
        marks = np.frombuffer(self._body, dtype=np.uint8)
        filled = end > start
        if np.any(filled & ((end - start < 5) | (marks[np.minimum(start + 4, len(marks) - 1)] != 45))):
            raise NotFlat

    def _column(self, how: Field | Kept, texts: Mapping[int, pa.Array], kept: Mapping[str, str | None]) -> pa.Array:
        if isinstance(how, Kept):
            return pa.repeat(pa.scalar(kept.get(how.name), pa.utf8()), self.rows)
        found = texts.get(how.leaf.number)
        if found is None:
            found = pa.nulls(self.rows, pa.utf8())
        if how.default is not None:
            found = pc.if_else(pc.equal(pc.fill_null(found, ""), ""), how.default, found)
        return found

    def _lines(self, texts: Mapping[int, pa.Array], mask: Ints | None, kept: model.Json) -> pa.Array:
        """The elements (of a mask of them) as JSON texts."""
        chosen = None if mask is None else pa.array(mask)
        pieces: list[Any] = []
        between = "{"
        for leaf in self._leaves:
            if leaf.state is not None:
                quote = '"' if leaf.state.kind in _QUOTED else ""
                values = texts[leaf.state.number]
                pieces += [
                    f"{between}{json.dumps(leaf.state.name)}:{quote}",
                    values if chosen is None else values.filter(chosen),
                ]
                between = f"{quote},"
        around = "".join(f",{json.dumps(name)}:{json.dumps(text, ensure_ascii=False)}" for name, text in kept.items())
        pieces.append(between[:-1] + around + "}")
        return pc.binary_join_element_wise(*pieces, "").cast(pa.binary())


def _check(kind: str, texts: pa.Array) -> None:
    """What JSON, or botocore, says otherwise than the text does."""
    if kind == "integer":
        plain = pc.match_substring_regex(texts, INTEGER)
    elif kind == "boolean":
        plain = pc.or_(pc.equal(texts, "true"), pc.equal(texts, "false"))
    else:
        return
    if not pc.all(plain).as_py():
        raise NotFlat
