"""gp2 volumes that gp3 would serve as fast for less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from analytics.advice.base import Advice, Evidence, Finding, Tables, name_of, priced, rows
from analytics.advice.prices import PriceList

INCLUDED_IOPS, INCLUDED_THROUGHPUT = 3000, 125
SMALL_GIB = 170
"""gp2 moves at most 128 MiB/s up to this size, and up to 250 MiB/s above."""


def gp2_performance(gib: int) -> tuple[int, int]:
    """IOPS and MiB/s that a gp2 volume of this size reaches."""
    return min(max(3 * gib, 100), 16_000), 128 if gib <= SMALL_GIB else 250


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    columns = {"name": pl.String, "volume_type": pl.String, "size": pl.Int64, "state": pl.String}
    volumes = tables.get("ec2.volume", columns).filter(pl.col("volume_type") == "gp2", pl.col("size") > 0)
    for row in rows(volumes):
        gib, region = row["size"], row["region"]
        iops, throughput = gp2_performance(gib)
        extra_iops, extra_throughput = max(iops - INCLUDED_IOPS, 0), max(throughput - INCLUDED_THROUGHPUT, 0)
        gp2, gp3, per_iops, per_throughput = (
            prices.find("ebs", region, item) for item in ("gp2", "gp3", "gp3.iops", "gp3.throughput")
        )
        saving = None
        if gp2 and gp3 and per_iops and per_throughput:
            extra = extra_iops * per_iops.value + extra_throughput * per_throughput.value
            saving = gib * (gp2.value - gp3.value) - extra
            if saving < 0.01:
                continue
        yield Finding(
            ref=row["ref"],
            title=f"Change {name_of(row)} from gp2 to gp3",
            why=f"gp3 at {max(iops, INCLUDED_IOPS)} IOPS and {max(throughput, INCLUDED_THROUGHPUT)} MiB/s is no slower "
            f"than this gp2 volume of {gib} GiB and costs less; the change is made without detaching.",
            evidence=(
                Evidence("volume type", "gp2", "DescribeVolumes", row["seen"] or ""),
                Evidence("size", f"{gib} GiB", "DescribeVolumes", row["seen"] or ""),
                Evidence("gp2 performance", f"{iops} IOPS, {throughput} MiB/s", "AWS documentation of gp2"),
                Evidence(
                    "to buy beside gp3", f"{extra_iops} IOPS, {extra_throughput} MiB/s", "AWS documentation of gp3"
                ),
            ),
            monthly_saving=saving,
            price_source=priced(gp2, gp3, per_iops, per_throughput),
            confidence="high",
            assumptions=("list prices, no private discount", "all of gp2's IOPS and throughput are matched"),
            falsified_by="a volume that needs more than 3,000 IOPS or 125 MiB/s, moved without the extras",
        )


ADVICE = Advice("gp2-to-gp3", "gp2", "gp2 volumes cheaper as gp3", ("ec2.volume",), find)
