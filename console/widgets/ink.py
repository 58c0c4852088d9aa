"""Semantic names → Rich styles of the theme in use. Widgets say *what* a text is; only this module knows its colour."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color as RichColor
from rich.color import ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from console.widgets.sanitise import cut, cut_exact, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.app import App

Span = tuple[str, str]
"""A run of sanitised text and the semantic names of its look, as "bad", "muted", "bold link", "on-cursor"."""

Line = list[Span]
_TEXT_ATTRIBUTES = ("bold", "underline", "reverse", "dim", "italic")


_LEVELS = (0, 95, 135, 175, 215, 255)
_CUBE = {
    **{
        ColorTriplet(red, green, blue): 16 + 36 * r + 6 * g + b
        for r, red in enumerate(_LEVELS)
        for g, green in enumerate(_LEVELS)
        for b, blue in enumerate(_LEVELS)
    },
    **{ColorTriplet(8 + 10 * step, 8 + 10 * step, 8 + 10 * step): 232 + step for step in range(24)},
}


class Ink:
    """The styles of one theme, made once per name."""

    def __init__(self, variables: dict[str, str], plain: bool = False) -> None:
        self._variables = variables
        self._plain = plain
        self._made: dict[str, Style] = {}

    def __call__(self, names: str) -> Style:
        """The style of blank-separated names: a colour (`ok`, `muted`, …), `on-<surface>`, text attributes."""
        style = self._made.get(names)
        if style is None:
            style = self._made[names] = self._make(names)
        return style

    def _make(self, names: str) -> Style:
        attributes: dict[str, Any] = {}
        foreground, background = "foreground", "background"
        for name in names.split():
            if name in _TEXT_ATTRIBUTES:
                attributes[name] = True
            elif name.startswith("on-"):
                background = name[3:]
            else:
                foreground = name
        if self._plain:  # no colour to tell by: the cursor and heads are told by attributes
            if background in ("cursor", "selection"):
                attributes["reverse"] = True
            elif background == "head":
                attributes["bold"] = True
        return Style(color=self._color(foreground), bgcolor=self._color(background), **attributes)

    def _color(self, name: str) -> RichColor:
        value = self._variables.get(name) or self._variables["foreground"]
        color = Color.parse(value).rich_color
        number = _CUBE.get(color.triplet) if color.triplet else None
        # A cube colour is written as its number: the same colour in half the bytes. The triplet stays, for filters.
        return color if number is None else RichColor(color.name, ColorType.EIGHT_BIT, number, color.triplet)


@lru_cache(maxsize=8)
def _ink(theme: str, plain: bool, variables: tuple[tuple[str, str], ...]) -> Ink:
    return Ink(dict(variables), plain)


def ink_of(app: App[object]) -> Ink:
    """The ink of the app's present theme."""
    theme = app.current_theme
    wanted = (*theme.variables, "foreground", "background", "surface", "panel", "primary", "accent")
    variables = app.theme_variables or app.get_css_variables()
    return _ink(theme.name, theme.ansi, tuple((name, variables[name]) for name in wanted if name in variables))


def strip_of(spans: Iterable[Span], cells: int, ink: Ink, base: str = "") -> Strip:
    """The spans as one line of exactly `cells` cells; equal neighbours merge, and blanks join what is before them."""
    segments: list[Segment] = []
    left = cells
    text, names = "", base
    for piece, piece_names in spans:
        look = f"{base} {piece_names}".strip() if base and piece_names else piece_names or base
        if left <= 0:
            break
        taken = width(piece)
        if taken > left:
            piece = cut(piece, left)
            taken = width(piece)
        if not taken:
            continue
        if look != names and not (piece.isspace() and same_ground(look, names)):
            if text:
                segments.append(Segment(text, ink(names)))
            text, names = "", look
        text += piece
        left -= taken
    if left > 0:
        if same_ground(names, base):
            text += " " * left
        else:
            segments.append(Segment(text, ink(names)))
            text, names = " " * left, base
    if text:
        segments.append(Segment(text, ink(names)))
    return Strip(segments, cells)


@lru_cache(maxsize=2048)
def same_ground(one: str, other: str) -> bool:
    """Whether blanks look the same in both: same background, and nothing that shows without a letter."""
    return _ground(one) == _ground(other)


def _ground(names: str) -> tuple[str, ...]:
    parts = names.split()
    ground = [name for name in parts if name.startswith("on-")][-1:]
    return (*ground, *sorted(name for name in parts if name in ("underline", "reverse")))


def wrap(line: Line, cells: int, indent: int = 4) -> list[Line]:
    """The line in as many of at most `cells` cells as it takes, broken at blanks where there are any."""
    if cells < 8 or width(plain(line)) <= cells:
        return [line]
    out: list[Line] = []
    now: Line = []
    left = cells
    for text, look in line:
        while width(text) > left:
            piece = cut_exact(text, left)
            blank = piece.rfind(" ")
            if blank > 0 and len(piece) < len(text) and text[len(piece)] != " ":
                piece = piece[: blank + 1]
            elif now and " " not in piece and width(text) <= cells - indent:
                piece = ""
            now.append((piece, look))
            out.append(now)
            text = text[len(piece) :].lstrip(" ") if piece else text
            now, left = [(" " * indent, "")], cells - indent
        now.append((text, look))
        left -= width(text)
    return [*out, now]


def plain(spans: Sequence[Span]) -> str:
    """The text of a line without its looks."""
    return "".join(text for text, _ in spans)
