"""CloudWatch: how busy instances were. GetMetricData is charged by the metric asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure, told
from backends.model import Call, Column, Json, Kind, Relation

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_OF = {"InstanceId": "InstanceId"}
_LOAD = Asked(
    (
        Metric("average", "AWS/EC2", "CPUUtilization", "Average", _OF),
        Metric("maximum", "AWS/EC2", "CPUUtilization", "Maximum", _OF),
        Metric("received", "AWS/EC2", "NetworkIn", "Sum", _OF),
        Metric("sent", "AWS/EC2", "NetworkOut", "Sum", _OF),
    ),
    period=3600,
    days=14,
)


def _summary(instance: Json, readings: Readings) -> Json:
    """The instance's id, name and type, and what its hours come to."""
    days = max(readings.periods("received"), readings.periods("sent")) / 24
    traffic = readings.total("received") + readings.total("sent")
    own = {name: instance.get(name) for name in ("InstanceId", "InstanceType", "Tags")}
    return own | {
        "CpuAverage": readings.mean("average"),
        "CpuMaximum": readings.most("maximum"),
        "NetworkDailyMegabytes": round(traffic / days / 1e6, 3) if days else None,
        **readings.span("average"),
    }


INSTANCE_CPU = Kind(
    name="cloudwatch.instance_cpu",
    title="Instance load",
    service="cloudwatch",
    summary=True,
    calls=(
        Call(
            "DescribeInstances",
            "Reservations[].Instances[]",
            service="ec2",
            parameters={"Filters": [{"Name": "instance-state-name", "Values": ["running"]}]},
            page=("MaxResults", 1000),
            free=True,
        ),
        _LOAD.summed(_summary),
    ),
    key=("instance_id",),
    columns=(
        Column("instance_id", "InstanceId", help="The instance's id.", title="instance", narrow=True),
        Column("name", "Tags[?Key=='Name'].Value | [0]", help="Its tag Name.", narrow=True),
        Column("instance_type", "InstanceType", help="Its instance type.", title="type", narrow=True),
        figure("cpu_avg", "CpuAverage", "CPU used on average.", "%", narrow=True),
        figure("cpu_max", "CpuMaximum", "The most CPU used at a time.", "%", narrow=True),
        figure(
            "network_daily_mb",
            "NetworkDailyMegabytes",
            "Traffic in and out, on average a day.",
            "MB/d",
            title="network",
        ),
        *told("hour"),
    ),
    cadence=21_600,
    relations=(Relation("instance_id", "ec2.instance", "instance_id"),),
    paid=_LOAD.price,
    arn="arn:{partition}:ec2:{region}:{account}:instance/{instance_id}",
    sort="cpu_avg",
    help="How busy running instances were in the last fourteen days, by the hour, from GetMetricData: "
    "0.01 USD for a thousand metrics, four metrics an instance.",
)
