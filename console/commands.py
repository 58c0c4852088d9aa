"""ONE registry of commands. The `:` bar, the ctrl+p palette, `?` and the documentation are made from it.

A command either runs an action (the same that its key runs) or, where it `takes` an argument, calls the method
`command_<name>` of the screen, else of the app, with the argument's text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.views import VIEWS


@dataclass(frozen=True, slots=True)
class Command:
    """`where`: "everywhere", or "table" for views that are tables. `key`: the id of the binding that does the same."""

    name: str
    help: str
    action: str = ""
    takes: str = ""
    aliases: tuple[str, ...] = ()
    where: str = "everywhere"
    key: str = ""

    @property
    def usage(self) -> str:
        return f":{self.name} {self.takes}".rstrip()


_MODES = tuple(Command(name, help, f"app.mode('{name}')", key=f"mode.{name}") for name, help in VIEWS.items())

COMMANDS: tuple[Command, ...] = (
    *_MODES,
    Command("changes", "what was added, changed and removed", takes="[SINCE]", aliases=("diff",)),
    Command("audit", "what was done from here, verified", "app.open_audit"),
    Command("anomalies", "what lies outside what was to be expected", "app.open_anomalies"),
    Command("need", "Spot pools for a need: vcpu>=4 memory>=16 count=20 hours=24 tolerance=low", takes="[NEED]"),
    Command("score", "have AWS rate the need on screen; it limits how many in a day", "screen.score"),
    Command("savings", "the fleet against on demand, Spot and Savings Plans", "app.open_savings"),
    Command("demand", "the size that Auto Scaling groups will need", "app.open_demand"),
    Command("filter", "show only what matches", takes="[FILTER]", where="table", key="view.filter"),
    Command("sort", "sort by a column; -COLUMN for descending", takes="COLUMN", where="table", key="view.sort"),
    Command("at", "look at another instant: -30m, -2d, 14:02, 2026-11-20T14:02Z, now", takes="INSTANT", key="app.time"),
    Command(
        "region", "look at these regions only; none for all", takes="[REGION…]", aliases=("regions",), key="app.regions"
    ),
    Command(
        "account",
        "look at these accounts only; none for all",
        takes="[ACCOUNT…]",
        aliases=("accounts",),
        key="app.accounts",
    ),
    Command("refresh", "poll this view now", "app.refresh_poll", aliases=("poll",), key="app.refresh"),
    Command("pause", "pause polling, or resume it", "app.pause_polling", aliases=("resume",), key="app.pause"),
    Command("analyze", "forecast, scan for anomalies and advise now", "app.analyze"),
    Command("detail", "everything about this row", "screen.detail", where="table", key="view.detail"),
    Command("raw", "raw JSON of this row", "screen.raw", aliases=("json",), where="table", key="view.raw"),
    Command("actions", "actions on this row or the marked ones", "screen.actions", where="table", key="view.actions"),
    Command("undo", "plan the reverse of an audit record", takes="RECORD"),
    Command("copy", "copy ARN or id", "screen.copy_id", where="table", key="view.copy_id"),
    Command("wide", "all columns, or the essential ones", "screen.wide", where="table", key="view.wide"),
    Command("export", "write this view to a .csv or .json file", takes="[FILE]", where="table", key="view.export"),
    Command("theme", "change the colours", takes="NAME"),
    Command("keys", "every key and its id", "app.keys"),
    Command("help", "help for this screen", "app.help", key="app.help"),
    Command("quit", "leave", "app.leave", aliases=("q", "q!", "exit"), key="app.quit"),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a typed line means: a command with its argument, or a kind to open, or why neither."""

    command: Command | None = None
    kind: str = ""
    argument: str = ""
    problem: str = ""
    choices: tuple[str, ...] = ()


