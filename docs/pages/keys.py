"""docs/keys.md: every binding and every command of the `:` bar."""

from __future__ import annotations

from console.commands import COMMANDS
from console.keymap import KEYS
from docs.pages.markdown import code, page, table

_PLACES = {
    "app": "Everywhere",
    "view": "In every view",
    "table": "In a table",
    "text": "In a text (detail, raw, help)",
    "list": "In a list to choose from",
    "confirm": "When an action asks for confirmation",
}
_NAMES = {
    "exclamation_mark": "!",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "slash": "/",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}

_INTRODUCTION = """# Keys

Every binding has an id. A file `keys.toml` in the configuration directory (`$XDG_CONFIG_HOME/quarterdeck`, else
`~/.config/quarterdeck`) changes them: `"view.detail" = "d,i"`."""


def pages() -> dict[str, str]:
    """The one page."""
    places = list(dict.fromkeys(key.where for key in KEYS))
    return {"keys.md": page(_INTRODUCTION, *(_place(where) for where in places), _commands())}


def _place(where: str) -> str:
    rows = [[shown(key.keys), key.help, code(key.id)] for key in KEYS if key.where == where]
    return page(f"## {_PLACES.get(where, where.capitalize())}", table(["key", "", "id"], rows))


def shown(keys: str) -> str:
    """Keys as they stand on a keyboard."""
    return " ".join(code(_NAMES.get(key, key)) for key in keys.split(","))


def _commands() -> str:
    rows = [
        [code(command.usage), command.help, " ".join(code(f":{alias}") for alias in command.aliases)]
        for command in COMMANDS
    ]
    kinds = "The name of a kind opens its table: `:ec2.instance`, or `:instance` for short."
    return page("## Commands of the `:` bar", kinds, table(["command", "", "also"], rows))
