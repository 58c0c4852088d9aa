"""Running instances that do next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from analytics.advice.base import Action, Advice, Evidence, Finding, Row, Tables, name_of, priced, rows
from analytics.advice.prices import HOURS, PriceList

CPU_AVERAGE, NETWORK_MB, CPU_MAX_STRICT = 10.0, 5.0, 5.0
OBSERVED_HOURS = 96
"""Four days of measurements, the least on which Trusted Advisor speaks."""
LIST_PLATFORMS = (None, "", "Linux/UNIX")
"""The operating systems, as they are billed, that the list has prices for."""


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    columns = {
        **{"name": pl.String, "instance_type": pl.String, "state": pl.String, "lifecycle": pl.String},
        **{"platform": pl.String, "tenancy": pl.String, "auto_scaling_group": pl.String, "instance_id": pl.String},
    }
    measures = {
        **{"instance_id": pl.String, "cpu_avg": pl.Float64, "cpu_max": pl.Float64},
        **{"network_daily_mb": pl.Float64, "hours": pl.Float64},
    }
    measured = tables.get("cloudwatch.instance_cpu", measures).select(
        "account",
        "region",
        *(name for name in measures if name != "instance_id"),
        pl.col("seen").alias("measured"),
        pl.coalesce("instance_id", "id").alias("key"),
    )
    quiet = (pl.col("cpu_avg") <= CPU_AVERAGE) & (pl.col("network_daily_mb") <= NETWORK_MB)
    idle = (
        tables.get("ec2.instance", columns)
        .with_columns(key=pl.coalesce("instance_id", "id"))
        .filter(pl.col("state") == "running")
        .join(measured, on=["account", "region", "key"])
        .filter(pl.col("hours") >= OBSERVED_HOURS, quiet | (pl.col("cpu_max") < CPU_MAX_STRICT))
    )
    for row in rows(idle):
        yield _finding(row, prices)


def _finding(row: Row, prices: PriceList) -> Finding:
    spot = row["lifecycle"] == "spot"
    grouped = bool(row["auto_scaling_group"])
    listed = not spot and row["platform"] in LIST_PLATFORMS and row["tenancy"] in (None, "", "default")
    price = None if not listed else prices.find("ec2.linux", row["region"], row["instance_type"])
    strict = row["cpu_max"] is not None and row["cpu_max"] < CPU_MAX_STRICT
    seen, measured = row["seen"] or "", row["measured"] or ""
    assumptions = ["the next two weeks are like the last", "its volumes and addresses stay and go on costing"]
    if grouped:
        assumptions.append(
            "it belongs to an Auto Scaling group, which would replace it: lower the desired size instead"
        )
    if spot:
        assumptions.append("a Spot Instance of a one-time request cannot be stopped; its price is not on the list")
    network = "unknown" if row["network_daily_mb"] is None else f"{row['network_daily_mb']:.1f} MB a day"
    return Finding(
        ref=row["ref"],
        title=f"{'Give up' if grouped or spot else 'Stop'} the idle {row['instance_type']} {name_of(row)}",
        why=f"In {row['hours']:.0f} measured hours its CPU was at {_percent(row['cpu_avg'])} on average and "
        f"{_percent(row['cpu_max'])} at most, its network traffic {network}.",
        evidence=(
            Evidence("CPU, average", _percent(row["cpu_avg"]), "CloudWatch CPUUtilization", measured),
            Evidence("CPU, highest hour", _percent(row["cpu_max"]), "CloudWatch CPUUtilization", measured),
            Evidence("network", network, "CloudWatch NetworkIn + NetworkOut", measured),
            Evidence("hours measured", f"{row['hours']:.0f}", "CloudWatch", measured),
            Evidence("state", "running", "DescribeInstances", seen),
        ),
        monthly_saving=None if price is None else price.value * HOURS,
        price_source=priced(price),
        confidence="high" if strict else "medium",
        assumptions=tuple(assumptions),
        falsified_by="a job that runs less often than every two weeks, or work that uses memory or a GPU only",
        action=None if grouped or spot else Action("ec2.stop_instance", {}),
    )


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f} %"


ADVICE = Advice(
    "idle-instance", "idle", "Running instances that do nothing", ("ec2.instance", "cloudwatch.instance_cpu"), find
)
