"""Column paths that can be read for a whole page at once: the commonest forms of JMESPath, resolved to states."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backends import model
from backends.aws.xml_shapes import State

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WAY = rf"{_NAME}(?:\.{_NAME})*"
_DOTTED = re.compile(rf"({_WAY})(?: \|\| '([^'\\]*)')?")
_LISTED = re.compile(rf"({_WAY})\[\*?\]\.({_WAY})")
_FIRST = re.compile(rf"({_WAY})\[0\]\.({_WAY})")
_TAGGED = re.compile(rf"({_WAY})\[\?(Key|key)=='([^'\\]+)'\]\.(Value|value) ?\| ?\[0\]")
_FITS = {
    "text": ("text", "time", "integer", "secret"),
    "integer": ("integer", "text"),
    "number": ("integer", "text"),
    "boolean": ("boolean",),
    "time": ("time", "text"),
}


@dataclass(frozen=True)
class Field:
    """`A.B.C`, with what stands for nothing or an empty text."""

    leaf: State
    default: str | None = None


@dataclass(frozen=True)
class Kept:
    """A field that the step before gave to every element of the page."""

    name: str


@dataclass(frozen=True)
class Each:
    """`A.B[].C.D`: what is there, of every item of a list that is there."""

    items: State
    leaf: State


@dataclass(frozen=True)
class First:
    """`A.B[0].C`; `up` is how many steps the leaf lies below its item."""

    item: State
    leaf: State
    up: int


@dataclass(frozen=True)
class Tagged:
    """`A[?Key=='K'].Value | [0]`."""

    key: State
    value: State
    wanted: str


@dataclass(frozen=True)
class TagMap:
    """A list of Key and Value as one JSON object."""

    tags: State
    key: State
    value: State


Column = Field | Kept | Each | First | Tagged | TagMap


def column_of(column: model.Column, element: State, outer: Mapping[str, State], kept: Sequence[str]) -> Column | None:
    """How to read a column of a whole page; None where only its path's own reader can, on each element."""
    path, kind = column.path, column.type
    if kind == "tags":
        return _tag_map(path, element)
    if found := _DOTTED.fullmatch(path):
        if found[1] in kept:
            return Kept(path) if kind == "text" and found[2] is None else None
        leaf = outer.get(found[1]) or _leaf(found[1], element)
        fits = (
            leaf is not None and leaf.kind in _FITS.get(kind, ()) and (found[2] is None or leaf.kind == kind == "text")
        )
        return Field(leaf, found[2]) if leaf is not None and fits else None
    if found := _LISTED.fullmatch(path):
        items, leaf = _below(found[1], found[2], element)
        return Each(items, leaf) if items and leaf and kind == "list" and leaf.kind in _FITS["text"] else None
    if found := _FIRST.fullmatch(path):
        items, leaf = _below(found[1], found[2], element)
        if items and items.item and leaf and leaf.kind in _FITS.get(kind, ()):
            return First(items.item, leaf, found[2].count(".") + 1)
        return None
    if (found := _TAGGED.fullmatch(path)) and kind == "text":
        items, key = _below(found[1], found[2], element)
        _, value = _below(found[1], found[4], element)
        return Tagged(key, value, found[3]) if key and value and key.kind == value.kind == "text" else None
    return None


def _leaf(path: str, state: State | None) -> State | None:
    for name in path.split("."):
        state = state.child(name) if state is not None and state.kind == "structure" else None
    return state


def _below(way: str, inner: str, element: State) -> tuple[State | None, State | None]:
    items = _leaf(way, element)
    if items is None or items.kind != "list":
        return None, None
    return items, _leaf(inner, items.item)


def _tag_map(path: str, element: State) -> TagMap | None:
    tags, key = _below(path, "Key", element)
    _, value = _below(path, "Value", element)
    if tags is None or key is None or value is None or key.kind != "text" or value.kind != "text":
        return None
    return TagMap(tags, key, value)
