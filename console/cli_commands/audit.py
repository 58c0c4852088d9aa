"""`quarterdeck audit`: what was done, and proof that the record of it is whole."""

from __future__ import annotations

import click

from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say_json, table
from console.cli_commands.session import session
from console.reports.trail import FIELDS, line


@click.group(invoke_without_command=True)
@click.pass_context
def audit(ctx: click.Context) -> None:
    """What was done through Quarterdeck. Without a command, `list`."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@audit.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help="The newest so many.")
@past
@output("table", "json", "csv")
@connection
def list_(limit: int, form: str, look: dict[str, str]) -> None:
    """The newest audit records, or those of an instant's past."""
    with session() as client:
        records = client.audit(limit=limit, **look)
    if form == "json":
        say_json(records)
        return
    rows = [[line(record)[name] for name in FIELDS] for record in records]
    (csv_rows if form == "csv" else table)([name if form == "csv" else name.upper() for name in FIELDS], rows)
    if not rows:
        narrate(
            f"Nothing had been done through Quarterdeck by then ({look['at']})."
            if look
            else "Nothing has been done through Quarterdeck."
        )


@audit.command()
@output("text", "json")
@connection
def verify(form: str) -> None:
    """Recompute the hash chain of all records against its anchor; exit 1 if anything was edited, moved or removed."""
    with session(credentials=False) as client:
        answer = client.verify_audit()
    if form == "json":
        say_json(answer)
    for problem in answer["problems"]:
        text = f"record {problem['record']} {problem['what']}" if isinstance(problem, dict) else str(problem)
        narrate(text)
    if not answer["ok"]:
        raise Failure(
            f"The audit trail is not whole: {counted(len(answer['problems']), 'problem')} "
            f"in {counted(answer['records'], 'record')}."
        )
    narrate(f"The audit trail is whole: {counted(answer['records'], 'record')}.")
