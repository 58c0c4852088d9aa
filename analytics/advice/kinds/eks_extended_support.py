"""EKS clusters whose Kubernetes version has left standard support and costs six times as much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import polars as pl

from analytics.advice.base import Advice, Evidence, Finding, Tables, priced, rows
from analytics.advice.prices import HOURS, PriceList

STANDARD_SUPPORT_ENDS = {
    "1.24": date(2024, 1, 31),
    "1.25": date(2024, 5, 1),
    "1.26": date(2024, 6, 11),
    "1.27": date(2024, 7, 24),
    "1.28": date(2024, 11, 26),
    "1.29": date(2025, 3, 23),
    "1.30": date(2025, 7, 23),
    "1.31": date(2025, 11, 26),
    "1.32": date(2026, 3, 23),
}
CALENDAR = "Amazon EKS release calendar"


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    past = [version for version, ends in STANDARD_SUPPORT_ENDS.items() if ends < now.date()]
    clusters = tables.get("eks.cluster", {"name": pl.String, "version": pl.String, "status": pl.String})
    for row in rows(clusters.filter(pl.col("version").is_in(past))):
        standard, extended = (prices.find("eks", row["region"], item) for item in ("standard", "extended"))
        saving = (extended.value - standard.value) * HOURS if standard and extended else None
        ended = STANDARD_SUPPORT_ENDS[row["version"]]
        yield Finding(
            ref=row["ref"],
            title=f"Upgrade the cluster {row['name'] or row['id']} from Kubernetes {row['version']}",
            why=f"Standard support of {row['version']} ended on {ended}; every hour since costs the extended rate.",
            evidence=(
                Evidence("version", row["version"], "DescribeCluster", row["seen"] or ""),
                Evidence("standard support ended", f"{ended}", CALENDAR),
            ),
            monthly_saving=saving,
            price_source=priced(standard, extended),
            confidence="high",
            assumptions=("the cluster's upgrade policy allows extended support",),
            falsified_by="an upgrade policy of STANDARD, with which AWS upgrades the cluster by itself",
        )


ADVICE = Advice("eks-extended-support", "extended support", "Clusters in extended support", ("eks.cluster",), find)
