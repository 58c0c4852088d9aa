"""Which columns a table shows, how wide, and where: geometry only, no drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backends.currency import DECLARED, hourly, in_currency
from console.widgets import format as fmt
from console.widgets.sanitise import width

Row = Sequence[Any]
GUTTER = 2  # the mark and one blank
_MOST = {"tags": 48, "list": 32, "text": 36}
_MANY = 40  # rows from which on one in ten may be cut
_SCALED_CELLS = 11  # "1,023.9 GiB"
_LEAST = 14  # cells that a text column keeps when it makes room for the next one


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: where its value is, how it is written and what colour the value speaks.

    name    the column's id, in sort, filter and export
    narrow  among the first on an 80-column terminal; others stand behind these, or in their place with `w`
    fixed   stays at the left while the others scroll
    text    value → sanitised text; None uses the declared type
    look    value → semantic colour name, "" for none
    cells   width in cells; 0 takes the sampled width, up to `most`
    whole   never made narrower so that the next column fits
    longest as wide as its longest text, which is rare and matters, instead of as most of them
    small   how the column is on an 80-column terminal, where that differs
    """

    name: str
    title: str
    type: str = "text"
    unit: str = ""
    help: str = ""
    narrow: bool = True
    fixed: bool = False
    cells: int = 0
    most: int = 0
    text: Callable[[Any], str] | None = None
    look: Callable[[Any], str] | None = None
    whole: bool = False
    longest: bool = False
    small: TableColumn | None = None

    @property
    def right(self) -> bool:
        """Numbers stand at the right of their column, so that their digits line up."""
        return self.type in ("integer", "number", "time")


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on screen: at cell `x`, `cells` wide; `source` is its place in a row, -1 for an overlay."""

    column: TableColumn
    x: int
    cells: int
    source: int


@dataclass(slots=True)
class Geometry:
    """The columns in view for one width, `cells`: fixed ones, then from `left` on as many as fit."""

    placed: list[Placed] = field(default_factory=list)
    hidden_left: int = 0
    hidden_right: int = 0
    cells: int = 0

    def at(self, x: int) -> Placed | None:
        """The column under cell `x`."""
        for place in self.placed:
            if place.x <= x < place.x + place.cells:
                return place
        return None


def told_in(column: TableColumn, currency: str) -> TableColumn:
    """The column with its money in that currency; columns are declared in USD."""
    if currency == DECLARED:
        return column
    return replace(column, title=in_currency(column.title, currency), unit=in_currency(column.unit, currency))


def headings_of(columns: Sequence[TableColumn]) -> dict[str, str]:
    """What a person may call each column beside its name; a small heading stands for a large one that is the name."""
    return {column.name: (column.small or column).title for column in columns}


def widths_of(columns: Sequence[TableColumn], sampled: Mapping[str, int]) -> dict[str, int]:
    """Cells for each column: its own, else the sampled width between its heading and a limit that suits its type."""
    out: dict[str, int] = {}
    for column in columns:
        heading = width(column.title) + 2  # room for the sort arrow
        if column.cells:
            out[column.name] = max(column.cells, 3)
            continue
        if column.type == "time":
            out[column.name] = max(heading, 8)
            continue
        if column.type in ("integer", "number", "boolean"):
            out[column.name] = max(heading, _number_cells(column, sampled.get(column.name, 7)))
            continue
        most = column.most or _MOST.get(column.type, 36)
        out[column.name] = max(min(heading, most), min(most, sampled.get(column.name, 14)))
    return out


def _number_cells(column: TableColumn, digits: int) -> int:
    """Cells for numbers whose plain digits take `digits`: separators come on top, a scaled unit takes what it takes."""
    if column.unit in fmt.SCALED:
        return min(_SCALED_CELLS, digits + 4)
    if column.type == "integer":
        return digits + (digits - 1) // 3 if digits > 4 else digits
    # Two decimals may come on top as well; a price per hour has four, whatever its digits.
    return min(16, digits if hourly(column.unit) else digits + 3)


def sample(columns: Sequence[TableColumn], names: Sequence[str], rows: Sequence[Row]) -> dict[str, int]:
    """The width that these rows' texts need, by column, where the source measures nothing; of many, nine in ten
    unless the longest matters."""
    out: dict[str, int] = {}
    places = {name: index for index, name in enumerate(names)}
    for column in columns:
        index = places.get(column.name)
        if index is None or column.cells:
            continue
        seen = rows if column.longest else rows[:200]
        measured = sorted(width(text_of(column, row[index])) for row in seen)
        if measured:
            left_out = len(measured) // 10 if len(measured) >= _MANY and not column.longest else 0
            out[column.name] = measured[-1 - left_out]
    return out


def text_of(column: TableColumn, value: Any, now: datetime | None = None) -> str:
    """The sanitised text of a value in that column; times read as ages before `now`."""
    if column.text is not None:
        return column.text(value)
    return fmt.value(value, column.type, column.unit, now)


def lay_out(
    columns: Sequence[TableColumn],
    names: Sequence[str],
    widths: Mapping[str, int],
    available: int,
    left: int,
    *,
    essential: bool = False,
) -> Geometry:
    """Place fixed columns first, then the scrolling ones from number `left` on; the last takes what is left over.

    essential   only narrow columns until one scrolls, and room is made for no other
    """
    gap = 2 if available >= 100 else 1
    places = {name: index for index, name in enumerate(names)}
    fixed = [column for column in columns if column.fixed]
    moving = [column for column in columns if not column.fixed]
    geometry = Geometry(hidden_left=min(left, max(0, len(moving) - 1)), cells=available)
    x = GUTTER
    shown: list[TableColumn] = [*fixed, *moving[geometry.hidden_left :]]
    for number, column in enumerate(shown):
        behind = essential and not (column.narrow or column.fixed)
        if not behind:
            x -= _make_room(geometry.placed, widths[column.name] - (available - x))
        room = available - x
        cells = widths[column.name]
        if room < min(cells, 6) or (behind and not geometry.hidden_left):
            geometry.hidden_right = len(shown) - number
            break
        cells = min(cells, room)
        geometry.placed.append(Placed(column, x, cells, places.get(column.name, -1)))
        x += cells + gap
    last = geometry.placed[-1] if geometry.placed else None
    following = shown[len(geometry.placed)].narrow if geometry.hidden_right else False
    roomy = not geometry.hidden_right or (essential and not following)
    if last and last.column.type in ("text", "tags", "list") and not last.column.cells and roomy:
        stretched = min(available - last.x, max(last.cells, 72))
        geometry.placed[-1] = Placed(last.column, last.x, stretched, last.source)
    return geometry


def _make_room(placed: list[Placed], short: int) -> int:
    """Narrow the widest text column before one that lacks `short` cells, if it can give them all; cells gained."""
    texts = [
        n
        for n, place in enumerate(placed)
        if place.column.type == "text" and not place.column.cells and not place.column.whole
    ]
    widest = max(texts, key=lambda n: placed[n].cells, default=None)
    if short <= 0 or widest is None or placed[widest].cells - short < _LEAST:
        return 0
    place = placed[widest]
    placed[widest] = Placed(place.column, place.x, place.cells - short, place.source)
    for number in range(widest + 1, len(placed)):
        place = placed[number]
        placed[number] = Placed(place.column, place.x - short, place.cells, place.source)
    return short
