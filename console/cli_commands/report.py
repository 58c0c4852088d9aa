"""`quarterdeck report`: everything that is known, as one file to hand on."""

from __future__ import annotations

from pathlib import Path

import click

from console.cli_commands.failures import SET_UP, Failure
from console.cli_commands.options import connection, instant, past
from console.cli_commands.output import narrate, say
from console.cli_commands.session import session
from console.commands import ago
from console.reports import write as reports


@click.command()
@click.option(
    "-o", "--output", "file", required=True, type=click.Path(path_type=Path), help="FILE.html, FILE.md or FILE.json."
)
@instant("--since", default="24h", show_default=True, help="From when changes are listed.")
@click.option("--fresh", is_flag=True, help="Forecast, scan and judge again first.")
@past
@connection
def report(file: Path, since: str, fresh: bool, look: dict[str, str]) -> None:
    """Write one self-contained report: inventory, changes, forecasts, anomalies, advice, coverage, audit.

    The HTML form needs no network and no script, and prints well.
    """
    if fresh and look:
        raise Failure("--fresh judges what is known now; leave it out for a report --at an instant.", SET_UP)
    reports.check(file)
    from console.reports.gather import gather

    with session(imported=True) as client:
        if fresh:
            narrate("Forecasting, scanning and judging…")
            client.analyze(wait=True)
        reports.write(gather(client, since=ago(since), at=look.get("at", "")), file)
    say(str(file))
