"""Cost Explorer: GetCostAndUsage by day and month, grouped by service, region, account, usage type or tag."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.bills import COMPUTE

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PERIODS_A_PAGE = 40
_METRICS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost", "UsageQuantity")
_REGION_SHARE = {"us-east-1": 0.68, "eu-west-1": 0.22, "ap-southeast-2": 0.1}
_USAGE_SHARE = {
    COMPUTE: {"BoxUsage:m5.xlarge": 0.5, "SpotUsage:c5.xlarge": 0.18, "EU-BoxUsage:m5.large": 0.32},
    "EC2 - Other": {"NatGateway-Hours": 0.21, "EBS:VolumeUsage.gp2": 0.44, "DataTransfer-Regional-Bytes": 0.35},
    "AmazonCloudWatch": {"CW:MetricMonitorUsage": 0.4, "DataProcessing-Bytes": 0.6},
}
_USAGE_OTHERWISE = {"Requests": 0.3, "Usage": 0.7}
_TAG_SHARE = {
    "team": {"platform": 0.42, "shop": 0.31, "data": 0.17, "": 0.1},
    "env": {"production": 0.8, "": 0.2},
    "owner": {"platform": 0.25, "": 0.75},
}


@answers("ce", "GetCostAndUsage")
def get_cost_and_usage(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Periods in order, forty a page; days to come are absent and today holds what was spent so far."""
    given = wire.parameters(request)
    start, end = _period(given)
    metrics = given.get("Metrics") or []
    for metric in metrics or ["nothing"]:
        if metric not in _METRICS:
            raise wire.AwsError(
                "ValidationException", f"Metric {metric} is invalid. Valid values: {', '.join(_METRICS)}"
            )
    periods = list(_periods(start, min(end, simulation.clock.now().date() + timedelta(days=1)), given["Granularity"]))
    offset = _offset(given.get("NextPageToken"))
    output: dict[str, Any] = {
        "ResultsByTime": [
            _result(simulation, request.account, given, metrics, first, last)
            for first, last in periods[offset : offset + _PERIODS_A_PAGE]
        ],
        "DimensionValueAttributes": [],
    }
    if given.get("GroupBy"):
        output["GroupDefinitions"] = given["GroupBy"]
    if offset + _PERIODS_A_PAGE < len(periods):
        output["NextPageToken"] = f"page-{offset + _PERIODS_A_PAGE}"
    return output


def _period(given: dict[str, Any]) -> tuple[date, date]:
    try:
        start = date.fromisoformat(given["TimePeriod"]["Start"][:10])
        end = date.fromisoformat(given["TimePeriod"]["End"][:10])
    except ValueError as problem:
        raise wire.AwsError("ValidationException", f"Start or end is not a date: {problem}") from problem
    if start >= end:
        raise wire.AwsError("ValidationException", "Start date (and hour) should be before end date (and hour)")
    if given.get("Granularity") not in ("DAILY", "MONTHLY"):
        raise wire.AwsError("ValidationException", "Granularity must be DAILY or MONTHLY here")
    return start, end


def _offset(token: str | None) -> int:
    if not token:
        return 0
    if not token.startswith("page-") or not token[5:].isdigit():
        raise wire.AwsError("InvalidNextTokenException", f"Invalid token {token}")
    return int(token[5:])


def _periods(start: date, end: date, granularity: str) -> Any:
    day = start
    while day < end:
        following = day + timedelta(days=1)
        if granularity == "MONTHLY":
            following = min((day.replace(day=1) + timedelta(days=32)).replace(day=1), end)
        yield day, following
        day = following


def _result(
    simulation: Simulation, account: str, given: dict[str, Any], metrics: list[str], first: date, last: date
) -> dict[str, Any]:
    now = simulation.clock.now()
    costs = {
        service: sum(simulation.bills.cost(account, service, day, now) for day in _days(first, last))
        for service in simulation.bills.services()
        if _asked_for(given.get("Filter"), service)
    }
    amounts = {
        keys: (cost, sum(simulation.bills.usage(account, keys[0], day) for day in _days(first, last)))
        for keys, cost in _grouped(costs, given.get("GroupBy") or [], account).items()
    }
    result: dict[str, Any] = {
        "TimePeriod": {"Start": first.isoformat(), "End": last.isoformat()},
        "Total": {},
        "Groups": [],
        "Estimated": datetime.combine(last, datetime.min.time(), now.tzinfo) > now - timedelta(days=2),
    }
    if given.get("GroupBy"):
        result["Groups"] = [
            {"Keys": list(keys), "Metrics": _metrics(metrics, *amount)} for keys, amount in sorted(amounts.items())
        ]
    else:
        total = (sum(cost for cost, _ in amounts.values()), sum(usage for _, usage in amounts.values()))
        result["Total"] = _metrics(metrics, *total)
    return result


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=index) for index in range((last - first).days)]


def _grouped(costs: dict[str, float], groups: list[dict[str, str]], account: str) -> dict[tuple[str, ...], float]:
    """Costs above nothing by the keys of the wanted dimensions."""
    grouped: dict[tuple[str, ...], float] = {}
    for service, cost in costs.items():
        shares = [_shares(group, service, account) for group in groups] or [{service: 1.0}]
        for parts in product(*(share.items() for share in shares)):
            keys = tuple(key for key, _ in parts)
            if cost > 0:
                grouped[keys] = grouped.get(keys, 0.0) + cost * prod(share for _, share in parts)
    return grouped


def _shares(group: dict[str, str], service: str, account: str) -> dict[str, float]:
    """How a service's cost is split by one group definition: key → share."""
    name = group["Key"]
    if group["Type"] == "TAG":
        return {f"{name}${value}": share for value, share in _TAG_SHARE.get(name, {"": 1.0}).items()}
    known = {
        "SERVICE": {service: 1.0},
        "REGION": _REGION_SHARE,
        "LINKED_ACCOUNT": {account: 1.0},
        "USAGE_TYPE": _USAGE_SHARE.get(service, _USAGE_OTHERWISE),
    }
    return known.get(name, {f"{name}$": 1.0})


def _metrics(names: list[str], cost: float, usage: float) -> dict[str, dict[str, str]]:
    return {
        name: {"Amount": f"{usage:.4f}", "Unit": "N/A"}
        if name == "UsageQuantity"
        else {"Amount": f"{cost:.10f}", "Unit": "USD"}
        for name in names
    }


def _asked_for(expression: dict[str, Any] | None, service: str) -> bool:
    """Whether a filter keeps a service. Dimensions other than SERVICE keep everything: an account sees only itself."""
    if not expression:
        return True
    if "Not" in expression:
        return not _asked_for(expression["Not"], service)
    if "And" in expression:
        return all(_asked_for(part, service) for part in expression["And"])
    if "Or" in expression:
        return any(_asked_for(part, service) for part in expression["Or"])
    dimension = expression.get("Dimensions", {})
    return dimension.get("Key") != "SERVICE" or service in dimension.get("Values", [])
