"""`quarterdeck describe`: all that is known of one resource."""

from __future__ import annotations

import shlex
from typing import Any

import click

from backends.client import Json
from console.authors import UNKNOWN, done_by
from console.cli_commands.options import connection, narrowing, output, past
from console.cli_commands.output import narrate, say, say_json
from console.cli_commands.resources import resolved
from console.cli_commands.session import kind_named, session
from console.freshness import unwell
from console.reports.text import clean, moment, words

_NO_FIELDS = ("ref", "id", "account", "region", "health", "health_why", "flags", "first_seen", "seen")


@click.command()
@click.argument("resource", metavar="REF|ID|NAME")
@click.option("--kind", metavar="KIND", default="", help="Of what kind it is, where several are called so.")
@narrowing
@click.option("--raw", is_flag=True, help="Only its whole element as AWS gave it, as JSON; secrets are redacted.")
@past
@output("text", "json")
@connection
def describe(
    resource: str,
    kind: str,
    scope: Json,
    raw: bool,
    look: Json,
    form: str,
) -> None:
    """Show one resource: fields, health and why, what it is related to, its history and who changed what.

    It is named by a reference kind@account/region/id, as `ls -o json` shows it, by its id, ARN or name. Where several
    are called so they are listed and nothing is shown (exit 2). One that is gone is shown as it was last known, with
    who removed it. -o json has everything, the raw element too.
    """
    at = look.get("at", "")
    with session() as client:
        kinds = [kind_named(client, kind)["name"]] if kind else []
        ref = resolved(client, resource, kinds, at=at, **scope)
        found = client.resource(ref, at, last=True)
        declared = kind_named(client, found["kind"])
    if raw:
        say_json(found["raw"])
    elif form == "json":
        say_json(found)
    else:
        _show(found, declared, at)
    narrate(_age(found))
    if problem := unwell(found["coverage"]):
        narrate(f"  {problem}")


def _show(found: Json, declared: Json, at: str) -> None:
    row = found["row"]
    why = f": {clean(row['health_why'])}" if row.get("health_why") else ""
    say(f"{clean(found['ref'])}  {clean(declared['title'])}, {clean(row['health'])}{why}")
    if found["gone"]:
        say(f"  gone: {_gone(found)}")
    if problem := unwell(found["coverage"]):
        say(f"  coverage: {clean(problem)}")
    for flag in found["flags"] or ():
        say(f"  flag: {clean(flag['label'])}")
    _section("fields", [_pair(*field) for field in _fields(row, declared)])
    # What is gone is counted as of when it was last there.
    then = found["as_of"] if at or found["gone"] else ""
    _section("related", [_pair(f"{r['count']} {r['title']}", _listing(r, then)) for r in found["relations"]])
    open_end = "then" if at else "now"
    _section("history, newest first", [line for version in found["history"] for line in _version(version, open_end)])


def _section(title: str, lines: list[str]) -> None:
    say(title)
    for line in lines or ["none"]:
        say(f"  {line}")


def _pair(name: str, value: str) -> str:
    return f"{clean(name):<28} {value}"


def _fields(row: Json, declared: Json) -> list[tuple[str, str]]:
    """Every field with its unit; what is not set is a dash."""
    columns = {column["name"]: column for column in declared["columns"]}
    names = [*(name for name in columns if name in row), *(n for n in row if n not in columns and n not in _NO_FIELDS)]
    told = []
    for name in [*names, "first_seen", "seen"]:
        unit = columns.get(name, {}).get("unit", "")
        told.append((columns.get(name, {}).get("heading", name.replace("_", " ")), _value(row.get(name), unit)))
    return told


def _value(value: Any, unit: str = "") -> str:
    if value in (None, "", [], {}):
        return "-"
    return f"{moment(value) if isinstance(value, str) else words(value)}{f' {clean(unit)}' if unit else ''}"


def _listing(relation: Json, at: str) -> str:
    """The command that lists what a resource is related to, at an instant where it was counted at one."""
    when = f" --at {clean(at)}" if at else ""
    return f"quarterdeck ls {clean(relation['kind'])} --filter {shlex.quote(clean(relation['filter']))}{when}"


def _version(version: Json, open_end: str) -> list[str]:
    until = f"{moment(version['to'])} UTC" if version["to"] else open_end
    what = "" if version["changes"] else "  first seen"
    author = _author(version)
    lines = [f"{moment(version['from'])} → {until}{what}{f'  {author}' if author else ''}"]
    lines += [f"  {clean(c['field'])}: {_value(c['before'])} → {_value(c['after'])}" for c in version["changes"]]
    if version["end"] == "removed":
        lines.append(f"  removed {_author(version.get('ended_by', {}))}".rstrip())
    return lines


def _author(told: Json) -> str:
    """Who brought a version about; nothing where nobody was looked for, as for what a first poll discovered."""
    if "by" not in told:
        return ""
    how = done_by(told)
    who = "by whom is unknown" if told["by"] == UNKNOWN else f"by {clean(told['by'])}"
    return f"{who}{f': {clean(how)}' if how else ''}"


def _gone(found: Json) -> str:
    gone = found["gone"]
    newest: Json = next(iter(found["history"]), {})
    seen = f"last seen {moment(gone['last_seen'])} UTC, first missed {moment(gone['first_missed'])} UTC"
    author = _author(newest.get("ended_by", {}))
    return f"{seen}{f'; removed {author}' if author else ''}"


def _age(found: Json) -> str:
    """How old what was shown is: when a poll last saw it so."""
    if found["gone"]:
        return f"{found['ref']} is gone; as last known: {_gone(found)}"
    return f"{found['ref']}, last seen {moment(found['row'].get('seen'))} UTC"
