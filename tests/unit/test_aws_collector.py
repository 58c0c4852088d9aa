"""The collector process against the simulated AWS: what it reads, what it survives, what it keeps to itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import pytest_asyncio

from backends.aws.kinds import KINDS
from backends.aws.process import AwsError, Collector, Page, SweepEnd, SweepTask
from backends.context import Context
from backends.model import Account, Coverage, CoverageState, Json
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.aws_fakes import rows_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRODUCTION, SANDBOX, REGION = "111122223333", "444455556666", "eu-west-1"
COMPARED = frozenset(
    (
        *("ec2.instance", "cloudwatch.instance_cpu", "ec2.volume", "ec2.spot_request", "vpc.vpc", "vpc.subnet"),
        *("vpc.security_group", "autoscaling.group", "eks.cluster", "eks.nodegroup", "elbv2.load_balancer"),
        *("elbv2.target_group", "iam.user", "iam.role", "iam.policy", "spot.price", "ec2.instance_type"),
        *("ec2.offering", "servicequotas.quota", "savingsplans.rate", "spot.placement_score", "cost.daily"),
        *("cloudwatch.group_load", "cloudtrail.event"),
    )
)
"""The others are compared where they are at home, see `test_inventory_*.py`."""


def context_of(aws: SimulatedAws) -> Context:
    return Context(tuple(aws.profiles), "us-east-1", aws.endpoint, "aws", aws.environment)


COUNTED: list[tuple[str, list[dict[str, Any]]]] = []
"""What the collector said that it asked of AWS."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("collector") / "collector.log"


@pytest.fixture(scope="module")
def aws() -> SimulatedAws:
    return shared_simulated()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def collector(aws: SimulatedAws, log: Path) -> AsyncIterator[Collector]:
    started = await Collector.start(context_of(aws), log, lambda account, rows: COUNTED.append((account, rows)))
    yield started
    await started.close()
    assert not started.alive


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def accounts(collector: Collector) -> list[Account]:
    return await collector.identify()


@pytest.fixture
def faults(aws: SimulatedAws) -> Iterator[SimulatedAws]:
    yield aws
    aws.fault(clear=True)


async def swept(collector: Collector, account: str, region: str, kind: str) -> tuple[Coverage, list[Json]]:
    rows: list[Json] = []
    async for part in collector.sweep(SweepTask(account, region, kind)):
        if isinstance(part, SweepEnd):
            return part.coverage, rows
        page = pa.ipc.open_stream(part.arrow).read_all()
        assert page.num_rows == part.rows
        rows += rows_of(part.arrow)
    raise AssertionError("the sweep had no end")


async def test_identify_names_accounts_aliases_regions_and_expiry(accounts: list[Account]) -> None:
    production, sandbox = accounts
    assert [account.state for account in accounts] == ["ok", "ok"]
    assert (production.account, sandbox.account) == (PRODUCTION, SANDBOX)
    assert production.regions == ("ap-southeast-2", "eu-west-1", "us-east-1")
    assert production.alias
    assert ":assumed-role/" in sandbox.arn
    assert sandbox.expires.endswith("Z")
    assert production.expires == ""


