"""What there is and what changed: `ls`, `changes`, `sql`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from backends.client import Json, SyncClient
from backends.model import NoSuchColumn, column_called
from console.authors import done_by
from console.cli_commands import parquet
from console.cli_commands.failures import SET_UP, Failure
from console.cli_commands.options import connection, instant, narrowing, output, past
from console.cli_commands.output import counted, covered, csv_rows, narrate, say_json, shown, table, tell_problems
from console.cli_commands.resources import reference, resolved
from console.cli_commands.session import kind_named, session
from console.commands import ago
from console.filter_hints import unquoted
from console.freshness import as_heard, blind, never_heard, oldest_heard
from console.reports.text import clean, gaps, moment, some

PAGE = 1000
_STORE_TYPES = {"first_seen": "time", "seen": "time"}


@click.command()
@click.argument("kind")
@click.option(
    "--filter",
    "filter_",
    metavar="FILTER",
    default="",
    help="As under `/`: text, !text, col=val, col>val, tag:k=v, ~fuzzy.",
)
@click.option("--sort", metavar="COLUMN", default="", help="A column, -column for descending, several with commas.")
@instant("--at", help="As it was: -30m, -2d, 14:02, 2026-11-20T14:02Z.")
@click.option("--columns", metavar="A,B", default="", help="Only these columns, in this order.")
@click.option("--wide", is_flag=True, help="Every column in the table, not only the essential ones.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many rows.")
@narrowing
@output("table", "json", "csv", "parquet")
@connection
def ls(
    kind: str,
    filter_: str,
    sort: str,
    at: str,
    columns: str,
    wide: bool,
    limit: int | None,
    scope: Json,
    form: str,
) -> None:
    """List the resources of a kind.

    What is known is listed, and stderr says how old it is and what could not be read. A kind that was never polled is
    polled first. JSON is exact; tables and CSV show foreign text made harmless.
    """
    if form == "parquet":
        parquet.check_stdout()
    with session(imported=True) as client:
        declared = kind_named(client, kind)
        window: Json = {"filter": filter_, "sort": sort, "at": at} | scope
        answer = _first(client, declared["name"], window, limit)
        names = _chosen(declared, answer, columns, everything=form != "table", wide=wide)
        window["at"] = answer.get("at") if at else ""
        _print(form, declared, names, _rows(client, answer, names, window, limit))
        _tell(answer, limit, _missed(client, answer, window))
        if not answer["total"] and (hint := unquoted(filter_)):
            narrate(f"  {hint}")


def _first(client: SyncClient, kind: str, window: Json, limit: int | None) -> Json:
    """The first page; where nothing was ever observed and now is meant, after a poll."""
    answer = client.rows(kind, **window, limit=min(limit or PAGE, PAGE))
    states = answer["coverage"]["states"]
    if not window["at"] and set(states) <= {"pending"}:
        narrate(f"{kind} was never polled here; polling it now…")
        client.poll([kind], wait=True)
        answer = client.rows(kind, **window, limit=min(limit or PAGE, PAGE))
    return answer


def _chosen(declared: Json, answer: Json, columns: str, *, everything: bool, wide: bool) -> list[str]:
    """The columns to show: those asked for; else everything that the store has; else what a table is read for."""
    known: list[str] = answer["columns"]
    if columns:
        headings = {name: name for name in known} | {
            column["name"]: column["heading"] for column in declared["columns"]
        }
        try:
            return [column_called(name.strip(), headings) for name in columns.split(",") if name.strip()]
        except NoSuchColumn as error:
            raise Failure(f"{declared['name']}: {error}", SET_UP) from error
    if everything:
        return known
    own = [column for column in declared["columns"] if wide or column["narrow"]]
    names = [column["name"] for column in own or declared["columns"]]
    return [name for name in dict.fromkeys(("account", "region", *names, "health")) if name in known]


def _rows(client: SyncClient, answer: Json, names: list[str], window: Json, limit: int | None) -> Iterator[list[Any]]:
    """Every row of the view, page by page, as of one instant where there is one."""
    done, wanted = 0, min(answer["total"], limit or answer["total"])
    page = answer
    while True:
        places = [page["columns"].index(name) for name in names]
        for row in page["rows"][: wanted - done]:
            yield [row[place] for place in places]
        done += len(page["rows"])
        if done >= wanted or not page["rows"]:
            return
        page = client.rows(answer["kind"], **window, offset=done, limit=PAGE)


def _print(form: str, declared: Json, names: list[str], rows: Iterator[list[Any]]) -> None:
    types = {column["name"]: column["type"] for column in declared["columns"]}
    if form == "json":
        say_json([dict(zip(names, row, strict=True)) for row in rows])
    elif form == "csv":
        csv_rows(names, rows)
    elif form == "parquet":
        parquet.write(names, _STORE_TYPES | types, rows)
    else:
        headings = {column["name"]: column["heading"] for column in declared["columns"]}
        right = [n for n, name in enumerate(names) if types.get(name) in ("integer", "number")]
        table([headings.get(name, name).upper() for name in names], rows, right=right)


def _missed(client: SyncClient, answer: Json, window: Json) -> str:
    """Of how many a filter matched none, in words; "" where it matched some, or there is nothing to match."""
    if answer["total"] or not window["filter"]:
        return ""
    there = client.rows(answer["kind"], **{**window, "filter": ""}, limit=0)["total"]
    return f"0 of {there} {answer['kind']} match {clean(window['filter'])}" if there else ""


def _partial(answer: Json) -> str:
    """That rows are missing, and why, unless a poll has ended badly: a line of its own tells of that."""
    if not answer.get("partial"):
        return ""
    well = not answer.get("at") and set(answer["coverage"]["states"]) <= {"ok", "empty", "pending"}
    return " (partial: a poll is under way)" if well else " (partial)"


def _tell(answer: Json, limit: int | None, missed: str = "") -> None:
    """How old it is, what is missing, what was cut: an empty list is never mistaken for a denied one."""
    coverage = answer["coverage"]
    as_of = "no good poll yet" if never_heard(answer) else f"as of {moment(as_heard(answer))} UTC"
    if oldest := oldest_heard(answer):
        as_of += f" ({clean(coverage['oldest_place'])}: {moment(oldest)})"
    cut = f"first {limit} of {answer['total']}" if limit and limit < answer["total"] else f"{answer['total']}"
    told = missed or f"{cut} {answer['kind']}"
    narrate(f"{told}, {as_of}{_partial(answer)}; {covered(coverage)}")
    if answer.get("unrecorded"):
        narrate(f"  not recorded {'then' if answer.get('at') else 'yet'}: {', '.join(answer['unrecorded'])}")
    tell_problems(coverage)


@click.command()
@click.argument("which", nargs=-1, metavar="[KIND]…|REF|ID|NAME")
@instant(
    "--from",
    "--since",
    "since",
    default="30m",
    show_default=True,
    help="From when: 30m (before now), 14:02, …",
)
@instant("--to", "--until", "until", help="Until when: 5m (before now), 14:02, …; now if not said.")
@click.option(
    "--by",
    metavar="NAME",
    default="",
    help="Only what was done by whoever's name has this text in it; `unknown` where CloudTrail does not tell.",
)
@click.option("--limit", type=click.IntRange(min=1), default=500, show_default=True, help="At most this many changes.")
@narrowing
@output("table", "json", "csv")
@connection
def changes(
    which: tuple[str, ...],
    since: str,
    until: str,
    by: str,
    limit: int,
    scope: Json,
    form: str,
) -> None:
    """What was added, changed and removed, field by field, newest first, in all kinds or in those named, and by whom.

    One resource, named by its reference, id or name as for `describe`, has its own changes told.

    Who did it is what CloudTrail tells: the event that names the resource and lies between the two polls. Where none
    does the reason stands there: CloudTrail was read and has none, tells late, or was not read. JSON has whole events.
    What was carried out through Quarterdeck is told from its own audit until CloudTrail tells.
    Where polls failed in that time stderr says so: no change seen is not the same as no change.
    """
    with session(imported=True) as client:
        wanted: Json = scope | _asked(client, which, scope) | {"by": by, "counted_from": "now"}
        answer = client.changes(since=ago(since), until=ago(until), limit=limit, **wanted)
    if form == "json":
        say_json(answer["changes"])
    else:
        rows = [[_change_cell(change, name) for name in _CHANGE] for change in answer["changes"]]
        (csv_rows if form == "csv" else table)([name if form == "csv" else name.upper() for name in _CHANGE], rows)
    cut = " (cut; raise --limit for more)" if answer["truncated"] else ""
    span = f"{moment(answer['since'])} to {moment(answer['until'])} UTC"
    unseen = "; none of it was observed in that time" if blind(answer) else ""
    narrate(f"{counted(len(answer['changes']), 'change')}{cut}, {span}{unseen}")
    for sentence in gaps(answer["unobserved"]):
        narrate(f"  {sentence}")
    begins: dict[str, list[str]] = {}
    for kind, kept in answer.get("kept_from", {}).items():
        begins.setdefault(kept, []).append(kind)
    for kept, kinds in begins.items():
        narrate(f"  {some(kinds)}: history is kept from {moment(kept)} UTC on")
    for kind, until in answer.get("thinned", {}).items():
        narrate(f"  {kind}: the changes of a day are told as one before {moment(until)} UTC, when it was thinned")


def _asked(client: SyncClient, which: tuple[str, ...], scope: Json) -> Json:
    """Whose changes are wanted: those of kinds, or of one resource."""
    known = {kind["name"] for kind in client.kinds()}
    other = [word for word in which if word not in known]
    if not other:
        return {"kinds": list(which)}
    if reference(other[0]) is None and not client.find(other[0], **scope):
        kind_named(client, other[0])
    if len(which) > 1:
        raise click.UsageError(f"Name kinds, or one resource alone: {other[0]} is no kind.")
    return {"ref": resolved(client, other[0], **scope)}


_CHANGE = ("at", "what", "kind", "name", "fields", "by", "done", "ref")


def _change_cell(change: Json, name: str) -> Any:
    if name == "done":
        return done_by(change)
    if name != "fields":
        return change.get(name)
    return "; ".join(f"{f['field']}: {shown(f['before'])} → {shown(f['after'])}" for f in change["fields"])


@click.command()
@click.argument("query")
@past
@output("table", "json", "csv")
@connection
def sql(query: str, form: str, look: dict[str, str]) -> None:
    """Run one read-only SQL statement on the store (- reads it from stdin).

    Each kind is a view: `select * from ec2_instance`; with --at it shows what was known then. The statement can neither
    change anything nor read files.
    """
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise Failure("There is no statement to run; such as: select * from ec2_instance limit 5.", SET_UP)
    with session(imported=True) as client:
        answer = client.sql(text, **look)
    if form == "json":
        say_json([dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]])
    else:
        (csv_rows if form == "csv" else table)(answer["columns"], answer["rows"])
    if answer["truncated"]:
        narrate(f"Only the first {len(answer['rows'])} rows are shown; narrow the statement for the rest.")
    if answer["kinds"]:
        then = f"as of {moment(answer['at'])} UTC; " if answer["at"] else ""
        narrate(f"{', '.join(answer['kinds'])}: {then}{covered(answer['coverage'])}")
        tell_problems(answer["coverage"])
