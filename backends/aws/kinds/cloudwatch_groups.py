"""CloudWatch: how much work Auto Scaling groups had and how many instances did it, as points of a series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.model import Call, Column, Json, Kind, Relation, Series

_PERIOD = 900
_DAYS = 14
_METRICS = (
    ("cpu", "AWS/EC2", "CPUUtilization"),
    ("size", "AWS/AutoScaling", "GroupInServiceInstances"),
)
# Two metrics of 37 groups by the quarter of an hour are nearly the 100,800 points that AWS gives in one page.
_GROUPS_A_REQUEST = 37
_USD_A_METRIC = 0.01 / 1000


def _ask(groups: Sequence[Json]) -> Json:
    return {
        "MetricDataQueries": [
            {
                "Id": f"{name}_{place}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": metric,
                        "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group["AutoScalingGroupName"]}],
                    },
                    "Period": _PERIOD,
                    "Stat": "Average",
                },
            }
            for place, group in enumerate(groups)
            for name, namespace, metric in _METRICS
        ]
    }


def _answer(groups: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """One element a group and quarter of an hour; what CloudWatch does not tell of one is missing in it."""
    points: dict[tuple[int, str], Json] = {}
    for page in pages:
        for result in page.get("MetricDataResults", []):
            name, _, place = result["Id"].partition("_")
            for time, value in zip(result.get("Timestamps", []), result.get("Values", []), strict=False):
                points.setdefault((int(place), str(time)), {"At": time})[name] = value
    for (place, _), point in sorted(points.items()):
        group = groups[place]
        yield {name: group.get(name) for name in ("AutoScalingGroupName", "AutoScalingGroupARN")} | point


GROUP_LOAD = Kind(
    name="cloudwatch.group_load",
    title="Group load",
    service="cloudwatch",
    calls=(
        Call(
            "DescribeAutoScalingGroups",
            "AutoScalingGroups[?MaxSize > MinSize]",
            service="autoscaling",
            page=("MaxRecords", 100),
            free=True,
        ),
        Call(
            "GetMetricData",
            "MetricDataResults",
            parameters={"StartTime": "{since}", "EndTime": "{now}"},
            batch=_GROUPS_A_REQUEST,
            ask=_ask,
            answer=_answer,
        ),
    ),
    # Points know no account: a name may be that of another account's group too.
    key=("arn",),
    columns=(
        Column("name", "AutoScalingGroupName", help="The group's name.", title="group", narrow=True),
        Column("at", "At", "time", help="The quarter of an hour that the figures are of.", volatile=True, narrow=True),
        Column(
            "cpu",
            "cpu",
            "number",
            help="CPU used, on average over its instances.",
            unit="%",
            volatile=True,
            narrow=True,
        ),
        Column(
            "in_service",
            "size",
            "number",
            help="Instances in service; only told where the group's own metrics are enabled.",
            volatile=True,
            narrow=True,
        ),
        Column("arn", "AutoScalingGroupARN", help="The group's ARN."),
    ),
    cadence=900,
    relations=(Relation("arn", "autoscaling.group", "arn"),),
    series=Series("group_load", "at", "cpu", lookback_days=_DAYS),
    closes=False,
    paid=round(_GROUPS_A_REQUEST * len(_METRICS) * _USD_A_METRIC, 6),
    arn="{arn}",
    sort="name",
    help="CPU and size of Auto Scaling groups by the quarter of an hour: two weeks at the first poll, then what is "
    "new, from GetMetricData: 0.01 USD for a thousand metrics, two metrics a group.",
)
