"""Cost Explorer: what was spent, by day and service. Every page of an answer costs money."""

from __future__ import annotations

from backends.model import Call, Column, Kind, Window

DAILY = Kind(
    name="cost.daily",
    title="Daily costs",
    service="ce",
    calls=(
        Call(
            "GetCostAndUsage",
            within="ResultsByTime",
            items="Groups",
            inherit={"Day": "TimePeriod.Start", "Estimated": "Estimated"},
            parameters={
                "TimePeriod": {"Start": "{since:day}", "End": "{today+1d}"},
                "Granularity": "DAILY",
                "Metrics": ["UnblendedCost"],
                "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
            },
        ),
    ),
    key=("day", "service"),
    columns=(
        Column("day", "Day", "time", help="The day, in UTC.", narrow=True),
        Column("service", "Keys[0]", help="The AWS service as Cost Explorer names it.", narrow=True),
        Column("amount", "Metrics.UnblendedCost.Amount", "number", help="Unblended cost.", unit="USD", narrow=True),
        Column("currency", "Metrics.UnblendedCost.Unit", help="The currency it is billed in."),
        Column("estimated", "Estimated", "boolean", help="Whether the day may still change.", narrow=True),
    ),
    regional=False,
    cadence=21_600,
    closes=False,
    window=Window(first_days=90, again_days=3),
    paid=0.01,
    sort="-day",
    help="Cost by day and service, from GetCostAndUsage: 0.01 USD a page, at most four polls a day. "
    "Days older than three are not read again.",
)
