"""A kind of metrics is a few lines: what is asked is bounded by what AWS takes, and charged by what is asked."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.kinds import KINDS
from backends.aws.kinds.cloudwatch_edge import LOAD_BALANCER_USE, TARGET_GROUP_USE
from backends.aws.kinds.cloudwatch_nat import NAT_GATEWAY_USE
from backends.aws.kinds.cloudwatch_volumes import VOLUME_USE
from backends.aws.metrics import Asked, Metric, figure, told
from backends.aws.paid_calls import counted
from backends.aws.readings import Readings
from backends.model import Call, Column, Json, Kind
from tests.unit.aws_fakes import FakeClient, swept

QUEUE = Asked((Metric("depth", "AWS/SQS", "Depth", "Maximum", {"QueueName": "name"}),), period=86_400, days=2)
KIND = Kind(
    name="cloudwatch.queue_use",
    title="Queue use",
    service="cloudwatch",
    calls=(
        Call("ListQueues", "QueueUrls[].{name: @}", service="sqs", free=True),
        QUEUE.summed(lambda queue, readings: queue | {"Most": readings.most("depth")} | readings.span("depth")),
    ),
    key=("name",),
    columns=(Column("name", "name"), figure("most", "Most", "The most."), *told("day")),
    paid=QUEUE.price,
)


def told_by(answers: dict[str, list[float]]) -> FakeClient:
    """CloudWatch that tells of some metrics one value a day, by "metric of dimension's value"."""

    def data(parameters: Json) -> Json:
        results = []
        for query in parameters["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            values = answers.get(f"{metric['MetricName']} of {metric['Dimensions'][0]['Value']}", [])
            times = [f"2026-11-{day:02}T00:00:00Z" for day in range(1, len(values) + 1)]
            results.append({"Id": query["Id"], "Values": values, "Timestamps": times})
        return {"MetricDataResults": results}

    return FakeClient("cloudwatch", {"GetMetricData": data})


async def test_a_kind_of_metrics_is_a_list_of_resources_and_what_is_asked_of_them() -> None:
    clients = {
        "sqs": FakeClient("sqs", {"ListQueues": lambda p: {"QueueUrls": ["a", "b"]}}),
        "cloudwatch": told_by({"Depth of a": [3.0, 9.0, 4.0]}),
    }
    coverage, rows = await swept(KIND, clients)
    shown = {row["id"]: (row["most"], row["days"], row["first_day"]) for row in rows}
    assert shown == {"a": (9.0, 3, datetime(2026, 11, 1)), "b": (None, 0, None)}
    assert coverage.cost == pytest.approx(2 * 0.01 / 1000 + counted("sqs", "ListQueues"))


async def test_a_request_asks_for_five_hundred_metrics_at_most() -> None:
    volumes = [{"VolumeId": f"vol-{n}", "VolumeType": "gp2"} for n in range(400)]
    clients = {"ec2": FakeClient("ec2", {"DescribeVolumes": lambda p: {"Volumes": volumes}}), "cloudwatch": told_by({})}
    coverage, rows = await swept(VOLUME_USE, clients)
    sizes = [len(p["MetricDataQueries"]) for _, p in clients["cloudwatch"].asked]
    assert sum(sizes) == 3 * 400 and max(sizes) == 498
    assert len(rows) == 400
    assert coverage.cost == pytest.approx(1200 * 0.01 / 1000)


@given(
    metrics=st.integers(1, 500),
    period=st.sampled_from([60, 300, 900, 3600, 86_400]),
    days=st.integers(1, 60),
)
def test_no_answer_is_larger_than_a_page(metrics: int, period: int, days: int) -> None:
    asked = Asked(tuple(Metric(f"m{n}", "N", "M", "Sum", {}) for n in range(metrics)), period, days)
    points = metrics * days * 86_400 // period
    assert asked.batch * metrics <= 500
    assert asked.batch * points <= 100_800
    assert asked.batch >= 1 or points > 100_800
    assert asked.price <= 0.005


def test_every_kind_asks_something_of_a_request() -> None:
    batches = [call.batch for kind in KINDS for call in kind.calls if call.operation == "GetMetricData"]
    assert len(batches) >= 6 and min(batches) > 1


async def test_a_network_load_balancer_is_asked_other_things_than_an_application_load_balancer() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer"
    balancers = [
        {"LoadBalancerName": "a", "Type": "application", "LoadBalancerArn": f"{arn}/app/a/1"},
        {"LoadBalancerName": "n", "Type": "network", "LoadBalancerArn": f"{arn}/net/n/2"},
        {"LoadBalancerName": "g", "Type": "gateway", "LoadBalancerArn": f"{arn}/gwy/g/3"},
    ]
    cloudwatch = told_by({"RequestCount of app/a/1": [14.0, 28.0], "NewFlowCount of net/n/2": [7.0]})
    elb = FakeClient("elbv2", {"DescribeLoadBalancers": lambda p: {"LoadBalancers": balancers}})
    _, rows = await swept(LOAD_BALANCER_USE, {"elbv2": elb, "cloudwatch": cloudwatch})
    shown = {row["name"]: (row["requests_daily"], row["connections_daily"], row["errors"]) for row in rows}
    assert shown == {"a": (3.0, None, 0), "n": (None, 0.5, None)}
    [(_, asked)] = cloudwatch.asked
    namespaces = [query["MetricStat"]["Metric"]["Namespace"] for query in asked["MetricDataQueries"]]
    assert (namespaces.count("AWS/ApplicationELB"), namespaces.count("AWS/NetworkELB")) == (4, 2)


async def test_target_groups_go_by_cloudwatchs_names_and_those_without_a_load_balancer_are_left_out() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:1"
    groups = [
        {
            "TargetGroupName": "web",
            "Protocol": "HTTP",
            "TargetGroupArn": f"{arn}:targetgroup/web/9",
            "LoadBalancerArns": [f"{arn}:loadbalancer/app/a/1"],
        },
        {"TargetGroupName": "spare", "Protocol": "HTTP", "TargetGroupArn": f"{arn}:targetgroup/spare/8"},
    ]
    cloudwatch = told_by(
        {
            "UnHealthyHostCount of targetgroup/web/9": [0.0, 2.0, 1.0],
            "HealthyHostCount of targetgroup/web/9": [3.0, 0.0, 2.0],
        }
    )
    elb = FakeClient("elbv2", {"DescribeTargetGroups": lambda p: {"TargetGroups": groups}})
    _, [row] = await swept(TARGET_GROUP_USE, {"elbv2": elb, "cloudwatch": cloudwatch})
    names = ("name", "unhealthy_most", "unhealthy_hours", "healthy_least", "hours_without", "response")
    assert [row[name] for name in names] == ["web", 2.0, 2, 0.0, 1, None]
    dimensions = cloudwatch.asked[0][1]["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"]
    assert {d["Name"]: d["Value"] for d in dimensions} == {
        "TargetGroup": "targetgroup/web/9",
        "LoadBalancer": "app/a/1",
    }


async def test_a_gateway_of_which_nothing_is_told_is_not_called_idle() -> None:
    gateways = [{"NatGatewayId": "nat-1"}, {"NatGatewayId": "nat-2"}]
    cloudwatch = told_by({"BytesOutToDestination of nat-1": [0.0, 0.0]})
    ec2 = FakeClient("ec2", {"DescribeNatGateways": lambda p: {"NatGateways": gateways}})
    _, rows = await swept(NAT_GATEWAY_USE, {"ec2": ec2, "cloudwatch": cloudwatch})
    shown = {row["id"]: (row["out_daily_mb"], row["idle_days"], row["port_errors"]) for row in rows}
    assert shown == {"nat-1": (0.0, 2, 0), "nat-2": (None, 0, None)}


def test_readings_that_are_not_there_are_no_figures() -> None:
    nothing = Readings()
    assert (nothing.mean("x"), nothing.most("x"), nothing.least("x"), nothing.total("x")) == (None, None, None, 0)
    assert (nothing.last("x"), nothing.zeros("x"), nothing.periods("x")) == ((None, None), 0, 0)
    assert nothing.span("x") == {"Told": 0, "From": None, "To": None}
