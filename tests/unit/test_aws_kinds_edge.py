"""What the outside meets: certificates, names, listeners and targets, read from what AWS tells in several steps."""

from __future__ import annotations

import pytest

from backends.aws.kinds.acm import CERTIFICATE
from backends.aws.kinds.elb import LOAD_BALANCER
from backends.aws.kinds.elbv2 import TARGET_HEALTH
from backends.aws.kinds.elbv2_listener import LISTENER
from backends.aws.kinds.route53 import RECORD, ZONE
from backends.model import Json
from tests.unit.aws_fakes import FakeClient, raising, refused, swept

_ARN = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"


@pytest.mark.parametrize("denied", [False, True])
async def test_a_certificates_expiry_is_known_even_where_its_details_are_denied(denied: bool) -> None:
    proof = {"DomainName": "a.example", "ValidationStatus": "PENDING_VALIDATION", "ResourceRecord": {"Name": "_x.a."}}
    detail: Json = {
        "DomainValidationOptions": [{"DomainName": "a.example", "ValidationStatus": "SUCCESS"}],
        "RenewalSummary": {"RenewalStatus": "PENDING_VALIDATION", "DomainValidationOptions": [proof]},
    }
    listed = {"CertificateArn": _ARN, "DomainName": "a.example", "NotAfter": 1_800_000_000, "InUse": True}
    acm = FakeClient(
        "acm",
        {
            "ListCertificates": lambda p: {"CertificateSummaryList": [listed]},
            "DescribeCertificate": raising(refused("AccessDeniedException"))
            if denied
            else lambda p: {"Certificate": detail},
        },
    )
    _, [row] = await swept(CERTIFICATE, {"acm": acm})
    assert (row["id"], str(row["expires"])[:10], row["in_use"]) == ("0a1b", "2027-01-15", True)
    renewal = (None, None) if denied else ("PENDING_VALIDATION", ["_x.a."])
    assert (row["renewal"], row["validation_records"]) == renewal
    assert "EC_prime256v1" in acm.asked[0][1]["Includes"]["keyTypes"], "what is not RSA is listed only if asked for"


def records(*sets: Json) -> FakeClient:
    return FakeClient(
        "route53",
        {
            "ListHostedZones": lambda p: {"HostedZones": [{"Id": "/hostedzone/Z1", "Name": "a.example."}]},
            "ListResourceRecordSets": lambda p: {"ResourceRecordSets": list(sets)},
            "GetHostedZone": lambda p: {"VPCs": [{"VPCId": "vpc-1"}], "DelegationSet": {"NameServers": ["ns1"]}},
        },
    )


async def test_records_of_one_name_are_told_apart_by_their_variant() -> None:
    weighted = [{"Name": "w.a.example.", "Type": "A", "SetIdentifier": name, "Weight": 0} for name in ("x", "y")]
    plain = {"Name": "p.a.example.", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"v"'}]}
    _, rows = await swept(RECORD, {"route53": records(*weighted, plain)})
    assert {(row["variant"], row["routing"]) for row in rows} == {("x", "WEIGHTED"), ("y", "WEIGHTED"), ("-", "SIMPLE")}
    assert next(row["values"] for row in rows if row["record_type"] == "TXT") == ['"v"']


@pytest.mark.parametrize(
    "written",
    ["dualstack.web-1.eu-west-1.elb.amazonaws.com.", "web-1.eu-west-1.elb.amazonaws.com."],
)
async def test_an_alias_is_the_name_that_its_target_goes_by(written: str) -> None:
    _, [row] = await swept(
        RECORD, {"route53": records({"Name": "a.", "Type": "A", "AliasTarget": {"DNSName": written}})}
    )
    assert row["alias"] == "web-1.eu-west-1.elb.amazonaws.com"


async def test_a_zone_names_its_servers_and_the_vpcs_that_see_it() -> None:
    _, [row] = await swept(ZONE, {"route53": records()})
    assert (row["id"], row["vpcs"], row["name_servers"]) == ("Z1", ["vpc-1"], ["ns1"])


async def test_a_classic_load_balancer_counts_its_instances_by_state() -> None:
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTP", "InstancePort": 80}
    states = [{"State": "InService"}, {"State": "OutOfService", "Description": "It is stopped."}]
    balancer = {"LoadBalancerName": "old", "ListenerDescriptions": [{"Listener": listener}]}
    elb = FakeClient(
        "elb",
        {
            "DescribeLoadBalancers": lambda p: {"LoadBalancerDescriptions": [balancer]},
            "DescribeTags": lambda p: {
                "TagDescriptions": [{"LoadBalancerName": "old", "Tags": [{"Key": "owner", "Value": "nobody"}]}]
            },
            "DescribeInstanceHealth": lambda p: {"InstanceStates": states},
        },
    )
    _, [row] = await swept(LOAD_BALANCER, {"elb": elb})
    assert (row["in_service"], row["out_of_service"], row["reasons"]) == (1, 1, ["It is stopped."])
    assert (row["listeners"], row["tags"]) == (["HTTPS 443 → HTTP 80"], '{"owner":"nobody"}')


async def test_a_listener_names_every_target_group_that_it_forwards_to() -> None:
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a"}, {"TargetGroupArn": "b"}]}}
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443"}}
    listeners = [
        {"ListenerArn": "x/1", "Port": 80, "DefaultActions": [redirect]},
        {"ListenerArn": "x/2", "Port": 443, "DefaultActions": [forward]},
        {"ListenerArn": "x/3", "Port": 8443, "DefaultActions": [{"Type": "forward", "TargetGroupArn": "c"}]},
    ]
    elb = FakeClient(
        "elbv2",
        {
            "DescribeLoadBalancers": lambda p: {
                "LoadBalancers": [{"LoadBalancerArn": "lb", "LoadBalancerName": "web", "Scheme": "internal"}]
            },
            "DescribeListeners": lambda p: {"Listeners": listeners},
            "DescribeTags": lambda p: {"TagDescriptions": []},
        },
    )
    _, rows = await swept(LISTENER, {"elbv2": elb})
    shown = {row["port"]: (row["id"], row["target_groups"], row["redirects_to"]) for row in rows}
    assert shown == {
        80: ("web/1", [], ["HTTPS:443"]),
        443: ("web/2", ["a", "b"], []),
        8443: ("web/3", ["c"], []),
    }


async def test_a_target_without_a_port_is_a_target_all_the_same() -> None:
    health = [
        {"Target": {"Id": "arn:aws:lambda:eu-west-1:1:function:f"}, "TargetHealth": {"State": "healthy"}},
        {"Target": {"Id": "i-1", "Port": 80}, "TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout"}},
        {"Target": {"Id": "i-1", "Port": 81}, "TargetHealth": {"State": "healthy"}},
    ]
    elb = FakeClient(
        "elbv2",
        {
            "DescribeTargetGroups": lambda p: {"TargetGroups": [{"TargetGroupArn": "tg", "TargetGroupName": "web"}]},
            "DescribeTargetHealth": lambda p: {"TargetHealthDescriptions": health},
        },
    )
    _, rows = await swept(TARGET_HEALTH, {"elbv2": elb})
    assert [(row["target"][:3], row["port"], row["state"], row["reason"]) for row in rows] == [
        ("arn", 0, "healthy", None),
        ("i-1", 80, "unhealthy", "Target.Timeout"),
        ("i-1", 81, "healthy", None),
    ]
