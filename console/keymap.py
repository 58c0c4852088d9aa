"""Every key of the console: one list, each with an id, a default, a help text, and open to a user's `keys.toml`.

Not used, since terminals, multiplexers or flow control own them: ctrl+h ctrl+i ctrl+j ctrl+m ctrl+[ ctrl+space
ctrl+\\ ctrl+a ctrl+b ctrl+o ctrl+g ctrl+s, alt+digits. ctrl+q is a duplicate only: `:q` works everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.binding import Binding

from console.settings import directory

FORBIDDEN = frozenset(
    [
        "ctrl+h",
        "ctrl+i",
        "ctrl+j",
        "ctrl+m",
        "ctrl+left_square_bracket",
        "ctrl+@",
        "ctrl+space",
        "ctrl+backslash",
        "ctrl+a",
        "ctrl+b",
        "ctrl+o",
        "ctrl+g",
        "ctrl+s",
    ]
)


@dataclass(frozen=True, slots=True)
class Key:
    """One binding. `where` is the place whose BINDINGS hold it: app, view, table, text, list, confirm."""

    id: str
    keys: str
    action: str
    help: str
    where: str
    priority: bool = False


KEYS: tuple[Key, ...] = (
    Key("mode.home", "1", "mode('home')", "home: what needs attention now", "app"),
    Key("mode.clusters", "2", "mode('clusters')", "clusters", "app"),
    Key("mode.fleets", "3", "mode('fleets')", "fleets", "app"),
    Key("mode.spot", "4", "mode('spot')", "spot prices and forecasts", "app"),
    Key("mode.iam", "5", "mode('iam')", "IAM", "app"),
    Key("mode.networking", "6", "mode('networking')", "networking", "app"),
    Key("mode.costs", "7", "mode('costs')", "costs", "app"),
    Key("mode.advice", "9,u", "mode('advice')", "advice", "app"),
    Key("mode.coverage", "exclamation_mark", "mode('coverage')", "coverage, errors and API calls", "app"),
    Key("app.command", "colon", "command_bar", "command bar", "app"),
    Key("app.palette", "ctrl+p", "command_palette", "find a command", "app", priority=True),
    Key("app.help", "question_mark,f1", "help", "help for this screen", "app"),
    Key("app.back", "left_square_bracket", "travel(-1)", "view back", "app"),
    Key("app.forward", "right_square_bracket", "travel(1)", "view forward", "app"),
    Key("app.time", "T", "time_bar", "another instant, or back to now", "app"),
    Key("app.earlier", "left_curly_bracket", "step_time(-15)", "15 minutes earlier", "app"),
    Key("app.later", "right_curly_bracket", "step_time(15)", "15 minutes later", "app"),
    Key("app.regions", "R", "pick_regions", "choose regions", "app"),
    Key("app.accounts", "P", "pick_accounts", "choose accounts", "app"),
    Key("app.refresh", "r", "refresh_poll", "poll this view now", "app"),
    Key("app.pause", "p", "pause_polling", "pause or resume polling", "app"),
    Key("app.quit", "ctrl+q", "leave", "quit", "app", priority=True),
    Key("app.interrupt", "ctrl+c", "interrupt", "copy the selection; twice: ask whether to quit", "app", priority=True),
    Key("app.suspend", "ctrl+z", "suspend_process", "suspend to the shell", "app", priority=True),
    Key("view.close", "q", "close_view", "close this view; at the root: quit", "view"),
    Key("view.escape", "escape", "escape", "clear the filter, then close", "view"),
    Key("view.filter", "slash", "filter", "filter: text !text col=val col>val tag:k=v ~fuzzy", "view"),
    Key("view.sort", "s", "sort_by_letter", "sort by a column's letter or number", "view"),
    Key("view.sort_here", "o", "sort_here", "sort by the current column", "view"),
    Key("view.reverse", "S", "reverse_sort", "reverse the sort", "view"),
    Key("view.detail", "d", "detail", "everything about this row", "view"),
    Key("view.raw", "y", "raw", "raw JSON", "view"),
    Key("view.explain", "x", "explain", "explain: the evidence", "view"),
    Key("view.actions", "a", "actions", "actions on this row or the marked ones", "view"),
    Key("view.copy", "c", "copy_cell", "copy this cell", "view"),
    Key("view.copy_id", "Y", "copy_id", "copy ARN or id, of all marked rows", "view"),
    Key("view.wide", "w", "wide", "all columns in their own order, or the essential ones first", "view"),
    Key("view.panel", "f", "toggle_panel", "hide or show the panel above the table", "view"),
    Key("view.look", "v", "next_look", "what the panel shows: fan, the fan of a day ago, its record", "view"),
    Key("view.export", "E", "export", "export this view to CSV or JSON", "view"),
    Key("view.next", "tab", "next_tab(1)", "next tab", "view"),
    Key("view.previous", "shift+tab", "next_tab(-1)", "previous tab", "view"),
    Key("table.down", "down,j", "move(1)", "down", "table"),
    Key("table.up", "up,k", "move(-1)", "up", "table"),
    Key("table.page_down", "pagedown", "page(1)", "a page down", "table"),
    Key("table.page_up", "pageup", "page(-1)", "a page up", "table"),
    Key("table.half_down", "ctrl+d", "half_page(1)", "half a page down", "table"),
    Key("table.half_up", "ctrl+u", "half_page(-1)", "half a page up", "table"),
    Key("table.top", "g,home", "top", "first row", "table"),
    Key("table.bottom", "G,end", "bottom", "last row", "table"),
    Key("table.left", "left,h", "column(-1)", "column to the left", "table"),
    Key("table.right", "right,l", "column(1)", "column to the right", "table"),
    Key("table.open", "enter", "open", "drill in", "table"),
    Key("table.mark", "space", "mark", "mark this row", "table"),
    Key("table.range", "V", "mark_range", "mark a range: start, then end", "table"),
    Key("text.down", "down,j", "scroll_by(1)", "down", "text"),
    Key("text.up", "up,k", "scroll_by(-1)", "up", "text"),
    Key("text.page_down", "pagedown,ctrl+d,space", "scroll_page(1)", "a page down", "text"),
    Key("text.page_up", "pageup,ctrl+u", "scroll_page(-1)", "a page up", "text"),
    Key("text.top", "g,home", "scroll_edge(-1)", "beginning", "text"),
    Key("text.bottom", "G,end", "scroll_edge(1)", "end", "text"),
    Key("text.left", "left,h", "scroll_side(-8)", "left", "text"),
    Key("text.right", "right,l", "scroll_side(8)", "right", "text"),
    Key("text.next", "n", "next_match(1)", "next match", "text"),
    Key("text.previous", "N", "next_match(-1)", "previous match", "text"),
    Key("text.follow", "enter", "follow", "follow the link", "text"),
    Key("text.next_link", "tab", "next_link(1)", "next link", "text"),
    Key("text.previous_link", "shift+tab", "next_link(-1)", "previous link", "text"),
    Key("list.pick", "enter", "pick", "choose", "list"),
    Key("list.toggle", "space", "toggle_mark", "mark or unmark", "list"),
    Key("list.down", "down,j,tab", "step(1)", "down", "list"),
    Key("list.up", "up,k,shift+tab", "step(-1)", "up", "list"),
    Key("list.cancel", "escape,q", "cancel", "cancel", "list"),
    Key("confirm.pick", "enter", "pick", "choose", "confirm"),
    Key("confirm.next", "tab,right,l", "step(1)", "the other choice", "confirm"),
    Key("confirm.previous", "shift+tab,left,h", "step(-1)", "the other choice", "confirm"),
    Key("confirm.cancel", "escape,q", "cancel", "cancel", "confirm"),
)

_BY_ID = {key.id: key for key in KEYS}


def bindings(where: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The default bindings of one place, for a BINDINGS class variable."""
    return [
        Binding(key.keys, key.action, key.help, id=key.id, priority=key.priority, show=False)
        for key in KEYS
        if key.where == where
    ]


