"""`quarterdeck metrics`: how a resource is doing, by CloudWatch, minute by minute."""

from __future__ import annotations

import click

from backends.client import BackendError, Json
from console.cli_commands.failures import SET_UP, Failure
from console.cli_commands.options import connection, output, past
from console.cli_commands.output import counted, csv_rows, narrate, say_json, table
from console.cli_commands.resources import resolved
from console.cli_commands.session import kind_named, session
from console.reports.text import moment
from console.widgets import trends

_TREND_CELLS = 24
_HEADINGS = ("METRIC", "TREND", "NEWEST", "LEAST", "MOST", "STATE", "AT", "EVERY", "CLOUDWATCH'S NAME")


@click.command()
@click.argument("resource", metavar="REF|ID|NAME")
@click.option("--kind", metavar="KIND", default="", help="Of what kind it is, where several are called so.")
@click.option(
    "--hours", type=click.IntRange(1, 24), default=3, show_default=True, help="How far back, in hours; a day at most."
)
@past
@output("table", "json", "csv")
@connection
def metrics(resource: str, kind: str, hours: int, look: Json, form: str) -> None:
    """Show the metrics of a resource: CPU, errors, latency, as CloudWatch publishes them, up to a minute or two ago.

    The resource is named as for `describe`; docs/kinds/ says which kinds have metrics. CloudWatch is asked at most once
    a minute for each resource, which costs 0.01 USD for a thousand metrics, within the daily budget. With --at nothing
    is asked: what was seen then is shown as it was.

    What cannot be told is a dash, and stderr says why. With -o json there is every point.
    """
    with session() as client:
        kinds = [kind_named(client, kind)["name"]] if kind else [k["name"] for k in client.kinds() if k["watched"]]
        ref = resolved(client, resource, kinds, at=look.get("at", ""))
        try:
            found = client.metrics(ref, hours, **look)
        except BackendError as error:
            if error.code != "no-metrics":
                raise
            raise Failure(error.message, SET_UP) from error
    if form == "json":
        say_json(found)
    elif form == "csv":
        rows = [
            [metric["id"], at, value, metric["unit"]] for metric in found["metrics"] for at, value in metric["points"]
        ]
        csv_rows(("metric", "at", "value", "unit"), rows)
    else:
        table(_HEADINGS, [_row(found, metric) for metric in found["metrics"]], right=(2, 3, 4))
    if found["problem"] and not found["as_of"] and not look:
        raise Failure(f"No metrics of {ref}: {found['problem']}")
    newest = f"as of {moment(found['as_of'])} UTC" if found["as_of"] else "nothing is known of this time"
    narrate(f"{found['hours']} h of {counted(len(found['metrics']), 'metric')}, {newest}")
    if found["problem"]:
        narrate(f"  {found['problem']}")


def _row(found: Json, metric: Json) -> list[str | None]:
    named = f"{metric['namespace']} {metric['name']} {metric['statistic']}"
    if metric["note"]:
        return [metric["title"], metric["note"], None, None, None, None, None, None, named]
    at = metric["points"][-1][0]
    return [
        metric["title"],
        trends.line(found, metric, _TREND_CELLS),
        *(trends.figure(metric, name) for name in ("newest", "least", "most")),
        metric["state"],
        moment(at),
        trends.every(metric),
        named,
    ]
