"""CloudWatch: what NAT gateways carried, and what they failed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure, told
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_GATEWAY = {"NatGatewayId": "NatGatewayId"}
_PASSED = Asked(
    (
        Metric("out", "AWS/NATGateway", "BytesOutToDestination", "Sum", _GATEWAY),
        Metric("in", "AWS/NATGateway", "BytesInFromDestination", "Sum", _GATEWAY),
        Metric("ports", "AWS/NATGateway", "ErrorPortAllocation", "Sum", _GATEWAY),
        Metric("drops", "AWS/NATGateway", "PacketsDropCount", "Sum", _GATEWAY),
    ),
    period=86_400,
    days=32,
)


def _passed(gateway: Json, readings: Readings) -> Json:
    days = readings.periods("out")
    counted = {
        "OutDaily": round(readings.total("out") / days / 1e6, 3) if days else None,
        "InDaily": round(readings.total("in") / days / 1e6, 3) if days else None,
        "IdleDays": readings.zeros("out"),
        "Ports": round(readings.total("ports")) if days else None,
        "Drops": round(readings.total("drops")) if days else None,
    }
    return {name: gateway.get(name) for name in ("NatGatewayId", "VpcId", "Tags")} | counted | readings.span("out")


NAT_GATEWAY_USE = Kind(
    name="cloudwatch.nat_gateway_use",
    title="NAT gateway use",
    service="cloudwatch",
    summary=True,
    calls=(
        Call(
            "DescribeNatGateways",
            "NatGateways",
            service="ec2",
            parameters={"Filter": [{"Name": "state", "Values": ["available"]}]},
            page=("MaxResults", 1000),
            free=True,
        ),
        _PASSED.summed(_passed),
    ),
    key=("nat_gateway_id",),
    columns=(
        Column("nat_gateway_id", "NatGatewayId", help="The NAT gateway's id.", title="NAT gateway", narrow=True),
        Column("name", "Tags[?Key=='Name'].Value | [0]", help="Its tag Name.", narrow=True),
        figure(
            "out_daily_mb",
            "OutDaily",
            "What went out on average a day, in thirty-two days.",
            "MB/d",
            title="out",
            narrow=True,
        ),
        figure("in_daily_mb", "InDaily", "What came in on average a day.", "MB/d", title="in", narrow=True),
        Column("idle_days", "IdleDays", "integer", help="Days on which nothing went out.", unit="d", volatile=True),
        Column(
            "port_errors",
            "Ports",
            "integer",
            help="Connections that failed because no port was free.",
            volatile=True,
        ),
        Column("drops", "Drops", "integer", help="Packets that it dropped.", volatile=True),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        *told("day"),
    ),
    cadence=86_400,
    relations=(
        Relation("nat_gateway_id", "vpc.nat_gateway", "nat_gateway_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
    ),
    health=(
        Rule(Health.WARN, "port_errors>0", "connections failed because no port was free"),
        Rule(Health.WARN, "out_daily_mb=0 days>=14", "nothing has gone out for two weeks or more, and it is paid for"),
    ),
    paid=_PASSED.price,
    arn="arn:{partition}:ec2:{region}:{account}:natgateway/{nat_gateway_id}",
    sort="out_daily_mb",
    help="What NAT gateways carried in the last thirty-two days, by the day, from GetMetricData: "
    "0.01 USD for a thousand metrics, four metrics a gateway.",
)
