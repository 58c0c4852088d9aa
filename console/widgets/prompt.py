"""The line at the bottom in which something is typed: filter, command, instant, search. Problems are told above it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from console.widgets.ink import Line, wrap
from console.widgets.lines import Panel
from console.widgets.sanitise import sanitise

DEBOUNCE = 0.12


class Prompt(Widget):
    """Opened for one purpose at a time; `Changed` comes when typing rests, `Done` on enter, `Dropped` on escape."""

    DEFAULT_CSS = """
    Prompt { height: auto; dock: bottom; background: $surface; display: none; }
    Prompt.-open { display: block; }
    Prompt Input { border: none; height: 1; padding: 0; background: $surface; width: 1fr; }
    Prompt Input:focus { border: none; }
    Prompt #row { height: 1; layout: horizontal; }
    Prompt #label { width: auto; height: 1; color: $accent; text-style: bold; }
    Prompt #hint { height: auto; max-height: 6; display: none; }
    Prompt.-hinted #hint { display: block; }
    """

    class Changed(Message):
        def __init__(self, purpose: str, text: str) -> None:
            super().__init__()
            self.purpose, self.text = purpose, text

    class Done(Changed):
        pass

    class Dropped(Changed):
        pass

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.purpose = ""
        self.history: dict[str, list[str]] = {}
        self._completer: Callable[[str], tuple[str, list[Line]]] | None = None
        self._live = False
        self._timer: Timer | None = None
        self._place = 0
        self._typed = ""

    def compose(self) -> ComposeResult:
        yield Panel(id="hint", base="on-surface")
        with Horizontal(id="row"):
            yield Static("", id="label", markup=False)
            field = Input(id="typed", compact=True, select_on_focus=False)
            field.cursor_blink = False  # a blinking cursor writes for ever
            yield field

    @property
    def is_open(self) -> bool:
        return self.has_class("-open")

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def open(
        self,
        purpose: str,
        label: str,
        text: str = "",
        *,
        live: bool = False,
        placeholder: str = "",
        selected: bool = False,
        completer: Callable[[str], tuple[str, list[Line]]] | None = None,
    ) -> None:
        """Show the line. `completer` turns what is typed into what Tab makes of it and the lines that explain it.

        `selected`: what is typed replaces the text that stands there.
        """
        self.purpose, self._live, self._completer = purpose, live, completer
        self._place = 0
        self.query_one("#label", Static).update(label)
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = text
        field.placeholder = placeholder
        field.selection = Selection(0 if selected else len(text), len(text))
        self.tell([])
        self.add_class("-open")
        field.focus()
        if completer is not None:
            self.tell(completer(text)[1])

    def close(self) -> None:
        self._stop_timer()
        self.remove_class("-open")
        self.tell([])

    def tell(self, lines: list[Line]) -> None:
        """Say something above the line; nothing hides it."""
        self.query_one("#hint", Panel).set_lines(lines)
        self.set_class(bool(lines), "-hinted")

    def tell_problem(self, sentence: str) -> None:
        self.tell(wrap([(" ✖ ", "bad"), (sanitise(sentence), "bad")], self.app.size.width, 3))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        if not self.is_open:
            return
        if self._completer is not None:
            self.tell(self._completer(message.value)[1])
        if self._live:
            self._stop_timer()
            self._timer = self.set_timer(DEBOUNCE, self._rested)

    def _rested(self) -> None:
        self._timer = None
        if self.is_open:
            self.post_message(self.Changed(self.purpose, self.text))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self._stop_timer()
        text = message.value
        if text.strip():
            past = self.history.setdefault(self.purpose, [])
            if text in past:
                past.remove(text)
            past.append(text)
            del past[:-100]
        self.post_message(self.Done(self.purpose, text))

    def on_key(self, event: events.Key) -> None:
        if not self.is_open:
            return
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self._stop_timer()
            self.post_message(self.Dropped(self.purpose, self.text))
        elif event.key == "tab":
            event.stop()
            event.prevent_default()
            if self._completer is not None:
                self._set(self._completer(self.text)[0])
        elif event.key in ("up", "down"):
            event.stop()
            event.prevent_default()
            self._recall(1 if event.key == "up" else -1)

    def _recall(self, step: int) -> None:
        past = self.history.get(self.purpose, [])
        if self._place == 0:
            self._typed = self.text
        self._place = max(0, min(self._place + step, len(past)))
        self._set(past[-self._place] if self._place else self._typed)

    def _set(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
