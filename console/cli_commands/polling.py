"""`quarterdeck poll`: poll now, and say how it went."""

from __future__ import annotations

import click

from backends.client import SyncClient
from console.cli_commands.failures import Failure
from console.cli_commands.options import connection, output
from console.cli_commands.output import counted, narrate, say_json, table
from console.cli_commands.session import kind_named, session
from console.freshness import as_heard
from console.reports.text import moment

COVERAGE = ("account", "region", "kind", "state", "rows", "calls", "retries", "seconds", "cost", "last_good", "problem")


@click.command()
@click.argument("kinds", nargs=-1, metavar="[KIND]…")
@click.option("--once", is_flag=True, help="Poll once, print the coverage and end; exit 1 if anything went wrong.")
@output("table", "json")
@connection
def poll(kinds: tuple[str, ...], once: bool, form: str) -> None:
    """Poll AWS now: every kind, or those named.

    Without --once the daemon keeps polling and each finished poll is told on stderr until Ctrl+C.
    """
    with session() as client:
        names = [kind_named(client, kind)["name"] for kind in kinds]
        narrate(f"Polling {', '.join(names) or 'every kind'}…")
        answer = client.poll(names, wait=True)
        rows = [row for row in client.coverage()["rows"] if not names or row["kind"] in names]
        if form == "json":
            say_json(rows)
        else:
            table(
                [name.upper().replace("_", " ") for name in COVERAGE], [[row.get(n) for n in COVERAGE] for row in rows]
            )
        told = ", ".join(f"{count} {state}" for state, count in answer["coverage"].items())
        narrate(f"{answer['done']} of {answer['tasks']} polls: {told}")
        if not once:
            _follow(client, set(names))
        if any(row["state"] in ("error", "throttled") for row in rows):
            raise Failure("Some polls failed; the coverage above says which and why.")


def _follow(client: SyncClient, kinds: set[str]) -> None:
    """Tell every further version of the data, for ever."""
    narrate("Watching; Ctrl+C ends this, the daemon polls on for as long as it has clients.")
    for event in client.events():
        topic = event.get("topic", "")
        if "." in topic and (not kinds or topic in kinds):
            answer = client.rows(topic, limit=1)
            states = ", ".join(f"{count} {state}" for state, count in answer["coverage"]["states"].items())
            narrate(f"{moment(as_heard(answer))} {topic}: {counted(answer['total'], 'resource')}; {states}")
