"""AWS's XML answers read by lxml and by functions compiled once per shape.

The result is that of botocore's own parser for a third of its time, which is most of what polling EC2 costs.

Only successful answers of the protocols "ec2" and "query" come here; errors and other protocols stay botocore's.
A number that is none is left as text, for a column to refuse, where botocore would fail the whole answer.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from aiobotocore.parsers import AioEC2QueryParser, AioQueryParser, AioResponseParserFactory
from botocore.parsers import ResponseParserError
from lxml import etree

from backends.aws.convert import iso_text
from backends.aws.strict_json import StrictJson, StrictRestJson

Reader = Callable[[Any], Any]
Member = tuple[str, Reader, bool]
"""A structure's member: its name, its reader, and whether each occurrence is one item of a flattened list."""

_KNOWN_LOCATIONS = ("statusCode", "header", "headers")


def _text(node: Any) -> str:
    return node.text or ""


def _integer(node: Any) -> Any:
    try:
        return int(node.text) if node.text else None
    except ValueError:
        return node.text


def _number(node: Any) -> Any:
    try:
        return float(node.text) if node.text else None
    except ValueError:
        return node.text


def _boolean(node: Any) -> bool:
    return bool(node.text == "true")


def _blob(node: Any) -> Any:
    try:
        return base64.b64decode(node.text or "")
    except binascii.Error:
        return b""


_SCALARS: dict[str, Reader] = {
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": lambda node: iso_text(node.text or ""),
    "blob": _blob,
}


class _Compiler:
    """Makes the readers of one output shape; shapes that hold themselves are resolved when they are read."""

    def __init__(self) -> None:
        self._made: dict[str, Reader] = {}

    def reader(self, shape: Any) -> Reader:
        kind = shape.type_name
        if kind not in ("structure", "list", "map"):
            return _SCALARS.get(kind, _text)
        if shape.name not in self._made:
            self._made[shape.name] = lambda node: self._made[shape.name](node)
            make = {"structure": self._structure, "list": self._list, "map": self._map}[kind]
            self._made[shape.name] = make(shape)
        return self._made[shape.name]

    def _structure(self, shape: Any) -> Reader:
        members: dict[str, Member | None] = {}
        for name, member in shape.members.items():
            if member.serialization.get("location") not in _KNOWN_LOCATIONS:
                flat = bool(member.serialization.get("flattened")) and member.type_name == "list"
                reader = self.reader(member.member) if flat else self.reader(member)
                members[_tag(member, name, flat)] = (name, reader, flat)

        def read(node: Any) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for child in node:
                tag = child.tag
                try:
                    member = members[tag]
                except KeyError:
                    # Tags come with their namespace: each is looked up without it once, and then known.
                    member = members[tag] = members.get(tag.rpartition("}")[2])
                if member is None:
                    continue
                name, value, flat = member
                if flat:
                    found.setdefault(name, []).append(value(child))
                elif name not in found:
                    found[name] = value(child)
            return found

        return read

    def _list(self, shape: Any) -> Reader:
        item = self.reader(shape.member)

        def read(node: Any) -> list[Any]:
            if not len(node) and (node.text or "").strip():
                raise ResponseParserError("The answer has text where a list should be.")
            return [item(child) for child in node]

        return read

    def _map(self, shape: Any) -> Reader:
        key_name = shape.key.serialization.get("name") or "key"
        value_name = shape.value.serialization.get("name") or "value"
        key, value = self.reader(shape.key), self.reader(shape.value)

        def read(node: Any) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for entry in node:
                pair = {child.tag.rpartition("}")[2]: child for child in entry}
                if key_name in pair and value_name in pair:
                    found[key(pair[key_name])] = value(pair[value_name])
            return found

        return read


def _tag(member: Any, name: str, flat: bool) -> str:
    if flat and (inner := member.member.serialization.get("name")):
        return str(inner)
    return str(member.serialization.get("name") or name)


_READERS: WeakKeyDictionary[Any, Reader] = WeakKeyDictionary()


def read_xml(body: bytes, shape: Any) -> dict[str, Any]:
    """What the body says, by the output shape. ResponseParserError, without the body, where it is not XML."""
    # Entities are not resolved and nothing is fetched, whatever the answer asks for.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ResponseParserError(f"The answer is not XML ({type(error).__name__}).") from None
    if shape is None:
        return {}
    start = root
    if wrapper := shape.serialization.get("resultWrapper"):
        start = next((child for child in root if child.tag.rpartition("}")[2] == wrapper), None)
        if start is None:
            raise ResponseParserError(f"The answer has no {wrapper}.")
    reader = _READERS.get(shape)
    if reader is None:
        reader = _READERS[shape] = _Compiler().reader(shape)
    found: dict[str, Any] = reader(start)
    return found


READING: ContextVar[Callable[[bytes, Any], dict[str, Any]]] = ContextVar("READING", default=read_xml)
"""(body, output shape) → the answer: how whoever sends a request wants the successful answer to it read.

Requests for credentials, which may be sent on the way, are answered in other shapes.
"""


_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")


class _LeanEc2(AioEC2QueryParser):  # type: ignore[misc]
    def _do_parse(self, response: dict[str, Any], shape: Any) -> dict[str, Any]:
        # A proxy's page may be well-formed, and would read as an answer that holds nothing.
        root = _ROOT.search(response["body"])
        if root is None or not root[1].endswith(b"Response"):
            raise ResponseParserError("The answer is not one of EC2's.")
        return READING.get()(response["body"], shape)


class _LeanQuery(AioQueryParser):  # type: ignore[misc]
    def _do_parse(self, response: dict[str, Any], shape: Any) -> dict[str, Any]:
        return READING.get()(response["body"], shape)


class LeanParserFactory(AioResponseParserFactory):  # type: ignore[misc]
    """botocore's factory of parsers, with ours for the protocols that polling uses most."""

    def create_parser(self, protocol_name: str) -> Any:
        ours = {"ec2": _LeanEc2, "query": _LeanQuery, "json": StrictJson, "rest-json": StrictRestJson}
        parser = ours.get(protocol_name)
        return parser(timestamp_parser=iso_text) if parser else super().create_parser(protocol_name)
