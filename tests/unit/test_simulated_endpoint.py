"""The simulated AWS as a plain boto3 client meets it."""

from __future__ import annotations

import http.client
import json
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, IncompleteReadError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from backends.simulated.hostile import CANARIES, HOSTILE, wire_safe
from tests.simulated_aws import SimulatedAws, shared_simulated

PRODUCTION, SANDBOX = "simulated-production", "simulated-sandbox"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


@pytest.fixture
def aws() -> Iterator[SimulatedAws]:
    endpoint = shared_simulated()
    yield endpoint
    endpoint.fault(clear=True)


def instances(aws: SimulatedAws, region: str = "us-east-1", profile: str = PRODUCTION) -> list[dict[str, Any]]:
    pages = aws.client("ec2", region, profile).get_paginator("describe_instances").paginate()
    return [i for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]


def everywhere(aws: SimulatedAws) -> list[dict[str, Any]]:
    return [i for profile in (PRODUCTION, SANDBOX) for region in REGIONS for i in instances(aws, region, profile)]


def code(problem: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = problem.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_the_second_account_is_reached_by_assuming_a_role(aws: SimulatedAws) -> None:
    first = aws.client("sts", profile=PRODUCTION).get_caller_identity()
    second = aws.client("sts", profile=SANDBOX).get_caller_identity()
    assert (first["Account"], second["Account"]) == ("111122223333", "444455556666")
    assert first["Arn"].endswith(":user/quarterdeck-operator")
    assert ":assumed-role/QuarterdeckAccess/" in second["Arn"]


def test_a_role_that_does_not_exist_cannot_be_assumed(aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as problem:
        arn = "arn:aws:iam::444455556666:role/Nobody"
        aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="nobody")
    assert code(problem) == ("AccessDenied", 403)


def test_some_two_hundred_instances_of_few_types_are_spread_over_accounts_and_regions(aws: SimulatedAws) -> None:
    found = everywhere(aws)
    assert 150 <= len(found) <= 260
    assert len({i["InstanceId"] for i in found}) == len(found)
    assert len({i["InstanceType"] for i in found}) <= 60
    assert sum(i.get("InstanceLifecycle") == "spot" for i in found) >= 50
    assert sum(i["State"]["Name"] == "stopped" for i in found) >= 3
    assert all(i["LaunchTime"].timestamp() < aws_now(aws) for i in found)


def aws_now(aws: SimulatedAws) -> float:
    from datetime import datetime

    return datetime.fromisoformat(aws.get("status")["now"]).timestamp() + 1


def test_groups_hold_as_many_members_as_they_want_within_their_bounds(aws: SimulatedAws) -> None:
    groups = aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    running = {i["InstanceId"]: i for i in instances(aws)}
    assert len(groups) >= 8
    for group in groups:
        members = [member["InstanceId"] for member in group["Instances"]]
        assert group["MinSize"] <= group["DesiredCapacity"] == len(members) <= group["MaxSize"]
        for member in members:
            tags = {tag["Key"]: tag["Value"] for tag in running[member]["Tags"]}
            assert tags["aws:autoscaling:groupName"] == group["AutoScalingGroupName"]
    assert {bool(group.get("MixedInstancesPolicy")) for group in groups} == {True, False}


def test_mixed_groups_hold_the_types_that_their_policy_names(aws: SimulatedAws) -> None:
    kinds = {i["InstanceId"]: i["InstanceType"] for i in instances(aws)}
    varied = 0
    for group in aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]:
        if "MixedInstancesPolicy" in group:
            allowed = {o["InstanceType"] for o in group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]}
            found = {kinds[member["InstanceId"]] for member in group["Instances"]}
            assert found <= allowed
            varied += len(found) > 1
    assert varied >= 2


def test_spot_members_have_their_requests(aws: SimulatedAws) -> None:
    spot = {i["SpotInstanceRequestId"]: i for i in instances(aws) if i.get("InstanceLifecycle") == "spot"}
    requests = aws.client("ec2").describe_spot_instance_requests()["SpotInstanceRequests"]
    assert {r["SpotInstanceRequestId"]: r["InstanceId"] for r in requests} == {
        request: i["InstanceId"] for request, i in spot.items()
    }
    assert {(r["State"], r["Status"]["Code"]) for r in requests} == {("active", "fulfilled")}


def test_node_groups_have_nodes_of_their_own(aws: SimulatedAws) -> None:
    eks = aws.client("eks")
    nodes = instances(aws)
    for cluster in eks.list_clusters()["clusters"]:
        for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
            wanted = eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
            tags = {("eks:cluster-name", cluster), ("eks:nodegroup-name", name)}
            mine = [i for i in nodes if tags <= {(t["Key"], t["Value"]) for t in i["Tags"]}]
            assert len(mine) == wanted["scalingConfig"]["desiredSize"]


