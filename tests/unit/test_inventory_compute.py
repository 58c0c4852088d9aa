"""What scales, what runs in clusters and what the outside meets is what plain boto3 reads, troubles included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jmespath
import pyarrow as pa
import pytest
import pytest_asyncio

from backends.aws.kinds import KINDS
from backends.aws.process import Collector, SweepEnd, SweepTask
from backends.context import Context
from backends.model import GLOBAL_REGION, Coverage, CoverageState, Json
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.aws_fakes import rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGION = "us-east-1"
PRODUCTION, SANDBOX = "simulated-production", "simulated-sandbox"
_BOTH = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
# kind → (service, boto3's method, JMESPath to the ids in its answer, parameters)
READ: dict[str, tuple[str, str, str, Json]] = {
    "autoscaling.activity": (
        "autoscaling",
        "describe_scaling_activities",
        "Activities[].join('/', [AutoScalingGroupName, ActivityId])",
        {},
    ),
    "autoscaling.policy": (
        "autoscaling",
        "describe_policies",
        "ScalingPolicies[].join('/', [AutoScalingGroupName, PolicyName])",
        {},
    ),
    "autoscaling.scheduled_action": (
        "autoscaling",
        "describe_scheduled_actions",
        "ScheduledUpdateGroupActions[].join('/', [AutoScalingGroupName, ScheduledActionName])",
        {},
    ),
    "cloudwatch.alarm": ("cloudwatch", "describe_alarms", "[MetricAlarms, CompositeAlarms][].AlarmName", _BOTH),
    "cloudwatch.load_balancer_use": ("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerName", {}),
    "cloudwatch.target_group_use": ("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupName", {}),
    "cloudwatch.nat_gateway_use": (
        "ec2",
        "describe_nat_gateways",
        "NatGateways[?State=='available'].NatGatewayId",
        {},
    ),
    "cloudwatch.volume_use": ("ec2", "describe_volumes", "Volumes[?State=='in-use'].VolumeId", {}),
    "eks.cluster_version": ("eks", "describe_cluster_versions", "clusterVersions[].clusterVersion", {}),
    "elb.load_balancer": ("elb", "describe_load_balancers", "LoadBalancerDescriptions[].LoadBalancerName", {}),
    "acm.certificate": ("acm", "list_certificates", "CertificateSummaryList[].CertificateArn", {}),
    "route53.zone": ("route53", "list_hosted_zones", "HostedZones[].Id", {}),
}
# kind → (service, method that lists, path to what it lists, method for each, its parameter, path to the ids)
READ_BY: dict[str, tuple[str, str, str, str, str, str]] = {
    "autoscaling.lifecycle_hook": (
        *("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups[].AutoScalingGroupName"),
        *("describe_lifecycle_hooks", "AutoScalingGroupName", "LifecycleHooks[].LifecycleHookName"),
    ),
    "autoscaling.instance_refresh": (
        *("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups[].AutoScalingGroupName"),
        *("describe_instance_refreshes", "AutoScalingGroupName", "InstanceRefreshes[].InstanceRefreshId"),
    ),
    "eks.addon": ("eks", "list_clusters", "clusters", "list_addons", "clusterName", "addons"),
    "eks.insight": ("eks", "list_clusters", "clusters", "list_insights", "clusterName", "insights[].id"),
    "eks.fargate_profile": (
        *("eks", "list_clusters", "clusters"),
        *("list_fargate_profiles", "clusterName", "fargateProfileNames"),
    ),
    "elbv2.listener": (
        *("elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn"),
        *("describe_listeners", "LoadBalancerArn", "Listeners[].ListenerArn"),
    ),
    "elbv2.target_health": (
        *("elbv2", "describe_target_groups", "TargetGroups[].TargetGroupArn"),
        *("describe_target_health", "TargetGroupArn", "TargetHealthDescriptions[].Target.Id"),
    ),
    "route53.record": (
        *("route53", "list_hosted_zones", "HostedZones[].Id"),
        *("list_resource_record_sets", "HostedZoneId", "ResourceRecordSets[].Name"),
    ),
}
OTHERS = ("eks.access_entry", "eks.update", "elbv2.rule")
Inventory = dict[tuple[str, str], tuple[Coverage, list[Json]]]


@pytest.fixture(scope="module")
def aws() -> SimulatedAws:
    return shared_simulated()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inventory(aws: SimulatedAws, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inventory]:
    """Every kind of this file, swept once in both accounts: {(profile, kind): (coverage, rows)}."""
    log: Path = tmp_path_factory.mktemp("compute") / "collector.log"
    context = Context(tuple(aws.profiles), REGION, aws.endpoint, "aws", aws.environment)
    collector = await Collector.start(context, log)
    regional = {kind.name: kind.regional for kind in KINDS}
    found = {
        (account.profile, kind): await _swept(
            collector, account.account, REGION if regional[kind] else GLOBAL_REGION, kind
        )
        for account in await collector.identify()
        for kind in (*READ, *READ_BY, *OTHERS)
    }
    await collector.close()
    yield found


async def _swept(collector: Collector, account: str, region: str, kind: str) -> tuple[Coverage, list[Json]]:
    rows: list[Json] = []
    async for part in collector.sweep(SweepTask(account, region, kind)):
        if isinstance(part, SweepEnd):
            return part.coverage, rows
        assert pa.ipc.open_stream(part.arrow).read_all().num_rows == part.rows
        rows += rows_of(part.arrow)
    raise AssertionError("the sweep had no end")


def _pages(client: Any, method: str, path: str, **parameters: Any) -> list[str]:
    paginated = client.can_paginate(method)
    pages = (
        client.get_paginator(method).paginate(**parameters) if paginated else [getattr(client, method)(**parameters)]
    )
    return [found for page in pages for found in jmespath.search(path, page) or []]


def _last(text: str) -> str:
    return text.rpartition("/")[2]


def _listed(aws: SimulatedAws, profile: str, kind: str) -> list[str]:
    """Sorted; where a row's id has more parts than AWS lists, what it lists of it."""
    if kind in READ:
        service, method, path, parameters = READ[kind]
        found = _pages(aws.client(service, REGION, profile), method, path, **parameters)
        return sorted(map(_last, found) if service in ("acm", "route53") else found)
    service, listing, of, method, parameter, path = READ_BY[kind]
    client = aws.client(service, REGION, profile)
    of_each = (_pages(client, method, path, **{parameter: item}) for item in _pages(client, listing, of))
    return sorted(_last(found) for part in of_each for found in part)


