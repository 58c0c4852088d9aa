"""Service Quotas: how much of a quota is used, by the metric that Service Quotas itself names for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backends.aws.metrics import Asked, Metric, figure
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

if TYPE_CHECKING:
    from backends.aws.readings import Readings

_SERVICES = (
    *("acm", "autoscaling", "dynamodb", "ebs", "ec2", "ecr", "ecs", "eks", "elasticloadbalancing", "fargate"),
    *("kms", "lambda", "logs", "monitoring", "rds", "s3", "secretsmanager", "sqs", "vpc"),
)
"""Whose quotas are read, by the codes that Service Quotas has for services."""
_QUOTA = ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Value", "Unit", "Adjustable")
_MEASURED = "UsageMetric.MetricName"
_RATE = "Period || UsageMetric.MetricName == 'CallCount' || UsageMetric.MetricStatisticRecommendation == 'Sum'"


@dataclass(frozen=True, slots=True)
class _UsageMetric(Metric):
    """Each quota's own metric: Service Quotas tells its namespace, its name, its dimensions and the statistic."""

    def query(self, resource: Json, place: int, period: int) -> Json:
        usage = resource["UsageMetric"]
        dimensions = [{"Name": name, "Value": value} for name, value in (usage.get("MetricDimensions") or {}).items()]
        metric = {
            "Namespace": usage["MetricNamespace"],
            "MetricName": usage["MetricName"],
            "Dimensions": dimensions,
        }
        stat = {"Metric": metric, "Period": period, "Stat": usage.get("MetricStatisticRecommendation") or "Maximum"}
        return {"Id": f"{self.field}_{place}", "MetricStat": stat}


_USED = Asked((_UsageMetric("used", "", "", "", {}),), period=3600, days=1)


def _used(quota: Json, readings: Readings) -> Json:
    at, used = readings.last("used")
    told = {"Used": used, "At": at, "Most": readings.most("used"), "UsageMetric": quota["UsageMetric"]}
    return {name: quota.get(name) for name in _QUOTA} | told


QUOTA_USAGE = Kind(
    name="servicequotas.usage",
    title="Use of quotas",
    service="service-quotas",
    calls=(
        Call(
            "ListServices",
            f"Services[?contains(`{json.dumps(_SERVICES)}`, ServiceCode)]",
            page=("MaxResults", 100),
            free=True,
        ),
        Call(
            "ListServiceQuotas",
            f"Quotas[?({_MEASURED} && !({_RATE})) || ends_with(QuotaName, 'Spot Instance Requests') || "
            "(starts_with(QuotaName, 'Running On-Demand') && ends_with(QuotaName, 'instances'))]",
            arguments={"ServiceCode": "ServiceCode"},
            page=("MaxResults", 100),
            free=True,
        ),
        # What has no metric goes on without one, and so does everything where CloudWatch may not be asked.
        replace(
            _USED.summed(_used),
            where=_MEASURED,
            keep={name: name for name in (*_QUOTA, "UsageMetric")},
            optional=True,
        ),
    ),
    key=("service", "code"),
    columns=(
        Column("name", "QuotaName", help="What it limits, as AWS names it.", title="quota", narrow=True),
        Column("service", "ServiceCode", help="Whose quota it is, by its code in Service Quotas.", narrow=True),
        figure("used", "Used", "How much is used, at most in the newest hour told of; empty: not known.", narrow=True),
        Column("limit", "Value", "number", help="The quota in force.", narrow=True),
        figure("used_percent", "percent(Used, Value)", "How much of it that is.", "%", title="of quota", narrow=True),
        figure("most", "Most", "The most that was used in the last day."),
        Column("at", "At", "time", help="The hour that it is told of.", volatile=True),
        Column("measured", f"{_MEASURED} != `null`", "boolean", help="Whether AWS measures its use at all."),
        Column("adjustable", "Adjustable", "boolean", help="Whether AWS raises it on request."),
        Column("unit", "Unit", help="AWS's unit; None for a number of things."),
        Column("service_name", "ServiceName", help="The service's name.", title="service's name"),
        Column("code", "QuotaCode", help="The quota's code."),
        Column("arn", "QuotaArn", help="Its ARN."),
    ),
    cadence=10_800,
    relations=(Relation("code", "servicequotas.quota", "code"),),
    health=(
        Rule(Health.UNKNOWN, "measured=false", "AWS does not measure how much of it is used"),
        Rule(Health.UNKNOWN, "used=", "AWS tells of no use in the last day"),
        Rule(Health.BAD, "used_percent>=100", "used up: more of it is refused"),
        Rule(Health.WARN, "used_percent>=80", "four fifths of it are used"),
    ),
    paid=_USED.price,
    arn="{arn}",
    sort="-used_percent",
    help="How much of the quotas is used whose use AWS measures, from ListServiceQuotas and, by the metric that it "
    "names for each, GetMetricData: 0.01 USD for a thousand metrics, one metric a quota. Rates are left out, and so is "
    "what AWS tells no value in force of.",
)
