"""The markup of an XML answer as arrays: where each tag is, which one it is and what it encloses.

AWS writes XML of one plain style. What keeps to it is taken apart by numpy, a whole page in a few milliseconds and
without an object per node; whatever does not (comments, CDATA, attributes, prefixes, a tag that closes another) is
`Irregular` and is read by lxml instead. Nothing is guessed: a page that passes is well-formed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_OPEN, _CLOSE, _EMPTY = 0, 1, 2
_STEPS = np.array([1, -1, 0], dtype=np.int32)
_DEEPEST = 200
_LONGEST_TAG = 64
_MOST_TAGS = 2048
_WORDS = _LONGEST_TAG // 8
_SLOTS = 1 << 16
_SHIFT = np.uint64(64 - 16)
TAG = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]*")
PROLOG = re.compile(
    rb'\s*(?:<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?(?: standalone="(?:yes|no)")? ?\?>\s*)?'
    rb'<([A-Za-z_][A-Za-z0-9_.-]*)(?: xmlns="[^"<>&]*")?(?=>)'
)
FIRSTS = np.array([0] + [(1 << (8 * size)) - 1 for size in range(1, 8)] + [2**64 - 1], dtype=np.uint64)
"""Masks of the first so many bytes of a little-endian word."""
_MULTIPLIERS = np.array(
    (
        *(0x8CB92BA72F3D8DD7, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93),
        *(0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3),
    ),
    dtype=np.uint64,
)

Ints = np.ndarray[Any, np.dtype[Any]]


class Irregular(Exception):
    """An answer, or a part of it, that has to be read node by node."""


class Tags:
    """The tags met so far, each with a number; looked up for a whole page at once and compared byte by byte."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}
        # The last row belongs to no tag: -1, for "not found", reads it.
        self._words = np.full((1, _WORDS), 2**64 - 1, dtype=np.uint64)
        self._reach = np.zeros(1, dtype=np.int8)
        self._mixer = np.uint64(1)
        self._slots = np.full(_SLOTS, -1, dtype=np.int32)

    def add(self, name: bytes) -> int:
        """The tag's number, a new one where it has none. Irregular where there are too many."""
        if name in self.numbers:
            return self.numbers[name]
        if not TAG.fullmatch(name) or len(name) > _LONGEST_TAG or len(self.numbers) >= _MOST_TAGS:
            raise Irregular
        number = self.numbers[name] = len(self.numbers)
        words = np.frombuffer(name.ljust(_LONGEST_TAG, b"\0"), dtype="<u8")
        self._words = np.vstack([self._words[:-1], words, self._words[-1:]])
        self._reach = np.append(self._reach[:-1], [-(-len(name) // 8), 0]).astype(np.int8)
        self._settle()
        return number

    def _settle(self) -> None:
        """Finds a mixer with which every tag has a slot of its own."""
        mixed = (self._words[:-1] * _MULTIPLIERS).sum(axis=1, dtype=np.uint64)
        for odd in range(1, 4000, 2):
            self._mixer = np.uint64(odd * 0x9E3779B97F4A7C15 % 2**64)
            slots = (mixed * self._mixer) >> _SHIFT
            if len(set(slots.tolist())) == len(slots):
                self._slots[:] = -1
                self._slots[slots] = np.arange(len(slots), dtype=np.int32)
                return
        raise Irregular

    def of(self, words: Ints, starts: Ints, sizes: Ints, text: bytes) -> Ints:
        """The number of the tag at each start; new ones are added."""
        while True:
            found = self._look(words, starts, sizes)
            missing = np.flatnonzero(found < 0)
            if not len(missing):
                return found
            places = zip(starts[missing].tolist(), sizes[missing].tolist(), strict=True)
            new = {text[start : start + size] for start, size in places} - self.numbers.keys()
            if not new:
                raise Irregular
            for name in sorted(new):
                self.add(name)

    def _look(self, words: Ints, starts: Ints, sizes: Ints) -> Ints:
        first = words[starts] & FIRSTS[np.minimum(sizes, 8)]
        mixed = first * _MULTIPLIERS[0]
        reach = np.ones(len(sizes), dtype=np.int8)
        longer: list[tuple[int, Ints, Ints]] = []
        for place in range(1, _WORDS):
            which = np.flatnonzero(sizes > 8 * place)
            if not len(which):
                break
            word = words[starts[which] + 8 * place] & FIRSTS[np.minimum(sizes[which] - 8 * place, 8)]
            mixed[which] += word * _MULTIPLIERS[place]
            reach[which] = place + 1
            longer.append((place, which, word))
        found: Ints = self._slots[((mixed * self._mixer) >> _SHIFT).astype(np.int32)]
        wrong = (self._words[found, 0] != first) | (self._reach[found] != reach)
        for place, which, word in longer:
            wrong[which] |= self._words[found[which], place] != word
        found[wrong] = -1
        return found


class Nodes:
    """The elements of one document in its order.

    text      the document; offsets into it are of bytes
    event     which tag begins each node, counted over all tags; ends: which one ends it
    depth     of the root 0; tag: its number; leaf: whether no node is inside
    start, end  where its text is, for leaves
    """

    def __init__(self, body: bytes, tags: Tags) -> None:
        root = PROLOG.match(body)
        if root is None or len(body) >= 1 << 31:
            raise Irregular
        _well_encoded(body)
        self.text = body
        bytes_ = np.frombuffer(body + bytes(_LONGEST_TAG), dtype=np.uint8)
        words = np.ndarray((len(body) + _LONGEST_TAG - 7,), dtype="<u8", buffer=bytes_.data, strides=(1,))
        begin = root.start(1) - 1
        # The root's attribute is checked above; cutting it off leaves tags that are names alone.
        lefts = np.flatnonzero(bytes_[begin : len(body)] == 60) + begin
        rights = np.flatnonzero(bytes_[root.end() : len(body)] == 62) + root.end()
        if len(lefts) != len(rights) or np.any(lefts >= rights) or np.any(rights[:-1] >= lefts[1:]):
            raise Irregular
        if body[int(rights[-1]) + 1 :].strip():
            raise Irregular
        self.lefts, self.rights = lefts, rights
        kinds = np.zeros(len(lefts), dtype=np.int8)
        kinds[bytes_[rights - 1] == 47] = _EMPTY
        closing = bytes_[lefts + 1] == 47
        if np.any(closing & (kinds == _EMPTY)):
            raise Irregular
        kinds[closing] = _CLOSE
        starts = lefts + 1 + closing
        sizes = rights - starts - (kinds == _EMPTY)
        sizes[0] = root.end(1) - root.start(1)
        if sizes.min() <= 0 or sizes.max() > _LONGEST_TAG:
            raise Irregular
        self._nest(kinds, tags.of(words, starts, sizes, body))

    def _nest(self, kinds: Ints, tags: Ints) -> None:
        steps = _STEPS[kinds]
        after = np.cumsum(steps, dtype=np.int32)
        if after[-1] != 0 or (len(after) > 1 and after[:-1].min() <= 0) or after.max() > _DEEPEST:
            raise Irregular
        self.event = np.flatnonzero(kinds != _CLOSE)
        self.depth = (after - steps)[self.event].astype(np.int16)
        self.tag = tags[self.event]
        empty = kinds[self.event] == _EMPTY
        follows = np.minimum(self.event + 1, len(kinds) - 1)
        self.leaf = empty | (kinds[follows] == _CLOSE)
        self.ends = np.where(empty, self.event, follows)
        self.levels = _by_depth(np.arange(len(self.event)), self.depth)
        wrong = tags[self.ends] != self.tag
        if np.any(wrong & self.leaf):
            raise Irregular
        inner = np.flatnonzero(~self.leaf)
        closes = np.flatnonzero(kinds == _CLOSE)
        ended = np.zeros(len(kinds), dtype=bool)
        ended[self.ends[self.leaf]] = True
        closes = closes[~ended[closes]]
        opened, closed = _by_depth(inner, self.depth[inner]), _by_depth(closes, after[closes].astype(np.int16))
        for level, ends in zip(opened, closed, strict=False):
            if len(level) != len(ends) or np.any(tags[ends] != self.tag[level]):
                raise Irregular
            self.ends[level] = ends
        self.start = self.rights[self.event] + 1
        self.end = np.where(empty, self.start, self.lefts[follows])


def _by_depth(which: Ints, depth: Ints) -> list[Ints]:
    """The numbers of each depth from 0, in order."""
    if not len(which):
        return []
    order = np.argsort(depth, kind="stable")
    return np.split(which[order], np.cumsum(np.bincount(depth))[:-1])


def _well_encoded(body: bytes) -> None:
    """Irregular where XML would refuse a character: lxml shall say so."""
    if not body.isascii():
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise Irregular from None
        if "\ufffe" in text or "\uffff" in text:
            raise Irregular
    marks = np.frombuffer(body, dtype=np.uint8)
    low = marks[marks < 32]
    if np.any((low != 9) & (low != 10)):
        raise Irregular
