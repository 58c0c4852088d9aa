"""CloudWatch for what is simulated: computed, never stored. Other namespaces are moto's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.utils import parse_timestamp

from backends.simulated import services, traffic, usage, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PAGE_POINTS = 100_800
_MOST_QUERIES = 500
_NAMESPACES = ("AWS/EC2", "AWS/AutoScaling", *traffic.NAMESPACES, *services.NAMESPACES, *usage.NAMESPACES)
_LONGEST = timedelta(days=63)
_QUERIES = "MetricDataQueries.member."


@answers("cloudwatch", "GetMetricData")
def get_metric_data(simulation: Simulation, request: wire.Request) -> wire.Reply | None:
    """Up to 500 queries; at most 100,800 points a page, then a NextToken, as in AWS."""
    given = _given(request.query)
    queries = given["MetricDataQueries"]
    if not queries or any(_namespace(query) not in _NAMESPACES for query in queries):
        return None
    if len(queries) > _MOST_QUERIES:
        message = f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}."
        raise wire.AwsError("ValidationError", message)
    start, end = _span(simulation, given)
    cloud = Cloud(request.account, request.region)
    known: dict[str, Any] = {instance.id: instance for instance in cloud.instances()}
    known |= {f"group {group.name}": group for group in cloud.groups()}
    known |= traffic.subjects(simulation.seed, cloud) | services.subjects(simulation.seed, cloud)
    known |= usage.subjects(cloud)
    newest_first = given.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    first = int(given.get("NextToken") or 0)
    results: list[str] = []
    points, position = 0, first
    for position in range(first, len(queries)):
        text, count = _result(simulation, queries[position], known, start, end, newest_first)
        if results and points + count > min(given.get("MaxDatapoints") or _PAGE_POINTS, _PAGE_POINTS):
            break
        results.append(text)
        points += count
    else:
        position = len(queries)
    token = f"<NextToken>{position}</NextToken>" if position < len(queries) else ""
    body = (
        '<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricDataResult>'
        f"<MetricDataResults>{''.join(results)}</MetricDataResults>{token}<Messages/></GetMetricDataResult>"
        "<ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></GetMetricDataResponse>"
    )
    return wire.Reply(200, [("Content-Type", "text/xml")], body.encode())


def _given(query: dict[str, str]) -> dict[str, Any]:
    """The parameters, read in one pass: the general parser goes through thousands of keys once for each of them."""
    members: dict[int, dict[str, str]] = {}
    for key, value in query.items():
        if key.startswith(_QUERIES):
            index, _, rest = key.removeprefix(_QUERIES).partition(".")
            members.setdefault(int(index), {})[rest] = value
    given: dict[str, Any] = {key: query[key] for key in ("NextToken", "ScanBy") if key in query}
    given |= {key: parse_timestamp(query[key]) for key in ("StartTime", "EndTime")}
    if "MaxDatapoints" in query:
        given["MaxDatapoints"] = int(query["MaxDatapoints"])
    return given | {"MetricDataQueries": [_query(members[index]) for index in sorted(members)]}


def _query(member: dict[str, str]) -> dict[str, Any]:
    metric = "MetricStat.Metric."
    dimensions = [
        {"Name": name, "Value": member.get(key.removesuffix("Name") + "Value", "")}
        for key, name in member.items()
        if key.startswith(f"{metric}Dimensions.member.") and key.endswith(".Name")
    ]
    return {
        "Id": member["Id"],
        "MetricStat": {
            "Metric": {
                "Namespace": member.get(f"{metric}Namespace", ""),
                "MetricName": member.get(f"{metric}MetricName", ""),
                "Dimensions": dimensions,
            },
            "Period": int(member.get("MetricStat.Period", 300)),
            "Stat": member.get("MetricStat.Stat", ""),
        },
    }


@answers("cloudwatch", "GetMetricStatistics")
def get_metric_statistics(simulation: Simulation, request: wire.Request) -> dict[str, Any] | None:
    """The same numbers through the older call."""
    given = wire.parameters(request)
    if given.get("Namespace") != "AWS/EC2":
        return None
    start, end = _span(simulation, given)
    cloud = Cloud(request.account, request.region)
    instance = next((i for i in cloud.instances() if i.id == _instance_id(given.get("Dimensions"))), None)
    points: dict[int, dict[str, Any]] = {}
    for statistic in given.get("Statistics") or [] if instance is not None else []:
        try:
            times, values = simulation.metrics.series(
                instance, given["MetricName"], statistic, given["Period"], start, _until(instance, end)
            )
        except KeyError:
            continue
        for at, value in zip(times.tolist(), values.tolist(), strict=True):
            point = points.setdefault(at, {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": _unit(given)})
            point[statistic] = value
    return {"Label": given["MetricName"], "Datapoints": list(points.values())}


def _span(simulation: Simulation, given: dict[str, Any]) -> tuple[datetime, datetime]:
    now = simulation.clock.now()
    start, end = _utc(given["StartTime"]), _utc(given["EndTime"])
    if start >= end:
        raise wire.AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return max(start, now - _LONGEST), min(end, now)


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _result(
    simulation: Simulation,
    query: dict[str, Any],
    known: dict[str, Any],
    start: datetime,
    end: datetime,
    newest_first: bool,
) -> tuple[str, int]:
    stat = query["MetricStat"]
    metric = stat["Metric"]
    of = known.get(_about(metric))
    times: list[int] = []
    values: list[float] = []
    if of is not None:
        try:
            if isinstance(of, usage.Usage):
                found = of.series(stat["Period"], start, end)
            elif isinstance(of, traffic.Subject):
                found = traffic.series(of, metric["MetricName"], stat["Stat"], stat["Period"], start, end)
            elif metric["Dimensions"][0]["Name"] == "AutoScalingGroupName":
                found = simulation.metrics.group_series(of, metric["MetricName"], stat["Period"], start, end)
            else:
                found = simulation.metrics.series(
                    of, metric["MetricName"], stat["Stat"], stat["Period"], start, _until(of, end)
                )
        except KeyError:
            pass  # a metric or statistic that instances do not have: an empty answer, as in AWS
        else:
            times, values = found[0].tolist(), found[1].tolist()
    if newest_first:
        times.reverse()
        values.reverse()
    stamps = "".join(map(_stamp, times))
    numbers = "".join(f"<member>{value!r}</member>" for value in values)
    text = (
        f"<member><Id>{query['Id']}</Id><Label>{metric['MetricName']}</Label><StatusCode>Complete</StatusCode>"
        f"<Timestamps>{stamps}</Timestamps><Values>{numbers}</Values></member>"
    )
    return text, len(times)


@lru_cache(maxsize=10_000)
def _stamp(at: int) -> str:
    """A time as a list member; all series of a request share theirs."""
    return f"<member>{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}</member>"


def _until(instance: Any, end: datetime) -> datetime:
    """Metrics end where the instance stopped."""
    if instance.state == "running":
        return end
    ended: datetime = getattr(instance, "ended_at", None) or instance.launch_time
    return min(end, ended.replace(tzinfo=UTC))


def _namespace(query: dict[str, Any]) -> str:
    return str(query.get("MetricStat", {}).get("Metric", {}).get("Namespace", ""))


def _instance_id(dimensions: list[dict[str, str]] | None) -> str:
    return next((d["Value"] for d in dimensions or [] if d["Name"] == "InstanceId"), "")


def _about(metric: dict[str, Any]) -> str:
    """Whose it is: an instance's id, a group's name after "group ", or the key of a subject of others."""
    dimensions = metric.get("Dimensions")
    if found := services.key({dimension["Name"]: dimension["Value"] for dimension in dimensions or []}):
        return found
    if metric["Namespace"] in usage.NAMESPACES:
        return usage.key(metric)
    for dimension in dimensions or []:
        if dimension["Name"] == "QueueName":
            return f"queue {dimension['Value']}"
        if dimension["Name"] in traffic.DIMENSIONS:
            return str(dimension["Value"])
        if dimension["Name"] == "AutoScalingGroupName":
            return f"group {dimension['Value']}"
    return _instance_id(dimensions)


def _unit(given: dict[str, Any]) -> str:
    return "Percent" if given["MetricName"] == "CPUUtilization" else "Bytes"
