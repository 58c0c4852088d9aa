"""One page of a hot kind being read: every node's state, the texts, and from them columns and JSON.

What to look for is in a `Plan` (see `xml_pages`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.aws.redact import is_secret_name
from backends.aws.xml_columns import Column, Each, Field, First, Kept, Tagged, TagMap
from backends.aws.xml_elements import INTEGER, Elements, converted
from backends.aws.xml_places import BOOLEAN, INTEGERS, LIST, NUMBER, SECRET, STRUCTURE, TEXT, TIME, Places
from backends.aws.xml_shapes import State
from backends.aws.xml_tokens import Ints, Irregular, Nodes

if TYPE_CHECKING:
    from backends.aws.xml_pages import Plan

_REFERENCE = re.compile(rb"&(?:(lt)|(gt)|(amp)|(quot)|(apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED = ("<", ">", "&", '"', "'")
_SPECIAL = re.compile(r'["\\\x00-\x1f]')
"""What JSON writes otherwise than XML."""


class Reading:
    """One page: every node's state, the texts, and from them columns and JSON."""

    def __init__(self, plan: Plan, nodes: Nodes, kept: Mapping[str, Any]) -> None:
        self.plan, self.nodes, self.kept = plan, nodes, kept
        self._taken: dict[int, pa.Array] = {}
        self._places = Places(nodes, plan.states, plan.tags, plan.kinds)
        self.state, self.parent, self.kind = self._places.state, self._places.parent, self._places.kind
        self._row = np.cumsum(self.state == plan.element.number, dtype=np.int32) - 1
        self.rows = int(self._row[-1]) + 1
        if self.rows == 0 or np.any(nodes.leaf[self.of(plan.element)]):
            raise Irregular
        self._texts()

    def of(self, state: State) -> Ints:
        """The nodes of a state, in order."""
        return self._places.of(state)

    # -- texts --------------------------------------------------------------------------------------------------------

    def _texts(self) -> None:
        """One Arrow array of every leaf's text, every fragment and whatever is written differently than it came.

        `value` is where a leaf's text is in it, `written` where its text as JSON.
        """
        nodes, fragments = self.nodes, self.plan.fragments
        leaves = np.flatnonzero(nodes.leaf)
        self._base = 2 * len(leaves)
        self._own: list[str] = []
        value = np.full(len(nodes.event), -1, dtype=np.int32)
        value[leaves] = np.arange(0, self._base, 2, dtype=np.int32)
        self.value, self.written = value, value.copy()
        self._rewrite(leaves)
        self._kept_places = {
            name: -1
            if (text := self.kept.get(name)) is None
            else self._added(json.dumps(text, ensure_ascii=False)[1:-1])
            for name in self.plan.kept
        }
        for name, mask in (
            ("null", (self.kind == INTEGERS) | (self.kind == NUMBER)),
            ("redacted", self.kind == SECRET),
        ):
            which = np.flatnonzero(mask)
            if name == "null":
                which = which[nodes.start[which] == nodes.end[which]]
            self.written[which] = self._base + getattr(fragments, name)
        secrets = np.flatnonzero(self.kind == SECRET)
        self.value[secrets] = self._base + fragments.redacted
        self._refuse_absent_secrets(secrets)
        self._assemble(leaves)
        self._hide()
        self._type()

    def _refuse_absent_secrets(self, secrets: Ints) -> None:
        states = self.plan.states.all
        bare = secrets[self.nodes.leaf[secrets] & (self.nodes.start[secrets] == self.nodes.end[secrets])]
        if any(states[number].scalar in ("integer", "number") for number in set(self.state[bare].tolist())):
            raise Irregular

    def _assemble(self, leaves: Ints) -> None:
        nodes, fragments = self.nodes, self.plan.fragments
        own = [text.encode() for text in self._own]
        size = len(nodes.text) + len(fragments.bytes)
        offsets = np.empty(self._base + 1 + len(fragments.ends) + len(own), dtype=np.int32)
        offsets[0 : self._base : 2], offsets[1 : self._base : 2] = nodes.start[leaves], nodes.end[leaves]
        offsets[self._base] = len(nodes.text)
        after = self._base + 1 + len(fragments.ends)
        offsets[self._base + 1 : after] = len(nodes.text) + fragments.ends
        if own:
            offsets[after:] = size + np.cumsum([len(text) for text in own])
        data = b"".join((nodes.text, fragments.bytes, *own))
        self._all = pa.Array.from_buffers(
            pa.utf8(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )

    def _added(self, text: str) -> int:
        self._own.append(text)
        return self._base + len(self.plan.fragments.texts) + len(self._own) - 1

    def _rewrite(self, leaves: Ints) -> None:
        """Texts with references, and those that JSON writes otherwise."""
        body = self.nodes.text
        bytes_ = np.frombuffer(body, dtype=np.uint8)
        odd = bytes_ == 38
        references = int(odd.sum())
        if references and references != sum(1 for _ in _REFERENCE.finditer(body)):
            raise Irregular
        plain = np.flatnonzero((bytes_ == 34) | (bytes_ == 92) | (bytes_ < 32))
        marks = np.concatenate([np.flatnonzero(odd), plain]) if references else plain
        if not len(marks):
            return
        begins, ends = self.nodes.start[leaves], self.nodes.end[leaves]
        found = np.searchsorted(begins, marks, side="right") - 1
        within = (found >= 0) & (marks < ends[found])
        if references and not np.all(within[:references]):
            raise Irregular
        seen: dict[bytes, tuple[int, int]] = {}
        for place in np.unique(found[within]).tolist():
            text = body[begins[place] : ends[place]]
            if text not in seen:
                value = _REFERENCE.sub(_referred, text).decode()
                number = self._added(value)
                seen[text] = (
                    number,
                    self._added(json.dumps(value, ensure_ascii=False)[1:-1]) if _SPECIAL.search(value) else number,
                )
            node = leaves[place]
            self.value[node], self.written[node] = seen[text]

    def _hide(self) -> None:
        """Blanks values whose neighbour names a secret."""
        for names, values in self.plan.hidden:
            parents = [self.parent[nodes[mask]] for nodes, mask in map(self._secretly_named, names)]
            flagged = np.zeros(len(self.state), dtype=bool)
            flagged[np.concatenate(parents)] = True
            if flagged.any():
                for value in values:
                    nodes = self.of(value)
                    nodes = nodes[flagged[self.parent[nodes]]]
                    self.value[nodes] = self.written[nodes] = self._base + self.plan.fragments.redacted

    def _secretly_named(self, state: State) -> tuple[Ints, Ints]:
        nodes = self.of(state)
        names = self.take(self.value[nodes]).dictionary_encode()
        secret = np.array([is_secret_name(name) for name in names.dictionary.to_pylist()], dtype=bool)
        return nodes, secret[np.asarray(names.indices)] if len(nodes) else np.zeros(0, dtype=bool)

    def _type(self) -> None:
        """Numbers have to be written as JSON writes them, times as ISO 8601; booleans are true or not."""
        nodes, fragments = self.nodes, self.plan.fragments
        filled = nodes.start < nodes.end
        numbers = np.flatnonzero((self.kind == INTEGERS) & filled)
        if len(numbers) and not pc.all(pc.match_substring_regex(self.take(self.value[numbers]), INTEGER)).as_py():
            raise Irregular
        if np.any((self.kind == NUMBER) & filled):
            raise Irregular
        times = np.flatnonzero((self.kind == TIME) & filled)
        bytes_ = np.frombuffer(nodes.text, dtype=np.uint8)
        if len(times) and (
            np.any(nodes.end[times] - nodes.start[times] < 5) or np.any(bytes_[nodes.start[times] + 4] != 45)
        ):
            raise Irregular
        booleans = np.flatnonzero(self.kind == BOOLEAN)
        if len(booleans):
            true = np.asarray(pc.equal(self.take(self.value[booleans]), "true"))
            self.written[booleans] = self._base + np.where(true, fragments.true, fragments.false)
            self.value[booleans] = self.written[booleans]

    def take(self, places: Ints, present: Ints | None = None) -> pa.Array:
        """The texts at those places of the array; null where not `present`."""
        return self._all.take(pa.array(places, mask=None if present is None else ~present))

    # -- raw ----------------------------------------------------------------------------------------------------------

    def _lines(self, rows: Ints | None = None) -> pa.Array:
        """The elements (of a mask of them) as JSON: the pieces of all in one gather, cut where an element begins."""
        nodes, fragments, base = self.nodes, self.plan.fragments, self._base
        inside = self.plan.inside[self.state] & (self.kind > 0)
        told: Ints = np.flatnonzero(inside if rows is None else inside & rows[self._row])
        kind, leaf, event = self.kind[told], nodes.leaf[told], nodes.event[told]
        block = (kind == STRUCTURE) | (kind == LIST)
        root = self.state[told] == self.plan.element.number
        closing = told[block & ~leaf]
        close = nodes.ends[closing]
        roots = self.state[closing] == self.plan.element.number
        counts = np.zeros(len(nodes.lefts), dtype=np.int8)
        counts[event] = np.where(block & ~leaf, 1, 2)
        counts[close] = np.where(roots, 2 * len(fragments.taken) + 1, 1)
        texts = np.zeros(len(nodes.lefts), dtype=np.int8)
        texts[event[(kind == TEXT) | (kind == TIME) | (kind == SECRET)]] = 1
        some = np.flatnonzero(counts)
        after = np.zeros(len(nodes.lefts), dtype=np.int8)
        after[some[1:]] = texts[some[:-1]]
        offsets = np.cumsum(counts, dtype=np.int64)
        pieces = np.empty(int(offsets[-1]), dtype=np.int32)
        offsets -= counts
        first = np.zeros(len(told), dtype=np.int8)
        first[1:] = self.parent[told[1:]] == told[:-1]
        pieces[offsets[event]] = base + np.where(
            root, fragments.element, fragments.before[self.state[told]] + 2 * first + after[event]
        )
        single = ~block
        pieces[offsets[event[single]] + 1] = self.written[told[single]]
        hollow = block & leaf
        pieces[offsets[event[hollow]] + 1] = base + fragments.closes[kind[hollow], 0]
        pieces[offsets[close]] = base + fragments.closes[self.kind[closing], after[close]]
        self._take_along(pieces, offsets[close[roots]], after[close[roots]], self._row[closing[roots]])
        begins = np.append(offsets[event[root]], len(pieces))
        joined = self._all.take(pa.array(pieces))
        bounds = np.frombuffer(joined.buffers()[1], dtype=np.int32)[begins + joined.offset]
        return pa.Array.from_buffers(
            pa.binary(), len(begins) - 1, [None, pa.py_buffer(np.ascontiguousarray(bounds)), joined.buffers()[2]]
        )

    def _take_along(self, pieces: Ints, at: Ints, after: Ints, rows: Ints) -> None:
        """What the elements take from around them, and their ends."""
        fragments, base = self.plan.fragments, self._base
        for number, (places, present) in enumerate(self._surroundings()):
            places, present = places[rows], present[rows]
            own = present.astype(np.int8)
            pieces[at] = base + fragments.taken[number][after, own]
            pieces[at + 1] = np.where(present, places, base + fragments.null)
            at, after = at + 2, own
        pieces[at] = base + fragments.closes[STRUCTURE, after]

    def _surroundings(self) -> list[tuple[Ints, Ints]]:
        """Of each field from around: where its text is as JSON for every row, and whether it is there."""
        found = []
        for _, state in self.plan.inherited:
            nodes, present = self._outer_of(state)
            found.append((self.written[nodes], present))
        for name in self.plan.kept:
            number = self._kept_places[name]
            found.append((np.full(self.rows, number, dtype=np.int32), np.full(self.rows, number >= 0)))
        return found

    def _outer_of(self, state: State) -> tuple[Ints, Ints]:
        """The node of a state of the enclosing element of every row, and whether there is one."""
        around = self.parent[self.parent[self.of(self.plan.element)]]
        node = np.full(len(self.state), -1, dtype=np.int64)
        inner = self.of(state)
        node[self.parent[inner]] = inner
        nodes = node[around]
        return nodes, nodes >= 0

    # -- columns ------------------------------------------------------------------------------------------------------

    def elements(self) -> Elements:
        unfit: dict[str, int] = {}
        columns: dict[str, pa.Array] = {}
        for column in self.plan.kind.columns:
            how = self.plan.columns[column.name]
            if how is not None:
                texts = self._column(how)
                columns[column.name], bad = converted(texts, column.type, how)
                if bad:
                    unfit[column.name] = bad
        told = {}
        for state in self.plan.told:
            nodes = self.of(state)
            if len(nodes):
                told[state.name] = self.take(self.value[nodes[:1]])[0].as_py()
        return Elements(columns, self.plan.slow, self._lines, unfit, told)

    def _column(self, how: Column) -> pa.Array:
        if isinstance(how, Each):
            return self._each(how)
        if isinstance(how, TagMap):
            return self._tag_map(how)
        if isinstance(how, Kept):
            return pa.array([self.kept.get(how.name)] * self.rows, pa.utf8())
        if isinstance(how, Tagged):
            nodes = self._tagged(how)
        elif isinstance(how, First):
            nodes = self._first(how)
        elif self.plan.inside[how.leaf.number]:
            nodes = self.of(how.leaf)
        else:
            outer, present = self._outer_of(how.leaf)
            return self.take(np.where(present, self.value[outer], 0), present)
        places = np.full(self.rows, -1, dtype=np.int32)
        places[self._row[nodes]] = self.value[nodes]
        found = self.take(places, places >= 0)
        if isinstance(how, Field) and how.default is not None:
            found = pc.if_else(pc.equal(pc.fill_null(found, ""), ""), how.default, found)
        return found

    def _tagged(self, how: Tagged) -> Ints:
        """The value nodes of a tag, of the first of its name in each row."""
        keys = self.of(how.key)
        named = keys[np.asarray(pc.equal(self._keys(how.key), how.wanted))] if len(keys) else keys
        value = np.full(len(self.state), -1, dtype=np.int64)
        values = self.of(how.value)
        value[self.parent[values]] = values
        found = value[self.parent[named]]
        return found[found >= 0][::-1]

    def _keys(self, state: State) -> pa.Array:
        if state.number not in self._taken:
            self._taken[state.number] = self.take(self.value[self.of(state)])
        return self._taken[state.number]

    def _first(self, how: First) -> Ints:
        items, leaves = self.of(how.item), self.of(how.leaf)
        first = np.zeros(len(self.state), dtype=bool)
        first[items[np.append(True, self.parent[items[1:]] != self.parent[items[:-1]])[: len(items)]]] = True
        above = leaves
        for _ in range(how.up):
            above = self.parent[above]
        return leaves[first[above]]

    def _each(self, how: Each) -> pa.Array:
        leaves = self.of(how.leaf)
        there = np.zeros(self.rows, dtype=bool)
        there[self._row[self.of(how.items)]] = True
        return self._lists(leaves, there, self.take(self.value[leaves]))

    def _lists(self, leaves: Ints, there: Ints, values: pa.Array) -> pa.Array:
        ends = np.cumsum(np.bincount(self._row[leaves], minlength=self.rows))
        offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, values, mask=pa.array(~there))

    def _tag_map(self, how: TagMap) -> pa.Array:
        """Tags as JSON object texts with sorted keys."""
        keys, values = self.of(how.key), self.of(how.value)
        there = np.zeros(self.rows, dtype=bool)
        there[self._row[self.of(how.tags)]] = True
        if len(keys) != len(self.of(_item(how.tags))) or len(keys) != len(values):
            raise Irregular
        if np.any(self.parent[keys] != self.parent[values]):
            raise Irregular
        named = self._keys(how.key).dictionary_encode()
        names = named.dictionary.to_pylist()
        rank = np.empty(len(names), dtype=np.int64)
        rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        weight = self._row[keys].astype(np.int64) * (len(names) + 1) + rank[np.asarray(named.indices)]
        order = np.argsort(weight, kind="stable")
        if np.any(weight[order][1:] == weight[order][:-1]):
            raise Irregular
        pairs = pc.binary_join_element_wise(
            '"', self.take(self.written[keys[order]]), '":"', self.take(self.written[values[order]]), '"', ""
        )
        lists = self._lists(keys[order], there, pairs)
        return pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")


def _item(state: State) -> State:
    assert state.item is not None
    return state.item


def _referred(found: re.Match[bytes]) -> bytes:
    for number, mark in enumerate(_NAMED, start=1):
        if found[number] is not None:
            return mark.encode()
    code = int(found[6]) if found[6] is not None else int(found[7], 16)
    legal = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    if not legal:
        raise Irregular
    return chr(code).encode()