def test_there_is_something_to_advise_on(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2")
    volumes = ec2.describe_volumes()["Volumes"]
    assert {"gp2", "gp3", "io1"} <= {volume["VolumeType"] for volume in volumes}
    assert any(volume["State"] == "available" for volume in volumes)
    subnets = ec2.describe_subnets()["Subnets"]
    assert min(subnet["AvailableIpAddressCount"] for subnet in subnets) <= 3
    groups = ec2.describe_security_groups()["SecurityGroups"]
    assert any(
        range_["CidrIp"] == "0.0.0.0/0" and rule.get("FromPort") == 22
        for group in groups
        for rule in group["IpPermissions"]
        for range_ in rule["IpRanges"]
    )
    elb = aws.client("elbv2")
    states = {
        health["TargetHealth"]["State"]
        for group in elb.describe_target_groups()["TargetGroups"]
        for health in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    }
    assert states >= {"healthy", "unhealthy"}
    keys = aws.client("iam").list_access_keys(UserName="terraform")["AccessKeyMetadata"]
    assert (keys[0]["CreateDate"].timestamp()) < aws_now(aws) - 900 * 86400


def test_every_hostile_string_is_some_instances_name(aws: SimulatedAws) -> None:
    names = {
        tag["Value"].replace("\r\n", "\n")
        for i in instances(aws, profile=SANDBOX)
        for tag in i["Tags"]
        if tag["Key"] == "Name"
    }
    assert {wire_safe(text).replace("\r\n", "\n") for text in HOSTILE} <= names
    assert aws.client("eks").describe_cluster(name="prod-main")["cluster"]["tags"]["note"] == HOSTILE[0]


def test_secrets_are_planted_in_user_data_and_launch_templates(aws: SimulatedAws) -> None:
    import base64

    ec2 = aws.client("ec2")
    machine = next(i for i in instances(aws) if ("Name", "jenkins") in {(t["Key"], t["Value"]) for t in i["Tags"]})
    script = ec2.describe_instance_attribute(InstanceId=machine["InstanceId"], Attribute="userData")
    versions = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
    texts = [script["UserData"]["Value"], *(version["LaunchTemplateData"]["UserData"] for version in versions)]
    planted = "".join(base64.b64decode(text).decode() for text in texts)
    assert all(canary in planted for canary in CANARIES[:4])


def test_only_three_regions_are_enabled(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2")
    assert tuple(region["RegionName"] for region in ec2.describe_regions()["Regions"]) == REGIONS
    states = {r["RegionName"]: r["OptInStatus"] for r in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert states["me-south-1"] == "not-opted-in" and states["us-east-1"] == "opt-in-not-required"


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        ("ec2", "describe_vpcs", ("AuthFailure", 401)),
        ("autoscaling", "describe_auto_scaling_groups", ("InvalidClientTokenId", 403)),
        ("eks", "list_clusters", ("UnrecognizedClientException", 403)),
        ("cloudtrail", "lookup_events", ("UnrecognizedClientException", 400)),
    ],
)
def test_a_disabled_region_refuses_credentials_as_aws_does(
    aws: SimulatedAws, service: str, operation: str, expected: tuple[str, int]
) -> None:
    with pytest.raises(ClientError) as problem:
        getattr(aws.client(service, "me-south-1"), operation)()
    assert code(problem) == expected


def test_unknown_keys_are_refused(aws: SimulatedAws) -> None:
    import boto3

    stranger = boto3.Session("AKIAXXXXXXXXXXXXXXXX", "secret", region_name="us-east-1")
    with pytest.raises(ClientError) as problem:
        stranger.client("sts", endpoint_url=aws.endpoint).get_caller_identity()
    assert code(problem) == ("InvalidClientTokenId", 403)


def test_zone_names_mean_different_zones_in_different_accounts(aws: SimulatedAws) -> None:
    def mapping(profile: str) -> dict[str, str]:
        zones = aws.client("ec2", profile=profile).describe_availability_zones()["AvailabilityZones"]
        subnets = aws.client("ec2", profile=profile).describe_subnets()["Subnets"]
        named = {zone["ZoneName"]: zone["ZoneId"] for zone in zones}
        assert {(s["AvailabilityZone"], s["AvailabilityZoneId"]) for s in subnets} == set(named.items())
        return named

    first, second = mapping(PRODUCTION), mapping(SANDBOX)
    assert first.keys() == second.keys() and set(first.values()) == set(second.values()) and first != second


def test_dry_run_changes_nothing_even_where_moto_would(aws: SimulatedAws) -> None:
    ec2 = aws.client("ec2")
    gateway = ec2.describe_nat_gateways()["NatGateways"][0]["NatGatewayId"]
    spot = ec2.describe_spot_instance_requests()["SpotInstanceRequests"][0]["SpotInstanceRequestId"]
    for call in (
        lambda: ec2.delete_nat_gateway(NatGatewayId=gateway, DryRun=True),
        lambda: ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[spot], DryRun=True),
        lambda: ec2.describe_instances(DryRun=True),
    ):
        with pytest.raises(ClientError) as problem:
            call()
        assert code(problem) == ("DryRunOperation", 412)
    assert ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "available"
    assert spot in [r["SpotInstanceRequestId"] for r in ec2.describe_spot_instance_requests()["SpotInstanceRequests"]]


