"""`quarterdeck spot demand`: how large Auto Scaling groups and node groups will need to be."""

from __future__ import annotations

import click

from backends.client import Json
from console.cli_commands.failures import SET_UP, Failure, nearest
from console.cli_commands.options import connection, instant, output
from console.cli_commands.output import covered, csv_rows, narrate, say_json, table, tell_problems
from console.cli_commands.session import session
from console.freshness import unvouched
from console.reports.text import clean, moment, percent

_HORIZONS = {"15 MIN": 1, "24 H": 96, "7 D": 672}
_PATH = ("at", "need", "low", "high", "naive", "day", "week", "profile")


@click.command()
@click.argument("group", required=False, default="")
@click.option("--target", default=60, show_default=True, type=click.IntRange(1, 100), help="CPU in % to size for.")
@click.option("--scores", is_flag=True, help="Of one GROUP: how each model has done, instead of its week.")
@instant("--at", metavar="T", help="As of this instant.")
@output("table", "json", "csv")
@connection
def demand(group: str, target: int, scores: bool, at: str, form: str) -> None:
    """Forecast the size that Auto Scaling groups and node groups will need: in 15 minutes, 24 hours and 7 days.

    From each group's own CloudWatch metrics. GROUP (name, region/name or account/region/name) tells one group's week by
    the hour, for scheduled scaling. Naive (it stays so) and seasonal naive (a day, a week before) stand beside every
    forecast with the skill measured on rolling origins; where naive has been best, naive is shown.
    """
    with session() as client:
        found = client.demand(group, target=target, at=at)
        if group and not found["groups"] and unvouched(found):
            when = f"as of {moment(found['as_of'])} UTC; {covered(found['coverage'])}"
            raise Failure(f"Whether there {'was' if at else 'is'} a group {group!r} is not known, {when}.", SET_UP)
        if group and not found["groups"]:
            names = [str(row["name"]) for row in client.demand(target=target, at=at)["groups"]]
            raise Failure(f"There is no group {group!r}. {nearest(group, names)}", SET_UP)
        if group and len(found["groups"]) > 1:
            one, other, *_ = map(_name, found["groups"])
            some = f"{group!r} names {len(found['groups'])} groups, such as {one} and {other}"
            raise Failure(f"{some}; say more of it.", SET_UP)
    if form == "json":
        say_json(found)
    elif group:
        _one(found, scores, form)
    elif form == "csv":
        names = list(found["groups"][0]) if found["groups"] else []
        csv_rows(names, [list(row.values()) for row in found["groups"]])
    else:
        _all(found["groups"])
    unknown = [row for row in found["groups"] if row["unknown"]]
    told = clean(_name(found["groups"][0])) if group else f"{len(found['groups'])} groups"
    told += f" at {target} % CPU, {len(unknown)} unknown"
    if not found["groups"] and unvouched(found):
        told = "Auto Scaling groups: not known"
    narrate(f"{told}; as of {moment(found['as_of'])} UTC; {covered(found['coverage'])}")
    tell_problems(found["coverage"])
    if found["groups"] and not group:
        narrate("Skill is the mean error saved against naive on past origins, up to 24 h ahead.")


def _name(group: Json) -> str:
    return f"{group['account']}/{group['region']}/{group['name']}"


def _all(groups: list[Json]) -> None:
    headings = [
        "GROUP",
        "DESIRED",
        "NEEDS",
        *(f"{name}: 80 %" for name in _HORIZONS),
        "SIZE 24 H",
        "MODEL",
        "SKILL",
        "NOTE",
    ]
    rows = []
    for row in groups:
        skill = row["skill_96"]
        ahead = [_between(row, steps) for steps in _HORIZONS.values()]
        note = row["unknown"] or row["beyond"] or ""
        need = None if row["now"] is None else f"{row['now']:.1f}"
        rows.append(
            [
                *(_name(row), row["desired"], need, *ahead, row["size_96"], row["model_96"]),
                *(None if skill is None else percent(skill, signed=True), note),
            ]
        )
    table(headings, rows, right=(1, 2, 3, 4, 5, 6, 8))


def _between(row: Json, steps: int) -> str | None:
    need, low, high = (row[f"{name}_{steps}"] for name in ("need", "low", "high"))
    if need is None:
        return None
    return f"{need:.1f} ({low:.1f}…{high:.1f})" if low is not None else f"{need:.1f}"


def _one(found: Json, scores: bool, form: str) -> None:
    names = ("model", "horizon", "error", "naive", "skill", "origins", "shown") if scores else _PATH
    rows = found["scores"] if scores else found["path"]
    if not rows:
        raise Failure(f"Nothing can be said of this group: {found['groups'][0]['unknown']}.")
    cells = [[row[name] for name in names] for row in rows]
    if form == "csv":
        csv_rows(names, cells)
        return
    shown = [[f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in cells]
    table([name.upper() for name in names], shown, right=range(1 if not scores else 2, len(names)))
