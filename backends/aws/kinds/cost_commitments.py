"""Cost Explorer: how much of what runs is covered by Savings Plans and by reservations, day by day."""

from __future__ import annotations

from backends.model import Call, Column, Json, Kind, Window

_DAY = 86_400
_WINDOW = Window(first_days=30, again_days=4)
_SPAN: Json = {"TimePeriod": {"Start": "{since:day}", "End": "{today}"}, "Granularity": "DAILY"}
_ONCE = "Read once a day, at 0.01 USD a page; AWS knows of a day after one or two."

SP_COVERAGE = Kind(
    name="cost.sp_coverage",
    title="Savings Plans coverage",
    service="ce",
    calls=(
        Call(
            "GetSavingsPlansCoverage",
            "SavingsPlansCoverages",
            parameters=_SPAN,
            page=("MaxResults", 100),
            absent=("DataUnavailableException",),
        ),
    ),
    key=("day",),
    columns=(
        Column("day", "TimePeriod.Start", "time", help="The day, in UTC.", narrow=True),
        Column("percent", "Coverage.CoveragePercentage", "number", help="How much is covered.", unit="%", narrow=True),
        Column(
            "covered",
            "Coverage.SpendCoveredBySavingsPlans",
            "number",
            help="What the plans covered, at On-Demand prices.",
            unit="USD",
            narrow=True,
        ),
        Column("on_demand", "Coverage.OnDemandCost", "number", help="What they did not.", unit="USD", narrow=True),
        Column("total", "Coverage.TotalCost", "number", help="What could be covered.", unit="USD", narrow=True),
    ),
    regional=False,
    cadence=_DAY,
    closes=False,
    window=_WINDOW,
    paid=0.01,
    sort="-day",
    help=f"How much of the eligible cost Savings Plans cover, by day, from GetSavingsPlansCoverage. {_ONCE}",
)


def _hours(member: str) -> str:
    return f"Total.CoverageHours.{member}"


RI_COVERAGE = Kind(
    name="cost.ri_coverage",
    title="Reservation coverage",
    service="ce",
    calls=(
        Call(
            "GetReservationCoverage",
            "CoveragesByTime",
            parameters=_SPAN | {"Metrics": ["Hour", "Cost"]},
            page=("MaxResults", 100),
            absent=("DataUnavailableException",),
        ),
    ),
    key=("day",),
    columns=(
        Column("day", "TimePeriod.Start", "time", help="The day, in UTC.", narrow=True),
        Column(
            "percent",
            _hours("CoverageHoursPercentage"),
            "number",
            help="How many of the hours that instances ran are reserved.",
            unit="%",
            narrow=True,
        ),
        Column("reserved", _hours("ReservedHours"), "number", help="Reserved hours.", unit="h", narrow=True),
        Column("on_demand", _hours("OnDemandHours"), "number", help="Hours paid On-Demand.", unit="h", narrow=True),
        Column("total", _hours("TotalRunningHours"), "number", help="All hours.", unit="h", narrow=True),
        Column("on_demand_cost", "Total.CoverageCost.OnDemandCost", "number", help="What those cost.", unit="USD"),
    ),
    regional=False,
    cadence=_DAY,
    closes=False,
    window=_WINDOW,
    paid=0.01,
    sort="-day",
    help=f"How many of the hours of EC2 instances are reserved, by day, from GetReservationCoverage. {_ONCE}",
)
