"""The root command: groups that are imported when they are named, and views that open the console."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from backends.version import VERSION
from console.cli_commands import COMMANDS
from console.cli_commands.failures import SET_UP, Failure, nearest
from console.cli_commands.options import connection, options_of, writing
from console.views import VIEWS


class Lazy(click.Group):
    """A group that knows its commands' names and help lines, and imports a command only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return _view(cmd_name) if cmd_name in VIEWS else None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"console.cli_commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            hint = nearest(name, [*COMMANDS, *VIEWS], "`quarterdeck --help` lists them.")
            raise click.UsageError(f"There is no command or view {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])
        with formatter.section("Views (each opens the console there)"):
            formatter.write_dl(list(VIEWS.items()))


def _view(name: str) -> click.Command:
    @connection
    @writing
    def open_view() -> None:
        open_console(name)

    return click.Command(
        name, callback=open_view, params=list(_params(open_view)), help=f"Open the console: {VIEWS[name]}."
    )


def _params(function: object) -> Sequence[click.Parameter]:
    return list(reversed(getattr(function, "__click_params__", [])))


@click.group(
    "quarterdeck",
    cls=Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[VIEW | COMMAND [ARGUMENTS]…]",
)
@click.version_option(VERSION, message="%(version)s")
@connection
@writing
@click.pass_context
def root(ctx: click.Context) -> None:
    """Watch, understand and steer AWS from the keyboard.

    Without a command the console opens, on the standard AWS credential chain; `quarterdeck demo` opens it on a
    simulated AWS. Nothing is changed in AWS without --write.
    """
    if ctx.invoked_subcommand is None:
        open_console("")


def open_console(view: str) -> None:
    """Open the console there and end with its exit code; Failure where there is no terminal."""
    from console import start

    options = options_of(click.get_current_context())
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = "without one use a command such as `quarterdeck ls ec2.instance` (--help lists them)."
        raise Failure(f"The console needs a terminal; {hint}", SET_UP)
    click.get_current_context().exit(start.open_console(options, view=view))


def invoke(arguments: Sequence[str]) -> int:
    """Parse and run; the exit code. Usage errors say their sentence here, every other failure is raised.

    Not `root.main`, which makes a closed pipe a failure; it is left the completion of shells.
    """
    if "_QUARTERDECK_COMPLETE" in os.environ:
        root.main(list(arguments), prog_name="quarterdeck")
    try:
        with root.make_context("quarterdeck", list(arguments)) as ctx:
            root.invoke(ctx)
        return 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
