"""CloudWatch: how busy instances were. GetMetricData is charged by the metric asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from backends.model import Call, Column, Json, Kind, Relation

_HOUR = 3600
_DAYS = 14
_METRICS = (
    ("average", "CPUUtilization", "Average"),
    ("maximum", "CPUUtilization", "Maximum"),
    ("received", "NetworkIn", "Sum"),
    ("sent", "NetworkOut", "Sum"),
)
# Four metrics of 75 instances by the hour are just the 100,800 points that AWS gives in one page.
_INSTANCES_A_REQUEST = 75
_USD_A_METRIC = 0.01 / 1000


def _ask(instances: Sequence[Json]) -> Json:
    return {
        "MetricDataQueries": [
            {
                "Id": f"{name}_{place}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/EC2",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "InstanceId", "Value": instance["InstanceId"]}],
                    },
                    "Period": _HOUR,
                    "Stat": statistic,
                },
            }
            for place, instance in enumerate(instances)
            for name, metric, statistic in _METRICS
        ]
    }


def _answer(instances: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """One element an instance: its id, name and type, and what its hours come to."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    times: defaultdict[str, list[str]] = defaultdict(list)
    for page in pages:
        for result in page.get("MetricDataResults", []):
            values[result["Id"]] += result.get("Values", [])
            times[result["Id"]] += result.get("Timestamps", [])
    for place, instance in enumerate(instances):
        series = {name: values[f"{name}_{place}"] for name, _, _ in _METRICS}
        yield _summary(instance, series, times[f"average_{place}"])


def _summary(instance: Json, series: dict[str, list[float]], times: list[str]) -> Json:
    hours = len(series["average"])
    traffic = sum(series["received"]) + sum(series["sent"])
    days = max(len(series["received"]), len(series["sent"])) / 24
    summary: dict[str, Any] = {
        "Hours": hours,
        "CpuAverage": round(sum(series["average"]) / hours, 3) if hours else None,
        "CpuMaximum": round(max(series["maximum"]), 3) if series["maximum"] else None,
        "NetworkDailyMegabytes": round(traffic / days / 1e6, 3) if days else None,
        "From": min(times, default=None),
        "To": max(times, default=None),
    }
    return {name: instance.get(name) for name in ("InstanceId", "InstanceType", "Tags")} | summary


INSTANCE_CPU = Kind(
    name="cloudwatch.instance_cpu",
    title="Instance load",
    service="cloudwatch",
    calls=(
        Call(
            "DescribeInstances",
            "Reservations[].Instances[]",
            service="ec2",
            parameters={"Filters": [{"Name": "instance-state-name", "Values": ["running"]}]},
            page=("MaxResults", 1000),
            free=True,
        ),
        Call(
            "GetMetricData",
            "MetricDataResults",
            parameters={"StartTime": f"{{now-{_DAYS}d}}", "EndTime": "{now}"},
            batch=_INSTANCES_A_REQUEST,
            ask=_ask,
            answer=_answer,
        ),
    ),
    key=("instance_id",),
    columns=(
        Column("instance_id", "InstanceId", help="The instance's id.", title="instance", narrow=True),
        Column("name", "Tags[?Key=='Name'].Value | [0]", help="Its tag Name.", narrow=True),
        Column("instance_type", "InstanceType", help="Its instance type.", title="type", narrow=True),
        Column("cpu_avg", "CpuAverage", "number", help="CPU used on average.", unit="%", volatile=True, narrow=True),
        Column(
            "cpu_max", "CpuMaximum", "number", help="The most CPU used at a time.", unit="%", volatile=True, narrow=True
        ),
        Column(
            "network_daily_mb",
            "NetworkDailyMegabytes",
            "number",
            help="Traffic in and out, on average a day.",
            unit="MB/d",
            title="network",
            volatile=True,
        ),
        Column("hours", "Hours", "integer", help="Hours that CloudWatch tells of.", unit="h", volatile=True),
        Column("first_hour", "From", "time", help="The first hour told of.", volatile=True),
        Column("last_hour", "To", "time", help="The last hour told of.", volatile=True),
    ),
    cadence=21_600,
    relations=(Relation("instance_id", "ec2.instance", "instance_id"),),
    paid=round(_INSTANCES_A_REQUEST * len(_METRICS) * _USD_A_METRIC, 6),
    arn="arn:{partition}:ec2:{region}:{account}:instance/{instance_id}",
    sort="cpu_avg",
    help="How busy running instances were in the last fourteen days, by the hour, from GetMetricData: "
    "0.01 USD for a thousand metrics, four metrics an instance.",
)
