"""`?`: what this screen is for, its keys as they are bound now, and the commands; and the list of every key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from console import commands, keymap
from console.screens.text_screen import TextScreen
from console.widgets.ink import Line
from console.widgets.sanitise import fit, sanitise

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLACES = {
    "app": "everywhere",
    "view": "in views",
    "table": "in tables",
    "text": "in text",
    "list": "in dialogs",
    "confirm": "below a plan",
}


class HelpScreen(TextScreen):
    help_page = "help"

    def __init__(self, page: str, trail: str) -> None:
        super().__init__(f"{trail} › help")
        self.page = page

    def reload(self, *, moved: bool = False) -> None:
        file = Path(__file__).with_name(f"{self.page}.md")
        lines = markdown_lines(file.read_text(encoding="utf-8"))
        lines += [[], [(" keys", "bold forecast")], *key_lines(("view", "table", "app"), bound(self.desk.user_keys))]
        lines += [[], [(" commands", "bold forecast")], *command_lines()]
        self.show(lines)


class KeysScreen(TextScreen):
    """Every binding with its id, as `keys.toml` names it."""

    help_page = "help"

    def __init__(self) -> None:
        super().__init__("keys")

    def reload(self, *, moved: bool = False) -> None:
        lines: list[Line] = [
            [(f" {sanitise(str(keymap.path()))} may change any of them:  ", "muted"), ('"view.filter" = "f5"', "mark")],
        ]
        for place, title in _PLACES.items():
            lines += [[], [(f" {title}", "bold forecast")], *key_lines((place,), bound(self.desk.user_keys), ids=True)]
        self.show(lines)


def bound(own: dict[str, str]) -> dict[str, str]:
    """Binding id → keys, a user's own where there are some."""
    return {key.id: own.get(key.id, key.keys) for key in keymap.KEYS}


def key_lines(places: Iterable[str], keys: dict[str, str], *, ids: bool = False) -> list[Line]:
    lines: list[Line] = []
    for place in places:
        for key in keymap.KEYS:
            if key.where == place:
                shown = "  ".join(keymap.shown(name) for name in keys[key.id].split(","))
                line: Line = [
                    ("  " + fit(shown, 16), "link"),
                    (fit(key.id, 22) if ids else "", "muted"),
                    (key.help, ""),
                ]
                lines.append(line)
    return lines


def command_lines() -> list[Line]:
    return [
        [
            ("  " + fit(command.usage, 24), "link"),
            (command.help, ""),
            (f"   also :{' :'.join(command.aliases)}" if command.aliases else "", "muted"),
        ]
        for command in commands.COMMANDS
    ]


def markdown_lines(text: str) -> list[Line]:
    """The little of Markdown that help pages use: headings, bullets, paragraphs, `code`."""
    lines: list[Line] = []
    for raw in text.splitlines():
        stripped = raw.strip()
        if stripped.startswith("#"):
            lines.append([(" " + stripped.lstrip("# "), "bold forecast")])
        elif stripped.startswith(("- ", "* ")):
            lines.append([("  • ", "muted"), *_spans(stripped[2:])])
        else:
            lines.append([("  ", ""), *_spans(stripped)] if stripped else [])
    return lines


def _spans(text: str) -> Line:
    return [(part, "link" if number % 2 else "") for number, part in enumerate(text.split("`")) if part]
