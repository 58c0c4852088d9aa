"""Bytes out and JSON in: answers are made without a model per row, requests read with an error that names the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request, Response

from backends.model import Json
from backends.store import iso, parse_instant, utcnow


def answer(value: Any, status: int = 200) -> Response:
    """A small object as JSON."""
    return ready(json.dumps(value, ensure_ascii=False, allow_nan=False, default=str).encode(), status)


def ready(body: bytes, status: int = 200) -> Response:
    """JSON that was made elsewhere, off the loop."""
    return Response(body, status, media_type="application/json")


async def body_of(request: Request) -> Json:
    """The request's JSON object; {} for an empty body. ValueError with a sentence otherwise."""
    raw = await request.body()
    try:
        value = json.loads(raw) if raw else {}
    except ValueError as error:
        raise ValueError(f"The request to {request.url.path} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ValueError(f"The request to {request.url.path} is not a JSON object.")
    return value


def text(values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text; ValueError where it is missing and there is no default."""
    value = values.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise ValueError(f"{name!r} is missing or is not a text.")
    return value


def texts(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts, or one text with commas; empty where it is missing."""
    value = values.get(name) or ()
    if isinstance(value, str):
        value = [part for part in value.split(",") if part]
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise ValueError(f"{name!r} is not a list of texts.")
    return tuple(value)


def number(values: Mapping[str, Any], name: str, default: int, lowest: int, highest: int) -> int:
    """A whole number within bounds, from JSON or a query string."""
    value = values.get(name, default)
    try:
        found = int(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name!r} is a whole number, not {str(value)[:40]!r}.") from None
    return max(lowest, min(highest, found))


def flag(values: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """True or false."""
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name!r} is true or false.")
    return value


def instant(values: Mapping[str, Any], name: str, seen_from: datetime | None = None) -> datetime | None:
    """An instant in any of the forms that the command line takes; None for none or "now".

    "-30m" is half an hour before `seen_from`, or before the present. ValueError for what is still to come: nothing
    is known of it.
    """
    value = text(values, name, "")
    if value in ("", "now"):
        return None
    found = parse_instant(value, seen_from)
    if found > utcnow():
        raise ValueError(f"{value!r} is still to come ({iso(found)}); name an instant that has passed, such as -30m.")
    return found
