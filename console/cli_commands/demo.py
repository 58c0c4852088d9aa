"""`quarterdeck demo`: the console, a headless run, or only the simulated AWS."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from console.cli_commands.failures import SET_UP, Failure
from console.views import VIEWS


@click.command()
@click.argument("view", required=False, type=click.Choice(list(VIEWS)), metavar="[VIEW]")
@click.option("--write", is_flag=True, help="Allow actions to be carried out on the simulated AWS.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=7,
    show_default=True,
    help="The same seed gives the same world, ids included.",
)
@click.option(
    "--scenario", default="spot-storm", show_default=True, help="The incident that is played: spot-storm, calm."
)
@click.option(
    "--headless", is_flag=True, help="No console: poll everything once, forecast, scan, advise, report; then end."
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="With --headless: write a report, FILE.html, .md or .json."
)
@click.option("--json", "as_json", is_flag=True, help="With --headless: print one JSON object.")
@click.option("--serve", is_flag=True, help="Only the simulated AWS, in the foreground, for any AWS client.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --serve: the port; a free one if not said.")
@click.pass_context
def demo(
    ctx: click.Context,
    view: str | None,
    write: bool,
    seed: int,
    scenario: str,
    headless: bool,
    report: Path | None,
    as_json: bool,
    serve: bool,
    port: int | None,
) -> None:
    """The console on a simulated AWS that lives: two accounts, three regions, an incident. No account is needed.

    A second `quarterdeck demo` joins the running one, and `quarterdeck --demo ls ec2.instance` reads from it. All of it
    ends a few seconds after the last pane.
    """
    from console.demo import Demo, open_console

    if (report or as_json) and not headless:
        raise click.UsageError("--report and --json go with --headless.")
    if port is not None and not serve:
        raise click.UsageError("--port goes with --serve.")
    if serve and (headless or write or view):
        raise click.UsageError("--serve starts only the simulated AWS; it goes with --seed, --scenario and --port.")
    wanted = Demo(seed, scenario)
    if serve:
        from console.demo_serve import serve as serve_only

        ctx.exit(serve_only(wanted, port or 0))
    if headless:
        from console.demo_headless import run

        ctx.exit(run(wanted, report, as_json=as_json))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure(
            "The console needs a terminal; without one use `quarterdeck demo --headless` or `--serve`.", SET_UP
        )
    ctx.exit(open_console(wanted, write=write, view=view or ""))
