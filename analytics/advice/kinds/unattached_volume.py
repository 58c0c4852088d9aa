"""Volumes that are attached to nothing and cost as if they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from analytics.advice.base import Advice, ColumnTypes, Evidence, Finding, Row, Tables, name_of, priced, rows
from analytics.advice.prices import Price, PriceList

OLD_ENOUGH = timedelta(days=14)


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    columns: ColumnTypes = {
        **{"name": pl.String, "volume_type": pl.String, "state": pl.String, "created": pl.Datetime("us")},
        **{"size": pl.Int64, "iops": pl.Int64, "throughput": pl.Int64},
    }
    unused = tables.get("ec2.volume", columns).filter(
        pl.col("state") == "available", pl.col("size") > 0, pl.col("created") <= now - OLD_ENOUGH
    )
    for row in rows(unused):
        parts = bill(row, prices)
        known = [price for _, price in parts if price is not None]
        saving = sum(amount * price.value for amount, price in parts if price) if len(known) == len(parts) else None
        seen = row["seen"] or ""
        yield Finding(
            ref=row["ref"],
            title=f"Snapshot and delete the unattached volume {name_of(row)}",
            why=f"It is {row['size']} GiB of {row['volume_type']} in state available: nothing can be reading it.",
            evidence=(
                Evidence("state", "available", "DescribeVolumes", seen),
                Evidence("size", f"{row['size']} GiB {row['volume_type']}", "DescribeVolumes", seen),
                Evidence("created", f"{row['created']:%Y-%m-%d}", "DescribeVolumes", seen),
            ),
            monthly_saving=saving,
            price_source=priced(*(price for _, price in parts)),
            confidence="medium",
            assumptions=(
                "list prices, no private discount; a snapshot kept instead costs something",
                "AWS does not say since when a volume is unattached: it is at least two weeks old and unattached now",
            ),
            falsified_by="an attachment in the last two weeks, or a job that attaches it from time to time",
        )


def bill(row: Row, prices: PriceList) -> list[tuple[float, Price | None]]:
    """What the volume is billed for: (amount, price per month) of its size and of what was bought beside."""
    region, kind = row["region"], row["volume_type"]
    parts = [(float(row["size"]), prices.find("ebs", region, kind))]
    if kind in ("io1", "io2"):
        parts.append((float(row["iops"] or 0), prices.find("ebs", region, f"{kind}.iops")))
    if kind == "gp3":
        parts.append((float(max((row["iops"] or 3000) - 3000, 0)), prices.find("ebs", region, "gp3.iops")))
        parts.append((float(max((row["throughput"] or 125) - 125, 0)), prices.find("ebs", region, "gp3.throughput")))
    return parts


ADVICE = Advice("unattached-volume", "unattached", "Volumes attached to nothing", ("ec2.volume",), find)
