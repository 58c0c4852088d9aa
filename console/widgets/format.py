"""Values as an operator reads them: ages, money, tags, health. Pure; always sanitised; missing is said, never 0."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from backends.currency import hourly, is_money
from console.widgets.sanitise import sanitise

MISSING = "–"
HEALTH_GLYPHS = {"ok": "●", "warn": "▲", "bad": "✖", "unknown": "?"}
SPARKS = "▁▂▃▄▅▆▇█"
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_CELL_LIMIT = 400  # characters of a value that a table cell reads; the whole is in the detail


def instant(text: Any) -> datetime | None:
    """The UTC time that a wire or store text names, or None."""
    if not isinstance(text, str) or len(text) < 10:
        return None
    try:
        parsed = datetime.fromisoformat(text.replace(" ", "T", 1))
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """A span in at most two units: `<1m`, `14m`, `3h 05m`, `6d 04h`, `143d`, `3y 020d`; it steps by the minute."""
    minutes = int(abs(seconds) // 60)
    days, hours = minutes // 1440, minutes // 60
    if minutes < 1:
        return "<1m"
    if minutes < 60:
        return f"{minutes}m"
    if hours < 24:
        return f"{hours}h {minutes % 60:02d}m"
    if days < 14:
        return f"{days}d {hours % 24:02d}h"
    return f"{days}d" if days < 730 else f"{days // 365}y {days % 365:03d}d"


def age(text: Any, now: datetime) -> str:
    """How long before `now` the time in `text` was; a time to come reads `in 3h 05m`."""
    at = instant(text)
    if at is None:
        return MISSING if text in (None, "") else sanitise(str(text), _CELL_LIMIT)
    seconds = (now - at).total_seconds()
    return duration(seconds) if seconds > -60 else f"in {duration(seconds)}"


def clock(text: Any, now: datetime | None = None) -> str:
    """`14:02Z` on the day of `now`, else `11-20 14:02Z`."""
    at = instant(text)
    if at is None:
        return MISSING
    return f"{at:%H:%MZ}" if now is not None and at.date() == now.date() else f"{at:%m-%d %H:%MZ}"


def day(value: Any) -> str:
    """The date of what is of a whole day."""
    at = instant(value)
    return f"{at:%Y-%m-%d}" if at else MISSING


def money(value: Any, unit: str = "USD") -> str:
    """An amount with as many decimals as it needs; None reads `unpriced`."""
    if not isinstance(value, int | float):
        return "unpriced"
    if hourly(unit):
        return f"{value:.4f}"
    return f"{value:,.2f}"


def number(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if abs(value) < 10_000 else f"{value:,}"
    if isinstance(value, float):
        if 100 <= abs(value) < 1e15:
            return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
        return f"{value:.0f}" if value.is_integer() and abs(value) < 100 else f"{value:.4g}"
    return sanitise(str(value), _CELL_LIMIT)


def size(value: Any) -> str:
    """Bytes in the largest unit of 1,024 that they fill: `512 B`, `1.5 KiB`, `85.9 GiB`."""
    if not _finite(value):
        return number(value)
    unit = 0
    while unit < len(_SIZES) - 1 and round(abs(value) / 1024**unit, 1) >= 1024:
        unit += 1
    return f"{number(value)} B" if unit == 0 else f"{value / 1024**unit:,.1f} {_SIZES[unit]}"


def span(value: Any) -> str:
    """Seconds as they are up to an hour, then in at most two units: `300 s`, `1h 30m`, `4d`, `365d`."""
    if not _finite(value) or value < 3600:
        return f"{number(value)} s" if _finite(value) else number(value)
    minutes = int(value // 60)
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return " ".join([f"{count}{unit}" for count, unit in parts if count][:2])


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def percent(value: Any, digits: int = 1) -> str:
    """A fraction as signed per cent."""
    if not isinstance(value, int | float):
        return MISSING
    return f"{round(value * 100, digits) + 0.0:+.{digits}f}%"


def health(value: Any) -> str:
    """Glyph and word: health is never told by colour alone."""
    word = value if value in HEALTH_GLYPHS else "unknown"
    return f"{HEALTH_GLYPHS[word]} {word}"


def tags(value: Any) -> str:
    """`k=v k=v` of a map, which may come as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return sanitise(value, _CELL_LIMIT)
    if not isinstance(value, dict):
        return MISSING
    pairs = sorted(value.items(), key=lambda item: (item[0] == "Name", str(item[0])))
    return sanitise(" ".join(f"{key}={item}" for key, item in pairs if key != "Name"), _CELL_LIMIT) or MISSING


def listing(value: Any) -> str:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return sanitise(value, _CELL_LIMIT)
    if isinstance(value, list):
        return sanitise(", ".join(map(str, value)), _CELL_LIMIT) or MISSING
    return MISSING if value is None else sanitise(str(value), _CELL_LIMIT)


def flags(value: Any) -> str:
    """The labels of a row's anomaly and advice flags."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else []
        except ValueError:
            return sanitise(value, _CELL_LIMIT)
    labels = [str(flag.get("label", "")) for flag in value or () if isinstance(flag, dict)]
    return "⚑ " + sanitise(", ".join(labels), _CELL_LIMIT) if labels else ""


SCALED: dict[str, Callable[[Any], str]] = {"B": size, "s": span}
"""Units whose values are told in others that suit their magnitude; the text names them."""


def value(item: Any, type_: str, unit: str = "", now: datetime | None = None) -> str:
    """One cell of a declared column type, as text."""
    if item is None:
        return "unpriced" if is_money(unit) else MISSING
    if type_ == "time":
        return age(item, now) if now is not None else sanitise(str(item))
    if is_money(unit):
        return money(item, unit)
    if type_ == "tags":
        return tags(item)
    if type_ == "list":
        return listing(item)
    if type_ in ("integer", "number") and unit in SCALED:
        return SCALED[unit](item)
    if type_ in ("integer", "number", "boolean"):
        return number(item)
    return sanitise(str(item), _CELL_LIMIT) or MISSING


def sparkline(values: list[float] | None, cells: int) -> str:
    """The last `cells` values as block characters between their own extremes; a flat series lies in the middle."""
    points = [point for point in (values or ()) if isinstance(point, int | float)][-cells:]
    if not points:
        return ""
    low, high = min(points), max(points)
    if high <= low:
        return SPARKS[3] * len(points)
    return "".join(SPARKS[min(7, int((point - low) / (high - low) * 8))] for point in points)


def timeline(
    points: list[tuple[datetime, float]],
    seconds: float,
    since: datetime,
    until: datetime,
    cells: int,
    *,
    low: bool = False,
) -> str:
    """Values in time as `cells` block characters, each the largest of its part of the span (`low`: the smallest).

    A value is of the `seconds` that follow its time; a part that no value is of is blank. They stand between their own
    extremes; a flat series lies in the middle, or at the bottom where all of it is 0.
    """
    width = (until - since).total_seconds() / max(cells, 1)
    parts: dict[int, float] = {}
    worse = min if low else max
    for at, value in points:
        begin = (at - since).total_seconds()
        first, last = int(begin // width), int((begin + seconds - 1e-6) // width)
        for place in range(max(first, 0), min(last, cells - 1) + 1):
            parts[place] = worse(parts.get(place, value), value)
    least, most = min(parts.values(), default=0.0), max(parts.values(), default=0.0)

    def block(value: float) -> str:
        if most > least:
            return SPARKS[min(7, int((value - least) / (most - least) * 8))]
        return SPARKS[3] if most else SPARKS[0]

    return "".join(block(parts[place]) if place in parts else " " for place in range(cells))