def keys_of(identifier: str, of_user: Mapping[str, str]) -> list[str]:
    """The keys of a binding, the user's own before the defaults."""
    return of_user.get(identifier, _BY_ID[identifier].keys).split(",")


def shown(key: str) -> str:
    """A key as a person reads it: `ctrl+p`, `:`, `enter`."""
    return _SIGNS.get(key, key)


_SIGNS = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
}
_NAMES = {sign: name for name, sign in _SIGNS.items() if len(sign) == 1 and sign.isascii()}


def path() -> Path:
    """Where a user's own keys are."""
    return directory() / "keys.toml"


def load(file: Path | None = None) -> tuple[dict[str, str], list[str]]:
    """A user's keymap (binding id → keys) and, in sentences, what of the file could not be used and why."""
    file = file or path()
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"{file} cannot be read ({error}); the default keys are in use."]
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return {}, [f"{file} is not valid TOML ({error}); the default keys are in use."]
    return check(document.get("keys", document), file.name)


def check(wanted: dict[str, object], name: str = "keys.toml") -> tuple[dict[str, str], list[str]]:
    """The usable part of `wanted` (binding id → keys), and a sentence for each entry that is not."""
    usable: dict[str, str] = {}
    problems: list[str] = []
    for identifier, value in wanted.items():
        if identifier not in _BY_ID:
            problems.append(f"{name}: there is no binding {identifier!r}; `:keys` lists them.")
        elif not isinstance(value, str) or not value.strip():
            problems.append(f'{name}: {identifier} needs a key such as "ctrl+x" or "f5".')
        else:
            keys = ",".join(_NAMES.get(key.strip(), key.strip()) for key in value.split(","))
            refused = sorted(set(keys.split(",")) & FORBIDDEN)
            if refused:
                problems.append(
                    f"{name}: {identifier} cannot use {refused[0]}, which terminals send for something else."
                )
            else:
                usable[identifier] = keys
    for identifier in list(usable):
        clash = _clash(identifier, usable)
        if clash:
            problems.append(
                f"{name}: {identifier} and {clash[0]} would both use {shown(clash[1])}; {identifier} keeps its default."
            )
            del usable[identifier]
    return usable, problems


def _clash(identifier: str, usable: dict[str, str]) -> tuple[str, str] | None:
    """Another binding that is reachable at the same time and has one of the keys: (its id, the key)."""
    own, place = set(usable[identifier].split(",")), _BY_ID[identifier].where
    for other in KEYS:
        if other.id != identifier and _together(place, other.where):
            both = own & set(usable.get(other.id, other.keys).split(","))
            if both:
                return other.id, min(both)
    return None


def _together(one: str, other: str) -> bool:
    """Whether bindings of both places are reachable at the same time."""
    if {"list", "confirm"} & {one, other}:  # they have dialogs to themselves; confirm covers text's on purpose
        return one == other
    # Text takes tab, enter and n for itself where it has the focus: it covers the view's on purpose.
    return one == other or {one, other} not in ({"table", "text"}, {"view", "text"})
