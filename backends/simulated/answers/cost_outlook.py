"""Cost Explorer beyond what was spent: forecast, anomalies, coverage of commitments, cost allocation tags."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.bills import ANOMALIES, COMPUTE
from backends.simulated.randomness import fraction

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_MONITOR = "arn:aws:ce::{account}:anomalymonitor/00000000-0000-4000-8000-000000000001"
_WEEKS = 4
_UNSEEN_DAYS = 1
"""Coverage is told of days that are over, this many later."""
TAGS = ("team", "env", "owner")


def _spent(simulation: Simulation, account: str, day: date, services: tuple[str, ...] = ()) -> float:
    bills, now = simulation.bills, simulation.clock.now()
    return sum(bills.cost(account, service, day, now) for service in services or bills.services())


def _days(given: dict[str, Any]) -> list[date]:
    start = date.fromisoformat(given["TimePeriod"]["Start"][:10])
    end = date.fromisoformat(given["TimePeriod"]["End"][:10])
    if start >= end:
        raise wire.AwsError("ValidationException", "Start date (and hour) should be before end date (and hour)")
    return [start + timedelta(days=number) for number in range((end - start).days)]


@answers("ce", "GetCostForecast")
def get_cost_forecast(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """By day: the mean of the same weekday in the last four weeks, wider the further ahead."""
    given = wire.parameters(request)
    today = simulation.clock.now().date()
    days = _days(given)
    if days[0] < today:
        raise wire.AwsError("ValidationException", "Start date must be equal to or later than the current date")
    if given["Granularity"] != "DAILY":
        raise wire.AwsError("ValidationException", "Granularity must be DAILY here")
    results: list[dict[str, Any]] = []
    for day in days:
        same = [
            _spent(simulation, request.account, day - timedelta(weeks=back + (day - today).days // 7 + 1))
            for back in range(_WEEKS)
        ]
        mean, width = sum(same) / _WEEKS, 0.02 + 0.002 * (day - today).days
        results.append(
            {
                "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
                "MeanValue": f"{mean:.10f}",
                "PredictionIntervalLowerBound": f"{mean * (1 - width):.10f}",
                "PredictionIntervalUpperBound": f"{mean * (1 + width):.10f}",
            }
        )
    total = sum(float(result["MeanValue"]) for result in results)
    return {"Total": {"Amount": f"{total:.10f}", "Unit": "USD"}, "ForecastResultsByTime": results}


@answers("ce", "GetAnomalies")
def get_anomalies(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """What the bills were made to hold, if its last day lies in the interval."""
    given = wire.parameters(request)
    interval = given["DateInterval"]
    first, last = interval["StartDate"], interval.get("EndDate") or "9999-12-31"
    found = [
        _anomaly(simulation, number, *anomaly[1:])
        for number, anomaly in enumerate(ANOMALIES)
        if anomaly[0] == request.account
    ]
    return {"Anomalies": [anomaly for anomaly in found if first <= anomaly["AnomalyEndDate"][:10] <= last]}


def _anomaly(
    simulation: Simulation, number: int, service: str, back: int, length: int, factor: float
) -> dict[str, Any]:
    account = accounts.PRODUCTION.id
    began = simulation.clock.start.date() - timedelta(days=back)
    days = [began + timedelta(days=passed) for passed in range(length)]
    spent = [_spent(simulation, account, day, (service,)) for day in days]
    usual = sum(spent) / factor
    impact = {
        "MaxImpact": round(max(spent) * (1 - 1 / factor), 2),
        "TotalImpact": round(sum(spent) - usual, 2),
        "TotalActualSpend": round(sum(spent), 2),
        "TotalExpectedSpend": round(usual, 2),
        "TotalImpactPercentage": round(100 * (factor - 1), 2),
    }
    cause = {"Service": service, "Region": accounts.REGIONS[0], "LinkedAccount": account}
    return {
        "AnomalyId": f"00000000-0000-4000-8000-00000000a{number:03d}",
        "AnomalyStartDate": f"{days[0]}T00:00:00Z",
        "AnomalyEndDate": f"{days[-1]}T00:00:00Z",
        "DimensionValue": service,
        "RootCauses": [cause | {"UsageType": "DataTransfer-Out-Bytes"}],
        "AnomalyScore": {"MaxScore": 0.9, "CurrentScore": 0.6},
        "Impact": impact,
        "MonitorArn": _MONITOR.format(account=account),
    }


def _known(simulation: Simulation, given: dict[str, Any]) -> list[date]:
    last = simulation.clock.now().date() - timedelta(days=_UNSEEN_DAYS)
    return [day for day in _days(given) if day < last]


@answers("ce", "GetSavingsPlansCoverage")
def get_savings_plans_coverage(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """By day, a plan that covers a part of compute; the sandbox has none, and AWS has no data then."""
    if request.account != accounts.PRODUCTION.id:
        raise wire.AwsError("DataUnavailableException", "No Savings Plans data is available.")
    coverages = []
    for day in _known(simulation, wire.parameters(request)):
        total = _spent(simulation, request.account, day, (COMPUTE,))
        covered = total * (0.31 + 0.04 * fraction(simulation.seed, "plans", day))
        coverages.append(
            {
                "Attributes": {},
                "Coverage": {
                    "SpendCoveredBySavingsPlans": f"{covered:.10f}",
                    "OnDemandCost": f"{total - covered:.10f}",
                    "TotalCost": f"{total:.10f}",
                    "CoveragePercentage": f"{100 * covered / total if total else 0:.2f}",
                },
                "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
            }
        )
    return {"SavingsPlansCoverages": coverages}


@answers("ce", "GetReservationCoverage")
def get_reservation_coverage(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """By day, a handful of reserved instances; the sandbox has none."""
    reserved = 144.0 if request.account == accounts.PRODUCTION.id else 0.0
    output: dict[str, Any] = {"CoveragesByTime": []}
    for day in _known(simulation, wire.parameters(request)):
        cost = _spent(simulation, request.account, day, (COMPUTE,))
        hours = reserved + cost / 0.11
        total = {
            "CoverageHours": {
                "OnDemandHours": f"{hours - reserved:.2f}",
                "ReservedHours": f"{reserved:.2f}",
                "TotalRunningHours": f"{hours:.2f}",
                "CoverageHoursPercentage": f"{100 * reserved / hours if hours else 0:.2f}",
            },
            "CoverageCost": {"OnDemandCost": f"{cost:.10f}"},
        }
        span = {"Start": str(day), "End": str(day + timedelta(days=1))}
        output["CoveragesByTime"].append({"TimePeriod": span, "Groups": [], "Total": total})
        output["Total"] = total
    return output


@answers("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The tags that the bills can be split by, all of them active."""
    day = f"{simulation.clock.now():%Y-%m-%dT00:00:00Z}"
    given = {"Type": "UserDefined", "Status": "Active", "LastUsedDate": day, "LastUpdatedDate": day}
    return {"CostAllocationTags": [{"TagKey": tag} | given for tag in TAGS]}
