"""CloudWatch: how much volumes were read and written, and whether they ran out of credits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure, told
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_OF = {"VolumeId": "VolumeId"}
_USED = Asked(
    (
        Metric("reads", "AWS/EBS", "VolumeReadOps", "Sum", _OF),
        Metric("writes", "AWS/EBS", "VolumeWriteOps", "Sum", _OF),
        Metric("credits", "AWS/EBS", "BurstBalance", "Minimum", _OF, "VolumeType=='gp2'"),
    ),
    period=86_400,
    days=14,
)


def _used(volume: Json, readings: Readings) -> Json:
    days = max(readings.periods("reads"), readings.periods("writes"))
    counted = {
        "ReadsDaily": round(readings.total("reads") / days, 1) if days else None,
        "WritesDaily": round(readings.total("writes") / days, 1) if days else None,
        "Credits": readings.least("credits"),
    }
    names = ("VolumeId", "VolumeType", "Size", "Iops", "Tags", "Attachments")
    return {name: volume.get(name) for name in names} | counted | readings.span("reads")


VOLUME_USE = Kind(
    name="cloudwatch.volume_use",
    title="Volume use",
    service="cloudwatch",
    summary=True,
    calls=(
        Call(
            "DescribeVolumes",
            "Volumes",
            service="ec2",
            parameters={"Filters": [{"Name": "status", "Values": ["in-use"]}]},
            page=("MaxResults", 500),
            free=True,
        ),
        _USED.summed(_used),
    ),
    key=("volume_id",),
    columns=(
        Column("volume_id", "VolumeId", help="The volume's id.", title="volume", narrow=True),
        Column("name", "Tags[?Key=='Name'].Value | [0]", help="Its tag Name."),
        Column("instance", "Attachments[0].InstanceId", help="The instance it is attached to.", narrow=True),
        Column("volume_type", "VolumeType", help="gp3, gp2, io2 and others.", title="type", narrow=True),
        figure("reads_daily", "ReadsDaily", "Reads on average a day, in fourteen days.", "1/d", narrow=True),
        figure("writes_daily", "WritesDaily", "Writes on average a day.", "1/d", narrow=True),
        figure("credits", "Credits", "The least that was left of a gp2 volume's burst credits.", "%"),
        Column("size", "Size", "integer", help="Its size.", unit="GiB"),
        Column("iops", "Iops", "integer", help="The operations a second that it is made for.", unit="1/s"),
        *told("day"),
    ),
    cadence=86_400,
    relations=(Relation("volume_id", "ec2.volume", "volume_id"), Relation("instance", "ec2.instance", "instance_id")),
    health=(
        Rule(Health.WARN, "credits=0", "ran out of burst credits: it was slowed down"),
        Rule(Health.WARN, "credits<20", "nearly ran out of burst credits"),
        Rule(Health.WARN, "reads_daily<10 writes_daily<10 days>=14", "hardly read or written for two weeks"),
    ),
    paid=_USED.price,
    arn="arn:{partition}:ec2:{region}:{account}:volume/{volume_id}",
    sort="writes_daily",
    help="How much attached volumes were used in the last fourteen days, by the day, from GetMetricData: "
    "0.01 USD for a thousand metrics, two or three metrics a volume.",
)
