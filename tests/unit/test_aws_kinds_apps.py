"""Applications: what is asked at once, what a denial leaves, and what columns make of the answers."""

from __future__ import annotations

import re
from datetime import datetime

from backends.aws.kinds.ecs import CLUSTER, SERVICE
from backends.aws.kinds.health import EVENT
from backends.aws.kinds.lambda_ import FUNCTION
from backends.aws.kinds.logs import GROUP
from backends.aws.kinds.s3 import BUCKET
from backends.aws.kinds.sqs import QUEUE
from backends.aws.lambda_runtimes import PATCHED_UNTIL
from backends.model import CoverageState, Json
from tests.unit.aws_fakes import REGION, FakeClient, raising, refused, session, swept


async def test_services_are_described_ten_at_a_time_and_never_two_clusters_at_once() -> None:
    services = {"arn:c/one": [f"arn:s/one/{n}" for n in range(23)], "arn:c/two": ["arn:s/two/0"]}

    def described(asked: Json) -> Json:
        assert len(asked["services"]) <= 10 and set(asked["services"]) <= set(services[asked["cluster"]])
        return {
            "services": [
                {"serviceName": arn.rpartition("/")[2], "clusterArn": asked["cluster"], "serviceArn": arn}
                for arn in asked["services"]
            ]
        }

    client = FakeClient(
        "ecs",
        {
            "ListClusters": lambda _: {"clusterArns": list(services)},
            "ListServices": lambda asked: {"serviceArns": services[asked["cluster"]]},
            "DescribeServices": described,
            "DescribeClusters": lambda asked: {"clusters": [{"clusterName": arn[6:]} for arn in asked["clusters"]]},
        },
    )
    coverage, rows = await swept(SERVICE, {"ecs": client})
    assert len({row["id"] for row in rows}) == 24 and {row["cluster"] for row in rows} == {"one", "two"}
    assert coverage.calls == 1 + 2 + 3 + 1
    coverage, rows = await swept(CLUSTER, {"ecs": client})
    assert {row["id"] for row in rows} == {"one", "two"} and coverage.calls == 2


async def test_a_bucket_whose_policy_denies_everything_hides_nothing_of_the_others() -> None:
    def asked_about(answer: Json) -> object:
        def told(asked: Json) -> Json:
            if asked["Bucket"] == "shut":
                raise refused("AccessDenied", 403)
            return answer

        return told

    blocks = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    answers = {
        "ListBuckets": lambda _: {"Buckets": [{"Name": "shut"}, {"Name": "open"}]},
        "GetPublicAccessBlock": asked_about({"PublicAccessBlockConfiguration": blocks}),
        "GetBucketEncryption": raising(refused("ServerSideEncryptionConfigurationNotFoundError", 404)),
        "GetBucketVersioning": asked_about({"Status": "Enabled"}),
        "GetBucketPolicyStatus": asked_about({"PolicyStatus": {"IsPublic": False}}),
    }
    client = FakeClient("s3", answers)  # type: ignore[arg-type]
    coverage, rows = await swept(BUCKET, {"s3": client})
    shown = {row["id"]: [row[name] for name in ("blocked", "encryption", "versioning", "public")] for row in rows}
    assert shown == {"shut": [None, None, None, None], "open": [True, None, "Enabled", False]}
    assert coverage.state is CoverageState.OK and "s3:GetBucketPublicAccessBlock" in coverage.problem
    assert client.asked[0] == ("ListBuckets", {"BucketRegion": REGION, "MaxBuckets": 1000})


def health(**answers: object) -> FakeClient:
    events = [{"arn": f"arn:{n}", "eventTypeCode": f"E{n}", "statusCode": "open"} for n in range(12)]
    made = {"DescribeEvents": lambda _: {"events": events}}
    return FakeClient("health", made | answers)  # type: ignore[arg-type]


async def test_health_events_are_described_ten_at_a_time_with_what_they_affect() -> None:
    def details(asked: Json) -> Json:
        assert len(asked["eventArns"]) <= 10
        said = [
            {"event": {"arn": arn}, "eventDescription": {"latestDescription": arn * 2}} for arn in asked["eventArns"]
        ]
        return {"successfulSet": said[1:]}

    def affected(asked: Json) -> Json:
        arns = asked["filter"]["eventArns"]
        return {
            "entities": [
                {"eventArn": arns[0], "entityValue": "i-1", "statusCode": "IMPAIRED"},
                {"eventArn": arns[0], "entityValue": "i-2", "statusCode": "RESOLVED"},
            ]
        }

    client = health(DescribeEventDetails=details, DescribeAffectedEntities=affected)
    coverage, rows = await swept(EVENT, {"health": client})
    shown = {row["id"]: (row["description"], row["affected"]) for row in rows}
    assert len(shown) == 12 and coverage.calls == 1 + 2 + 2
    assert shown["arn:0"] == (None, ["i-1"]) and shown["arn:1"] == ("arn:1arn:1", [])


