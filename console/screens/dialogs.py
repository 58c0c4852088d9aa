"""Dialogs: choose from a list, answer a question, fill in values. All text from outside is drawn, never interpreted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from console import keymap
from console.widgets.ink import Line, ink_of, strip_of, wrap
from console.widgets.lines import Panel
from console.widgets.sanitise import sanitise

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list: `key` is what choosing it answers."""

    key: str
    title: str
    help: str = ""
    look: str = ""


class Choices(Widget, can_focus=True):
    """A short list with a cursor; marks where several may be chosen."""

    BINDINGS = keymap.bindings("list")

    class Picked(Message):
        """Enter: the keys chosen, None for cancel."""

        def __init__(self, keys: list[str] | None) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, choices: Sequence[Choice], *, several: bool = False, marked: Sequence[str] = ()) -> None:
        super().__init__(id="choices")
        self.choices = list(choices)
        self.several = several
        self.marked = set(marked)
        self.at = next((n for n, choice in enumerate(choices) if choice.key in self.marked), 0)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.choices)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    @property
    def _top(self) -> int:
        height = max(1, self.size.height)
        return max(0, min(self.at - height // 2, len(self.choices) - height))

    def render_line(self, y: int) -> Strip:
        number = self._top + y
        if number >= len(self.choices):
            return strip_of([], self.size.width, ink_of(self.app), "on-surface")
        choice = self.choices[number]
        here = number == self.at
        sign = "◆ " if choice.key in self.marked else "▶ " if here else "  "
        line: Line = [
            (sign, "mark"),
            (sanitise(choice.title), choice.look),
            ("  ", ""),
            (sanitise(choice.help), "muted"),
        ]
        if here:
            line = [(text, "") for text, _ in line]
        return strip_of(line, self.size.width, ink_of(self.app), "cursor-text on-cursor" if here else "on-surface")

    def action_step(self, step: int) -> None:
        if self.choices:
            self.at = (self.at + step) % len(self.choices)
            self.refresh()

    def action_toggle_mark(self) -> None:
        if self.several and self.choices:
            self.marked ^= {self.choices[self.at].key}
            self.action_step(1)

    def action_pick(self) -> None:
        if self.choices:
            chosen = [choice.key for choice in self.choices if choice.key in self.marked] if self.several else []
            self.post_message(self.Picked(chosen or [self.choices[self.at].key]))

    def action_cancel(self) -> None:
        self.post_message(self.Picked(None))

    def on_key(self, event: events.Key) -> None:
        """A digit chooses at once."""
        if event.key.isdigit() and 0 < int(event.key) <= len(self.choices) and not self.several:
            event.stop()
            event.prevent_default()
            self.at = int(event.key) - 1
            self.action_pick()

    def on_click(self, event: events.Click) -> None:
        number = self._top + event.y
        if number < len(self.choices):
            self.at = number
            self.refresh()
            if self.several:
                self.marked ^= {self.choices[number].key}
            else:
                self.action_pick()


class Dialog(ModalScreen[_T], Generic[_T]):
    """A box over the view, with a title in its border and a foot that says what the keys do."""

    ESCAPE_TO_MINIMIZE = False
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > #box {
        width: 76;
        max-width: 96%;
        height: auto;
        max-height: 92%;
        background: $surface;
        border: round $primary;
        padding: 0 1;
    }
    Dialog #choices { height: auto; max-height: 18; background: $surface; }
    Dialog #body { height: auto; max-height: 30; background: $surface; }
    Dialog #foot { height: auto; background: $surface; }
    Dialog Input { border: none; height: 1; padding: 0; background: $panel; }
    Dialog Input:focus { border: none; background: $boost; }
    """

    def __init__(self, title: str, foot: str) -> None:
        super().__init__()
        self.box_title, self.box_foot = title, foot

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = _plain_label(self.box_title)
            yield from self.compose_box()
            yield Panel([[(self.box_foot, "muted")]], id="foot", base="on-surface")

    def compose_box(self) -> ComposeResult:
        yield from ()

    def set_foot(self, *lines: Line) -> None:
        self.query_one("#foot", Panel).set_lines(list(lines))


def _plain_label(text: str) -> str:
    """A border title is markup to Textual: its brackets are escaped."""
    return sanitise(text, 60).replace("[", "\\[")


class Verdict(Choices, inherit_bindings=False):
    """Two or three choices beneath a text, to which the keys that scroll are left."""

    BINDINGS = keymap.bindings("confirm")


class Choose(Dialog[list[str] | None]):
    """Choose one of the choices, or several; answers their keys, None if cancelled."""

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        several: bool = False,
        marked: Sequence[str] = (),
        foot: str = "enter chooses · esc cancels",
    ) -> None:
        super().__init__(title, foot)
        self.list = Choices(choices, several=several, marked=marked)

    def compose_box(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        self.list.focus()

    def on_choices_picked(self, message: Choices.Picked) -> None:
        self.dismiss(message.keys)


class Question(Dialog[bool]):
    """A question whose focus is on Cancel; `verb` names what saying yes does."""

    def __init__(self, title: str, text: str, verb: str) -> None:
        super().__init__(title, f"y or enter on {verb!r} · esc cancels")
        self.text = text
        self.list = Choices([Choice("no", "cancel"), Choice("yes", verb)])

    def compose_box(self) -> ComposeResult:
        yield Panel([[(sanitise(self.text), "")], []], base="on-surface")
        yield self.list

    def on_mount(self) -> None:
        self.list.focus()

    def on_choices_picked(self, message: Choices.Picked) -> None:
        self.dismiss(message.keys == ["yes"])

    def on_key(self, event: events.Key) -> None:
        if event.key == "y":
            event.stop()
            self.dismiss(True)


@dataclass(frozen=True, slots=True)
class Field:
    """One value to fill in."""

    name: str
    type: str = "text"
    help: str = ""
    value: str = ""


class Form(Dialog[dict[str, Any] | None]):
    """Values by name, converted to their types; None if cancelled. What does not convert is said in place.

    `problem` is what was wrong with the values that the fields begin with.
    """

    def __init__(self, title: str, fields: Sequence[Field], problem: str = "") -> None:
        super().__init__(title, "enter goes on · tab moves · esc cancels")
        self.fields = list(fields)
        self.problem = problem

    def compose_box(self) -> ComposeResult:
        for field in self.fields:
            yield Panel(
                [[(sanitise(field.name.replace("_", " ")), "bold"), (f"  {sanitise(field.help)}", "muted")]],
                base="on-surface",
            )
            entry = Input(value=field.value, id=f"field-{self.fields.index(field)}", compact=True)
            entry.cursor_blink = False
            yield entry
        yield Panel([[]], id="said", base="on-surface")

    def on_mount(self) -> None:
        if self.problem:
            self._say(self.problem)
        self.query(Input).first().focus()

    def _say(self, problem: str) -> None:
        cells = min(76, int(self.app.size.width * 0.96)) - 4
        self.query_one("#said", Panel).set_lines(wrap([(f"✖ {sanitise(problem)}", "bad")], cells, 2))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        entries = list(self.query(Input))
        values: dict[str, Any] = {}
        for field, entry in zip(self.fields, entries, strict=True):
            try:
                values[field.name] = _converted(field, entry.value.strip())
            except ValueError as error:
                self._say(str(error))
                entry.focus()
                return
        self.dismiss({name: value for name, value in values.items() if value is not None})

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)


def _converted(field: Field, text: str) -> Any:
    """The text as the field's type; ValueError says what was expected. Empty is None: the action's own default."""
    if not text:
        return None
    try:
        if field.type == "integer":
            return int(text)
        if field.type == "number":
            return float(text)
    except ValueError:
        raise ValueError(f"{field.name.replace('_', ' ')} must be a {field.type}, not {text!r}.") from None
    if field.type == "boolean":
        if text.lower() not in ("yes", "no", "true", "false"):
            raise ValueError(f"{field.name.replace('_', ' ')} must be yes or no, not {text!r}.")
        return text.lower() in ("yes", "true")
    return text
