"""The fan: what a price was, and where it may go. The line is braille, the intervals are background colour.

Nested bands of 50, 80 and 95 % are three shades behind the line, so that no cell needs two colours. Without colour
they are three densities of shading; without Unicode, signs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from console.widgets.ink import Line, ink_of, strip_of
from console.widgets.sanitise import fit

AXIS = 9
_BANDS = ("on-band-95", "on-band-80", "on-band-50")
_SHADES = ("░", "▒", "▓")
_ASCII = (".", ":", "#")
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(frozen=True, slots=True)
class Fan:
    """Times in hours from now (history negative), ascending. `bands` are (lower, upper), the widest first;
    `actual` is what came after a past forecast."""

    history: Sequence[tuple[float, float]] = ()
    horizon: Sequence[float] = ()
    middle: Sequence[float] = ()
    bands: Sequence[tuple[Sequence[float], Sequence[float]]] = ()
    naive: Sequence[float] = ()
    actual: Sequence[tuple[float, float]] = ()
    nothing: str = "no prices are known yet"


@dataclass(slots=True)
class _Canvas:
    """Cells of a plot, and the map from hours and values to them."""

    width: int
    height: int
    start: float
    end: float
    low: float
    high: float
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    came: dict[tuple[int, int], int] = field(default_factory=dict)

    def hour(self, cell: float) -> float:
        return self.start + (cell + 0.5) / self.width * (self.end - self.start)

    def column(self, hour: float) -> int:
        return min(self.width - 1, max(0, int((hour - self.start) / (self.end - self.start) * self.width)))

    def level(self, value: float) -> float:
        """Height of a value in dots from the top."""
        return (self.high - value) / (self.high - self.low) * (self.height * 4 - 1)

    def value(self, row: int) -> float:
        """The value in the middle of a row."""
        return self.high - (row * 4 + 1.5) / (self.height * 4 - 1) * (self.high - self.low)

    def dot(self, x: int, y: int, *, came: bool = False) -> None:
        if 0 <= x < self.width * 2 and 0 <= y < self.height * 4:
            cell, dots = (x // 2, y // 4), self.came if came else self.dots
            dots[cell] = dots.get(cell, 0) | _DOTS[y % 4][x % 2]


def draw(fan: Fan, width: int, height: int, *, plain: bool = False, ascii: bool = False) -> list[Line]:
    """The chart in `height` lines of at most `width` cells, axes included."""
    if width < AXIS + 12 or height < 4 or not (fan.history or fan.middle):
        return [[("  " + fan.nothing, "stale")]]
    canvas = _canvas(fan, width - AXIS, height - 1)
    _trace(canvas, fan)
    _trace_actual(canvas, fan)
    now = canvas.column(0.0) if fan.horizon else -1
    naive = {canvas.column(h): int(canvas.level(v)) // 4 for h, v in zip(fan.horizon, fan.naive, strict=False)}
    signs = (_ASCII if ascii else _SHADES) if plain or ascii else None
    lines = [_row(canvas, fan, y, now, naive, signs, ascii) for y in range(canvas.height)]
    return [*lines, _time_axis(canvas, now)]


def _canvas(fan: Fan, width: int, height: int) -> _Canvas:
    end = fan.horizon[-1] if fan.horizon else 0.0
    first = fan.history[0][0] if fan.history else 0.0
    start = max(first, -max(end, 24.0)) if fan.horizon else first
    shown = [value for hour, value in fan.history if hour >= start] or [value for _, value in fan.history[-1:]]
    values = [
        *shown,
        *(value for _, value in fan.actual),
        *fan.middle,
        *fan.naive,
        *(v for low, high in fan.bands for v in (*low, *high)),
    ]
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 0.01
    return _Canvas(
        width, height, start, max(end, start + 1.0), max(0.0, low - margin) if low >= 0 else low - margin, high + margin
    )


def _trace(canvas: _Canvas, fan: Fan) -> None:
    """Dots of the line: history as the steps it is, then the forecast's middle."""
    hours = [hour for hour, _ in fan.history]
    before: float | None = None
    for x in range(canvas.width * 2):
        hour = canvas.start + (x + 0.5) / (canvas.width * 2) * (canvas.end - canvas.start)
        if hour <= 0 or not fan.horizon:
            place = bisect_right(hours, hour) - 1
            value = fan.history[place][1] if place >= 0 else None
        else:
            value = interpolate(fan.horizon, fan.middle, hour)
        if value is None:
            before = None
            continue
        y = canvas.level(value)
        for between in range(*_span(before, y)):
            canvas.dot(x, between)
        before = y