def _named(kind: str, row: Json) -> str:
    """What `_listed` calls a row."""
    if kind in READ:
        return str(row["id"])
    named = {"elbv2.target_health": "target", "route53.record": "name"}
    return str(row[named[kind]]) if kind in named else _last(row["id"])


async def test_every_kind_is_what_plain_boto3_reads(aws: SimulatedAws, inventory: Inventory) -> None:
    for (profile, kind), (coverage, rows) in inventory.items():
        assert (coverage.rows, coverage.problem) == (len(rows), ""), coverage
        assert coverage.state is (CoverageState.OK if rows else CoverageState.EMPTY), coverage
        if kind in OTHERS:
            continue
        expected = await asyncio.to_thread(_listed, aws, profile, kind)
        assert sorted(_named(kind, row) for row in rows) == expected, kind


async def test_every_kind_has_something_to_show(inventory: Inventory) -> None:
    # Fargate profiles are in another region.
    for kind in {*READ, *READ_BY, *OTHERS} - {"eks.fargate_profile"}:
        assert inventory[PRODUCTION, kind][1] or inventory[SANDBOX, kind][1], kind


async def test_no_planted_secret_is_read(inventory: Inventory) -> None:
    told = json.dumps([rows for _, rows in inventory.values()], default=str)
    assert "CANARY" not in told
    addon = inventory[PRODUCTION, "eks.addon"][1][0]
    assert addon["raw"]["configurationValues"] == "[redacted]"


def rows(inventory: Inventory, kind: str, profile: str = PRODUCTION, **wanted: Any) -> list[Json]:
    found = inventory[profile, kind][1]
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


async def test_groups_say_what_they_could_not_launch_and_where_the_others_went(inventory: Inventory) -> None:
    failed = rows(inventory, "autoscaling.activity", status="Failed")
    assert {(row["group"], row["error"]) for row in failed} == {("render-farm", "InsufficientInstanceCapacity")}
    went = rows(inventory, "autoscaling.activity", status="Successful")
    assert went and all(row["instance"] and row["zone"] and row["subnet"] for row in went)
    quota = rows(inventory, "autoscaling.activity", SANDBOX, status="Failed")
    assert {row["error"] for row in quota} == {"VcpuLimitExceeded"}


