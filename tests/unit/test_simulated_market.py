"""Spot prices and what else is computed: history as AWS tells it, metrics, bills."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from backends.simulated import catalog
from backends.simulated.bills import ANOMALIES, Bills
from backends.simulated.market import HISTORY, SpotMarket
from tests.simulated_aws import shared_simulated

START = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)


def history(**wanted: Any) -> list[dict[str, Any]]:
    pages = shared_simulated().client("ec2").get_paginator("describe_spot_price_history").paginate(**wanted)
    return [line for page in pages for line in page["SpotPriceHistory"]]


def now() -> datetime:
    return datetime.fromisoformat(shared_simulated().get("status")["now"])


def key(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["AvailabilityZoneId"], line["InstanceType"], line["ProductDescription"]


def test_starting_now_gives_the_price_in_force_of_every_market_and_nothing_else() -> None:
    lines = history(StartTime=now())
    assert len(lines) == len({key(line) for line in lines}) > 50
    whole = history(StartTime=now() - timedelta(days=30), InstanceTypes=["m5.large"])
    newest: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in whole:
        newest.setdefault(key(line), line)  # newest first
    assert newest == {key(line): line for line in lines if line["InstanceType"] == "m5.large"}


def test_thirty_days_are_change_points_with_the_unchanged_repeated_about_daily() -> None:
    lines = history(StartTime=now() - timedelta(days=30), ProductDescriptions=["Linux/UNIX"])
    markets: dict[tuple[str, str, str], list[tuple[datetime, str]]] = {}
    for line in reversed(lines):
        markets.setdefault(key(line), []).append((line["Timestamp"], line["SpotPrice"]))
    for points in markets.values():
        times = [at for at, _ in points]
        assert times == sorted(times) and len(set(times)) == len(times)
        assert max(b - a for a, b in pairwise(times)) < timedelta(hours=26)
    changes = [sum(a[1] != b[1] for a, b in pairwise(p)) / 30 for p in markets.values()]
    assert 1.0 < sorted(changes)[len(changes) // 2] < 6.0
    assert any(rate < 0.1 for rate in changes)


def test_a_start_in_the_past_also_brings_the_price_in_force_then() -> None:
    start, end = now() - timedelta(hours=30), now() - timedelta(hours=20)
    lines = history(StartTime=start, EndTime=end, InstanceTypes=["c5.large"], ProductDescriptions=["Linux/UNIX"])
    for zone in {line["AvailabilityZoneId"] for line in lines}:
        times = [line["Timestamp"] for line in lines if line["AvailabilityZoneId"] == zone]
        assert sum(at <= start for at in times) == 1 and max(times) <= end


def test_filters_types_products_zones_and_pages_are_honoured() -> None:
    ec2, since = shared_simulated().client("ec2"), now() - timedelta(days=5)
    lines = history(StartTime=since, InstanceTypes=["m5.large", "r5.xlarge"], ProductDescriptions=["Windows"])
    assert {(line["InstanceType"], line["ProductDescription"]) for line in lines} == {
        ("m5.large", "Windows"),
        ("r5.xlarge", "Windows"),
    }
    filters = [{"Name": "availability-zone", "Values": ["us-east-1b"]}, {"Name": "instance-type", "Values": ["c5.*"]}]
    named = history(StartTime=since, Filters=filters)
    assert {line["AvailabilityZone"] for line in named} == {"us-east-1b"}
    assert {line["InstanceType"].partition(".")[0] for line in named} == {"c5"}
    page = ec2.describe_spot_price_history(StartTime=since, MaxResults=10)
    assert len(page["SpotPriceHistory"]) == 10
    following = ec2.describe_spot_price_history(StartTime=since, MaxResults=10, NextToken=page["NextToken"])
    assert not {str(line) for line in page["SpotPriceHistory"]} & {str(line) for line in following["SpotPriceHistory"]}
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ec2.describe_spot_price_history(NextToken="forged")


def test_the_same_place_has_the_same_price_in_both_accounts() -> None:
    aws = shared_simulated()

    def prices(profile: str) -> dict[str, str]:
        wanted = {"StartTime": now(), "InstanceTypes": ["m5.large"], "ProductDescriptions": ["Linux/UNIX"]}
        lines = aws.client("ec2", profile=profile).describe_spot_price_history(**wanted)["SpotPriceHistory"]
        return {line["AvailabilityZoneId"]: line["SpotPrice"] for line in lines}

    assert prices("simulated-production") == prices("simulated-sandbox")


def test_prices_depend_on_the_seed_and_never_on_how_often_the_market_was_asked() -> None:
    def points(seed: int, steps: int) -> list[tuple[list[float], list[float]]]:
        market = SpotMarket(seed, START)
        for step in range(1, steps + 1):
            market.extend(START.timestamp() + 86400 * step / steps, lambda market, at: 1.0)
        return [(market.times, market.prices) for market in market.markets.values()]

    assert points(7, 1) == points(7, 24)
    assert points(7, 1) != points(8, 1)


def test_prices_stay_below_on_demand_and_reach_back_a_month() -> None:
    market = SpotMarket(3, START)
    for one in market.markets.values():
        assert all(0 < price <= one.on_demand for price in one.prices)
        assert one.times[0] <= (START - timedelta(days=29)).timestamp()
    assert timedelta(days=28) <= HISTORY <= timedelta(days=35)
    assert len({one.instance_type for one in market.markets.values()}) >= 15
    assert all(
        one.on_demand == catalog.on_demand(one.instance_type, one.region, one.product)
        for one in market.markets.values()
    )


def metric(instance_id: str, name: str, statistic: str, days: int = 14, period: int = 3600) -> dict[str, Any]:
    at = now()
    stat = {
        "Metric": {
            "Namespace": "AWS/EC2",
            "MetricName": name,
            "Dimensions": [{"Name": "InstanceId", "Value": instance_id}],
        },
        "Period": period,
        "Stat": statistic,
    }
    answer = (
        shared_simulated()
        .client("cloudwatch")
        .get_metric_data(
            MetricDataQueries=[{"Id": "a", "MetricStat": stat}], StartTime=at - timedelta(days=days), EndTime=at
        )
    )
    return dict(answer["MetricDataResults"][0])


def named(name: str) -> dict[str, Any]:
    ec2 = shared_simulated().client("ec2")
    answer = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])
    return dict(answer["Reservations"][0]["Instances"][0])


def test_metrics_breathe_with_the_day_and_idle_machines_do_not() -> None:
    busy, idle = named("jenkins")["InstanceId"], named("reporting-old-1")["InstanceId"]
    load = metric(busy, "CPUUtilization", "Average")["Values"]
    assert len(load) == 14 * 24 and max(load) > 3 * min(load) and max(load) <= 100
    assert max(metric(idle, "CPUUtilization", "Maximum")["Values"]) < 5
    assert sum(metric(idle, "NetworkIn", "Sum", days=1)["Values"]) < 5e6
    assert metric(busy, "CPUUtilization", "Average") == metric(busy, "CPUUtilization", "Average")
    assert metric("i-0123456789abcdef0", "CPUUtilization", "Average")["Values"] == []
    assert metric(busy, "NoSuchMetric", "Average")["Values"] == []


def test_metrics_of_many_instances_come_in_pages() -> None:
    aws, at = shared_simulated(), now()
    ids = [r["Instances"][0]["InstanceId"] for r in aws.client("ec2").describe_instances()["Reservations"]][:12]
    queries = [
        {
            "Id": f"m{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/EC2",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [{"Name": "InstanceId", "Value": one}],
                },
                "Period": 3600,
                "Stat": "Average",
            },
        }
        for index, one in enumerate(ids)
    ]
    pages = list(
        aws.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=at - timedelta(days=1), EndTime=at, MaxDatapoints=100)
    )
    assert len(pages) > 1
    assert [r["Id"] for page in pages for r in page["MetricDataResults"]] == [query["Id"] for query in queries]


def costs(days: int, **wanted: Any) -> list[dict[str, Any]]:
    today = now().date()
    period = {"Start": str(today - timedelta(days=days)), "End": str(today + timedelta(days=1))}
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = (
            shared_simulated()
            .client("ce")
            .get_cost_and_usage(TimePeriod=period, Granularity="DAILY", Metrics=["UnblendedCost"], **wanted, **token)
        )
        found += answer["ResultsByTime"]
        if not answer.get("NextPageToken"):
            return found
        token = {"NextPageToken": answer["NextPageToken"]}


def test_ninety_days_of_costs_by_service_in_pages_up_to_today() -> None:
    found = costs(90, GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}])
    assert [one["TimePeriod"]["Start"] for one in found] == [
        str(now().date() - timedelta(days=back)) for back in range(90, -1, -1)
    ]
    assert all(len(one["Groups"]) >= 10 for one in found)
    totals = costs(90)
    for grouped, total in zip(found, totals, strict=True):
        parts = sum(float(group["Metrics"]["UnblendedCost"]["Amount"]) for group in grouped["Groups"])
        assert parts == pytest.approx(float(total["Total"]["UnblendedCost"]["Amount"]))


def test_an_impossible_period_is_refused() -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        shared_simulated().client("ce").get_cost_and_usage(
            TimePeriod={"Start": "2026-05-02", "End": "2026-05-01"}, Granularity="DAILY", Metrics=["UnblendedCost"]
        )


def test_bills_have_a_weekly_season_growth_and_two_anomalies() -> None:
    bills = Bills(7, START)
    bills.set_baseline("111122223333", 25.0)

    def cost(service: str, day: date) -> float:
        return bills.cost("111122223333", service, day, START + timedelta(days=2))

    days = [START.date() - timedelta(days=back) for back in range(1, 90)]
    compute = "Amazon Elastic Compute Cloud - Compute"
    weekend = [cost(compute, day) for day in days if day.weekday() >= 5]
    weekday = [cost(compute, day) for day in days if day.weekday() < 5]
    assert sum(weekend) / len(weekend) < 0.95 * sum(weekday) / len(weekday)
    storage = "Amazon Simple Storage Service"
    assert sum(cost(storage, day) for day in days[:28]) > 1.03 * sum(cost(storage, day) for day in days[56:84])
    for account, service, back, length, factor in ANOMALIES:
        day = START.date() - timedelta(days=back)
        before = bills.cost(account, service, day - timedelta(days=7), START)
        assert bills.cost(account, service, day, START) > before * (1 + (factor - 1) * 0.7)
        after = bills.cost(account, service, day + timedelta(days=length), START)
        assert after < bills.cost(account, service, day + timedelta(days=length - 1), START)


def test_todays_bill_grows_with_the_clock() -> None:
    bills = Bills(7, START)
    day = START.date()
    parts = [bills.cost("111122223333", "EC2 - Other", day, START + timedelta(hours=hour)) for hour in range(-15, 9)]
    assert parts == sorted(parts) and parts[0] < parts[-1]
    assert bills.cost("111122223333", "EC2 - Other", day + timedelta(days=1), START) == 0
