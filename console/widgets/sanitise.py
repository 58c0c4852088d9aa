"""Text from outside, made harmless: every string that AWS or the daemon hands over passes here before it is drawn.

A name or tag may hold terminal escapes, newlines, bidi overrides, zero-width characters, kilobytes of combining marks.
Each becomes one visible, harmless symbol; nothing is interpreted as markup. What comes out has a width that all
terminals agree on: the sum of its characters' widths.
"""

from __future__ import annotations

from functools import lru_cache
from unicodedata import category

from rich.cells import get_character_cell_size

UNPRINTABLE = "�"
INVISIBLE = "·"
BIDI = "⇄"
ELLIPSIS = "…"
_MARKS_PER_BASE = 2
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def sanitise(text: str, limit: int = 20_000) -> str:
    """`text` on one line, without anything that could act on a terminal; at most `limit` characters of it are read."""
    if len(text) > limit:
        text = text[:limit] + ELLIPSIS
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = _MARKS_PER_BASE  # a leading combining mark has no base of its own
    for character in text:
        shown, combining = _shown(character)
        if not combining:
            marks = 0
        elif marks >= _MARKS_PER_BASE:
            shown = INVISIBLE
        else:
            marks += 1
        out.append(shown)
    return "".join(out)


@lru_cache(maxsize=4096)
def _shown(character: str) -> tuple[str, bool]:
    """What stands for `character`, and whether it is a combining mark that joins the one before."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code), False
    if code == 0x7F:
        return "␡", False
    if character in _BIDI_CONTROLS:
        return BIDI, False
    if character in "\u0085\u2028\u2029":
        return "␤", False
    if 0x1F1E6 <= code <= 0x1F1FF:  # flags are drawn as one or two letters, by terminal: letters are letters everywhere
        return chr(ord("A") + code - 0x1F1E6), False
    kind = category(character)
    if kind in ("Mn", "Me"):
        variation = 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code == 0x20E3
        return (INVISIBLE, False) if variation or get_character_cell_size(character) else (character, True)
    if kind in ("Cc", "Cs", "Co", "Cn"):
        return UNPRINTABLE, False
    if kind == "Zs":
        return " ", False
    if kind == "Cf" or 0x1F3FB <= code <= 0x1F3FF or get_character_cell_size(character) < 1:
        return INVISIBLE, False
    return character, False


def width(text: str) -> int:
    """Cells that sanitised `text` takes."""
    return len(text) if text.isascii() else sum(map(get_character_cell_size, text))


def fit(text: str, cells: int, right: bool = False) -> str:
    """Sanitised `text` in exactly `cells` cells: cut with an ellipsis, or padded (on the left if `right`)."""
    if cells <= 0:
        return ""
    taken = width(text)
    if taken > cells:
        text = cut_exact(text, cells - 1) + ELLIPSIS
        taken = width(text)
    padding = " " * (cells - taken)
    return padding + text if right else text + padding


def cut_exact(text: str, cells: int) -> str:
    """The longest beginning of `text` that fits in `cells`."""
    if text.isascii():
        return text[:cells]
    taken = 0
    for index, character in enumerate(text):
        taken += get_character_cell_size(character)
        if taken > cells:
            return text[:index]
    return text


def cut(text: str, cells: int) -> str:
    """`text` if it fits in `cells`, else its beginning with an ellipsis."""
    return text if width(text) <= cells else cut_exact(text, max(0, cells - 1)) + ELLIPSIS