def named(kinds: Iterable[str] = ()) -> dict[str, Command | str]:
    """Every name that may be typed → its command, or the name of the kind that it opens."""
    out: dict[str, Command | str] = {}
    for kind in kinds:
        out[kind] = kind
    for kind in kinds:
        out.setdefault(kind.partition(".")[2] or kind, kind)
    for command in COMMANDS:
        for name in (command.name, *command.aliases):
            out[name] = command
    return out


def resolve(line: str, kinds: Mapping[str, Any] | None = None) -> Resolved:
    """Exactly what is typed, else a unique prefix; several prefixes are listed, none names the nearest."""
    word, _, argument = line.strip().lstrip(":").partition(" ")
    argument = argument.strip()
    if not word:
        return Resolved(problem="Type a command; Tab completes, ↑ recalls.")
    names = named(kinds or ())
    found = names.get(word)
    if found is None:
        matching = [name for name in names if name.startswith(word)]
        meant = {id(names[name]): names[name] for name in matching}
        if len(meant) == 1:
            found = next(iter(meant.values()))
        elif matching:
            return Resolved(problem=f":{word} could be several:", choices=tuple(sorted(matching)))
        else:
            near = difflib.get_close_matches(word, names, 1, 0.5)
            hint = f" Did you mean :{near[0]}?" if near else " :help lists the commands."
            return Resolved(problem=f"There is no command :{word}.{hint}")
    if isinstance(found, str):
        return Resolved(kind=found, argument=argument)
    if argument and not found.takes:
        return Resolved(problem=f":{found.name} takes no argument.")
    if not argument and found.takes and not found.takes.startswith("["):
        return Resolved(problem=f"{found.usage} needs its argument: {found.help}.")
    return Resolved(command=found, argument=argument)


def complete(line: str, kinds: Mapping[str, Any] | None = None) -> tuple[str, list[tuple[str, str]]]:
    """What Tab makes of the line, and the (usage, help) of all that could be meant."""
    text = line.lstrip(":")
    word, blank, _ = text.partition(" ")
    names = named(kinds or ())
    if blank:
        found = names.get(word)
        return line, [(found.usage, found.help)] if isinstance(found, Command) else []
    matching = sorted(name for name in names if name.startswith(word))
    shared = _common(matching)
    completed = shared if len(shared) > len(word) else text
    exact = names.get(completed) if len(matching) == 1 else None
    if (isinstance(exact, Command) and exact.takes) or isinstance(exact, str):
        completed += " "
    return completed, [_explained(name, names[name]) for name in matching]


def _explained(name: str, found: Command | str) -> tuple[str, str]:
    if isinstance(found, str):
        return f":{name} [/FILTER] [@SCOPE] [~INSTANT]", f"the table of {found}"
    return (f":{name} {found.takes}".rstrip(), found.help)


def _common(names: list[str]) -> str:
    """The longest beginning that all names share."""
    if not names:
        return ""
    low, high = min(names), max(names)
    for place, character in enumerate(low):
        if place >= len(high) or high[place] != character:
            return low[:place]
    return low


def ago(instant: str) -> str:
    """`30m` means thirty minutes ago where only the past can be meant; every other instant is itself."""
    return f"-{instant}" if re.fullmatch(r"(?:\d+[smhdw])+", instant) else instant


@dataclass(frozen=True, slots=True)
class Address:
    """A view in text: `/filter`, `@account,region`, `~instant` after a kind's name."""

    filter: str = ""
    scope: tuple[str, ...] = ()
    at: str = ""


def address(text: str) -> Address:
    """The parts of what follows a kind's name; words without a sign are the filter."""
    words: list[str] = []
    scope: tuple[str, ...] = ()
    at = ""
    for word in text.split():
        if word.startswith("@") and len(word) > 1:
            scope = tuple(filter(None, word[1:].split(",")))
        elif word.startswith("~-") or (word.startswith("~") and word[1:2].isdigit()):
            at = word[1:]
        else:
            words.append(word[1:] if word.startswith("/") else word)
    return Address(" ".join(words), scope, at)
