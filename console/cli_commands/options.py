"""Options that several commands share, said before the command or after it alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from backends.model import no_time
from console.cli_commands.failures import SET_UP, Failure
from console.start import Options

F = TypeVar("F", bound=Callable[..., Any])
_KEY = "quarterdeck.options"


def options_of(ctx: click.Context) -> Options:
    """What was said so far, by the root command and by this one."""
    said = ctx.find_root().meta.get(_KEY, Options())
    assert isinstance(said, Options)
    return said


def connection(command: F) -> F:
    """Give a command --profile, --region and --demo; what they say is in `options_of`."""

    @wraps(command)
    def run(*args: Any, profile: tuple[str, ...], region: str | None, demo_store: bool, **kwargs: Any) -> Any:
        _note(Options(profile, region or "", demo_store))
        return command(*args, **kwargs)

    for option in (
        click.option(
            "--demo",
            "demo_store",
            is_flag=True,
            help="Talk to the running demo (also QUARTERDECK_DEMO=1 or =SEED-SCENARIO).",
        ),
        click.option("--region", metavar="REGION", help="The region the credential chain starts from."),
        click.option("--profile", multiple=True, metavar="NAME", help="An AWS profile; several are polled together."),
    ):
        option(run)
    return run  # type: ignore[return-value]


def writing(command: F) -> F:
    """Give a command --write."""

    @wraps(command)
    def run(*args: Any, write: bool, **kwargs: Any) -> Any:
        _note(Options(write=write))
        return command(*args, **kwargs)

    return click.option("--write", is_flag=True, help="Allow actions to be carried out.")(run)  # type: ignore[return-value]


def _note(said: Options) -> None:
    ctx = click.get_current_context()
    ctx.find_root().meta[_KEY] = options_of(ctx).merged(said)


def instant(*names: str, metavar: str = "INSTANT", **more: Any) -> Callable[[F], F]:
    """An option that takes an instant. One that is said to be empty is refused: it would read as the present, which is
    what a script with an unset variable does not mean."""
    return click.option(*names, metavar=metavar, callback=_named, **({"default": ""} | more))


def _named(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    said = ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    if said and value is not None and not value.strip():
        raise Failure(no_time(value), SET_UP)
    return value


def alone(ctx: click.Context) -> bool:
    """Whether a group was called without a command; Failure where options of its own were said before one, which
    would not hear of them."""
    if (command := ctx.invoked_subcommand) is None:
        return True
    shared = {option.name for option in ctx.find_root().command.params}
    for option in ctx.command.params:
        said = ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if said and option.name not in shared:
            raise Failure(f"Write {option.opts[-1]} after {command!r}: before it nobody hears of it.", SET_UP)
    return False


def past(command: F) -> F:
    """Give a command --at; it gets `look`: what to hand to a read, {"at": INSTANT} or nothing."""

    @wraps(command)
    def run(*args: Any, at: str, **kwargs: Any) -> Any:
        return command(*args, look={"at": at} if at else {}, **kwargs)

    told = "As it was known then: -30m, -2d, 14:02, 2026-11-20T14:02Z."
    return instant("--at", help=told)(run)  # type: ignore[return-value]


def narrowing(command: F) -> F:
    """Give a command --account and --only-region; it gets `scope`: what to hand to a read, accounts and regions."""

    @wraps(command)
    def run(*args: Any, accounts: tuple[str, ...], regions: tuple[str, ...], **kwargs: Any) -> Any:
        return command(*args, scope={"accounts": accounts, "regions": regions}, **kwargs)

    for option in (
        click.option(
            "--only-region", "regions", multiple=True, metavar="REGION", help="Only this region; may be repeated."
        ),
        click.option(
            "--account",
            "accounts",
            multiple=True,
            metavar="ACCOUNT",
            help="Only this account (number, alias or profile); may be repeated.",
        ),
    ):
        option(run)
    return run  # type: ignore[return-value]


def output(*forms: str) -> Callable[[F], F]:
    """-o/--output with these forms, the first being the default."""
    choice = click.Choice(forms)
    return click.option(
        "-o", "--output", "form", type=choice, default=forms[0], show_default=True, help="The form of stdout."
    )
