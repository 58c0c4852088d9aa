"""docs/commands.md: every command with its arguments and options, from Click's own declarations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from console.cli_commands.root import root
from console.views import VIEWS
from docs.pages.markdown import code, page, table

_INTRODUCTION = """# Commands

stdout is data, stderr is narration. Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 refused by policy, 130
interrupted. Nothing is changed in AWS without `--write`; the daemon refuses, whatever sits above it.
`QUARTERDECK_DEBUG=1` shows where an unexpected error comes from.

Times anywhere: `now`, `-30m`, `-2d`, `14:02`, `2026-11-20T14:02Z`. Filters anywhere: `text`, `!text`, `col=val`,
`col>val`, `tag:k=v`, `~fuzzy`.

Commands that read take `--demo` (or the environment variable `QUARTERDECK_DEMO=1`) to read from the running demo
instead of AWS; where several demos run, `QUARTERDECK_DEMO=8-calm` names one by seed and scenario."""


def every_command() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, groups before what is in them."""
    yield from _below((), root)


def _below(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=" ".join(words))
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from _below((*words, name), below)


def pages() -> dict[str, str]:
    """The one page."""
    return {"commands.md": page(_INTRODUCTION, *(_section(words, command) for words, command in every_command()))}


def _section(words: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(("quarterdeck", *words)))
    usage = " ".join([context.info_name or "", *command.collect_usage_pieces(context)])
    options = [_option(option) for option in command.params if isinstance(option, click.Option)]
    views = table(["view", "what it shows"], [[code(name), text] for name, text in VIEWS.items()]) if not words else ""
    return page(
        f"## {' '.join(('quarterdeck', *words))}",
        f"```\n{usage}\n```",
        inspect.cleandoc(command.help or ""),
        table(["option", "", "default"], options),
        views,
    )


def _option(option: click.Option) -> list[str]:
    metavar = "" if option.is_flag else " " + option.make_metavar(click.Context(click.Command("")))
    default = option.default if option.show_default and isinstance(option.default, (str, int)) else ""
    return [code(", ".join(option.opts) + metavar), option.help or "", code(str(default))]
