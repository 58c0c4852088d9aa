"""The simulated CloudTrail tells of clients, of people before the start and of what groups do, as AWS would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulated_aws import SimulatedAws, start_simulated

CANARY = "CANARY-trail-9e11"


@pytest.fixture(scope="module")
def world() -> Iterator[SimulatedAws]:
    with start_simulated() as aws:
        yield aws


def events(world: SimulatedAws, name: str = "", region: str = "us-east-1") -> list[dict[str, Any]]:
    """The writes, newest first, with the record read."""
    chosen = {"AttributeKey": "EventName", "AttributeValue": name}
    wanted = [chosen if name else {"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
    pages = world.client("cloudtrail", region).get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    found = [event for page in pages for event in page["Events"]]
    return [event | {"CloudTrailEvent": json.loads(event["CloudTrailEvent"])} for event in found]


def test_the_day_before_the_start_has_its_events_newest_first_and_some_were_refused(world: SimulatedAws) -> None:
    found = events(world)
    times = [event["EventTime"] for event in found]
    assert times == sorted(times, reverse=True) and len({event["EventId"] for event in found}) == len(found)
    assert {"ConsoleLogin", "CreateAccessKey", "UpdateAutoScalingGroup"} <= {event["EventName"] for event in found}
    assert any(event["CloudTrailEvent"].get("errorCode") for event in found)
    assert {event["CloudTrailEvent"]["userIdentity"]["type"] for event in found} >= {"Root", "IAMUser", "AssumedRole"}


def test_a_client_is_known_by_its_key_and_a_session_by_its_role(world: SimulatedAws) -> None:
    world.client("autoscaling").set_desired_capacity(AutoScalingGroupName="render-farm", DesiredCapacity=5)
    [mine, *_] = [e for e in events(world, "SetDesiredCapacity") if e["Username"] == "quarterdeck-operator"]
    assert mine["CloudTrailEvent"]["requestParameters"]["desiredCapacity"] == 5
    assert mine["Resources"] == [{"ResourceType": "AWS::AutoScaling::AutoScalingGroup", "ResourceName": "render-farm"}]
    role = "arn:aws:iam::111122223333:role/QuarterdeckAccess"
    given = world.client("sts").assume_role(RoleArn=role, RoleSessionName="night-shift")["Credentials"]
    import boto3

    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
    session.client("iam", endpoint_url=world.endpoint).tag_user(UserName="bob.lindqvist", Tags=[])
    [event] = events(world, "TagUser")
    identity = event["CloudTrailEvent"]["userIdentity"]
    assert identity["sessionContext"]["sessionIssuer"]["userName"] == "QuarterdeckAccess"
    assert (event["Username"], identity["type"]) == ("night-shift", "AssumedRole")


def test_secrets_are_hidden_as_aws_hides_them_and_a_refusal_has_its_code(world: SimulatedAws) -> None:
    iam = world.client("iam", "eu-west-1")
    iam.create_user(UserName="zed")
    iam.create_login_profile(UserName="zed", Password=CANARY)
    key = iam.create_access_key(UserName="zed")["AccessKey"]
    with pytest.raises(Exception, match="NoSuchEntity"):
        iam.delete_user(UserName="nobody-of-that-name")
    found = events(world)
    assert CANARY not in str(found) and key["SecretAccessKey"] not in str(found)
    assert any(event["EventName"] == "CreateAccessKey" and key["AccessKeyId"] in str(event) for event in found)
    [refused] = events(world, "DeleteUser")
    assert refused["CloudTrailEvent"]["errorCode"] == "NoSuchEntity"
    assert refused["CloudTrailEvent"]["awsRegion"] == "us-east-1", "IAM's events are in one region"


def test_what_a_group_launches_and_ends_is_told_with_the_instance(world: SimulatedAws) -> None:
    before = {event["EventId"] for event in events(world)}
    world.client("autoscaling").set_desired_capacity(AutoScalingGroupName="render-farm", DesiredCapacity=7)
    new = [event for event in events(world) if event["EventId"] not in before]
    launched = [e for e in new if e["EventName"] == "RunInstances"]
    groups = world.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["render-farm"])
    members = {m["InstanceId"] for m in groups["AutoScalingGroups"][0]["Instances"]}
    assert launched and {e["Resources"][0]["ResourceName"] for e in launched} <= members
    assert {e["CloudTrailEvent"]["userIdentity"]["invokedBy"] for e in launched} == {"autoscaling.amazonaws.com"}
    reservations = world.client("ec2").describe_instances(
        InstanceIds=[e["Resources"][0]["ResourceName"] for e in launched]
    )
    for made in (instance for found in reservations["Reservations"] for instance in found["Instances"]):
        [event] = [e for e in launched if e["Resources"][0]["ResourceName"] == made["InstanceId"]]
        parts = [nic["NetworkInterfaceId"] for nic in made["NetworkInterfaces"]]
        parts += [disk["Ebs"]["VolumeId"] for disk in made["BlockDeviceMappings"]]
        parts += [made["SpotInstanceRequestId"]] if made.get("InstanceLifecycle") == "spot" else []
        assert len(parts) > 1 and all(part in str(event["CloudTrailEvent"]["responseElements"]) for part in parts)