def boto3_ids(aws: SimulatedAws, profile: str, region: str, kind: str) -> set[str]:
    """The ids that plain boto3 reads."""

    def pages(service: str, operation: str, result: str, **parameters: Any) -> list[Any]:
        client = aws.client(service, region=region, profile=profile)
        found = client.get_paginator(operation).paginate(**parameters)
        return [item for page in found for item in page[result]]

    def names(service: str, operation: str, result: str, field: str, **parameters: Any) -> set[str]:
        return {item[field] for item in pages(service, operation, result, **parameters)}

    def instances(**parameters: Any) -> set[str]:
        found = pages("ec2", "describe_instances", "Reservations", **parameters)
        return {instance["InstanceId"] for reservation in found for instance in reservation["Instances"]}

    def policies() -> set[str]:
        arns = names("iam", "list_policies", "Policies", "Arn", Scope="Local")
        return {arn.rpartition("/")[2] for arn in arns}

    def nodegroups() -> set[str]:
        clusters = pages("eks", "list_clusters", "clusters")
        return {f"{c}/{n}" for c in clusters for n in pages("eks", "list_nodegroups", "nodegroups", clusterName=c)}

    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    linux = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]
    read = {
        "ec2.instance": instances,
        "cloudwatch.instance_cpu": lambda: instances(Filters=running),
        "ec2.volume": lambda: names("ec2", "describe_volumes", "Volumes", "VolumeId"),
        "ec2.spot_request": lambda: names(
            "ec2", "describe_spot_instance_requests", "SpotInstanceRequests", "SpotInstanceRequestId"
        ),
        "vpc.vpc": lambda: names("ec2", "describe_vpcs", "Vpcs", "VpcId"),
        "vpc.subnet": lambda: names("ec2", "describe_subnets", "Subnets", "SubnetId"),
        "vpc.security_group": lambda: names("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
        "autoscaling.group": lambda: names(
            "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"
        ),
        "eks.cluster": lambda: set(pages("eks", "list_clusters", "clusters")),
        "eks.nodegroup": nodegroups,
        "elbv2.load_balancer": lambda: names("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
        "elbv2.target_group": lambda: names("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
        "iam.user": lambda: names("iam", "list_users", "Users", "UserName"),
        "iam.role": lambda: names("iam", "list_roles", "Roles", "RoleName"),
        "iam.policy": policies,
        "spot.price": lambda: {
            "/".join((point["AvailabilityZoneId"], point["InstanceType"], point["ProductDescription"]))
            for point in pages("ec2", "describe_spot_price_history", "SpotPriceHistory", ProductDescriptions=linux)
        },
        "ec2.instance_type": lambda: names("ec2", "describe_instance_types", "InstanceTypes", "InstanceType"),
        "ec2.offering": lambda: {
            f"{offer['InstanceType']}/{offer['Location']}"
            for offer in pages(
                "ec2",
                "describe_instance_type_offerings",
                "InstanceTypeOfferings",
                LocationType="availability-zone-id",
            )
        },
        "servicequotas.quota": lambda: {
            quota["QuotaCode"]
            for quota in pages("service-quotas", "list_service_quotas", "Quotas", ServiceCode="ec2")
            if "Spot" in quota["QuotaName"] or "On-Demand" in quota["QuotaName"]
        },
        "savingsplans.rate": lambda: plan_ids(aws, profile, region, instances(Filters=running)),
        "spot.placement_score": lambda: score_ids(aws, profile, region, pages),
        "cloudwatch.group_load": lambda: {
            group["AutoScalingGroupARN"]
            for group in pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
            if group["MaxSize"] > group["MinSize"]
        },
        "cost.daily": lambda: cost_ids(aws.client("ce", profile=profile)),
        "cloudtrail.event": lambda: names(
            "cloudtrail",
            "lookup_events",
            "Events",
            "EventId",
            LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
            StartTime=datetime.now(UTC) - timedelta(days=1),
        ),
    }
    return read[kind]()


def plan_ids(aws: SimulatedAws, profile: str, region: str, running: set[str]) -> set[str]:
    found = aws.client("ec2", region=region, profile=profile).describe_instances(InstanceIds=sorted(running))
    types = {i["InstanceType"] for reservation in found["Reservations"] for i in reservation["Instances"]}
    rates = aws.client("savingsplans", profile=profile).describe_savings_plans_offering_rates(
        filters=[{"name": "region", "values": [region]}, {"name": "instanceType", "values": sorted(types)}]
    )["searchResults"]
    named = [({p["name"]: p["value"] for p in rate["properties"]}, rate["savingsPlanOffering"]) for rate in rates]
    return {f"{told['instanceType']}/{plan['durationSeconds']}" for told, plan in named}


def score_ids(aws: SimulatedAws, profile: str, region: str, pages: Any) -> set[str]:
    client, found = aws.client("ec2", region=region, profile=profile), set()
    for group in pages("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
        overrides = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("Overrides", [])
        types = sorted(override["InstanceType"] for override in overrides)
        if len(types) < 3:
            continue
        rated = client.get_spot_placement_scores(
            InstanceTypes=types, TargetCapacity=group["MaxSize"], SingleAvailabilityZone=True, RegionNames=[region]
        )["SpotPlacementScores"]
        found |= {f"{group['MaxSize']} {','.join(types)}/{score['AvailabilityZoneId']}" for score in rated}
    return found


def cost_ids(client: Any) -> set[str]:
    now = time.time()
    start, end = (time.strftime("%Y-%m-%d", time.gmtime(now + days * 86_400)) for days in (-90, 1))
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": start, "End": end},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
    }
    found: set[str] = set()
    while True:
        answer = client.get_cost_and_usage(**asked)
        for day in answer["ResultsByTime"]:
            found |= {f"{day['TimePeriod']['Start']}/{group['Keys'][0]}" for group in day["Groups"]}
        if not answer.get("NextPageToken"):
            return found
        asked["NextPageToken"] = answer["NextPageToken"]


async def test_these_kinds_are_what_plain_boto3_reads(
    aws: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    seen = b""
    for account in accounts:
        for kind in filter(lambda kind: kind.name in COMPARED, KINDS):
            region = REGION if kind.regional else "global"
            coverage, rows = await swept(collector, account.account, region, kind.name)
            expected = await asyncio.to_thread(boto3_ids, aws, account.profile, REGION, kind.name)
            assert {row["id"] for row in rows} == expected, kind.name
            assert coverage.state in (CoverageState.OK, CoverageState.EMPTY), coverage
            assert coverage.problem == "", coverage
            assert coverage.rows == len(expected)
            assert coverage.calls >= len(kind.calls) or not rows
            assert bool(coverage.cost) is bool(kind.paid)
            seen += json.dumps(rows, default=str).encode()
    assert len(seen) > 100_000
    assert b"CANARY" not in seen


async def test_columns_tell_what_aws_tells(aws: SimulatedAws, collector: Collector, accounts: list[Account]) -> None:
    _, rows = await swept(collector, PRODUCTION, REGION, "ec2.instance")
    by_id = {row["id"]: row for row in rows}
    answer = aws.client("ec2", region=REGION).describe_instances()
    for reservation in answer["Reservations"]:
        for instance in reservation["Instances"]:
            row = by_id[instance["InstanceId"]]
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            assert row["state"] == instance["State"]["Name"]
            assert row["launched"] == instance["LaunchTime"].replace(tzinfo=None)
            assert row["lifecycle"] == instance.get("InstanceLifecycle", "on-demand")
            assert row["name"] == tags.get("Name")
            assert row["volumes"] == [b["Ebs"]["VolumeId"] for b in instance["BlockDeviceMappings"]]
            assert set(json.loads(row["tags"])) == set(tags)
    _, groups = await swept(collector, PRODUCTION, REGION, "vpc.security_group")
    assert any(row["open_sensitive"] for row in groups)
    _, busy = await swept(collector, PRODUCTION, REGION, "cloudwatch.instance_cpu")
    assert any(row["hours"] > 24 and 0 < row["cpu_avg"] <= row["cpu_max"] <= 100 for row in busy)
    _, days = await swept(collector, PRODUCTION, "global", "cost.daily")
    assert len({row["day"] for row in days}) >= 90


async def test_denied_throttled_and_foreign_answers_are_told_apart(
    faults: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    faults.fault(kind="denied", service="ec2", operation="DescribeVolumes", region=REGION)
    faults.fault(kind="throttling", service="ec2", operation="DescribeVpcs", count=2)
    faults.fault(kind="html", service="ec2", operation="DescribeSubnets", status=500)
    faults.fault(kind="truncated", service="ec2", operation="DescribeSecurityGroups", count=1)
    faults.fault(kind="denied", service="elbv2", operation="DescribeTargetHealth")
    kinds = ("ec2.volume", "vpc.vpc", "vpc.subnet", "vpc.security_group", "elbv2.target_group")
    found = await asyncio.gather(*(swept(collector, PRODUCTION, REGION, kind) for kind in kinds))
    denied, throttled, foreign, truncated, partly = (coverage for coverage, _ in found)
    assert denied.state is CoverageState.DENIED
    assert denied.problem.startswith("denied(ec2:DescribeVolumes)")
    assert (throttled.state, throttled.retries) == (CoverageState.OK, 2)
    assert foreign.state in (CoverageState.ERROR, CoverageState.UNSUPPORTED)
    assert "<" not in foreign.problem
    assert (truncated.state, truncated.retries) == (CoverageState.OK, 1)
    assert partly.state is CoverageState.OK
    assert "denied(elasticloadbalancing:DescribeTargetHealth)" in partly.problem
    assert found[4][1] and all(row["healthy"] is None for row in found[4][1])


async def test_a_region_that_is_not_enabled_is_disabled(
    faults: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    faults.fault(service="ec2", operation="DescribeVolumes", region="me-south-1", code="AuthFailure", status=401)
    coverage, _ = await swept(collector, PRODUCTION, "me-south-1", "ec2.volume")
    assert coverage.state is CoverageState.DISABLED


async def test_what_is_not_there_to_sweep_ends_as_an_error(collector: Collector) -> None:
    for account, kind in (("999999999999", "ec2.volume"), (PRODUCTION, "moon.rock")):
        coverage, rows = await swept(collector, account, REGION, kind)
        assert (coverage.state, rows) == (CoverageState.ERROR, [])
        assert coverage.problem


async def test_calls_answer_and_failures_say_whether_the_outcome_is_known(
    faults: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    answer = await collector.call(PRODUCTION, REGION, "ec2", "DescribeInstances", {"MaxResults": 5})
    instance = answer["Reservations"][0]["Instances"][0]
    assert isinstance(instance["LaunchTime"], str)

    async def failing(operation: str, parameters: Json) -> AwsError:
        with pytest.raises(AwsError) as caught:
            await collector.call(PRODUCTION, REGION, "ec2", operation, parameters)
        assert caught.value.operation == f"ec2:{operation}"
        return caught.value

    stop = {"InstanceIds": [instance["InstanceId"]], "DryRun": True}
    faults.fault(service="ec2", operation="StopInstances", code="RequestLimitExceeded", status=503, count=1)
    faults.fault(kind="truncated", service="ec2", operation="StartInstances", count=1)
    mark = faults.mark()
    throttled = await failing("StopInstances", stop)
    assert (throttled.code, throttled.outcome_known) == ("RequestLimitExceeded", False)
    cut = await failing("StartInstances", stop)
    assert (cut.outcome_known, cut.http_status) == (False, 0)
    sent = [request["operation"] for request in faults.requests(mark)]
    assert sent.count("StopInstances") == 1
    assert sent.count("StartInstances") == 1
    refused = await failing("StopInstances", {"InstanceIds": ["i-00000000000000000"]})
    assert refused.code.startswith("InvalidInstanceID")
    assert refused.outcome_known
    wrong = await failing("StopInstances", {"Nonsense": 1})
    assert (wrong.code, wrong.outcome_known) == ("BadParameters", True)
    unknown = await failing("MakeCoffee", {})
    assert (unknown.code, unknown.outcome_known) == ("UnknownOperation", True)
    with pytest.raises(AwsError, match="no credentials for account 999999999999"):
        await collector.call("999999999999", REGION, "ec2", "DescribeVpcs", {})


async def test_a_fault_of_the_collectors_own_ends_the_request_and_nothing_else(collector: Collector) -> None:
    nonsense: Any = "not a time"

    class Odd:
        def isoformat(self) -> str:
            return nonsense

    odd: Any = Odd()
    parts = [part async for part in collector.sweep(SweepTask(PRODUCTION, REGION, "vpc.vpc", since=odd))]
    assert isinstance(parts[-1], SweepEnd)
    assert parts[-1].coverage.state is CoverageState.ERROR
    assert collector.alive


async def test_pages_wait_until_they_are_taken_and_a_closed_sweep_stops(
    aws: SimulatedAws, collector: Collector, accounts: list[Account]
) -> None:
    pages = collector.sweep(SweepTask(PRODUCTION, "us-east-1", "spot.price"))
    assert isinstance(await anext(pages), Page)
    (answers,) = collector._pending.values()
    before = -1
    while before != answers.qsize():
        before = answers.qsize()
        # Another sweep goes on meanwhile: one slow reader does not stop the rest.
        coverage, _ = await swept(collector, PRODUCTION, REGION, "vpc.vpc")
        assert coverage.state is CoverageState.OK
        assert answers.qsize() <= 4
    await pages.aclose()
    assert not collector._pending
    coverage, rows = await swept(collector, PRODUCTION, "us-east-1", "spot.price")
    assert coverage.state is CoverageState.OK
    assert len(rows) > 4000


async def test_it_says_that_it_lives_when_it_is_asked(collector: Collector) -> None:
    async with asyncio.timeout(120), collector._request({"do": "ping"}) as (_, answers):
        received = await answers.get()
    assert received is not None and received[0]["what"] == "pong"


async def test_operations_are_counted(collector: Collector, accounts: list[Account]) -> None:
    rows = [row | {"account": account} for account, told in COUNTED for row in told]
    assert {row["account"] for row in rows} >= {PRODUCTION}
    instances = [row for row in rows if (row["service"], row["operation"]) == ("ec2", "DescribeInstances")]
    assert sum(row["calls"] for row in instances) >= 1 and sum(row["rows"] for row in instances) > 1
    assert all(row["seconds"] > 0 for row in rows if row["calls"] > row["errors"])


async def test_no_secret_is_in_the_log(aws: SimulatedAws, collector: Collector, log: Path) -> None:
    written = log.read_text()
    assert "denied(ec2:DescribeVolumes)" in written
    for secret in ("CANARY", aws.environment["AWS_SECRET_ACCESS_KEY"], aws.environment["AWS_ACCESS_KEY_ID"]):
        assert secret not in written


async def test_a_killed_collector_ends_what_is_pending_and_another_can_start(
    faults: SimulatedAws, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults.fault(kind="hang", service="ec2", seconds=10)
    doomed = await Collector.start(context_of(faults), tmp_path / "doomed.log")
    sweeping = asyncio.ensure_future(swept(doomed, PRODUCTION, "us-east-1", "spot.price"))
    waiting = asyncio.ensure_future(doomed.identify())
    acting = asyncio.ensure_future(doomed.call(PRODUCTION, REGION, "ec2", "StopInstances", {"InstanceIds": ["i-1"]}))
    await asyncio.sleep(0.2)
    os.kill(doomed.pid, signal.SIGKILL)
    coverage, _ = await sweeping
    assert coverage.state is CoverageState.ERROR
    assert "collector process ended" in coverage.problem
    assert [account.state for account in await waiting] == ["error"]
    with pytest.raises(AwsError) as caught:
        await acting
    assert not caught.value.outcome_known
    assert not doomed.alive
    with pytest.raises(AwsError) as late:
        await doomed.call(PRODUCTION, REGION, "ec2", "StopInstances", {})
    assert late.value.outcome_known
    coverage, _ = await swept(doomed, PRODUCTION, REGION, "vpc.vpc")
    assert coverage.state is CoverageState.ERROR
    await doomed.close()
    [said] = [record.getMessage() for record in caplog.records if record.name == "backends.aws.process"]
    assert f"Collector {doomed.pid}, asked for 3 answers: The collector process ended by signal 9" in said
    assert doomed.death is not None and doomed.death.how == "by signal 9"


async def test_a_collector_dies_with_its_daemon(aws: SimulatedAws, tmp_path: Path) -> None:
    script = (
        "import asyncio, json, sys\n"
        "from pathlib import Path\n"
        "from backends.aws.process import Collector\n"
        "from backends.context import Context\n"
        "async def main():\n"
        "    collector = await Collector.start(Context.from_json(json.loads(sys.argv[1])), Path(sys.argv[2]))\n"
        "    await collector.identify()\n"
        "    print(collector.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    arguments = [json.dumps(context_of(aws).as_json()), str(tmp_path / "orphan.log")]
    daemon = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout
    pid = int(await asyncio.to_thread(daemon.stdout.readline))
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    for _ in range(1200):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                await asyncio.sleep(0.05)
                continue
        break
    else:
        raise AssertionError("the collector outlived its daemon")