def _trace_actual(canvas: _Canvas, fan: Fan) -> None:
    """Dots of what came after a past forecast, as the steps it is, from the last price known when it was made."""
    if not fan.actual:
        return
    steps = [*fan.history[-1:], *fan.actual]
    hours = [hour for hour, _ in steps]
    before: float | None = None
    for x in range(canvas.width * 2):
        hour = canvas.start + (x + 0.5) / (canvas.width * 2) * (canvas.end - canvas.start)
        if not 0 < hour <= hours[-1]:
            continue
        y = canvas.level(steps[max(bisect_right(hours, hour) - 1, 0)][1])
        for between in range(*_span(before, y)):
            canvas.dot(x, between, came=True)
        before = y


def _span(before: float | None, y: float) -> tuple[int, int]:
    if before is None or abs(before - y) < 1:
        return int(y), int(y) + 1
    return int(min(before, y)), int(max(before, y)) + 1


def interpolate(hours: Sequence[float], values: Sequence[float], hour: float) -> float | None:
    """The value at `hour` on the line through the points; held at the ends, None where there are no points."""
    if not values:
        return None
    place = bisect_right(hours, hour)
    if place <= 0:
        return values[0]
    if place >= min(len(hours), len(values)):
        return values[-1]
    left, right = hours[place - 1], hours[place]
    share = (hour - left) / (right - left) if right > left else 0.0
    return values[place - 1] + share * (values[place] - values[place - 1])


def _row(
    canvas: _Canvas, fan: Fan, y: int, now: int, naive: dict[int, int], signs: tuple[str, ...] | None, ascii: bool
) -> Line:
    label = y % max(2, canvas.height // 4) == 0 or y == canvas.height - 1
    line: Line = [
        (
            fit(_amount(canvas.value(y)) if label else "", AXIS - 2, right=True)
            + (" ┤" if label else " │").replace("┤", "+" if ascii else "┤").replace("│", "|" if ascii else "│"),
            "muted",
        )
    ]
    value = canvas.value(y)
    for x in range(canvas.width):
        band = _band(fan, canvas.hour(x), value) if x > now >= 0 else -1
        ground = _BANDS[band] if band >= 0 and signs is None else ""
        mask, came = canvas.dots.get((x, y)), canvas.came.get((x, y))
        if came is not None:
            text, look = "o" if ascii else chr(0x2800 + came), "bold mark"
        elif mask is not None:
            text = "*" if ascii else chr(0x2800 + mask)
            look = "bold forecast" if x > now >= 0 else ""
        elif x == now:
            text, look = "|" if ascii else "┊", "mark"
        elif naive.get(x) == y:
            text, look = "-" if ascii else "╌", "anomaly"
        else:
            text, look = (
                signs[band] if signs is not None and band >= 0 else " ",
                "forecast" if band >= 0 and signs else "",
            )
        line.append((text, f"{look} {ground}".strip()))
    return line


def _amount(value: float) -> str:
    """A value in at most seven characters."""
    decimals = 4 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    text = f"{value:.{decimals}f}"
    return text if len(text) <= AXIS - 2 else f"{value:.1e}"


def _band(fan: Fan, hour: float, value: float) -> int:
    """The innermost band (2 the narrowest) that holds the value at that hour, -1 for none."""
    found = -1
    for number, (lower, upper) in enumerate(fan.bands[:3]):
        low, high = interpolate(fan.horizon, lower, hour), interpolate(fan.horizon, upper, hour)
        if low is None or high is None or not low <= value <= high:
            break
        found = number
    return found


def _time_axis(canvas: _Canvas, now: int) -> Line:
    cells = [" "] * (AXIS + canvas.width)

    def put(at: int, text: str) -> None:
        at = max(0, min(at, len(cells) - len(text)))
        cells[at : at + len(text)] = text

    put(AXIS, _span_name(canvas.start))
    if now >= 0:
        for hour in (24.0, 72.0, canvas.end):
            if hour <= canvas.end:
                put(AXIS + canvas.column(hour) - 2, _span_name(hour))
        put(AXIS + now - 1, "now")
    return [("".join(cells), "muted")]


def _span_name(hours: float) -> str:
    return f"{hours / 24:+.0f}d" if abs(hours) >= 24 else f"{hours:+.0f}h"


class FanChart(Widget):
    """The fan in the room that there is."""

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.fan = Fan()
        self.ascii = ascii
        self._drawn: tuple[Size, Fan, list[Line]] | None = None

    def set_fan(self, fan: Fan) -> None:
        if fan != self.fan:
            self.fan = fan
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._drawn is None or self._drawn[0] != self.size or self._drawn[1] is not self.fan:
            plain = self.app.native_ansi_color
            drawn = draw(self.fan, self.size.width, self.size.height, plain=plain, ascii=self.ascii)
            self._drawn = (self.size, self.fan, drawn)
        lines = self._drawn[2]
        return strip_of(lines[y] if y < len(lines) else [], self.size.width, ink_of(self.app))
