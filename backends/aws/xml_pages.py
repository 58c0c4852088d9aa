"""Pages of a hot kind: from the bytes of an XML answer to Arrow columns and JSON, without an object per node.

A kind's declaration and botocore's output shape are compiled into a `Plan` once. Reading a page then is array work: the
markup (`xml_tokens`) gives every node its state (`xml_shapes`); a column is the texts of the nodes of its state by row;
the raw elements are one gather of texts and of fragments like `,"State":{"Code":`. What comes out is what
botocore's parse, redaction, the column's path and its conversion give, field for field; a page that holds anything
else raises `Irregular`, and is read that long way instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backends.aws.redact import NAMES, PRIVATE_KEY, REDACTED, VALUES, is_secret_name
from backends.aws.xml_columns import Column, Each, Field, First, Kept, Tagged, TagMap, column_of
from backends.aws.xml_elements import INTEGER, Elements, converted
from backends.aws.xml_flat import Flat, FlatPage, NotFlat, flat_of
from backends.aws.xml_places import BOOLEAN, INTEGERS, LIST, NUMBER, SECRET, STRUCTURE, TEXT, TIME, Places, kinds_of
from backends.aws.xml_shapes import State, States, Unplanned
from backends.aws.xml_tokens import Ints, Irregular, Nodes, Tags
from backends.model import Call, Kind

__all__ = ["Elements", "Irregular", "Plan", "Unplanned", "plan_of"]

_REFERENCE = re.compile(rb"&(?:(lt)|(gt)|(amp)|(quot)|(apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED = ("<", ">", "&", '"', "'")
_SPECIAL = re.compile(r'["\\\x00-\x1f]')
"""What JSON writes otherwise than XML."""


class Plan:
    """How a kind's elements are read out of one operation's answers. Unplanned where they cannot be so."""

    def __init__(self, kind: Kind, step: Call, shape: Any) -> None:
        if shape is None or shape.serialization.get("resultWrapper") or step.answer is not None:
            raise Unplanned
        self.kind, self.shape = kind, str(shape.name)
        self._tags = Tags()
        self._states = States(shape)
        root = self._states.root
        outer = _listed(self._states.along(step.within, root)) if step.within else root
        self._outer = outer if step.within else None
        self._element = _listed(self._states.along(step.items, outer))
        if self._element.kind != "structure":
            raise Unplanned
        self._inherited = self._fields_of_outer(step)
        self._kept = tuple(step.keep)
        names = {state.name for state in self._element.members.values()}
        if names & {*self._kept, *(name for name, _ in self._inherited)}:
            raise Unplanned
        self._told = [s for s in root.members.values() if s.kind in ("text", "secret") and s.scalar in ("", "text")]
        for state in self._told:
            state.kind = "text"
        _blank(kind.redact, self._element)
        self._hidden = _naming(self._element)
        self._columns = {column.name: self._column(column) for column in kind.columns}
        self._flat = self._flat_of(shape, step)
        self._slow = [name for name, column in self._columns.items() if column is None]
        self._fragments = _Fragments(self._states, [name for name, _ in self._inherited], self._kept)
        self._kinds = kinds_of(self._states)
        self._inside = np.zeros(len(self._states.all), dtype=bool)
        self._inside[[state.number for state in _under(self._element)]] = True

    def _fields_of_outer(self, step: Call) -> list[tuple[str, State]]:
        found: list[tuple[str, State]] = []
        for name, path in step.inherit.items():
            state = self._outer.child(path) if self._outer is not None else None
            if state is None or state.kind != "text":
                raise Unplanned
            found.append((name, state))
        return found

    def _flat_of(self, shape: Any, step: Call) -> Flat | None:
        own = self._element.members.values()
        if any(value in own for _, values in self._hidden for value in values):
            return None
        columns = [(column, self._columns[column.name]) for column in self.kind.columns]
        told = [state.name for state in self._told]
        return flat_of(shape, step, self._states.root, self._element, columns, told)

    def _column(self, column: Any) -> Column | None:
        outer = dict(self._inherited)
        return column_of(column, self._element, outer, self._kept)

    def read(self, body: bytes, kept: Mapping[str, Any]) -> Elements:
        """The elements of an answer; `kept` are fields that the step before gives them. Irregular: read otherwise."""
        if _is_secret(body, kept):
            raise Irregular
        if self._flat is not None:
            try:
                return self._flat.read([self._flat.page(body)], kept)
            except NotFlat:
                pass
        return _Reading(self, Nodes(body, self._tags), kept).elements()

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


class _Fragments:
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


class _Reading:
    """One page: every node's state, the texts, and from them columns and JSON."""

    def __init__(self, plan: Plan, nodes: Nodes, kept: Mapping[str, Any]) -> None:
        self.plan, self.nodes, self.kept = plan, nodes, kept
        self._taken: dict[int, pa.Array] = {}
        self._places = Places(nodes, plan._states, plan._tags, plan._kinds)
        self.state, self.parent, self.kind = self._places.state, self._places.parent, self._places.kind
        self._row = np.cumsum(self.state == plan._element.number, dtype=np.int32) - 1
        self.rows = int(self._row[-1]) + 1
        if self.rows == 0 or np.any(nodes.leaf[self.of(plan._element)]):
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
        nodes, fragments = self.nodes, self.plan._fragments
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
            for name in self.plan._kept
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
        states = self.plan._states.all
        bare = secrets[self.nodes.leaf[secrets] & (self.nodes.start[secrets] == self.nodes.end[secrets])]
        if any(states[number].scalar in ("integer", "number") for number in set(self.state[bare].tolist())):
            raise Irregular

    def _assemble(self, leaves: Ints) -> None:
        nodes, fragments = self.nodes, self.plan._fragments
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
        return self._base + len(self.plan._fragments.texts) + len(self._own) - 1

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
        for names, values in self.plan._hidden:
            parents = [self.parent[nodes[mask]] for nodes, mask in map(self._secretly_named, names)]
            flagged = np.zeros(len(self.state), dtype=bool)
            flagged[np.concatenate(parents)] = True
            if flagged.any():
                for value in values:
                    nodes = self.of(value)
                    nodes = nodes[flagged[self.parent[nodes]]]
                    self.value[nodes] = self.written[nodes] = self._base + self.plan._fragments.redacted

    def _secretly_named(self, state: State) -> tuple[Ints, Ints]:
        nodes = self.of(state)
        names = self.take(self.value[nodes]).dictionary_encode()
        secret = np.array([is_secret_name(name) for name in names.dictionary.to_pylist()], dtype=bool)
        return nodes, secret[np.asarray(names.indices)] if len(nodes) else np.zeros(0, dtype=bool)

    def _type(self) -> None:
        """Numbers have to be written as JSON writes them, times as ISO 8601; booleans are true or not."""
        nodes, fragments = self.nodes, self.plan._fragments
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
        nodes, fragments, base = self.nodes, self.plan._fragments, self._base
        inside = self.plan._inside[self.state] & (self.kind > 0)
        told: Ints = np.flatnonzero(inside if rows is None else inside & rows[self._row])
        kind, leaf, event = self.kind[told], nodes.leaf[told], nodes.event[told]
        block = (kind == STRUCTURE) | (kind == LIST)
        root = self.state[told] == self.plan._element.number
        closing = told[block & ~leaf]
        close = nodes.ends[closing]
        roots = self.state[closing] == self.plan._element.number
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
        fragments, base = self.plan._fragments, self._base
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
        for _, state in self.plan._inherited:
            nodes, present = self._outer_of(state)
            found.append((self.written[nodes], present))
        for name in self.plan._kept:
            number = self._kept_places[name]
            found.append((np.full(self.rows, number, dtype=np.int32), np.full(self.rows, number >= 0)))
        return found

    def _outer_of(self, state: State) -> tuple[Ints, Ints]:
        """The node of a state of the enclosing element of every row, and whether there is one."""
        around = self.parent[self.parent[self.of(self.plan._element)]]
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
            how = self.plan._columns[column.name]
            if how is not None:
                texts = self._column(how)
                columns[column.name], bad = converted(texts, column.type, how)
                if bad:
                    unfit[column.name] = bad
        told = {}
        for state in self.plan._told:
            nodes = self.of(state)
            if len(nodes):
                told[state.name] = self.take(self.value[nodes[:1]])[0].as_py()
        return Elements(columns, self.plan._slow, self._lines, unfit, told)

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
        elif self.plan._inside[how.leaf.number]:
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
