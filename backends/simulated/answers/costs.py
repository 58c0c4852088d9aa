"""Cost Explorer: GetCostAndUsage by day, hour-less and month, grouped by service, region or account."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PERIODS_A_PAGE = 40
_METRICS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost", "UsageQuantity")
_REGION_SHARE = {"us-east-1": 0.68, "eu-west-1": 0.22, "ap-southeast-2": 0.1}


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
    regions = {group["Key"] for group in groups} & {"REGION"}
    for service, cost in costs.items():
        for region, share in _REGION_SHARE.items() if regions else [("", 1.0)]:
            known = {"SERVICE": service, "REGION": region, "LINKED_ACCOUNT": account}
            keys = tuple(known.get(group["Key"], f"{group['Key']}$") for group in groups) or (service,)
            if cost > 0:
                grouped[keys] = grouped.get(keys, 0.0) + cost * share
    return grouped


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