async def test_health_without_a_support_plan_is_disabled_and_events_without_details_are_events() -> None:
    none = FakeClient("health", {"DescribeEvents": raising(refused("SubscriptionRequiredException"))})
    coverage, rows = await swept(EVENT, {"health": none})
    assert not rows and coverage.state is CoverageState.DISABLED
    denied = raising(refused("AccessDeniedException"))
    coverage, rows = await swept(
        EVENT, {"health": health(DescribeEventDetails=denied, DescribeAffectedEntities=lambda _: {})}
    )
    assert len(rows) == 12 and {row["description"] for row in rows} == {None} and rows[0]["name"].startswith("E")


async def test_a_queue_reads_the_policies_that_it_is_given_as_texts() -> None:
    attributes = {
        "ApproximateNumberOfMessages": "4",
        "CreatedTimestamp": "1700000000",
        "QueueArn": "arn:aws:sqs:eu-west-1:1:jobs",
        "RedrivePolicy": '{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:jobs-dlq","maxReceiveCount":"3"}',
        "Policy": "not JSON",
    }
    client = FakeClient(
        "sqs",
        {
            "ListQueues": lambda _: {"QueueUrls": ["https://sqs.example/1/jobs"]},
            "GetQueueAttributes": lambda _: {"Attributes": attributes},
        },
    )
    coverage, [row] = await swept(QUEUE, {"sqs": client})
    assert (row["id"], row["messages"], row["dead_letters_to"], row["max_receives"]) == ("jobs", 4, "jobs-dlq", 3)
    assert row["created"].year == 2023 and row["allowed"] == [] and coverage.problem == ""


async def test_a_log_group_is_dated_to_the_millisecond_and_keeps_for_ever_unless_it_says_otherwise() -> None:
    groups = [{"logGroupName": "a", "creationTime": 1_700_000_000_500, "storedBytes": 5}]
    _, [row] = await swept(GROUP, {"logs": FakeClient("logs", {"DescribeLogGroups": lambda _: {"logGroups": groups}})})
    assert row["created"].microsecond == 500_000 and row["retention"] is None


async def test_a_function_tells_what_its_variables_are_called_and_of_none_what_it_holds() -> None:
    function = {
        "FunctionName": "f",
        "Environment": {"Variables": {"A": "CANARY", "B_TOKEN": "CANARY"}, "Error": {"Message": "denied"}},
    }
    client = FakeClient("lambda", {"ListFunctions": lambda _: {"Functions": [function]}})
    _, [row] = await swept(FUNCTION, {"lambda": client})
    assert row["variables"] == ["A", "B_TOKEN"] and "CANARY" not in str(row)


async def test_a_function_knows_until_when_its_runtime_is_patched_where_that_is_known() -> None:
    runtimes = {"a": "python3.10", "b": "java17", "c": "python9.9", "d": None}
    functions = [{"FunctionName": name, "Runtime": runtime} for name, runtime in runtimes.items()]
    client = FakeClient("lambda", {"ListFunctions": lambda _: {"Functions": functions}})
    _, rows = await swept(FUNCTION, {"lambda": client})
    until = {row["id"]: row["patched_until"] for row in rows}
    assert until == {"a": datetime(2026, 10, 31), "b": datetime(2027, 6, 30), "c": None, "d": None}


def test_runtimes_are_named_as_lambda_names_them_and_each_successor_is_patched_longer() -> None:
    names = r"(nodejs|python|java|ruby|dotnet|dotnetcore|go|provided)[0-9.]*(x|-edge)?(\.?al2(023)?)?"
    assert [name for name in PATCHED_UNTIL if not re.fullmatch(names, name)] == []
    known = session().get_service_model("lambda").shape_for("Runtime").enum
    assert set(known) - set(PATCHED_UNTIL) == set(), "botocore's own list of them"
    pythons = sorted((name for name in PATCHED_UNTIL if name.startswith("python3")), key=lambda name: int(name[8:]))
    assert [PATCHED_UNTIL[name] for name in pythons] == sorted(PATCHED_UNTIL[name] for name in pythons)
