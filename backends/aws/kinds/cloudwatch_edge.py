"""CloudWatch: how much load balancers and their targets had to do, and what they failed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure, told
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_DAY = 86_400
_ALB, _NLB = "AWS/ApplicationELB", "AWS/NetworkELB"

_BALANCER = {"LoadBalancer": "after(LoadBalancerArn, ':loadbalancer/')"}
_APPLICATION, _NETWORK = "Type=='application'", "Type=='network'"
_BALANCED = Asked(
    (
        Metric("requests", _ALB, "RequestCount", "Sum", _BALANCER, _APPLICATION),
        Metric("errors", _ALB, "HTTPCode_ELB_5XX_Count", "Sum", _BALANCER, _APPLICATION),
        Metric("failures", _ALB, "HTTPCode_Target_5XX_Count", "Sum", _BALANCER, _APPLICATION),
        Metric("flows", _NLB, "NewFlowCount", "Sum", _BALANCER, _NETWORK),
        Metric("bytes", _ALB, "ProcessedBytes", "Sum", _BALANCER, _APPLICATION),
        Metric("bytes", _NLB, "ProcessedBytes", "Sum", _BALANCER, _NETWORK),
    ),
    period=_DAY,
    days=14,
)


def _balanced(balancer: Json, readings: Readings) -> Json:
    """CloudWatch tells of counts only where they are not zero: a day without requests is one with none."""
    application = balancer.get("Type") == "application"
    counted = {
        "RequestsDaily": round(readings.total("requests") / _BALANCED.days, 1) if application else None,
        "FlowsDaily": round(readings.total("flows") / _BALANCED.days, 1) if not application else None,
        "Errors": round(readings.total("errors")) if application else None,
        "Failures": round(readings.total("failures")) if application else None,
        "MegabytesDaily": round(readings.total("bytes") / _BALANCED.days / 1e6, 3),
    }
    names = ("LoadBalancerName", "LoadBalancerArn", "Type", "CreatedTime")
    return {name: balancer.get(name) for name in names} | counted | readings.span("bytes")


LOAD_BALANCER_USE = Kind(
    name="cloudwatch.load_balancer_use",
    title="Load balancer use",
    service="cloudwatch",
    summary=True,
    calls=(
        Call(
            "DescribeLoadBalancers",
            "LoadBalancers[?Type!='gateway']",
            service="elbv2",
            page=("PageSize", 400),
            free=True,
        ),
        _BALANCED.summed(_balanced),
    ),
    key=("name",),
    columns=(
        Column("name", "LoadBalancerName", help="The load balancer's name.", title="load balancer", narrow=True),
        figure("requests_daily", "RequestsDaily", "Requests on average a day, in fourteen days.", "1/d", narrow=True),
        figure(
            "connections_daily",
            "FlowsDaily",
            "New connections of a Network Load Balancer on average a day.",
            "1/d",
            narrow=True,
        ),
        Column(
            "errors",
            "Errors",
            "integer",
            help="Answers 5xx that it gave itself, having no target to ask.",
            volatile=True,
            narrow=True,
        ),
        Column("failures", "Failures", "integer", help="Answers 5xx that targets gave.", volatile=True),
        figure("mb_daily", "MegabytesDaily", "What it carried on average a day.", "MB/d"),
        Column("balancer_type", "Type", help="application or network.", title="type"),
        *told("day"),
        Column("created", "CreatedTime", "time", help="When the load balancer was created."),
        Column("arn", "LoadBalancerArn", help="Its ARN."),
    ),
    cadence=86_400,
    relations=(Relation("arn", "elbv2.load_balancer", "arn"),),
    health=(
        Rule(Health.WARN, "requests_daily<100 created<-14d", "fewer than a hundred requests a day, and it is paid for"),
        Rule(Health.WARN, "connections_daily<100 created<-14d", "hardly a connection a day, and it is paid for"),
    ),
    paid=_BALANCED.price,
    arn="{arn}",
    sort="requests_daily",
    help="What load balancers had to do in the last fourteen days, by the day, from GetMetricData: "
    "0.01 USD for a thousand metrics, two to four metrics a load balancer.",
)

_TARGETS = {
    "TargetGroup": "after(TargetGroupArn, ':')",
    "LoadBalancer": "after(LoadBalancerArns[0], ':loadbalancer/')",
}
_BEHIND_ALB = "contains(LoadBalancerArns[0], '/app/')"
_BEHIND_NLB = "contains(LoadBalancerArns[0], '/net/')"
_TARGETED = Asked(
    (
        Metric("unhealthy", _ALB, "UnHealthyHostCount", "Maximum", _TARGETS, _BEHIND_ALB),
        Metric("healthy", _ALB, "HealthyHostCount", "Minimum", _TARGETS, _BEHIND_ALB),
        Metric("seconds", _ALB, "TargetResponseTime", "Average", _TARGETS, _BEHIND_ALB),
        Metric("unhealthy", _NLB, "UnHealthyHostCount", "Maximum", _TARGETS, _BEHIND_NLB),
        Metric("healthy", _NLB, "HealthyHostCount", "Minimum", _TARGETS, _BEHIND_NLB),
    ),
    period=3600,
    days=7,
)


def _targeted(group: Json, readings: Readings) -> Json:
    names = ("TargetGroupName", "TargetGroupArn", "LoadBalancerArns")
    counted = {
        "UnhealthyMost": readings.most("unhealthy"),
        "UnhealthyHours": readings.periods("unhealthy") - readings.zeros("unhealthy"),
        "HealthyLeast": readings.least("healthy"),
        "HoursWithoutAny": readings.zeros("healthy"),
        "Seconds": readings.mean("seconds"),
    }
    return {name: group.get(name) for name in names} | counted | readings.span("healthy")


TARGET_GROUP_USE = Kind(
    name="cloudwatch.target_group_use",
    title="Target group health",
    service="cloudwatch",
    summary=True,
    calls=(
        Call(
            "DescribeTargetGroups",
            "TargetGroups[?Protocol!='GENEVE' && LoadBalancerArns[0]]",
            service="elbv2",
            page=("PageSize", 400),
            free=True,
        ),
        _TARGETED.summed(_targeted),
    ),
    key=("name",),
    columns=(
        Column("name", "TargetGroupName", help="The target group's name.", title="target group", narrow=True),
        figure("unhealthy_most", "UnhealthyMost", "The most unhealthy targets at a time, in seven days.", narrow=True),
        Column(
            "unhealthy_hours",
            "UnhealthyHours",
            "integer",
            help="Hours in which any target was unhealthy.",
            unit="h",
            volatile=True,
            narrow=True,
        ),
        figure("healthy_least", "HealthyLeast", "The fewest healthy targets at a time.", narrow=True),
        Column(
            "hours_without",
            "HoursWithoutAny",
            "integer",
            help="Hours in which there was a moment without any healthy target.",
            unit="h",
            volatile=True,
        ),
        figure("response", "Seconds", "How long targets took on average.", "s"),
        *told("hour"),
        Column("load_balancers", "LoadBalancerArns", "list", help="The load balancers that route to it."),
        Column("arn", "TargetGroupArn", help="Its ARN."),
    ),
    cadence=21_600,
    relations=(
        Relation("arn", "elbv2.target_group", "arn"),
        Relation("load_balancers", "elbv2.load_balancer", "arn"),
    ),
    health=(
        Rule(Health.WARN, "hours_without>0", "there were moments without any healthy target"),
        Rule(Health.WARN, "unhealthy_hours>24", "targets were unhealthy in more than a day's hours of the last week"),
    ),
    paid=_TARGETED.price,
    arn="{arn}",
    sort="-unhealthy_hours",
    help="How healthy targets were in the last seven days, by the hour, from GetMetricData: "
    "0.01 USD for a thousand metrics, two or three metrics a target group that a load balancer routes to.",
)
