"""EKS clusters whose Kubernetes version has left standard support and costs six times as much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from analytics.advice.base import Advice, ColumnTypes, Evidence, Finding, Tables, priced, rows
from analytics.advice.prices import HOURS, PriceList

_CLUSTER: ColumnTypes = {"name": pl.String, "version": pl.String, "status": pl.String, "support": pl.String}
_VERSION: ColumnTypes = {"version": pl.String, "support": pl.String, "standard_end": pl.Datetime("us")}


def find(tables: Tables, prices: PriceList, now: datetime) -> Iterator[Finding]:
    """What EKS itself tells of its versions decides: of one that it does not tell nothing is said.

    A cluster whose policy is STANDARD pays nothing more: AWS upgrades it by itself. One whose policy is not told may be
    either, with medium confidence.
    """
    versions = tables.get("eks.cluster_version", _VERSION).rename({"support": "supported", "seen": "told"})
    ended = versions.filter(pl.col("supported") == "EXTENDED_SUPPORT").select(
        "account", "region", "version", "standard_end", "told"
    )
    clusters = tables.get("eks.cluster", _CLUSTER).filter(pl.col("support").fill_null("") != "STANDARD")
    for row in rows(clusters.join(ended, on=["account", "region", "version"])):
        standard, extended = (prices.find("eks", row["region"], item) for item in ("standard", "extended"))
        saving = (extended.value - standard.value) * HOURS if standard and extended else None
        since = f"{row['standard_end']:%Y-%m-%d}" if row["standard_end"] else "a day that EKS does not tell"
        known = row["support"] == "EXTENDED"
        yield Finding(
            ref=row["ref"],
            title=f"Upgrade the cluster {row['name'] or row['id']} from Kubernetes {row['version']}",
            why=f"Standard support of {row['version']} ended on {since}; every hour since costs the extended rate.",
            evidence=(
                Evidence("version", row["version"], "DescribeCluster", row["seen"] or ""),
                Evidence("upgrade policy", row["support"] or "not told", "DescribeCluster", row["seen"] or ""),
                Evidence("standard support ended", since, "DescribeClusterVersions", row["told"] or ""),
            ),
            monthly_saving=saving,
            price_source=priced(standard, extended),
            confidence="high" if known else "medium",
            assumptions=() if known else ("the cluster's upgrade policy allows extended support",),
            falsified_by="an upgrade policy of STANDARD, with which AWS upgrades the cluster by itself",
        )


ADVICE = Advice(
    "eks-extended-support",
    "extended support",
    "Clusters in extended support",
    ("eks.cluster", "eks.cluster_version"),
    find,
)
