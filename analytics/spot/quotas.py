"""Which vCPU quota an instance type counts to, read from the quota's own name, and how much of it is left."""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

_FRAME = re.compile(r"\s*(All|Running On-Demand|Running Dedicated)\b|\b(Spot Instance Requests|instances)\s*$", re.I)
_STANDARD = {"im": "i", "is": "i"}
"""Families that AWS counts to another letter of the standard quota than their own."""


@lru_cache(maxsize=256)
def families_of(name: str) -> tuple[str, ...]:
    """The families that a quota of this name limits: ("a", "c", …) of "All Standard (A, C, …) Spot Instance Requests".

    A name that says none gives none, and then limits nothing here.
    """
    inside = re.search(r"\(([^)]*)\)", name)
    listed = inside[1] if inside else _FRAME.sub(" ", name)
    parts = re.split(r",|\band\b", listed)
    return tuple(part.strip().lower() for part in parts if re.fullmatch(r"[A-Za-z]+[0-9]*", part.strip()))


def counts_to(instance_type: str, families: tuple[str, ...]) -> bool:
    """Whether a type belongs to one of a quota's families: "g4dn.xlarge" to "g", "p4d.24xlarge" to "p4"."""
    family = instance_type.partition(".")[0]
    letters = re.match(r"[a-z]*", family)
    own = letters[0] if letters else ""
    return any(
        family.startswith(wanted) if wanted[-1].isdigit() else wanted in (own, _STANDARD.get(own))
        for wanted in families
    )


def headroom(quotas: pl.DataFrame, running: pl.DataFrame, types: list[str], *, spot: bool) -> pl.DataFrame:
    """For each region and each of `types` the quota that it counts to: name, value, used, left (vCPUs).

    running   region, instance_type, vcpus (null where unknown), one row an instance bought that way
    `used` and `left` are null where a running instance's vCPUs are unknown; a type that no quota names has no row.
    """
    rows = []
    for region, name, value in quotas.filter(pl.col("spot") == spot).select("region", "name", "value").iter_rows():
        families = families_of(name)
        there = running.filter(pl.col("region") == region)
        counted = [kind for kind in there.get_column("instance_type").unique() if counts_to(kind, families)]
        mine = there.filter(pl.col("instance_type").is_in(counted))
        vcpus = mine.get_column("vcpus")
        used = None if vcpus.null_count() else int(vcpus.sum())
        left = None if used is None else max(value - used, 0.0)
        rows += [(region, kind, name, value, used, left) for kind in types if counts_to(kind, families)]
    schema = {
        "region": pl.String(),
        "instance_type": pl.String(),
        "quota": pl.String(),
        "quota_value": pl.Float64(),
        "quota_used": pl.Int64(),
        "quota_left": pl.Float64(),
    }
    # A type that two quotas name counts to the tighter one.
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("quota_left", nulls_last=True).unique(
        ["region", "instance_type"], keep="first", maintain_order=True
    )
