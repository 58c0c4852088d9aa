"""What AWS sent, as the column's type; what does not fit is None and counted, never an exception."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from backends.model import ColumnType

_INT64 = 2**63


class Unfit(Exception):
    """A value that cannot be read as the column's type."""


def text(value: Any) -> str:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Unfit


def integer(value: Any) -> int:
    try:
        found = int(value) if isinstance(value, str) and len(value) < 30 else value
    except ValueError:
        raise Unfit from None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not -_INT64 <= found < _INT64:
        raise Unfit
    return found


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise Unfit from None
    if not math.isfinite(found):
        raise Unfit
    return found


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise Unfit


def time(value: Any) -> datetime:
    """UTC without zone, at microseconds, from ISO 8601, an epoch or an HTTP date."""
    try:
        if isinstance(value, datetime):
            found = value
        elif isinstance(value, str) and value[:1].isdigit() and "-" in value[:5]:
            if value[-1] == "Z":
                return datetime.fromisoformat(value[:-1])
            found = datetime.fromisoformat(value)
        elif isinstance(value, str) and value[:1].isalpha():
            found = parsedate_to_datetime(value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(value))
        else:
            raise Unfit
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError, TypeError, IndexError):
        raise Unfit from None


def iso_text(value: Any) -> str:
    """How timestamps come out of botocore's parser: ISO 8601 as AWS wrote it, epochs and HTTP dates made ISO 8601."""
    if isinstance(value, str) and value[4:5] == "-":
        return value
    try:
        return time(value).isoformat(timespec="milliseconds") + "Z"
    except Unfit:
        return str(value)


def tags(value: Any) -> str:
    """JSON object text, keys sorted, from a list of Key and Value or from a map."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [_pair(tag) for tag in value]
    else:
        raise Unfit
    found = {_encodable(str(key)): text("" if item is None else item) for key, item in pairs}
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _pair(tag: Any) -> tuple[Any, Any]:
    if not isinstance(tag, dict):
        raise Unfit
    key = tag.get("Key", tag.get("key"))
    if not isinstance(key, str):
        raise Unfit
    return key, tag.get("Value", tag.get("value"))


def texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Unfit
    return [text(item) for item in value if item is not None]


def _encodable(value: str) -> str:
    """JSON may spell lone surrogates, which no UTF-8 has: they become "?"."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace").decode()
    return value


CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    "text": text,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "time": time,
    "tags": tags,
    "list": texts,
}
