"""AWS's JSON answers read by botocore's parsers, and refused where they are not what the operation answers.

botocore takes a body that is no JSON for an answer that holds nothing, and a text for a list of its letters: a proxy's
page or half an answer would read as "there are none any more".
"""

from __future__ import annotations

import json
from inspect import isawaitable
from typing import Any

from aiobotocore.parsers import AioJSONParser, AioRestJSONParser
from botocore.parsers import ResponseParserError


class _Strict:
    """What both protocols share. Errors of AWS's are not looked at: they come in many ways."""

    async def _do_parse(self, response: dict[str, Any], shape: Any) -> Any:
        if shape is not None and response["body"] and not _streamed(shape):
            _look_at(response["body"], shape)
        try:
            parsed = super()._do_parse(response, shape)  # type: ignore[misc]
            return await parsed if isawaitable(parsed) else parsed
        except (AttributeError, TypeError, ValueError) as error:
            raise ResponseParserError(f"The answer has another shape ({type(error).__name__}).") from None

    def _handle_list(self, shape: Any, node: Any) -> Any:
        if not isinstance(node, list):
            raise ResponseParserError("The answer has something else where a list should be.")
        return super()._handle_list(shape, node)  # type: ignore[misc]


class StrictJson(_Strict, AioJSONParser):  # type: ignore[misc]
    """The protocol "json"."""


class StrictRestJson(_Strict, AioRestJSONParser):  # type: ignore[misc]
    """The protocol "rest-json"."""


def _streamed(shape: Any) -> bool:
    """Whether the body is the caller's to read: a payload or a stream of events, and not the members of `shape`."""
    return bool(shape.event_stream_name or shape.serialization.get("payload"))


def _look_at(body: bytes, shape: Any) -> None:
    """ResponseParserError, without the body, where it is no JSON object, or one with nothing of what is answered."""
    try:
        said = json.loads(body)
    except ValueError as error:
        raise ResponseParserError(f"The answer is not JSON ({type(error).__name__}).") from None
    if not isinstance(said, dict):
        raise ResponseParserError("The answer is not a JSON object.")
    names = {member.serialization.get("name", name) for name, member in shape.members.items()}
    if said and names and not names & said.keys():
        raise ResponseParserError("The answer has nothing of what the operation answers.")
