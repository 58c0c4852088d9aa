"""Quotas: each is asked about by the metric that Service Quotas names for it, and what has none is not known."""

from __future__ import annotations

from datetime import datetime

import pytest

from backends.aws.kinds.servicequotas_usage import QUOTA_USAGE
from backends.model import CoverageState, Json
from tests.unit.aws_fakes import FakeClient, raising, refused, swept

ALL = "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"


def quota(code: str, name: str, metric: str = "ResourceCount", **more: object) -> Json:
    usage = {
        "MetricNamespace": "AWS/Usage",
        "MetricName": metric,
        "MetricDimensions": {"Service": "EC2", "Resource": code},
        "MetricStatisticRecommendation": "Maximum",
    }
    told = {"ServiceCode": "ec2", "QuotaCode": code, "QuotaName": name, "Value": 50.0, "QuotaArn": f"arn:{code}"}
    return told | ({"UsageMetric": usage} if metric else {}) | more


QUOTAS = [
    quota("L-1", "Things"),
    quota("L-2", "Other things"),
    quota("L-3", ALL, metric=""),
    quota("L-4", "Addresses", metric=""),
    quota("L-5", "Rate of DescribeThings", metric="CallCount"),
    quota("L-6", "Calls", Period={"PeriodValue": 1, "PeriodUnit": "SECOND"}),
    quota("L-7", "Sums", UsageMetric={"MetricName": "Bytes", "MetricStatisticRecommendation": "Sum"}),
]


def service_quotas() -> FakeClient:
    services = [{"ServiceCode": "ec2"}, {"ServiceCode": "nobody-asked"}]
    answers = {"ListServices": lambda p: {"Services": services}, "ListServiceQuotas": lambda p: {"Quotas": QUOTAS}}
    return FakeClient("service-quotas", answers)


async def test_the_newest_hour_is_what_is_used_and_the_day_has_its_most() -> None:
    def data(parameters: Json) -> Json:
        queries = parameters["MetricDataQueries"]
        about = [query["MetricStat"]["Metric"]["Dimensions"][1]["Value"] for query in queries]
        assert about == ["L-1", "L-2"], "and what has no metric, or is a rate, is not asked about"
        told = {"Values": [30.0, 45.0, 20.0], "Timestamps": [f"2026-11-20T1{hour}:00:00Z" for hour in (1, 2, 0)]}
        return {"MetricDataResults": [{"Id": queries[0]["Id"], **told}]}

    asked = service_quotas()
    coverage, rows = await swept(
        QUOTA_USAGE, {"service-quotas": asked, "cloudwatch": FakeClient("cloudwatch", {"GetMetricData": data})}
    )
    shown = {row["id"]: (row["used"], row["used_percent"], row["most"], row["measured"]) for row in rows}
    nothing = (None, None, None)
    assert shown == {
        "ec2/L-1": (45.0, 90.0, 45.0, True),
        "ec2/L-2": (*nothing, True),
        "ec2/L-3": (*nothing, False),
    }
    assert {row["id"]: row["at"] for row in rows}["ec2/L-1"] == datetime(2026, 11, 20, 12)
    assert coverage.cost == pytest.approx(2 * 0.01 / 1000), "one metric a quota, and the lists are free"
    assert [parameters["ServiceCode"] for name, parameters in asked.asked if name == "ListServiceQuotas"] == ["ec2"]


async def test_where_metrics_are_denied_the_quotas_are_known_and_their_use_is_not() -> None:
    cloudwatch = FakeClient("cloudwatch", {"GetMetricData": raising(refused("AccessDenied", 403))})
    coverage, rows = await swept(QUOTA_USAGE, {"service-quotas": service_quotas(), "cloudwatch": cloudwatch})
    assert coverage.state is CoverageState.OK and "cloudwatch:GetMetricData" in coverage.problem
    assert {row["id"]: (row["limit"], row["used"], row["measured"]) for row in rows} == {
        "ec2/L-1": (50.0, None, True),
        "ec2/L-2": (50.0, None, True),
        "ec2/L-3": (50.0, None, False),
    }
