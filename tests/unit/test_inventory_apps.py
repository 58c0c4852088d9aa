"""Applications, credentials and costs against the simulated AWS: what is polled is what plain boto3 reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from botocore.exceptions import ClientError

from backends.aws.process import Collector
from backends.model import CoverageState, Json
from backends.simulated import catalog
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.test_aws_collector import PRODUCTION, SANDBOX, context_of, swept

pytestmark = pytest.mark.asyncio(loop_scope="module")

EAST, GLOBAL = "us-east-1", "global"
Ids = Callable[[Callable[[str], Any]], set[str]]


@pytest.fixture(scope="module")
def aws() -> SimulatedAws:
    return shared_simulated()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def collector(aws: SimulatedAws, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Collector]:
    started = await Collector.start(context_of(aws), tmp_path_factory.mktemp("apps") / "collector.log")
    await started.identify()
    yield started
    await started.close()


def listed(service: str, operation: str, path: str, **parameters: Any) -> Ids:
    """The ids that one operation, page by page, gives at a path of one or two names."""

    def read(client: Callable[[str], Any]) -> set[str]:
        asked = client(service)
        pages = (
            asked.get_paginator(operation).paginate(**parameters)
            if asked.can_paginate(operation)
            else [getattr(asked, operation)(**parameters)]
        )
        items, _, field = path.partition(".")
        return {item[field] if field else item for page in pages for item in page.get(items, [])}

    return read


def of_each_user(operation: str, items: str, field: str) -> Ids:
    def read(client: Callable[[str], Any]) -> set[str]:
        iam = client("iam")
        names = [user["UserName"] for user in iam.list_users()["Users"]]
        return {item[field] for name in names for item in getattr(iam, operation)(UserName=name)[items]}

    return read


def devices(client: Callable[[str], Any]) -> set[str]:
    own = of_each_user("list_mfa_devices", "MFADevices", "SerialNumber")(client)
    return own | listed("iam", "list_virtual_mfa_devices", "VirtualMFADevices.SerialNumber")(client)


def services(client: Callable[[str], Any]) -> set[str]:
    ecs = client("ecs")
    clusters = {arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]}
    arns = [(name, arn) for name in clusters for arn in ecs.list_services(cluster=name)["serviceArns"]]
    return {f"{name}/{arn.rpartition('/')[2]}" for name, arn in arns}


def after(mark: str, ids: Ids) -> Ids:
    return lambda client: {found.rpartition(mark)[2] for found in ids(client)}


def days(operation: str, items: str, first: int, last: int, **more: Any) -> Ids:
    def read(client: Callable[[str], Any]) -> set[str]:
        today = datetime.now(UTC).date()
        period = {"Start": str(today + timedelta(days=first)), "End": str(today + timedelta(days=last))}
        found = getattr(client("ce"), operation)(TimePeriod=period, Granularity="DAILY", **more)
        return {day["TimePeriod"]["Start"] for day in found[items]}

    return read


def quotas(client: Callable[[str], Any]) -> set[str]:
    asked = client("service-quotas")
    told = [
        quota
        for service in ("ec2", "autoscaling", "elasticloadbalancing", "lambda")
        for quota in asked.list_service_quotas(ServiceCode=service)["Quotas"]
    ]
    vcpus = ("Spot Instance Requests", " instances")
    return {
        f"{quota['ServiceCode']}/{quota['QuotaCode']}"
        for quota in told
        if "UsageMetric" in quota or quota["QuotaName"].endswith(vcpus)
    }


def groups(*keys: tuple[str, str]) -> Ids:
    def read(client: Callable[[str], Any]) -> set[str]:
        today = datetime.now(UTC).date()
        found = client("ce").get_cost_and_usage(
            TimePeriod={"Start": str(today - timedelta(days=30)), "End": str(today + timedelta(days=1))},
            Granularity="DAILY",
            Metrics=["UnblendedCost"],
            GroupBy=[{"Type": kind, "Key": key} for kind, key in keys],
        )["ResultsByTime"]
        return {"/".join((day["TimePeriod"]["Start"], *group["Keys"])) for day in found for group in day["Groups"]}

    return read


def anomalies(client: Callable[[str], Any]) -> set[str]:
    start = str(datetime.now(UTC).date() - timedelta(days=90))
    return {found["AnomalyId"] for found in client("ce").get_anomalies(DateInterval={"StartDate": start})["Anomalies"]}


def tags(client: Callable[[str], Any]) -> set[str]:
    return {key for tag in ("team", "env", "owner") for key in groups(("TAG", tag))(client)}


def lines(client: Callable[[str], Any]) -> set[str]:
    return {"<root_account>"} | listed("iam", "list_users", "Users.UserName")(client)


def here(client: Callable[[str], Any]) -> set[str]:
    """The buckets of the region: boto3 lists those of all."""
    s3 = client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return {name for name in names if not s3.get_bucket_location(Bucket=name)["LocationConstraint"]}


READ: dict[str, Ids] = {
    "iam.group": listed("iam", "list_groups", "Groups.GroupName"),
    "iam.access_key": of_each_user("list_access_keys", "AccessKeyMetadata", "AccessKeyId"),
    "iam.mfa_device": devices,
    "iam.instance_profile": listed("iam", "list_instance_profiles", "InstanceProfiles.InstanceProfileName"),
    "iam.credential_report": lines,
    "iam.account_summary": lambda _: {"account summary"},
    "lambda.function": listed("lambda", "list_functions", "Functions.FunctionName"),
    "rds.instance": listed("rds", "describe_db_instances", "DBInstances.DBInstanceIdentifier"),
    "rds.cluster": listed("rds", "describe_db_clusters", "DBClusters.DBClusterIdentifier"),
    "ecs.cluster": after("/", listed("ecs", "list_clusters", "clusterArns")),
    "ecs.service": services,
    "sqs.queue": after("/", listed("sqs", "list_queues", "QueueUrls")),
    "cloudwatch.queue_age": after("/", listed("sqs", "list_queues", "QueueUrls")),
    "logs.group": listed("logs", "describe_log_groups", "logGroups.logGroupName"),
    "s3.bucket": here,
    "secretsmanager.secret": listed("secretsmanager", "list_secrets", "SecretList.Name", IncludePlannedDeletion=True),
    "servicequotas.usage": quotas,
    "health.event": listed("health", "describe_events", "events.arn"),
    "cost.forecast": days("get_cost_forecast", "ForecastResultsByTime", 0, 31, Metric="UNBLENDED_COST"),
    "cost.anomaly": anomalies,
    "cost.ri_coverage": days("get_reservation_coverage", "CoveragesByTime", -30, 0),
    "cost.account": groups(("DIMENSION", "LINKED_ACCOUNT"), ("DIMENSION", "SERVICE")),
    "cost.usage": groups(("DIMENSION", "SERVICE"), ("DIMENSION", "USAGE_TYPE")),
    "cost.tag": tags,
}


@pytest.mark.parametrize("kind", READ)
async def test_a_kind_is_what_plain_boto3_reads(kind: str, aws: SimulatedAws, collector: Collector) -> None:
    regional = kind.split(".")[0] not in ("iam", "health", "cost")
    for account, profile in ((PRODUCTION, "simulated-production"), (SANDBOX, "simulated-sandbox")):
        coverage, rows = await swept(collector, account, EAST if regional else GLOBAL, kind)
        expected = READ[kind](lambda service, profile=profile: aws.client(service, EAST, profile))  # type: ignore[misc]
        assert {row["id"] for row in rows} == expected
        assert coverage.problem == "" and coverage.state is (CoverageState.OK if expected else CoverageState.EMPTY)
        assert b"CANARY" not in str(rows).encode()


async def by_name(collector: Collector, kind: str, account: str = PRODUCTION) -> dict[str, Json]:
    region = EAST if kind.split(".")[0] not in ("iam", "organizations", "cost", "health") else GLOBAL
    return {row["id"]: row for row in (await swept(collector, account, region, kind))[1]}


async def test_only_the_management_account_is_told_of_the_others(collector: Collector) -> None:
    accounts = await by_name(collector, "organizations.account")
    assert {PRODUCTION, SANDBOX} < set(accounts)
    coverage, rows = await swept(collector, SANDBOX, GLOBAL, "organizations.account")
    assert (rows, coverage.state, coverage.problem) == ([], CoverageState.EMPTY, "")


async def test_what_an_account_does_not_have_is_empty_and_no_error(collector: Collector) -> None:
    for kind in ("iam.password_policy", "cost.sp_coverage"):
        assert await by_name(collector, kind)
        coverage, rows = await swept(collector, SANDBOX, GLOBAL, kind)
        assert (rows, coverage.state, coverage.problem) == ([], CoverageState.EMPTY, "")


async def test_a_bucket_is_asked_about_in_its_region_only(collector: Collector) -> None:
    found = {
        region: {row["id"] for row in (await swept(collector, PRODUCTION, region, "s3.bucket"))[1]}
        for region in (EAST, "eu-west-1", "ap-southeast-2")
    }
    assert "example-gdpr-exports" in found["eu-west-1"] and not found["ap-southeast-2"]
    assert not found[EAST] & found["eu-west-1"]
    buckets = await by_name(collector, "s3.bucket")
    assert buckets["example-public-assets"]["public"] and buckets["example-public-assets"]["blocked"] is None
    assert buckets["example-old-uploads"]["blocked"] is False and buckets["example-artifacts"]["public"] is False


async def test_values_of_secrets_are_never_asked_for(aws: SimulatedAws, collector: Collector) -> None:
    mark = aws.mark()
    secrets = await by_name(collector, "secretsmanager.secret")
    assert secrets["try/token" if "try/token" in secrets else "legacy/ftp-password"]["changed"]
    asked = {entry["operation"] for entry in aws.requests(mark) if entry["service"] == "secretsmanager"}
    assert asked == {"ListSecrets"}


async def test_budgets_know_what_the_bills_say(collector: Collector) -> None:
    budgets = await by_name(collector, "cost.budget")
    spent, tight = budgets["everything"]["spent"], budgets["a-tight-one"]
    assert tight["spent"] == spent > 0 and tight["forecast"] >= spent
    assert tight["spent_percent"] == pytest.approx(100 * spent / 4000, abs=0.06)


async def test_queues_tell_their_backlog_and_where_dead_letters_go(collector: Collector) -> None:
    queues = await by_name(collector, "sqs.queue")
    assert queues["jobs-mail"]["messages"] > 10_000 and queues["jobs-mail"]["dead_letters_to"] == "jobs-dlq"
    ages = await by_name(collector, "cloudwatch.queue_age")
    assert ages["jobs-mail"]["oldest"] > 3600 > ages["orders.fifo"]["oldest"] > 0
    assert queues["partner-inbox"]["allowed"] == ["*"] and queues["orders.fifo"]["fifo"] is True


async def test_the_use_of_a_quota_is_what_its_own_metric_tells(collector: Collector) -> None:
    used = await by_name(collector, "servicequotas.usage")
    vcpus = {"on-demand": 0, "spot": 0}
    for instance in (await by_name(collector, "ec2.instance")).values():
        if instance["state"] == "running" and not instance["instance_type"].startswith("g"):
            vcpus[instance["lifecycle"]] += catalog.TYPES[instance["instance_type"]].vcpus
    standard, spot = used["ec2/L-1216C47A"], used["ec2/L-34B43A08"]
    assert 0 < vcpus["on-demand"] <= standard["used"] < 640, "what ran at any moment of the hour counts"
    assert 0 < vcpus["spot"] <= spot["used"] < 512
    assert standard["used_percent"] == round(100 * standard["used"] / 640, 1) and standard["measured"] is True
    unmeasured, unused = used["ec2/L-7212CCBC"], used["ec2/L-417A185B"]
    assert (unmeasured["used"], unmeasured["used_percent"], unmeasured["measured"]) == (None, None, False)
    assert (unused["used"], unused["measured"]) == (None, True)
    sandbox = (await by_name(collector, "servicequotas.usage", SANDBOX))["lambda/L-B99A9384"]
    assert sandbox["used_percent"] >= 80


async def test_a_function_names_its_variables_and_keeps_their_values_to_itself(collector: Collector) -> None:
    functions = await by_name(collector, "lambda.function")
    assert functions["legacy-webhook"]["runtime"] == "python2.7"
    assert functions["invoice-render"]["variables"] == ["STAGE", "UPSTREAM", "DB_PASSWORD"]
    assert functions["order-events"]["update_status"] == "Failed"
    assert functions["invoice-render"]["security_groups"] and functions["invoice-render"]["vpc_id"]


async def test_affected_resources_of_a_health_event_are_named(collector: Collector) -> None:
    events = {row["name"]: row for row in (await by_name(collector, "health.event")).values()}
    retired = events["AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED"]
    assert len(retired["affected"]) == 2 and retired["description"].startswith("The hardware")
    instances = await by_name(collector, "ec2.instance")
    assert set(retired["affected"]) < set(instances)


async def test_operations_of_s3_are_known_by_their_names(aws: SimulatedAws, collector: Collector) -> None:
    mark, s3 = aws.mark(), aws.client("s3")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.delete_object(Bucket="nobodys-bucket", Key="a/b")
    await swept(collector, PRODUCTION, EAST, "s3.bucket")
    asked = {(entry["operation"], entry["mutating"]) for entry in aws.requests(mark) if entry["service"] == "s3"}
    assert asked == {
        ("DeleteObject", True),
        ("ListBuckets", False),
        ("GetPublicAccessBlock", False),
        ("GetBucketEncryption", False),
        ("GetBucketVersioning", False),
        ("GetBucketPolicyStatus", False),
    }


async def test_a_denied_question_about_a_bucket_names_its_action(aws: SimulatedAws, collector: Collector) -> None:
    aws.fault(kind="denied", service="s3", operation="GetBucketEncryption")
    try:
        coverage, rows = await swept(collector, PRODUCTION, EAST, "s3.bucket")
    finally:
        aws.fault(clear=True)
    assert coverage.state is CoverageState.OK and "s3:GetEncryptionConfiguration" in coverage.problem
    assert rows and {row["encryption"] for row in rows} == {None} and {row["versioning"] for row in rows} != {None}
