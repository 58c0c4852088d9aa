"""Bars over days, anomalous ones marked by sign and colour."""

from __future__ import annotations

from collections.abc import Sequence, Set

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from console.widgets.ink import Line, ink_of, strip_of
from console.widgets.sanitise import fit

_EIGHTHS = " ▁▂▃▄▅▆▇█"
AXIS = 10


def bar_lines(
    values: Sequence[float | None],
    labels: Sequence[str],
    marked: Set[int],
    width: int,
    height: int,
    *,
    whole: int | None = None,
) -> list[Line]:
    """`height` lines: bars from zero, newest at the right, as many days as fit. Those after `whole` are not over."""
    room = max(1, width - AXIS - 1)
    cells = 3 if room >= len(values) * 3 else 2 if room >= len(values) * 2 else 1
    shown = min(len(values), room // cells)
    first = len(values) - shown
    known = [value for value in values[first:] if value is not None]
    if not known or height < 3:
        return [[("  no costs are known", "stale")]]
    top = max(max(known), 1e-9)
    rows = height - 2
    lines: list[Line] = [[(" " * AXIS, ""), *_markers(first, shown, cells, marked)]]
    for row in range(rows):
        label = (
            fit(f"{top * (rows - row) / rows:,.0f}", AXIS - 2, right=True)
            if row in (0, rows // 2)
            else " " * (AXIS - 2)
        )
        line: Line = [(label + " │", "muted")]
        for number in range(first, len(values)):
            value = values[number]
            look = "anomaly" if number in marked else "stale" if whole is not None and number >= whole else "forecast"
            line.append((_block(value, top, rows, row) * max(1, cells - 1) + (" " if cells > 1 else ""), look))
        lines.append(line)
    lines.append([(" " * AXIS + _days(labels[first:], cells), "muted")])
    return lines


def _days(labels: Sequence[str], cells: int) -> str:
    """Days of the month under wide bars, dates a week apart under narrow ones."""
    if cells == 3:
        return "".join(fit(label[-2:], 3) for label in labels)
    step = 7
    return "".join(fit(label[-5:], step * cells) for label in labels[::step])[: len(labels) * cells]


class BarChart(Widget):
    """The bars in the room that there is."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.values: Sequence[float | None] = ()
        self.labels: Sequence[str] = ()
        self.marked: Set[int] = frozenset()
        self.whole: int | None = None
        self._drawn: tuple[Size, list[Line]] | None = None

    def set_bars(
        self, values: Sequence[float | None], labels: Sequence[str], marked: Set[int], whole: int | None = None
    ) -> None:
        """`marked` are the places of anomalous days; after the first `whole` days come those that are not over."""
        if (values, labels, marked, whole) != (self.values, self.labels, self.marked, self.whole):
            self.values, self.labels, self.marked, self.whole, self._drawn = values, labels, marked, whole, None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._drawn is None or self._drawn[0] != self.size:
            lines = bar_lines(self.values, self.labels, self.marked, *self.size, whole=self.whole)
            self._drawn = (self.size, lines)
        lines = self._drawn[1]
        return strip_of(lines[y] if y < len(lines) else [], self.size.width, ink_of(self.app))


def _markers(first: int, shown: int, cells: int, marked: Set[int]) -> Line:
    return [(fit("!" if number in marked else "", cells), "bold anomaly") for number in range(first, first + shown)]


def _block(value: float | None, top: float, rows: int, row: int) -> str:
    if value is None:
        return "?" if row == rows - 1 else " "
    eighths = round(value / top * rows * 8) - (rows - 1 - row) * 8
    return _EIGHTHS[max(0, min(8, eighths))]
