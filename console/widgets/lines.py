"""Widgets that are nothing but lines: bars and panels. A change repaints the lines that changed."""

from __future__ import annotations

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.widgets.ink import Line, ink_of, strip_of


class Panel(Widget):
    """Lines as high as there are."""

    def __init__(self, lines: list[Line] | None = None, *, id: str | None = None, base: str = "") -> None:
        super().__init__(id=id)
        self.lines: list[Line] = lines or []
        self.base = base

    def set_lines(self, lines: list[Line]) -> None:
        old, self.lines = self.lines, lines
        if len(old) != len(lines) and self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        width = self.size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(old), len(lines)))
            if (old[y] if y < len(old) else None) != (lines[y] if y < len(lines) else None)
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        line = self.lines[y] if y < len(self.lines) else []
        return strip_of(line, self.size.width, ink_of(self.app), self.base)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width


class Bar(Panel):
    """A panel of fixed height: header, tabs, footer. A click tells which cell."""

    class Clicked(Message):
        def __init__(self, bar: Bar, x: int, y: int) -> None:
            super().__init__()
            self.bar, self.x, self.y = bar, x, y

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(self, event.x, event.y))
