"""The simulated world living: stepped by hand, so that nothing depends on the wall clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from backends.simulated.scenarios import SCENARIOS, Effect
from tests.simulated_aws import SimulatedAws, start_simulated

ZONE = "use1-az1"


@pytest.fixture(scope="module")
def world() -> Iterator[SimulatedAws]:
    """An endpoint of its own, because these tests move its clock. Each goes on where the one before it stopped."""
    with start_simulated() as aws:
        yield aws


def now(aws: SimulatedAws) -> datetime:
    return datetime.fromisoformat(aws.get("status")["now"])


def instances(aws: SimulatedAws, region: str = "us-east-1") -> dict[str, dict[str, Any]]:
    pages = aws.client("ec2", region).get_paginator("describe_instances").paginate()
    return {i["InstanceId"]: i for page in pages for r in page["Reservations"] for i in r["Instances"]}


def group(aws: SimulatedAws, name: str) -> dict[str, Any]:
    found = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return dict(found["AutoScalingGroups"][0])


def price(aws: SimulatedAws, kind: str, zone: str = ZONE) -> float:
    lines = aws.client("ec2").describe_spot_price_history(
        StartTime=now(aws), InstanceTypes=[kind], ProductDescriptions=["Linux/UNIX"]
    )["SpotPriceHistory"]
    return next(float(line["SpotPrice"]) for line in lines if line["AvailabilityZoneId"] == zone)


def cost(aws: SimulatedAws, day: str) -> float:
    end = str(datetime.fromisoformat(day).date() + timedelta(days=1))
    answer = aws.client("ce").get_cost_and_usage(
        TimePeriod={"Start": day, "End": end}, Granularity="DAILY", Metrics=["UnblendedCost"]
    )
    return float(answer["ResultsByTime"][0]["Total"]["UnblendedCost"]["Amount"])


def test_nothing_changes_while_the_clock_is_held(world: SimulatedAws) -> None:
    first, status = instances(world), world.get("status")
    assert status["running"] is False and status["minutes"] == 0
    assert instances(world) == first and world.get("status")["now"] == status["now"]


def test_a_desired_size_outside_of_the_bounds_is_refused_and_changes_nothing(world: SimulatedAws) -> None:
    client, before = world.client("autoscaling"), group(world, "checkout-api")
    for wanted in (before["MaxSize"] + 1, before["MinSize"] - 1):
        with pytest.raises(ClientError) as problem:
            client.set_desired_capacity(AutoScalingGroupName="checkout-api", DesiredCapacity=wanted)
        assert problem.value.response["Error"]["Code"] == "ValidationError"
    assert group(world, "checkout-api") == before


def test_a_group_follows_its_desired_size_and_registers_its_targets(world: SimulatedAws) -> None:
    client, before = world.client("autoscaling"), group(world, "checkout-api")
    client.set_desired_capacity(AutoScalingGroupName="checkout-api", DesiredCapacity=before["DesiredCapacity"] + 2)
    after = group(world, "checkout-api")
    assert len(after["Instances"]) == before["DesiredCapacity"] + 2
    fresh = {m["InstanceId"] for m in after["Instances"]} - {m["InstanceId"] for m in before["Instances"]}
    health = world.client("elbv2").describe_target_health(TargetGroupArn=after["TargetGroupARNs"][0])
    assert fresh <= {target["Target"]["Id"] for target in health["TargetHealthDescriptions"]}
    client.set_desired_capacity(AutoScalingGroupName="checkout-api", DesiredCapacity=before["DesiredCapacity"])
    assert len(group(world, "checkout-api")["Instances"]) == before["DesiredCapacity"]
    activities = client.describe_scaling_activities(AutoScalingGroupName="checkout-api")["Activities"]
    assert [line["Description"].split()[0] for line in activities[:4]] == ["Terminating"] * 2 + ["Launching"] * 2


def test_updating_one_thing_keeps_the_mixed_policy(world: SimulatedAws) -> None:
    before = group(world, "web-frontend")
    world.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="web-frontend", MaxSize=26)
    assert group(world, "web-frontend") == before | {"MaxSize": 26}


def test_a_node_groups_instances_follow_its_size(world: SimulatedAws) -> None:
    eks = world.client("eks")
    wanted = {"clusterName": "prod-data", "nodegroupName": "memory"}

    def nodes() -> int:
        filters = [{"Name": "tag:eks:cluster-name", "Values": ["prod-data"]}]
        filters += [{"Name": "tag:eks:nodegroup-name", "Values": ["memory"]}]
        filters += [{"Name": "instance-state-name", "Values": ["running"]}]
        answer = world.client("ec2").describe_instances(Filters=filters)
        return sum(len(r["Instances"]) for r in answer["Reservations"])

    eks.update_nodegroup_config(**wanted, scalingConfig={"desiredSize": 7})
    assert nodes() == 7
    assert eks.describe_nodegroup(**wanted)["nodegroup"]["scalingConfig"] == {
        "minSize": 3, "maxSize": 8, "desiredSize": 7,
    }  # fmt: skip
    with pytest.raises(ClientError, match="InvalidParameterException"):
        eks.update_nodegroup_config(**wanted, scalingConfig={"desiredSize": 9})
    assert nodes() == 7


def test_an_instance_stops_and_starts_and_spot_refuses_to(world: SimulatedAws) -> None:
    ec2 = world.client("ec2")
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["jenkins"]}])
    machine = found["Reservations"][0]["Instances"][0]
    ec2.stop_instances(InstanceIds=[machine["InstanceId"]])
    stopped = instances(world)[machine["InstanceId"]]
    assert stopped["State"]["Name"] == "stopped"
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    ec2.start_instances(InstanceIds=[machine["InstanceId"]])
    started = instances(world)[machine["InstanceId"]]
    assert started["State"]["Name"] == "running" and started["LaunchTime"] > machine["LaunchTime"]
    spot = next(i["InstanceId"] for i in instances(world).values() if i.get("InstanceLifecycle") == "spot")
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        ec2.stop_instances(InstanceIds=[spot])


def test_what_clients_changed_is_in_the_trail(world: SimulatedAws) -> None:
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "StopInstances"}]
    events = world.client("cloudtrail").lookup_events(LookupAttributes=wanted)["Events"]
    assert {event["Username"] for event in events} == {"quarterdeck-operator"}
    assert any(resource["ResourceName"].startswith("i-") for resource in events[-1]["Resources"])


def test_a_stopped_member_is_replaced_by_its_group(world: SimulatedAws) -> None:
    members = [m["InstanceId"] for m in group(world, "search-index")["Instances"]]
    world.client("ec2").stop_instances(InstanceIds=members[:1])
    world.step(1)
    after = [m["InstanceId"] for m in group(world, "search-index")["Instances"]]
    assert len(after) == len(members) and members[0] not in after
    assert instances(world)[members[0]]["State"]["Name"] == "terminated"


def test_the_storm_dries_up_a_zone(world: SimulatedAws) -> None:
    """Prices climb, spot is taken back, groups replace it elsewhere and on demand, and the bill rises faster."""
    kinds = ("m5.xlarge", "c5.xlarge", "c5.2xlarge", "r5.xlarge")
    before = {kind: price(world, kind) for kind in kinds}
    calm = price(world, "m5.xlarge", "use1-az4")
    begin, start = instances(world), now(world)
    status = world.step(60)
    assert "capacity dries up" in status["effects"]
    risen = [price(world, kind) / before[kind] for kind in kinds]
    assert sum(ratio > 1.4 for ratio in risen) >= 3
    assert price(world, "m5.xlarge", "use1-az4") == pytest.approx(calm, rel=0.15)

    ended = [i for i in instances(world).values() if i["State"]["Name"] == "terminated"]
    taken = [i for i in ended if i["StateReason"]["Code"] == "Server.SpotInstanceTermination"]
    assert len(taken) >= 5
    requests = world.client("ec2").describe_spot_instance_requests()["SpotInstanceRequests"]
    closed = {r["InstanceId"]: r for r in requests if r["State"] == "closed"}
    for one in taken:
        request = closed[one["InstanceId"]]
        assert request["Status"]["Code"] == "instance-terminated-no-capacity"
        assert request["Status"]["UpdateTime"] >= start
    fresh = [i for identity, i in instances(world).items() if identity not in begin and i["State"]["Name"] == "running"]
    assert len(fresh) >= 5
    zones = {z["ZoneName"]: z["ZoneId"] for z in world.client("ec2").describe_availability_zones()["AvailabilityZones"]}
    late = [i for i in fresh if i["LaunchTime"] > start + timedelta(minutes=12)]
    spot_zones = {zones[i["Placement"]["AvailabilityZone"]] for i in late if i.get("InstanceLifecycle") == "spot"}
    assert ZONE not in spot_zones
    assert any("InstanceLifecycle" not in i for i in late)


def test_a_group_that_was_sized_by_hand_keeps_its_size(world: SimulatedAws) -> None:
    client = world.client("autoscaling")
    client.set_desired_capacity(AutoScalingGroupName="web-frontend", DesiredCapacity=15)
    world.step(40)
    assert group(world, "web-frontend")["DesiredCapacity"] == 15


def test_costs_and_prices_go_on_with_the_clock(world: SimulatedAws) -> None:
    day = str(now(world).date())
    spent = cost(world, day)
    world.step(20)
    if str(now(world).date()) == day:
        assert cost(world, day) > spent
    lines = world.client("ec2").describe_spot_price_history(StartTime=now(world) - timedelta(minutes=20))
    assert any(line["Timestamp"] > now(world) - timedelta(minutes=20) for line in lines["SpotPriceHistory"])


def test_terminated_instances_are_forgotten_after_an_hour(world: SimulatedAws) -> None:
    gone = {k for k, i in instances(world).items() if i["State"]["Name"] == "terminated"}
    assert gone
    world.step(75)
    assert not gone & set(instances(world))


def test_addresses_given_back_are_used_again(world: SimulatedAws) -> None:
    running = [i for i in instances(world).values() if i["State"]["Name"] != "terminated"]
    addresses = [(i["VpcId"], i["PrivateIpAddress"]) for i in running]
    assert len(set(addresses)) == len(addresses)


def test_a_group_that_is_told_to_exchanges_its_instances_and_one_refresh_goes_on_at_a_time(
    world: SimulatedAws,
) -> None:
    client, before = world.client("autoscaling"), group(world, "search-index")
    started = client.start_instance_refresh(AutoScalingGroupName="search-index")["InstanceRefreshId"]
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        client.start_instance_refresh(AutoScalingGroupName="search-index")

    def refresh() -> dict[str, Any]:
        found = client.describe_instance_refreshes(AutoScalingGroupName="search-index")["InstanceRefreshes"]
        return next(line for line in found if line["InstanceRefreshId"] == started)

    assert (refresh()["Status"], refresh()["InstancesToUpdate"]) == ("Pending", len(before["Instances"]))
    world.step(2)
    assert refresh()["Status"] == "InProgress" and 0 < refresh()["PercentageComplete"] < 100
    world.step(8)
    assert (refresh()["Status"], refresh()["PercentageComplete"]) == ("Successful", 100)
    after = group(world, "search-index")
    assert len(after["Instances"]) == len(before["Instances"])
    assert not {m["InstanceId"] for m in after["Instances"]} & {m["InstanceId"] for m in before["Instances"]}


def test_alarms_see_that_targets_are_ill(world: SimulatedAws) -> None:
    alarms = world.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    elb = world.client("elbv2")
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms["MetricAlarms"]}
    ill = {
        found["TargetGroupName"]
        for found in elb.describe_target_groups()["TargetGroups"]
        for target in elb.describe_target_health(TargetGroupArn=found["TargetGroupArn"])["TargetHealthDescriptions"]
        if target["TargetHealth"]["State"] == "unhealthy"
    }
    watched = {name.removesuffix("-unhealthy-hosts") for name in states if name.endswith("-unhealthy-hosts")}
    assert {name for name in watched if states[f"{name}-unhealthy-hosts"] == "ALARM"} == ill & watched
    composite = {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms["CompositeAlarms"]}
    assert composite == {"edge-is-sick": "ALARM" if ill & watched else "OK"}


def test_a_scenario_is_a_list_of_timed_effects() -> None:
    effect = Effect("test", 10, 60, "use1-az1", ("m5.large",), price=3.0)
    assert [effect.on(minute) for minute in (9, 10, 69, 70)] == [False, True, True, False]
    assert effect.touches("use1-az1", "m5.large") and not effect.touches("use1-az1", "c5.large")
    pushes = [effect.push(minute) for minute in range(0, 80)]
    assert pushes[9] == 1.0 == pushes[70] and 2.0 < max(pushes) < 3.0
    assert SCENARIOS["calm"].effects == ()


def test_the_credential_report_dates_only_itself_anew(world: SimulatedAws) -> None:
    def report() -> bytes:
        iam = world.client("iam", profile="simulated-sandbox")
        iam.generate_credential_report()
        return bytes(iam.get_credential_report()["Content"])

    before = report()
    world.step(2)
    assert report() == before and b"<root_account>" in before
