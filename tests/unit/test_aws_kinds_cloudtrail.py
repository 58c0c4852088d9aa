"""CloudTrail's events: what is asked, what is read out of a record, and that no secret of a request is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backends.aws.kinds.cloudtrail import EVENT
from backends.aws.tasks import SweepTask
from backends.aws.trail_events import actor, mentions
from backends.model import CoverageState
from tests.unit.aws_fakes import ACCOUNT, REGION, FakeClient, swept

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CANARY = "CANARY-request-parameters-71c2"
IDENTITY = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:alice",
    "arn": "arn:aws:sts::111122223333:assumed-role/Admin/alice",
    "sessionContext": {"sessionIssuer": {"userName": "Admin"}, "attributes": {"mfaAuthenticated": "true"}},
}


def event(number: int = 1, at: datetime = NOON, text: Any = None, **record: Any) -> dict[str, Any]:
    said = {"userIdentity": IDENTITY, "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2"} | record
    return {
        **{"EventId": f"e-{number}", "EventName": "StopInstances", "ReadOnly": "false", "EventTime": at},
        **{"EventSource": "ec2.amazonaws.com", "Username": "alice", "AccessKeyId": "ASIAEXAMPLE"},
        "Resources": [{"ResourceType": "AWS::EC2::Instance", "ResourceName": "i-0123456789abcdef0"}],
        "CloudTrailEvent": json.dumps(said) if text is None else text,
    }


async def read(*pages: list[dict[str, Any]], since: datetime | None = NOON) -> Any:
    def answer(parameters: dict[str, Any]) -> dict[str, Any]:
        place = int(parameters.get("NextToken", 0))
        more = {"NextToken": str(place + 1)} if place + 1 < len(pages) else {}
        return {"Events": pages[place]} | more

    client = FakeClient("cloudtrail", {"LookupEvents": answer})
    coverage, rows = await swept(EVENT, {"cloudtrail": client}, SweepTask(ACCOUNT, REGION, EVENT.name, since))
    return coverage, rows, client.asked


async def test_only_writes_are_asked_for_from_before_the_last_good_poll_and_fifty_at_a_time() -> None:
    coverage, _, asked = await read([event()])
    [(_, parameters)] = asked
    assert parameters["LookupAttributes"] == [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
    assert parameters["StartTime"] == "2026-11-23T11:40:00Z" and parameters["MaxResults"] == 50
    assert coverage.since == "2026-11-23T11:40:00+00:00" and coverage.problem == ""


async def test_a_record_tells_who_from_where_and_what_it_is_about() -> None:
    answer = {"instancesSet": {"items": [{"instanceId": "i-0aaaaaaaaaaaaaaaa", "currentState": {"name": "stopping"}}]}}
    _, [row], _ = await read([event(responseElements=answer, errorCode="Client.UnauthorizedOperation")])
    assert (row["user"], row["user_type"], row["session_mfa"]) == ("Admin/alice", "AssumedRole", True)
    assert (row["source_ip"], row["user_agent"], row["access_key"]) == ("198.51.100.7", "aws-cli/2", "ASIAEXAMPLE")
    assert row["resources"] == ["i-0123456789abcdef0"] and row["resource_types"] == ["AWS::EC2::Instance"]
    assert {"i-0123456789abcdef0", "i-0aaaaaaaaaaaaaaaa"} <= set(row["mentions"])
    assert row["error"] == "Client.UnauthorizedOperation" and row["read_only"] is False


async def test_secrets_of_a_request_are_nowhere_in_what_is_kept() -> None:
    request = {
        "masterUserPassword": CANARY,
        "environment": {"variables": {"ANYTHING": CANARY}},
        "parameters": [{"parameterKey": "DbPassword", "parameterValue": CANARY}],
        "containerDefinitions": [{"name": "web", "environment": [{"name": "A", "value": CANARY}]}],
        "launchTemplateData": {"userData": CANARY},
        "credentials": {"sessionToken": CANARY, "id": CANARY},
        "dBInstanceIdentifier": "orders",
    }
    answer = {"accessKey": {"userName": "zed", "secretAccessKey": CANARY}}
    _, [row], _ = await read([event(requestParameters=request, responseElements=answer)])
    assert CANARY not in json.dumps(row, default=str)
    assert row["raw"]["CloudTrailEvent"]["requestParameters"]["dBInstanceIdentifier"] == "orders"
    assert {"orders", "zed"} <= set(row["mentions"])


async def test_a_record_that_is_no_json_is_not_kept_for_nobody_could_tell_its_secrets() -> None:
    _, [row], _ = await read([event(text=f'{{"requestParameters": {{"password": "{CANARY}"')])
    assert CANARY not in json.dumps(row, default=str)
    assert (row["name"], row["user"], row["raw"]["CloudTrailEvent"]) == ("StopInstances", "alice", None)


async def test_a_busy_account_costs_a_bounded_number_of_requests_and_what_was_not_read_is_said() -> None:
    assert EVENT.log is not None
    most = EVENT.log.pages
    pages = [[event(number, NOON - timedelta(minutes=number))] for number in range(most + 5)]
    coverage, rows, asked = await read(*pages, since=None)
    assert len(asked) == len(rows) == most and coverage.state is CoverageState.OK
    oldest = NOON - timedelta(minutes=most - 1) + timedelta(seconds=1)
    assert coverage.since == oldest.isoformat()
    assert f"what is older than {oldest:%Y-%m-%dT%H:%M:%SZ} was not read" in coverage.problem
    whole, _, _ = await read(*pages[:most], since=NOON)
    assert whole.problem == "" and whole.since == (NOON - timedelta(minutes=20)).isoformat()


def test_names_come_from_fields_that_name_and_from_arns_whatever_field_they_are_in() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/73e2d6bc24d8a067"
    found = mentions([{"ResourceName": "vol-1"}], {"anything": arn, "state": "running", "clientToken": "t"}, None)
    assert {"vol-1", arn, "web", "73e2d6bc24d8a067"} == set(found)
    assert mentions({"roleArn": "arn:aws:iam::111122223333:role/team/deploy"}) == [
        "arn:aws:iam::111122223333:role/team/deploy",
        "deploy",
        "team",
    ]


def test_who_somebody_is_is_said_in_one_word() -> None:
    assert actor({"type": "IAMUser", "userName": "bob"}) == "bob"
    assert actor({"type": "Root", "arn": "arn:aws:iam::111122223333:root"}) == "root"
    assert actor({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}) == "autoscaling.amazonaws.com"
    assert actor({"type": "AWSAccount", "accountId": "999988887777"}) == "999988887777"
    assert actor({}) is actor(None) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "arn", "principalId", "sessionContext", "userName", "xId"]), inner)
    ),
    max_leaves=20,
)


@given(json_values, json_values)
def test_records_of_any_shape_are_read_without_failing(identity: Any, parameters: Any) -> None:
    found = actor(identity), mentions(parameters, identity)
    assert found[0] is None or isinstance(found[0], str)
    assert all(isinstance(text, str) for text in found[1]) and len(found[1]) == len(set(found[1]))
