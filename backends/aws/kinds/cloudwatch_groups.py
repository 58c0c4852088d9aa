"""CloudWatch: how much work Auto Scaling groups had and how many instances did it, as points of a series."""

from __future__ import annotations

from backends.aws.metrics import Asked, Metric
from backends.model import Call, Column, Kind, Relation, Series

_OF = {"AutoScalingGroupName": "AutoScalingGroupName"}
_LOAD = Asked(
    (
        Metric("cpu", "AWS/EC2", "CPUUtilization", "Average", _OF),
        Metric("size", "AWS/AutoScaling", "GroupInServiceInstances", "Average", _OF),
    ),
    period=900,
    days=14,
)

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
        _LOAD.points("AutoScalingGroupName", "AutoScalingGroupARN"),
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
    series=Series("group_load", "at", "cpu", lookback_days=_LOAD.days),
    closes=False,
    paid=_LOAD.price,
    arn="{arn}",
    sort="name",
    help="CPU and size of Auto Scaling groups by the quarter of an hour: two weeks at the first poll, then what is "
    "new, from GetMetricData: 0.01 USD for a thousand metrics, two metrics a group.",
)