async def test_what_scales_a_group_is_called_by_alarms_that_are_there(inventory: Inventory) -> None:
    alarms = {row["name"]: row for row in rows(inventory, "cloudwatch.alarm")}
    for policy in rows(inventory, "autoscaling.policy"):
        assert all(alarms[name]["scales"] == policy["arn"] for name in policy["alarms"] or [])
    assert {row["name"] for row in rows(inventory, "autoscaling.policy", enabled=False)} == {"checkout-cpu-45"}
    [composite] = rows(inventory, "cloudwatch.alarm", alarm_type="composite")
    assert composite["rule"].startswith('ALARM("')


async def test_clusters_tell_what_stands_in_the_way_of_an_upgrade(inventory: Inventory) -> None:
    [broken] = rows(inventory, "eks.insight", status="ERROR")
    assert (broken["cluster"], broken["stops_in"], broken["callers"]) == (
        "prod-data",
        ["1.32"],
        ["old-operator/v0.9 (linux/amd64)"],
    )
    behind = {(row["cluster"], row["name"]) for row in rows(inventory, "eks.addon", behind=True)}
    assert ("prod-data", "vpc-cni") in behind and ("prod-main", "vpc-cni") not in behind
    [failed] = rows(inventory, "eks.update", status="Failed")
    assert (failed["cluster"], failed["nodegroup"], failed["errors"]) == (
        "prod-main",
        "general",
        ["PodEvictionFailure"],
    )
    admins = {row["principal"].rpartition(":")[2] for row in rows(inventory, "eks.access_entry", cluster_admin=True)}
    assert admins == {"role/break-glass", "user/terraform"}
    assert not rows(inventory, "eks.access_entry", SANDBOX), "its one cluster only knows the ConfigMap"


async def test_certificates_and_listeners_know_each_other_and_names_lead_on(
    inventory: Inventory,
) -> None:
    used = {row["arn"] for row in rows(inventory, "acm.certificate", in_use=True)}
    listeners = rows(inventory, "elbv2.listener", protocol="HTTPS") + rows(inventory, "elb.load_balancer")
    assert {arn for row in listeners for arn in row["certificates"] or []} == used
    [redirect] = rows(inventory, "elbv2.listener", actions=["redirect"])
    assert (redirect["port"], redirect["redirects_to"]) == (80, ["HTTPS:443"])
    [shop] = rows(inventory, "route53.record", name="shop.example.com.")
    assert shop["alias"] == rows(inventory, "elb.load_balancer", name="legacy-shop")[0]["dns"]
    (beta, shut) = sorted(rows(inventory, "elbv2.rule"), key=lambda row: row["priority"])[-2:]
    assert beta["conditions"] == ["host-header=beta.example.com", "path-pattern=/v2/* or /next/*"]
    assert beta["target_groups"] and beta["listener_arn"] in {row["arn"] for row in rows(inventory, "elbv2.listener")}
    assert (shut["conditions"], shut["answers"]) == (["path-pattern=/admin/*"], ["403"])
    [private] = rows(inventory, "route53.zone", private=True)
    assert private["vpcs"] == [rows(inventory, "elb.load_balancer", name="legacy-shop")[0]["vpc_id"]]


async def test_what_is_hardly_used_shows_in_the_metrics(inventory: Inventory, aws: SimulatedAws) -> None:
    idle = rows(inventory, "cloudwatch.load_balancer_use", SANDBOX)
    # Of days that ended while the endpoint's clock was held it knows nothing.
    held = (datetime.now(UTC).date() - datetime.fromisoformat(aws.get("status")["now"]).date()).days
    assert all(row["requests_daily"] < 100 and 14 - held <= row["days"] <= 14 for row in idle)
    busy = rows(inventory, "cloudwatch.load_balancer_use", name="edge")
    assert busy[0]["requests_daily"] > 1e6
    volumes = rows(inventory, "cloudwatch.volume_use")
    quiet = [row for row in volumes if row["reads_daily"] < 10 and row["writes_daily"] < 10]
    assert 0 < len(quiet) < len(volumes) / 4
    credits = [row["credits"] for row in volumes if row["volume_type"] == "gp2"]
    assert credits and None not in credits
    assert all(row["credits"] is None for row in volumes if row["volume_type"] != "gp2")
