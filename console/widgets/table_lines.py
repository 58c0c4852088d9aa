"""How a table's lines look: header, rows, placeholders, as runs of equal style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from console.widgets.ink import Line
from console.widgets.sanitise import fit, width
from console.widgets.table_columns import Geometry, Placed, Row, TableColumn, text_of

Overlay = Mapping[str, Mapping[str, Any]]
"""Column name → row key → value, for columns that come from another request than the rows."""

ASCENDING, DESCENDING = "▲", "▼"


def header_line(
    geometry: Geometry, sort: tuple[str, bool], current: str, letters: Mapping[str, str] | None = None
) -> Line:
    """Headings with the sort arrow; the current column underlined; while sorting, each column's letter before it."""
    line: Line = [(" " if not geometry.hidden_left else "‹", ""), (" ", "")]
    x = 2
    for place in geometry.placed:
        line.append((" " * (place.x - x), ""))
        column = place.column
        title = column.title
        arrow = ""
        if sort[0] == column.name:
            arrow = DESCENDING if sort[1] else ASCENDING
        if letters and column.name in letters:
            text = fit(f"{letters[column.name]}:{title}", place.cells)
            line.append((text, "mark"))
        else:
            text = fit(title + arrow, place.cells, column.right)
            look = "link" if arrow else ""
            if column.name == current:
                bare = text.strip()
                before, _, after = text.partition(bare)
                line += [(before, ""), (bare, f"underline {look}".strip()), (after, "")]
            else:
                line.append((text, look))
        x = place.x + place.cells
    return _with_more(line, geometry) if geometry.hidden_right else line


def _with_more(line: Line, geometry: Geometry) -> Line:
    """The heading with how many columns are out of sight at its right edge, over a heading's end if need be."""
    told = f" ›{geometry.hidden_right}"
    left = geometry.cells - len(told)
    kept: Line = []
    for text, look in line:
        kept.append((fit(text.rstrip(), min(width(text), left)), look))
        left -= width(kept[-1][0])
    return [*kept, (" " * left, ""), (told, "link")]


def row_line(
    values: Sequence[Any], geometry: Geometry, now: datetime, *, marked: bool, cursor: bool, stale: bool
) -> Line:
    """One row from the values of its placed columns. Under the cursor it has one style, so that moving costs two short
    writes; words and glyphs remain."""
    line: Line = [
        ("▶ " if cursor and not marked else "◆ " if marked else "  ", "mark" if marked and not cursor else "")
    ]
    x = 2
    for place, value in zip(geometry.placed, values, strict=True):
        if place.x > x:
            line.append((" " * (place.x - x), ""))
        text = fit(text_of(place.column, value, now), place.cells, place.column.right)
        line.append((text, "" if cursor else "stale" if stale else look_of(place.column, value, marked)))
        x = place.x + place.cells
    return line


def cell_value(place: Placed, row: Row, key: str, overlay: Overlay) -> Any:
    """The value of one cell: from the row, or from the overlay of its column."""
    if place.source < 0:
        return overlay.get(place.column.name, {}).get(key)
    return row[place.source] if place.source < len(row) else None


def look_of(column: TableColumn, value: Any, marked: bool) -> str:
    if marked and column.fixed and column.look is None:
        return "mark"
    if column.look is not None:
        return column.look(value)
    return ""


def waiting_line(geometry: Geometry) -> Line:
    """What stands for a row that has not arrived yet: words, not a blank that could pass for an empty cell."""
    return [("  ", ""), ("loading …", "stale")] if geometry.placed else []


def letters_for(columns: Sequence[TableColumn]) -> dict[str, str]:
    """A letter per column: the first free one of its name, else the next of the alphabet."""
    out: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        candidates = [c for c in column.name.lower() if c.isascii() and c.isalpha()] + list(
            "abcdefghijklmnopqrstuvwxyz"
        )
        letter = next((c for c in candidates if c not in taken), "")
        if letter:
            taken.add(letter)
            out[column.name] = letter
    return out
