"""What a step of a sweep may say of itself: whom it asks, what a denial means, and that an answer is not made yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backends.aws import sweep
from backends.aws.kinds import KINDS
from backends.aws.windows import Instants
from backends.model import Call, Column, CoverageState, Json, Kind
from tests.unit.aws_fakes import ACCOUNT, REGION, FakeClient, raising, refused, swept

LIST = Call("ListQueues", "QueueUrls")
ASK = Call("GetQueueAttributes", "@", arguments={"QueueUrl": "value"}, keep={"url": "value"})
KIND = Kind(
    "test.queue",
    "Queues",
    "sqs",
    (LIST, ASK),
    ("url",),
    (Column("url", "url"), Column("depth", "Attributes.ApproximateNumberOfMessages", "integer")),
)


def queues(*denied: str) -> FakeClient:
    def attributes(parameters: Json) -> Json:
        if parameters["QueueUrl"] in denied:
            raise refused("AccessDenied", 403)
        return {"Attributes": {"ApproximateNumberOfMessages": "7"}}

    names = {"QueueUrls": ["a", "b", "c"]}
    return FakeClient("sqs", {"ListQueues": lambda _: names, "GetQueueAttributes": attributes})


async def test_only_those_are_asked_about_of_whom_it_holds() -> None:
    kind = replace(KIND, calls=(LIST, replace(ASK, where="value!='b'")))
    client = queues()
    coverage, rows = await swept(kind, {"sqs": client})
    assert {row["url"]: row["depth"] for row in rows} == {"a": 7, "b": None, "c": 7}
    assert coverage.calls == 3 and coverage.state is CoverageState.OK


@pytest.mark.parametrize(("singly", "known"), [(True, {"b", "c"}), (False, set())])
async def test_a_denial_of_one_resource_leaves_the_others_known(singly: bool, known: set[str]) -> None:
    kind = replace(KIND, calls=(LIST, replace(ASK, optional=True, singly=singly)))
    client = queues("a") if singly else queues("a", "b", "c")
    coverage, rows = await swept(kind, {"sqs": client})
    assert len(rows) == 3 and {row["url"] for row in rows if row["depth"] == 7} == known
    assert coverage.state is CoverageState.OK and coverage.problem.startswith("denied(sqs:GetQueueAttributes)")


async def test_a_bucket_whose_policy_denies_us_is_unknown_and_not_accused() -> None:
    def block(parameters: Json) -> Json:
        if parameters["Bucket"] == "closed":
            raise refused("AccessDenied", 403)
        raise refused("NoSuchPublicAccessBlockConfiguration", 404)

    client = FakeClient(
        "s3",
        {
            "ListBuckets": lambda _: {"Buckets": [{"Name": "bare"}, {"Name": "closed"}]},
            "GetPublicAccessBlock": block,
            "GetBucketEncryption": raising(refused("ServerSideEncryptionConfigurationNotFoundError", 404)),
            "GetBucketVersioning": lambda _: {"Status": "Enabled"},
            "GetBucketPolicyStatus": raising(refused("NoSuchBucketPolicy", 404)),
        },
    )
    kind = next(kind for kind in KINDS if kind.name == "s3.bucket")
    _, rows = await swept(kind, {"s3": client})
    told = {row["id"]: (row["blocked"], row["denied"], row["versioning"]) for row in rows}
    assert told["closed"] == (None, ["s3:GetBucketPublicAccessBlock"], "Enabled")
    assert told["bare"][0] is None and not told["bare"][1]


async def test_an_answer_that_is_not_made_yet_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_NOT_YET_SECONDS", (0.0, 0.0, 0.0))
    left = 2

    def listed(parameters: Json) -> Json:
        nonlocal left
        left -= 1
        if left >= 0:
            raise refused("ReportInProgress", 404)
        return {"QueueUrls": ["a"]}

    waiting = replace(KIND, calls=(replace(LIST, not_yet=("ReportInProgress",)), ASK))
    client = FakeClient("sqs", {"ListQueues": listed, "GetQueueAttributes": lambda _: {}})
    coverage, rows = await swept(waiting, {"sqs": client})
    assert [row["url"] for row in rows] == ["a"] and coverage.state is CoverageState.OK


async def test_an_answer_that_is_never_made_is_an_error_and_others_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "_NOT_YET_SECONDS", (0.0, 0.0))
    for codes, calls in ((("ReportInProgress",), 3), ((), 1)):
        client = FakeClient("sqs", {"ListQueues": raising(refused("ReportInProgress", 404))})
        coverage, rows = await swept(replace(KIND, calls=(replace(LIST, not_yet=codes), ASK)), {"sqs": client})
        assert not rows and coverage.state is CoverageState.ERROR
        assert coverage.calls == calls


async def test_parameters_name_the_account_and_the_region() -> None:
    kind = replace(KIND, calls=(replace(LIST, parameters={"QueueNamePrefix": "{account}-{region}-{today}"}), ASK))
    client = queues()
    await swept(kind, {"sqs": client})
    assert client.asked[0][1]["QueueNamePrefix"].startswith(f"{ACCOUNT}-{REGION}-20")


def test_other_braces_are_left_alone() -> None:
    instants = Instants(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "1", "r")
    assert instants.fill({"A": ["{account}", "{accounts}", "{ region}", 3]}) == {
        "A": ["1", "{accounts}", "{ region}", 3]
    }
