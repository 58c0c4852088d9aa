"""From a kind's declaration, as the daemon tells it, to the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.widgets import format as fmt
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
)
WHY = TableColumn("health_why", "why", look=lambda _: "muted", narrow=False, help="which rule judged the health")
ACCOUNT = TableColumn("account", "account", cells=13, narrow=False)
REGION = TableColumn("region", "region", cells=14)


def columns_of(kind: Mapping[str, Any], *, accounts: bool, regions: bool, judged: bool = True) -> list[TableColumn]:
    """Health and the first narrow column fixed, the other narrow ones, scope where there is more than one, the rest."""
    declared = [_declared(column) for column in kind["columns"]]
    first = next((column for column in declared if column.narrow), declared[0])
    fixed = TableColumn(**{**_fields(first), "fixed": True})
    rest = [column for column in declared if column.name != first.name]
    scope = [ACCOUNT] if accounts else []
    scope += [REGION] if regions and kind.get("regional", True) else []
    narrow = [column for column in rest if column.narrow]
    wide = [column for column in rest if not column.narrow]
    has_region = any(column.name == "region" for column in declared)
    scope = [column for column in scope if not (has_region and column.name == "region")]
    return [*([HEALTH] if judged else []), fixed, *narrow, *scope, FLAGS, *wide, *([WHY] if judged else [])]


def _fields(column: TableColumn) -> dict[str, Any]:
    return {name: getattr(column, name) for name in TableColumn.__dataclass_fields__}


def _declared(column: Mapping[str, Any]) -> TableColumn:
    name, kind = str(column["name"]), str(column.get("type", "text"))
    return TableColumn(
        name,
        str(column.get("heading") or name.replace("_", " ")),
        type=kind,
        unit=str(column.get("unit") or ""),
        help=str(column.get("help") or ""),
        narrow=bool(column.get("narrow")),
        look=state_look if name in _STATE_COLUMNS or name.endswith("_state") else None,
    )
