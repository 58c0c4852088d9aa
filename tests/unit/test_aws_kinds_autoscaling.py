"""Auto Scaling: activities are read as far back as they matter, and say what failed where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backends.aws.kinds.autoscaling_activity import ACTIVITY, REFRESH
from backends.aws.tasks import SweepTask
from backends.model import Json
from tests.unit.aws_fakes import ACCOUNT, REGION, FakeClient, swept

NOW = datetime.now(UTC).replace(microsecond=0)


def activity(name: str, hours: float, **more: object) -> Json:
    started = (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    return {"ActivityId": name, "AutoScalingGroupName": "web", "StartTime": started, "StatusCode": "Successful"} | more


def told(pages: list[list[Json]]) -> FakeClient:
    """Pages that follow one another by the number of the next."""

    def answer(parameters: Json) -> Json:
        page = int(parameters.get("NextToken", 0))
        following = {"NextToken": str(page + 1)} if page + 1 < len(pages) else {}
        return {"Activities": pages[page]} | following

    return FakeClient("autoscaling", {"DescribeScalingActivities": answer})


@pytest.mark.parametrize(
    ("since", "read"),
    [
        (None, ["a", "b", "c", "d"]),  # six weeks at first
        (timedelta(hours=20), ["a", "b"]),  # later up to a day before the last look, and the page it lies on
        (timedelta(minutes=5), ["a", "b"]),
    ],
)
async def test_no_page_is_asked_for_beyond_the_one_that_is_older_than_the_window(
    since: timedelta | None, read: list[str]
) -> None:
    client = told([[activity("a", 1)], [activity("b", 60)], [activity("c", 300)], [activity("d", 900)]])
    task = SweepTask(ACCOUNT, REGION, ACTIVITY.name, since=NOW - since if since else None)
    coverage, rows = await swept(ACTIVITY, {"autoscaling": client}, task)
    assert [row["activity_id"] for row in rows] == read
    assert (coverage.calls, coverage.state) == (len(read), "ok")


async def test_an_activity_without_a_time_never_ends_the_reading() -> None:
    undated = activity("x", 1) | {"StartTime": None}
    client = told([[undated], [activity("b", 1)]])
    task = SweepTask(ACCOUNT, REGION, ACTIVITY.name, since=NOW)
    _, rows = await swept(ACTIVITY, {"autoscaling": client}, task)
    assert [row["id"] for row in rows] == ["web/x", "web/b"]


async def test_a_failure_tells_its_code_and_a_success_its_instance_and_place() -> None:
    message = (
        "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available that "
        "matches your request. Launching EC2 instance failed."
    )
    failed = activity("f", 1, StatusCode="Failed", StatusMessage=message, Details="not JSON")
    went = activity(
        "w",
        2,
        Description="Terminating EC2 instance: i-0123456789abcdef0",
        Details='{"Subnet ID":"subnet-1","Availability Zone":"eu-west-1a"}',
    )
    _, rows = await swept(ACTIVITY, {"autoscaling": told([[failed, went]])})
    shown = [[row[name] for name in ("error", "reason", "instance", "zone", "subnet")] for row in rows]
    assert shown == [
        ["InsufficientInstanceCapacity", message, None, None, None],
        [None, None, "i-0123456789abcdef0", "eu-west-1a", "subnet-1"],
    ]


async def test_every_group_is_asked_for_its_refreshes() -> None:
    groups = {"AutoScalingGroups": [{"AutoScalingGroupName": "a"}, {"AutoScalingGroupName": "b"}]}
    client = FakeClient(
        "autoscaling",
        {
            "DescribeAutoScalingGroups": lambda parameters: groups,
            "DescribeInstanceRefreshes": lambda parameters: {
                "InstanceRefreshes": [{**parameters, "InstanceRefreshId": "1"}]
            },
        },
    )
    coverage, rows = await swept(REFRESH, {"autoscaling": client})
    assert [row["id"] for row in rows] == ["a/1", "b/1"]
    assert coverage.calls == 3
