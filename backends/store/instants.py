"""Times as an operator types them: `now`, `-30m`, `-2d`, `14:02`, `2026-11-20T14:02Z`. Always UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from backends.model import INSTANTS, no_time

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_OFFSET = re.compile(r"([+-])((?:[0-9]{1,9}[smhdw])+)\Z")
_PART = re.compile(r"([0-9]{1,9})([smhdw])")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?Z?\Z")


def utcnow() -> datetime:
    """The present, aware, UTC."""
    return datetime.now(UTC)


def stored(instant: datetime) -> datetime:
    """An instant as the store keeps it: UTC without a zone. A naive one is taken to be UTC already."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


@lru_cache(maxsize=1024)
def iso(instant: datetime) -> str:
    """An instant as the wire writes it: ISO 8601 with Z, milliseconds only where there are some."""
    text = stored(instant).isoformat(timespec="milliseconds") + "Z"
    return text.replace(".000Z", "Z")


def parse_offset(text: str) -> timedelta | None:
    """`-2d` or `+1h30m` as a difference; None if the text is not of that form. ValueError if out of all bounds."""
    match = _OFFSET.match(text.strip().lower())
    if not match:
        return None
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(match[2]))
    if seconds > 200 * 366 * 86400:
        raise ValueError(f"{text!r} reaches further than 200 years; {INSTANTS}.")
    return timedelta(seconds=seconds if match[1] == "+" else -seconds)


def moves(text: str) -> bool:
    """Whether `text`, read as an instant, names another one as time goes on."""
    word = text.strip().lower()
    return word in ("now", "today", "yesterday") or bool(_OFFSET.match(word)) or bool(_CLOCK.match(word))


def parse_instant(text: str, now: datetime | None = None) -> datetime:
    """The instant that `text` names, aware and UTC.

    A clock time alone is the latest such time that has passed; a date alone is its first moment.
    ValueError carries one sentence with the forms that are understood.
    """
    now = now or utcnow()
    now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
    word = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if word in named:
        return named[word]
    try:
        if (offset := parse_offset(word)) is not None:
            return now + offset
        if clock := _CLOCK.match(text.strip()):
            at = midnight.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0))
            return at if at <= now else at - timedelta(days=1)
        parsed = datetime.fromisoformat(text.strip().upper())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if "200 years" in str(error):
            raise
        raise ValueError(no_time(text)) from None
