"""A screen of text: detail, raw JSON, help. `/` searches, n and N go on, links lead elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from console.screens.view import View
from console.widgets.ink import Line, Span, plain
from console.widgets.text_view import TextView

if TYPE_CHECKING:
    from console.widgets.prompt import Prompt


class TextScreen(View):
    """Subclasses fill `text` with lines."""

    wraps = True

    def __init__(self, trail: str) -> None:
        super().__init__()
        self._trail = trail
        self._needle_before = ""

    def compose_body(self) -> ComposeResult:
        yield TextView(wraps=self.wraps, id="text")

    @property
    def text(self) -> TextView:
        return self.query_one(TextView)

    def ready(self) -> None:
        self.text.focus()
        super().ready()

    def show(self, lines: list[Line], links: dict[int, str] | None = None) -> None:
        self.text.set_lines(lines, links)
        self.mark_shown()
        self.draw_bars()

    def trail(self) -> str:
        return self._trail

    def position(self) -> str:
        return self.text.position()

    def hints(self) -> list[Span]:
        return [("/ search", "muted"), ("n N next", "muted"), ("esc back", "muted")]

    def focus_main(self) -> None:
        self.text.focus()

    def on_text_view_moved(self) -> None:
        self.draw_bars()

    async def action_filter(self) -> None:
        if self.prompt is None:
            self._needle_before = self.text.needle
        await self.ask("search", "/", self.text.needle, live=True, placeholder="search this text")

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        if message.purpose == "search":
            self._search(message.text)

    def prompt_dropped(self, purpose: str) -> None:
        if purpose == "search":
            self._search(self._needle_before)

    def typed_search(self, text: str) -> None:
        self._search(text)
        self.close_prompt()

    def _search(self, text: str) -> None:
        view = self.text
        view.search(text)
        if view.matches and not any(view.top <= n < view.top + view.size.height for n in view.matches):
            view.action_next_match(1)
        self.draw_bars()

    def action_escape(self) -> None:
        if self.prompt is None and self.text.needle:
            self.text.search("")
            self.draw_bars()
        else:
            super().action_escape()

    def action_copy_cell(self) -> None:
        lines = self.text.lines
        place = self.text.link if self.text.link is not None else self.text.top
        if place < len(lines):
            self.desk.copy(plain(lines[place]).strip(), "the line")

    def action_copy_id(self) -> None:
        self.desk.copy("\n".join(plain(line) for line in self.text.lines), "the whole text")
