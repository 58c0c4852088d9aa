"""From a kind's declaration, as the daemon tells it, to the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from console.widgets import format as fmt
from console.widgets.sanitise import sanitise
from console.widgets.table_columns import TableColumn

_GOOD = {
    "running",
    "active",
    "available",
    "in-use",
    "in_use",
    "inservice",
    "healthy",
    "ok",
    "open",
    "fulfilled",
    "completed",
    "enabled",
}
_MOVING = {
    "pending",
    "creating",
    "updating",
    "stopping",
    "shutting-down",
    "deleting",
    "provisioning",
    "modifying",
    "attaching",
    "initial",
    "draining",
    "degraded",
    "optimizing",
}
_BAD = {
    "failed",
    "unhealthy",
    "impaired",
    "error",
    "create_failed",
    "delete_failed",
    "active_impaired",
    "closed",
    "marked-for-termination",
}
_GONE = {"stopped", "terminated", "deleted", "cancelled", "inactive", "disabled"}
_STATE_COLUMNS = ("state", "status", "lifecycle", "health_status")
HEALTH_CELLS = 9


def state_look(value: Any) -> str:
    """The colour of AWS's own words for a state; the word itself is always shown."""
    word = str(value).lower()
    if word in _GOOD:
        return "ok"
    if word in _MOVING:
        return "warn"
    if word in _BAD:
        return "bad"
    return "stale" if word in _GONE else ""


def health_look(value: Any) -> str:
    return value if value in ("ok", "warn", "bad") else "stale"


HEALTH = TableColumn(
    "health",
    "health",
    fixed=True,
    cells=HEALTH_CELLS,
    text=fmt.health,
    look=health_look,
    help="how the kind's rules judge it",
)
FLAGS = TableColumn(
    "flags",
    "flags",
    text=fmt.flags,
    look=lambda value: "anomaly" if fmt.flags(value) else "",
    help="latest anomalies and advice",
    longest=True,
    whole=True,
)
WHY = TableColumn(
    "health_why",
    "why",
    look=lambda _: "muted",
    narrow=False,
    help="which rule judged the health",
    longest=True,
    whole=True,
    most=60,
)


def account_end(value: Any) -> str:
    """An account by its last four digits."""
    number = sanitise(str(value or ""))
    return f"…{number[-4:]}" if number.isdigit() else number


def account_of(ref: Any) -> str:
    """The account in a resource reference, "" where there is none."""
    return str(ref or "").partition("@")[2].partition("/")[0]


ACCOUNT = TableColumn("account", "account", cells=13, small=TableColumn("account", "acct", cells=5, text=account_end))
REGION = TableColumn("region", "region", cells=14)


def columns_of(kind: Mapping[str, Any], *, accounts: bool, regions: bool, judged: bool = True) -> list[TableColumn]:
    """Health and the first narrow column fixed, whose it is where there are several, the other narrow ones, the rest.

    Why a resource is not well stands before the rest where its kind has rules that tell, else last. Names come again
    from region to region, AWS's own ids do not: the region of what is called by its name follows it.
    """
    declared = [_declared(column) for column in kind["columns"]]
    first = next((column for column in declared if column.narrow), declared[0])
    fixed = replace(first, fixed=True, whole=first.name.endswith("_id"))
    rest = [column for column in declared if column.name != first.name]
    narrow = [column for column in rest if column.narrow]
    wide = [column for column in rest if not column.narrow]
    if regions and kind.get("regional", True) and not any(column.name == "region" for column in declared):
        narrow.insert(0 if first.name == "name" else len(narrow), REGION)
    whose = [ACCOUNT] if accounts else []
    health, why = ([HEALTH], [WHY]) if judged else ([], [])
    others = [*why, FLAGS, *wide] if kind.get("health") else [FLAGS, *wide, *why]
    return [*health, fixed, *whose, *narrow, *others]


def _declared(column: Mapping[str, Any]) -> TableColumn:
    name, kind = str(column["name"]), str(column.get("type", "text"))
    dated = kind == "time" and name == "day"
    return TableColumn(
        name,
        str(column.get("heading") or name.replace("_", " ")),
        type=kind,
        unit=str(column.get("unit") or ""),
        help=str(column.get("help") or ""),
        narrow=bool(column.get("narrow")),
        cells=10 if dated else 0,
        text=fmt.day if dated else None,
        look=state_look if name in _STATE_COLUMNS or name.endswith("_state") else None,
    )
