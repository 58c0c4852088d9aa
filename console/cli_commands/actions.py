"""Acting on AWS: `plan` says exactly what would be sent, `apply` sends it, `undo` takes it back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from backends.client import Json, SyncClient
from backends.currency import DECLARED
from console.cli_commands.failures import REFUSED, SET_UP, Failure
from console.cli_commands.options import connection, options_of, output, writing
from console.cli_commands.output import narrate, say, say_json
from console.cli_commands.resources import reference, resolved
from console.cli_commands.session import session
from console.reports.text import clean, money, words

WINDOW_MINUTES = 5
_LONGEST_PLAN_FILE = 4_000_000


@click.command()
@click.argument("action", required=False)
@click.argument("targets", nargs=-1, metavar="TARGET…")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the action.")
@output("text", "json")
@connection
def plan(action: str | None, targets: tuple[str, ...], parameters: tuple[str, ...], form: str) -> None:
    """What ACTION would do to TARGETs: exact calls, `aws` equivalents, before and after. Nothing is changed.

    A TARGET is a reference kind@account/region/id, as `ls -o json` shows it, or the id, ARN or name of one resource
    that the action is for; where several are called so they are listed and nothing is planned (exit 2). The plan shows
    whole references. Without arguments the actions are listed.

    The plan is kept for a quarter of an hour; `quarterdeck apply ID --write` carries it out.
    """
    with session() as client:
        if action is None:
            _list_actions(client.actions(), form)
            return
        if not targets:
            raise click.UsageError(f"Say which resource {action} is meant for: quarterdeck plan {action} TARGET…")
        given = dict(_parameter(text) for text in parameters)
        made = client.plan(action, _targets(client, action, targets), given)
    _show(made, form)
    narrate(f"To carry it out within 15 minutes: quarterdeck apply {made['id']} --write")


def _targets(client: SyncClient, action: str, targets: tuple[str, ...]) -> list[str]:
    """The references of what is meant. Of an action that there is not, the daemon says so."""
    if all(reference(target) for target in targets):
        return list(targets)
    kinds = next((declared["kinds"] for declared in client.actions() if declared["name"] == action), None)
    return list(targets) if kinds is None else [resolved(client, target, kinds) for target in targets]


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"A parameter is NAME=VALUE, not {text!r}.")
    return name, value


def _list_actions(actions: list[Json], form: str) -> None:
    if form == "json":
        say_json(actions)
        return
    for action in actions:
        parameters = "".join(f" -p {p['name']}={p['type'].upper()}" for p in action["parameters"])
        say(f"{clean(action['name'])} TARGET…{parameters}")
        say(f"    {clean(action['title'])} ({', '.join(action['kinds'])}; {action['risk']}). {clean(action['help'])}")


def _show(made: Json, form: str) -> None:
    if form == "json":
        say_json(made)
        return
    say(f"{clean(made['title'])}  [{made['id']}, {made['risk']}]")
    for change in made["differences"]:
        say(f"  {clean(change['ref'])}")
        say(f"    {clean(change['field'])}: {words(change['before'])} → {words(change['after'])}")
    for call in made["calls"]:
        say(f"  {clean(call['service'])}:{clean(call['operation'])} {clean(json.dumps(call['parameters']))}")
        say(f"    {clean(call['command'])}")
    for title, lines in (("touches", made["blast_radius"]), ("beware", made["warnings"])):
        for line in lines:
            say(f"  {title}: {clean(line)}")
    change = made["monthly_cost_change"]
    priced = f"{money(change, made.get('currency') or DECLARED)} a month, " if change is not None else ""
    say(f"  cost: {priced}{clean(made['cost_source'])}")
    say(f"  undo: {'possible' if made['inverse'] else 'not possible'}")


@click.command()
@click.argument("plan", metavar="PLAN")
@click.option(
    "--confirm", metavar="TEXT", help="The confirmation that the plan's risk asks for; asked on a terminal if not said."
)
@output("text", "json")
@connection
@writing
def apply(plan: str, confirm: str | None, form: str) -> None:
    """Carry out PLAN: its id, a file that `plan -o json` wrote, or - for stdin.

    Without --write the daemon refuses and nothing is sent (exit 3). A plan that no longer fits
    what AWS says is refused too.
    """
    with session() as client:
        _execute(client, client.planned(_plan_id(plan)), confirm, form)


def _plan_id(text: str) -> str:
    """The id in a plan file, or the text itself."""
    if text != "-" and not Path(text).is_file():
        return text
    content = (
        sys.stdin.read(_LONGEST_PLAN_FILE) if text == "-" else Path(text).read_text(encoding="utf-8", errors="replace")
    )
    try:
        found = json.loads(content)
        return str(found["id"])
    except (ValueError, KeyError, TypeError) as error:
        source = "stdin" if text == "-" else text
        raise Failure(f"{source} holds no plan; `quarterdeck plan … -o json` writes one.", SET_UP) from error


def _execute(client: SyncClient, made: Json, confirm: str | None, form: str) -> None:
    """Ask for the write window only where --write was said; the daemon decides in either case."""
    token = ""
    if options_of(click.get_current_context()).write:
        confirm = _confirmation(made) if confirm is None else confirm
        token = client.write_window(WINDOW_MINUTES)["token"]
    outcome = client.execute(made["id"], token, confirm or "")
    if form == "json":
        say_json(outcome)
    else:
        for step in outcome.get("steps", []):
            say(f"{clean(step['at'])}  {clean(step['what'])}: {clean(step['detail'])}")
        say(f"{outcome['state']}: {clean(outcome['detail'])}")
    if outcome["state"] == "refused":
        raise Failure(outcome["detail"], REFUSED)
    if outcome["state"] != "done":
        raise Failure(f"Record {outcome['record']}: {outcome['state']}. {outcome['detail']}")
    narrate(f"Audit record {outcome['record']}; take it back with: quarterdeck undo {outcome['record']} --write")


def _confirmation(made: Json) -> str:
    """What the operator types, on a terminal; elsewhere nothing, and the daemon says what it would have been."""
    if made["risk"] == "reversible" or not sys.stdin.isatty():
        return ""
    narrate(made["title"])
    for line in (*made["blast_radius"], *made["warnings"]):
        narrate(f"  {line}")
    many = len(made["targets"]) > 1
    asked = "how many targets there are" if many else "the last 6 characters of its id"
    question = "y to go on" if made["risk"] == "traffic" else f"To confirm type {asked}"
    return str(click.prompt(question, default="", show_default=False, err=True))


@click.command()
@click.argument("record", type=int)
@click.option("--confirm", metavar="TEXT", help="As for apply.")
@output("text", "json")
@connection
@writing
def undo(record: int, confirm: str | None, form: str) -> None:
    """The plan that takes audit RECORD back; with --write it is carried out."""
    with session() as client:
        made = client.undo_plan(str(record))
        if not options_of(click.get_current_context()).write:
            _show(made, form)
            narrate(f"This is the plan; to carry it out: quarterdeck apply {made['id']} --write")
            return
        if form == "text":
            _show(made, form)
        _execute(client, made, confirm, form)
