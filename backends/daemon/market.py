"""What is asked about Spot and answered by the worker: which tables go in, and what comes out as JSON.

Nothing of it is kept: an answer is a function of the store, the scope, the instant and the question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from backends.model import GLOBAL_REGION, Json, Scope
from backends.store import Reader, iso, utcnow

ADVISOR = "spot_advisor"
SCORES = "spot.placement_score"
REQUESTS = "ec2.spot_request"
_EVER = ("ec2.instance", REQUESTS)
_TABLES: Mapping[str, tuple[str, ...]] = {
    "pools": ("spot.price", "ec2.instance_type", "ec2.offering", SCORES, "servicequotas.quota"),
    "risk": ("spot.price", SCORES),
    "savings": ("spot.price", "savingsplans.rate"),
}
"""Question → the kinds whose rows it needs, beside every instance and Spot request ever seen."""
ABOUT: Mapping[str, tuple[str, ...]] = {
    "pools": ("spot.price", "ec2.instance_type"),
    "risk": ("spot.price", REQUESTS),
    "savings": ("ec2.instance",),
    "demand": ("autoscaling.group",),
}
"""Question → the kinds without which there is no row in its answer: where they are not observed, none is not none."""
LOAD = "group_load"
_LOAD_DAYS = 28


def gather(reader: Reader, question: str, scope: Scope, at: datetime | None) -> dict[str, pa.Table]:
    """The frames of a question: name → table, as `analytics.spot.questions` reads them. In a reader's thread."""
    frames = {kind: without_raw(reader.table(kind, scope, at)) for kind in _TABLES[question]}
    frames |= {kind: reader.ever(kind, scope, at) for kind in _EVER}
    frames["coverage"] = reader.looked_since(scope)
    if question != "savings":
        bands = reader.points(ADVISOR, regions=scope.regions)
        frames["advisor"] = bands.rename_columns(["as_of" if name == "at" else name for name in bands.column_names])
    if question != "risk":
        _, frames["forecasts"] = reader.result_table("forecasts", at)
    return {name: table for name, table in frames.items() if table.num_columns}


def gather_load(reader: Reader, scope: Scope, at: datetime | None) -> dict[str, pa.Table]:
    """The frames of the question about demand, as `analytics.demand.question` reads them."""
    load = reader.points(LOAD, (at or utcnow()) - timedelta(days=_LOAD_DAYS), scope.regions)
    if at is not None:
        last = pa.scalar(at.replace(tzinfo=None), load.schema.field("at").type)
        load = load.filter(pc.less_equal(load.column("at"), last))
    return {"load": load, "autoscaling.group": without_raw(reader.table("autoscaling.group", scope, at))}


def without_raw(table: pa.Table) -> pa.Table:
    """A table without the columns that only a person reads: tags are text of any length."""
    dropped = {"tags", "flags", "health_why", "help"} & set(table.column_names)
    return table.drop_columns(sorted(dropped))


def rows_of(table: pa.Table) -> list[Json]:
    """A result as JSON rows: instants as text, what is no number as null."""
    return [{name: _told(value) for name, value in row.items()} for row in table.to_pylist()]


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def accounts_of(scope: Scope) -> Sequence[str]:
    """The accounts of a scope that have regions."""
    return tuple(dict.fromkeys(account for account, region in sorted(scope.pairs) if region != GLOBAL_REGION))
