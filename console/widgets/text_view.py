"""Text that scrolls, can be searched, and of which some lines lead elsewhere."""

from __future__ import annotations

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console import keymap
from console.widgets.ink import Line, ink_of, plain, strip_of, wrap


class TextView(ScrollView, can_focus=True):
    """Lines that scroll, can be searched, and of which some are links (line number → target)."""

    BINDINGS = keymap.bindings("text")
    DEFAULT_CSS = "TextView { overflow: hidden; height: 1fr; }"

    class Followed(Message):
        """Enter, or a click, on a link."""

        def __init__(self, view: TextView, target: str) -> None:
            super().__init__()
            self.view, self.target = view, target

    class Moved(Message):
        def __init__(self, view: TextView) -> None:
            super().__init__()
            self.view = view

    def __init__(
        self, lines: list[Line] | None = None, *, wraps: bool = False, base: str = "", id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.wraps = wraps
        self.base = base
        self._source: tuple[list[Line], dict[int, str]] = (lines or [], {})
        self.lines: list[Line] = lines or []
        self.links: dict[int, str] = {}
        self.top = self.left = 0
        self.link: int | None = None
        self.needle = ""
        self.matches: list[int] = []

    @property
    def source(self) -> list[Line]:
        """The lines as they were set, none of them broken."""
        return self._source[0]

    def set_lines(self, lines: list[Line], links: dict[int, str] | None = None) -> None:
        """Other text; the place is kept where it still exists."""
        self._source = (lines, links or {})
        self._flow()
        lines = self.lines
        if self.link not in self.links:
            self.link = min(self.links, default=None)
        self.top = max(0, min(self.top, len(lines) - max(1, self.size.height)))
        self.search(self.needle)
        self.refresh()

    def _flow(self) -> None:
        """Break long lines at the width there is, where this text wraps; links stay with the first part of theirs."""
        lines, links = self._source
        if not self.wraps or not self.size.width:
            self.lines, self.links = lines, links
            return
        self.lines, self.links = [], {}
        for number, line in enumerate(lines):
            if number in links:
                self.links[len(self.lines)] = links[number]
            self.lines += wrap(line, self.size.width)

    def on_resize(self) -> None:
        if self.wraps:
            self.set_lines(*self._source)

    def position(self) -> str:
        total = len(self.lines)
        text = f"{self.top + 1}–{min(total, self.top + self.size.height)} of {total:,} lines"
        if self.needle:
            text += (
                f" · {len(self.matches)} lines match {self.needle!r}"
                if self.matches
                else f" · no match for {self.needle!r}"
            )
        return text

    def render_line(self, y: int) -> Strip:
        number = self.top + y
        line = self.lines[number] if number < len(self.lines) else []
        if self.left and line:
            line = [(plain(line)[self.left :], line[0][1])]
        if self.needle and number in self.matches:
            line = _highlight(line, self.needle)
        linked = number == self.link and self.has_focus
        base = "cursor-text on-cursor" if linked else self.base
        return strip_of([(text, "") for text, _ in line] if linked else line, self.size.width, ink_of(self.app), base)

    # -- moving

    def _go(self, top: int) -> None:
        top = max(0, min(top, len(self.lines) - self.size.height))
        if top != self.top:
            self.top = top
            self.refresh()
            self.post_message(self.Moved(self))

    def action_scroll_by(self, lines: int) -> None:
        self._go(self.top + lines)

    def action_scroll_page(self, pages: int) -> None:
        self._go(self.top + pages * max(1, self.size.height - 1))

    def action_scroll_edge(self, edge: int) -> None:
        self._go(0 if edge < 0 else len(self.lines))

    def action_scroll_side(self, cells: int) -> None:
        left = max(0, min(self.left + cells, max((len(plain(line)) for line in self.lines), default=0) - 20))
        if left != self.left:
            self.left = left
            self.refresh()

    def action_next_link(self, step: int) -> None:
        """The next line that leads somewhere."""
        places = sorted(self.links)
        if not places:
            return
        old = self.link
        at = places.index(old) if old in places else -step
        self.link = places[(at + step) % len(places)]
        if not self.top <= self.link < self.top + self.size.height:
            self._go(self.link - self.size.height // 2)
        self._repaint(old, self.link)

    def _repaint(self, *numbers: int | None) -> None:
        width, height = self.size
        regions = [Region(0, n - self.top, width, 1) for n in numbers if n is not None and 0 <= n - self.top < height]
        if regions:
            self.refresh(*regions)

    def action_follow(self) -> None:
        if self.link is not None:
            self.post_message(self.Followed(self, self.links[self.link]))

    def on_click(self, event: events.Click) -> None:
        number = self.top + event.y
        if number in self.links:
            old, self.link = self.link, number
            self._repaint(old, number)
            self.action_follow()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._go(self.top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._go(self.top - 3)

    # -- searching

    def search(self, needle: str) -> None:
        """Find `needle` in all lines, case-insensitively, and go to the first match at or below the view's top."""
        self.needle = needle
        folded = needle.casefold()
        self.matches = [n for n, line in enumerate(self.lines) if folded and folded in plain(line).casefold()]
        self.refresh()

    def action_next_match(self, step: int) -> None:
        if not self.matches:
            return
        below = (
            [n for n in self.matches if n > self.top]
            if step > 0
            else [n for n in reversed(self.matches) if n < self.top]
        )
        ring = self.matches if step > 0 else self.matches[::-1]
        self._go(below[0] if below else ring[0])
        self.post_message(self.Moved(self))


def _highlight(line: Line, needle: str) -> Line:
    """The line with every occurrence of `needle` marked."""
    text = plain(line)
    folded, sought = text.casefold(), needle.casefold()
    if len(folded) != len(text):
        return [(text, "mark")]
    out: Line = []
    at = 0
    while (found := folded.find(sought, at)) >= 0:
        out += [(text[at:found], line[0][1]), (text[found : found + len(needle)], "bold mark reverse")]
        at = found + len(needle)
    return [*out, (text[at:], line[0][1])]
