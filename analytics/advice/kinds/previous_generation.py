"""Instances of a generation that the next one undercuts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from analytics.advice.base import Advice, Evidence, Finding, Tables, name_of, priced, rows
from analytics.advice.prices import HOURS, PriceList

NEXT = {"t2": "t3", "m3": "m5", "m4": "m5", "c3": "c5", "c4": "c5", "r3": "r5", "r4": "r5"}


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    columns = dict.fromkeys(("name", "instance_type", "state", "lifecycle", "platform"), pl.String)
    family = pl.col("instance_type").str.split(".").list.first()
    old = tables.get("ec2.instance", columns).filter(
        pl.col("state") == "running",
        family.is_in(list(NEXT)),
        pl.col("lifecycle").fill_null("") != "spot",
        pl.col("platform").fill_null("Linux/UNIX").is_in(["", "Linux/UNIX"]),
    )
    for row in rows(old):
        was, _, size = row["instance_type"].partition(".")
        new = f"{NEXT[was]}.{size}"
        current, candidate = (prices.find("ec2.linux", row["region"], item) for item in (row["instance_type"], new))
        if current is None or candidate is None or candidate.value >= current.value:
            continue
        yield Finding(
            ref=row["ref"],
            title=f"Move {name_of(row)} from {row['instance_type']} to {new}",
            why=f"{new} is a generation newer, no smaller, and cheaper by the hour.",
            evidence=(
                Evidence("instance type", row["instance_type"], "DescribeInstances", row["seen"] or ""),
                Evidence("price now", f"{current.value} {current.unit}", current.source, current.as_of),
                Evidence(f"price of {new}", f"{candidate.value} {candidate.unit}", candidate.source, candidate.as_of),
            ),
            monthly_saving=(current.value - candidate.value) * HOURS,
            price_source=priced(current, candidate),
            confidence="medium",
            assumptions=("list prices, no private discount or reservation", "the image has ENA and NVMe drivers"),
            falsified_by="a reservation or Savings Plan bound to the old family, or an image that cannot boot on Nitro",
        )


ADVICE = Advice(
    "previous-generation", "old generation", "Instances that a newer generation undercuts", ("ec2.instance",), find
)
