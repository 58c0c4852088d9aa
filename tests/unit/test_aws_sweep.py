"""One sweep: steps that feed one another, pages, optional steps, trouble, and what its coverage says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from backends.aws import requests
from backends.aws.kinds import KINDS
from backends.aws.tasks import SweepTask
from backends.model import Call, Column, CoverageState, Json, Kind
from tests.unit.aws_fakes import ACCOUNT, FakeClient, raising, refused, swept

BY_NAME = {kind.name: kind for kind in KINDS}
VOLUME = BY_NAME["ec2.volume"]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)


def volumes(*ids: str) -> Json:
    return {"Volumes": [{"VolumeId": id_, "Size": 8, "State": "available"} for id_ in ids]}


async def test_pages_follow_one_another_to_the_end_and_an_empty_token_ends_them() -> None:
    answers = {None: volumes("vol-1") | {"NextToken": "b"}, "b": volumes("vol-2") | {"NextToken": ""}}
    ec2 = FakeClient("ec2", {"DescribeVolumes": lambda p: answers[p.get("NextToken")]})
    coverage, rows = await swept(VOLUME, {"ec2": ec2})
    assert [row["id"] for row in rows] == ["vol-1", "vol-2"]
    assert (coverage.state, coverage.rows, coverage.calls) == (CoverageState.OK, 2, 2)
    assert ec2.asked[0][1] == {"MaxResults": 500}


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]])
async def test_a_token_that_leads_back_ends_the_sweep_as_an_error(tokens: list[str]) -> None:
    following = iter([*tokens, *("x" * n for n in range(1, 50))])
    ec2 = FakeClient("ec2", {"DescribeVolumes": lambda p: volumes("vol-1") | {"NextToken": next(following)}})
    coverage, _ = await swept(VOLUME, {"ec2": ec2})
    assert coverage.state is CoverageState.ERROR
    assert "ec2:DescribeVolumes does not end" in coverage.problem
    assert coverage.calls == len(tokens)


async def test_nothing_there_is_empty() -> None:
    coverage, rows = await swept(VOLUME, {"ec2": FakeClient("ec2", {"DescribeVolumes": lambda p: volumes()})})
    assert (coverage.state, rows) == (CoverageState.EMPTY, [])


async def test_a_denial_names_the_action_and_is_not_tried_again() -> None:
    ec2 = FakeClient("ec2", {"DescribeVolumes": raising(refused("UnauthorizedOperation", 403))})
    coverage, _ = await swept(VOLUME, {"ec2": ec2})
    assert coverage.state is CoverageState.DENIED
    assert coverage.problem.startswith("denied(ec2:DescribeVolumes)")
    assert coverage.calls == 1


async def test_throttling_is_tried_again_and_counted() -> None:
    results: list[Any] = [refused("RequestLimitExceeded", 503), refused("Throttling"), volumes("vol-1")]

    def answer(parameters: Json) -> Any:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    coverage, rows = await swept(VOLUME, {"ec2": FakeClient("ec2", {"DescribeVolumes": answer})})
    assert (coverage.state, coverage.calls, coverage.retries, len(rows)) == (CoverageState.OK, 3, 2, 1)


async def test_throttling_without_end_is_given_up_as_throttled() -> None:
    ec2 = FakeClient("ec2", {"DescribeVolumes": raising(refused("Throttling"))})
    coverage, _ = await swept(VOLUME, {"ec2": ec2})
    assert (coverage.state, coverage.calls) == (CoverageState.THROTTLED, requests.THROTTLED_ATTEMPTS)


@pytest.mark.parametrize("custom", [True, False])
async def test_an_answer_that_is_not_aws_is_unsupported_at_a_custom_endpoint_and_an_error_at_aws(custom: bool) -> None:
    ec2 = FakeClient("ec2", {"DescribeVolumes": raising(ResponseParserError("body: CANARY-html"))})
    coverage, _ = await swept(VOLUME, {"ec2": ec2}, custom_endpoint=custom)
    assert coverage.state is (CoverageState.UNSUPPORTED if custom else CoverageState.ERROR)
    assert "CANARY" not in coverage.problem


async def test_no_connection_is_an_error_after_bounded_attempts() -> None:
    ec2 = FakeClient("ec2", {"DescribeVolumes": raising(EndpointConnectionError(endpoint_url="http://x"))})
    coverage, _ = await swept(VOLUME, {"ec2": ec2})
    assert (coverage.state, coverage.calls) == (CoverageState.ERROR, requests.ATTEMPTS)


async def test_a_fault_of_our_own_ends_the_sweep_not_the_process() -> None:
    coverage, _ = await swept(VOLUME, {})
    assert coverage.state is CoverageState.ERROR
    assert "KeyError" in coverage.problem


async def test_wrong_types_become_null_and_are_told_and_without_an_identity_nothing_counts_as_gone() -> None:
    strange = {"VolumeId": "vol-1", "Size": "many", "Encrypted": 7, "Tags": "none", "CreateTime": [], "Attachments": 3}
    ec2 = FakeClient("ec2", {"DescribeVolumes": lambda p: {"Volumes": [strange, {"Size": 3}, "rubbish", None]}})
    coverage, rows = await swept(VOLUME, {"ec2": ec2})
    assert [(row["id"], row["size"], row["encrypted"], row["tags"]) for row in rows] == [("vol-1", None, None, None)]
    assert coverage.state is CoverageState.ERROR
    assert "3 without volume_id were left out" in coverage.problem
    assert "size (1)" in coverage.problem


async def test_of_duplicates_the_last_wins() -> None:
    twice = {"Volumes": [{"VolumeId": "vol-1", "Size": 1}, {"VolumeId": "vol-1", "Size": 2}]}
    coverage, rows = await swept(VOLUME, {"ec2": FakeClient("ec2", {"DescribeVolumes": lambda p: twice})})
    assert [row["size"] for row in rows] == [2]
    assert coverage.rows == 1


async def test_steps_feed_one_another_and_what_vanished_meanwhile_is_left_out() -> None:
    def nodegroup(parameters: Json) -> Json:
        if parameters["nodegroupName"] == "gone":
            raise refused("ResourceNotFoundException", 404)
        return {"nodegroup": {"nodegroupName": parameters["nodegroupName"], "clusterName": parameters["clusterName"]}}

    eks = FakeClient(
        "eks",
        {
            "ListClusters": lambda p: {"clusters": ["a", "b"]},
            "ListNodegroups": lambda p: {"nodegroups": ["one", "gone"] if p["clusterName"] == "a" else ["two"]},
            "DescribeNodegroup": nodegroup,
        },
    )
    coverage, rows = await swept(BY_NAME["eks.nodegroup"], {"eks": eks})
    assert sorted(row["id"] for row in rows) == ["a/one", "b/two"]
    assert coverage.state is CoverageState.OK


async def test_a_denied_optional_step_leaves_its_columns_empty_and_is_asked_once() -> None:
    details = {"UserDetailList": [{"UserName": name, "GroupList": ["ops"]} for name in ("ann", "bob", "cyd")]}
    report = "user,password_last_used\n" + "".join(
        f"{user},2026-11-01T10:00:00+00:00\n" for user in ("ann", "bob", "cyd")
    )
    iam = FakeClient(
        "iam",
        {
            "GetAccountAuthorizationDetails": lambda p: details,
            "GenerateCredentialReport": lambda p: {},
            "GetCredentialReport": lambda p: {"Content": report.encode()},
            "ListAccessKeys": raising(refused("AccessDenied", 403)),
        },
    )
    coverage, rows = await swept(BY_NAME["iam.user"], {"iam": iam})
    assert {row["id"]: row["active_keys"] for row in rows} == {"ann": None, "bob": None, "cyd": None}
    assert all(row["last_login"] == datetime(2026, 11, 1, 10) and row["groups"] == ["ops"] for row in rows)
    assert coverage.state is CoverageState.OK
    assert "denied(iam:ListAccessKeys)" in coverage.problem
    assert sum(operation == "ListAccessKeys" for operation, _ in iam.asked) <= 3


def made_of(*calls: Call) -> Kind:
    columns = (Column("name", "name"), Column("policy", "policy"))
    return Kind(name="s3.thing", title="Things", service="s3", calls=calls, key=("name",), columns=columns)


async def test_what_aws_says_is_absent_is_nothing_there() -> None:
    kind = made_of(Call("GetBucketPolicy", "Things", absent=("NoSuchThing",)))
    s3 = FakeClient("s3", {"GetBucketPolicy": raising(refused("NoSuchThing", 404))})
    coverage, rows = await swept(kind, {"s3": s3})
    assert (coverage.state, coverage.problem, rows) == (CoverageState.EMPTY, "", [])


async def test_what_is_absent_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client = {"s3": FakeClient("s3", {"GetBucketPolicy": raising(refused("NoSuchThing", 404))})}
    await swept(made_of(Call("GetBucketPolicy", "Things", absent=("NoSuchThing",))), client)
    assert not caplog.records
    await swept(made_of(Call("GetBucketPolicy", "Things")), client)
    assert [record.levelname for record in caplog.records] == ["INFO"]


async def test_what_is_absent_of_one_element_leaves_its_columns_empty_and_the_others_alone() -> None:
    def policy(parameters: Json) -> Json:
        if parameters["Bucket"] == "bare":
            raise refused("NoSuchBucketPolicy", 404)
        return {"Policy": "open"}

    kind = made_of(
        Call("ListBuckets", "Buckets"),
        Call(
            "GetBucketPolicy",
            "{policy: Policy}",
            arguments={"Bucket": "Name"},
            keep={"name": "Name"},
            absent=("NoSuchBucketPolicy",),
        ),
    )
    listed = {"Buckets": [{"Name": "bare"}, {"Name": "told"}]}
    s3 = FakeClient("s3", {"ListBuckets": lambda p: listed, "GetBucketPolicy": policy})
    coverage, rows = await swept(kind, {"s3": s3})
    assert {row["id"]: row["policy"] for row in rows} == {"bare": None, "told": "open"}
    assert coverage.state is CoverageState.OK


async def test_tags_of_load_balancers_are_asked_twenty_at_a_time() -> None:
    arns = [f"arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/lb{n}/{n}" for n in range(45)]
    found = [{"LoadBalancerArn": arn, "LoadBalancerName": f"lb{n}"} for n, arn in enumerate(arns)]
    elb = FakeClient(
        "elbv2",
        {
            "DescribeLoadBalancers": lambda p: {"LoadBalancers": found},
            "DescribeTags": lambda p: {
                "TagDescriptions": [
                    {"ResourceArn": arn, "Tags": [{"Key": "n", "Value": arn[-1]}]} for arn in p["ResourceArns"]
                ]
            },
        },
    )
    _, rows = await swept(BY_NAME["elbv2.load_balancer"], {"elbv2": elb})
    assert len(rows) == 45
    assert {row["tags"] for row in rows if row["id"] == "lb37"} == {'{"n":"7"}'}
    assert [len(p["ResourceArns"]) for o, p in elb.asked if o == "DescribeTags"] == [20, 20, 5]


async def test_costs_are_asked_for_ninety_days_then_three_and_every_page_is_paid() -> None:
    def costs(parameters: Json) -> Json:
        day = {"TimePeriod": {"Start": "2026-11-01"}, "Estimated": False, "Groups": [_group("Amazon EC2", "12.5")]}
        second = {"TimePeriod": {"Start": "2026-11-02"}, "Estimated": True, "Groups": [_group("Amazon S3", "0.25")]}
        if "NextPageToken" not in parameters:
            return {"ResultsByTime": [day], "NextPageToken": "more"}
        return {"ResultsByTime": [second]}

    ce = FakeClient("ce", {"GetCostAndUsage": costs})
    kind = BY_NAME["cost.daily"]
    coverage, rows = await swept(kind, {"ce": ce})
    assert [(row["id"], row["amount"], row["estimated"]) for row in rows] == [
        ("2026-11-01/Amazon EC2", 12.5, False),
        ("2026-11-02/Amazon S3", 0.25, True),
    ]
    assert coverage.cost == pytest.approx(0.02)
    period = ce.asked[0][1]["TimePeriod"]
    assert (datetime.fromisoformat(period["End"]) - datetime.fromisoformat(period["Start"])).days == 91

    await swept(kind, {"ce": ce}, SweepTask(ACCOUNT, "global", kind.name, since=datetime(2026, 11, 20, 6, tzinfo=UTC)))
    assert ce.asked[-1][1]["TimePeriod"]["Start"] == "2026-11-17"


def _group(service: str, amount: str) -> Json:
    return {"Keys": [service], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


async def test_every_change_of_a_spot_price_is_a_point_and_only_what_is_newer_is_asked_for() -> None:
    def prices(parameters: Json) -> Json:
        return {
            "SpotPriceHistory": [
                {
                    "AvailabilityZone": parameters["AvailabilityZone"],
                    "InstanceType": "m5.large",
                    "ProductDescription": "Linux/UNIX",
                    "SpotPrice": f"0.0{hour}",
                    "Timestamp": f"2026-11-20T0{hour}:00:00.000Z",
                }
                for hour in (1, 2, 2)
            ]
        }

    zones = {"AvailabilityZones": [{"ZoneName": "eu-west-1a", "ZoneId": "euw1-az3"}]}
    ec2 = FakeClient("ec2", {"DescribeAvailabilityZones": lambda p: zones, "DescribeSpotPriceHistory": prices})
    kind = BY_NAME["spot.price"]
    since = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    coverage, rows = await swept(kind, {"ec2": ec2}, SweepTask(ACCOUNT, "eu-west-1", kind.name, since=since))
    assert [(row["id"], row["price"]) for row in rows] == [
        ("euw1-az3/m5.large/Linux/UNIX", 0.01),
        ("euw1-az3/m5.large/Linux/UNIX", 0.02),
    ]
    assert [bool(row["raw"]) for row in rows] == [False, True], "only the newest point is kept whole"
    assert coverage.rows == 1
    assert ec2.asked[-1][1]["StartTime"] == "2026-11-20T00:30:00Z"


async def test_an_incremental_sweep_that_sees_nothing_new_is_not_empty() -> None:
    ec2 = FakeClient("ec2", {"DescribeAvailabilityZones": lambda p: {"AvailabilityZones": []}})
    kind = BY_NAME["spot.price"]
    task = SweepTask(ACCOUNT, "eu-west-1", kind.name, since=datetime(2026, 11, 20, tzinfo=UTC))
    assert (await swept(kind, {"ec2": ec2}, task))[0].state is CoverageState.OK


async def test_instance_load_is_reduced_from_the_hours_of_each_instance() -> None:
    instances = [{"InstanceId": f"i-{n}", "InstanceType": "m5.large"} for n in range(80)]

    def metrics(parameters: Json) -> Json:
        queries = parameters["MetricDataQueries"]
        assert len(queries) <= 500
        values = {"average": [1.0, 3.0], "maximum": [5.0, 9.0], "received": [1e6, 1e6], "sent": [1e6, 1e6]}
        half = "NextToken" in parameters
        times = ["2026-11-20T02:00:00Z"] if half else ["2026-11-20T01:00:00Z"]
        results = [
            {"Id": q["Id"], "Timestamps": times, "Values": [values[q["Id"].split("_")[0]][int(half)]]}
            for q in queries
            if q["MetricStat"]["Metric"]["Dimensions"][0]["Value"] != "i-7"
        ]
        return {"MetricDataResults": results} | ({} if half else {"NextToken": "half"})

    clients = {
        "ec2": FakeClient("ec2", {"DescribeInstances": lambda p: {"Reservations": [{"Instances": instances}]}}),
        "cloudwatch": FakeClient("cloudwatch", {"GetMetricData": metrics}),
    }
    coverage, rows = await swept(BY_NAME["cloudwatch.instance_cpu"], clients)
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == 80
    names = ("cpu_avg", "cpu_max", "network_daily_mb", "hours", "first_hour", "last_hour")
    hours = (datetime(2026, 11, 20, 1), datetime(2026, 11, 20, 2))
    assert tuple(by_id["i-79"][name] for name in names) == (2.0, 9.0, 48.0, 2, *hours)
    assert tuple(by_id["i-7"][name] for name in names) == (None, None, None, 0, None, None)
    assert coverage.cost == pytest.approx(2 * 80 * 4 * 0.01 / 1000), "each page is charged by the metrics asked for"


async def test_instances_carry_what_their_reservation_says_and_secrets_are_blanked() -> None:
    instance = {
        "InstanceId": "i-1",
        "ClientToken": "CANARY-token",
        "UserData": "CANARY-user-data",
        "MetadataOptions": {"HttpTokens": "required"},
        "Tags": [{"Key": "db_password", "Value": "CANARY-tag"}, {"Key": "Name", "Value": "web"}],
    }
    answer = {"Reservations": [{"ReservationId": "r-1", "OwnerId": "42", "Instances": [instance]}]}
    ec2 = FakeClient("ec2", {"DescribeInstances": lambda p: answer})
    _, rows = await swept(BY_NAME["ec2.instance"], {"ec2": ec2})
    assert "CANARY" not in str(rows)
    row = rows[0]
    assert (row["reservation_id"], row["owner_id"], row["name"], row["imds"]) == ("r-1", "42", "web", "required")
