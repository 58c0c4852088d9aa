"""`quarterdeck audit`: what was done, and proof that the record of it is whole."""

from __future__ import annotations

import click

from console.cli_commands.failures import Failure
from console.cli_commands.options import F, alone, connection, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say_json, table
from console.cli_commands.session import session
from console.reports.trail import FIELDS, line

_MANY = "The newest so many."


def _listing(command: F) -> F:
    """Give a command the options of `list`."""
    many = click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help=_MANY)
    return many(past(output("table", "json", "csv")(connection(command))))


@click.group(invoke_without_command=True)
@_listing
@click.pass_context
def audit(ctx: click.Context, limit: int, form: str, look: dict[str, str]) -> None:
    """What was done through Quarterdeck. Without a command, `list`."""
    if alone(ctx):
        _list(limit, form, look)


@audit.command("list")
@_listing
def list_(limit: int, form: str, look: dict[str, str]) -> None:
    """The newest audit records, or those of an instant's past."""
    _list(limit, form, look)


def _list(limit: int, form: str, look: dict[str, str]) -> None:
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