def test_what_is_not_simulated_is_an_invalid_action_and_no_crash(aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as problem:
        aws.client("ec2").describe_instance_topology()
    assert code(problem) == ("InvalidAction", 400)
    with pytest.raises(ClientError) as problem:
        aws.client("eks").list_pod_identity_associations(clusterName="prod-main")
    assert code(problem) == ("UnknownOperationException", 404)


def test_every_request_is_logged_with_who_where_and_what(aws: SimulatedAws) -> None:
    mark = aws.mark()
    aws.client("elbv2", "eu-west-1", SANDBOX).describe_load_balancers()
    with pytest.raises(ClientError):
        aws.client("ec2").terminate_instances(InstanceIds=["i-0"], DryRun=True)
    with pytest.raises(ClientError):
        aws.client("eks").update_nodegroup_config(
            clusterName="prod-main", nodegroupName="spot", scalingConfig={"desiredSize": 999}
        )
    seen = [
        (r["account"], r["region"], r["service"], r["operation"], r["mutating"], r["dry_run"], r["status"])
        for r in aws.requests(mark)
    ]
    assert seen == [
        ("444455556666", "eu-west-1", "elbv2", "DescribeLoadBalancers", False, False, 200),
        ("111122223333", "us-east-1", "ec2", "TerminateInstances", True, True, 412),
        ("111122223333", "us-east-1", "eks", "UpdateNodegroupConfig", True, False, 400),
    ]


@pytest.mark.parametrize(
    ("service", "operation", "denied", "throttled"),
    [
        ("ec2", "describe_vpcs", ("UnauthorizedOperation", 403), ("RequestLimitExceeded", 503)),
        ("iam", "list_users", ("AccessDenied", 403), ("Throttling", 400)),
        ("eks", "list_clusters", ("AccessDeniedException", 403), ("TooManyRequestsException", 429)),
        ("cloudtrail", "lookup_events", ("AccessDeniedException", 400), ("ThrottlingException", 400)),
    ],
)
def test_injected_refusals_speak_each_services_language(
    aws: SimulatedAws, service: str, operation: str, denied: tuple[str, int], throttled: tuple[str, int]
) -> None:
    client = aws.client(service)
    for kind, expected in (("denied", denied), ("throttling", throttled)):
        aws.fault(kind=kind, service=service, count=1)
        with pytest.raises(ClientError) as problem:
            getattr(client, operation)()
        assert code(problem) == expected
        getattr(client, operation)()  # the fault is spent


def test_a_fault_hits_only_what_it_matches(aws: SimulatedAws) -> None:
    aws.fault(kind="denied", service="ec2", operation="DescribeVpcs", region="eu-west-1", account="444455556666")
    aws.client("ec2", "eu-west-1", PRODUCTION).describe_vpcs()
    aws.client("ec2", "us-east-1", SANDBOX).describe_vpcs()
    aws.client("ec2", "eu-west-1", SANDBOX).describe_subnets()
    with pytest.raises(ClientError):
        aws.client("ec2", "eu-west-1", SANDBOX).describe_vpcs()


def test_a_rate_hits_about_that_share(aws: SimulatedAws) -> None:
    aws.fault(kind="throttling", service="sts", rate=0.3)
    sts, refused = aws.client("sts"), 0
    for _ in range(40):
        try:
            sts.get_caller_identity()
        except ClientError:
            refused += 1
    assert 4 <= refused <= 20


def test_answers_can_hang_break_off_or_be_a_web_page(aws: SimulatedAws) -> None:
    aws.fault(kind="hang", service="sts", count=1, seconds=30)
    with pytest.raises(ReadTimeoutError):
        aws.client("sts", read_timeout=0.3).get_caller_identity()
    aws.fault(kind="truncated", service="sts", count=1)
    with pytest.raises((ConnectionClosedError, IncompleteReadError)):
        aws.client("sts").get_caller_identity()
    aws.fault(kind="html", service="sts", count=1, status=200)
    with pytest.raises(ResponseParserError):
        aws.client("sts").get_caller_identity()
    aws.client("sts").get_caller_identity()


def test_a_bad_fault_is_explained(aws: SimulatedAws) -> None:
    with pytest.raises(urllib.error.HTTPError) as problem:
        aws.fault(kind="gremlins")
    assert "kind must be one of" in json.load(problem.value)["message"]


def test_connections_are_kept_alive(aws: SimulatedAws) -> None:
    host = aws.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=240)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/_simulated/status")
        answer = connection.getresponse()
        assert json.load(answer)["simulated"] is True
        assert connection.sock is not None
        sockets.add(connection.sock.getsockname())
    connection.close()
    assert len(sockets) == 1


def test_the_control_paths_refuse_what_they_do_not_know(aws: SimulatedAws) -> None:
    with pytest.raises(urllib.error.HTTPError) as problem:
        aws.get("nothing")
    assert problem.value.code == 404
    with pytest.raises(urllib.error.HTTPError) as problem:
        aws.post("clock", {"speed": -1})
    assert problem.value.code == 400
