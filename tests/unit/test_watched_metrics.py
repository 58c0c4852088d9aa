"""Metrics of what is seeded, against the simulated AWS: every one is told of something, and trouble looks like it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from backends.aws.kinds import KINDS
from backends.aws.kinds.cloudwatch_metric import METRIC, MOST_METRICS
from backends.aws.process import Collector
from backends.aws.tasks import Page, SweepEnd, SweepTask
from backends.aws.watched import wanted
from backends.model import CoverageState, Json, Ref
from tests.simulated_aws import SimulatedAws, shared_simulated
from tests.unit.aws_fakes import rows_of
from tests.unit.test_aws_collector import PRODUCTION, context_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGION = "us-east-1"
WATCHED = {kind.name: kind for kind in KINDS if kind.watched}
Points = dict[tuple[str, str], list[float]]


async def rows(collector: Collector, task: SweepTask) -> list[Json]:
    found: list[Json] = []
    async for item in collector.sweep(task):
        if isinstance(item, Page):
            found += rows_of(item.arrow)
        elif isinstance(item, SweepEnd):
            assert item.coverage.state is CoverageState.OK, item.coverage.problem
    return found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Points]:
    """What CloudWatch tells of everything that is watched in a region in three hours: (name, metric) → values."""
    aws: SimulatedAws = shared_simulated()
    collector = await Collector.start(context_of(aws), tmp_path_factory.mktemp("watched") / "collector.log")
    await collector.identify()
    about: list[Json] = []
    names: dict[str, str] = {}
    for kind in WATCHED.values():
        for row in await rows(collector, SweepTask(PRODUCTION, REGION, kind.name)):
            ref = Ref(kind.name, PRODUCTION, REGION, row["id"])
            names[str(ref)] = f"{kind.name} {row.get('name') or row['id']}"
            about += wanted(ref, kind, row["raw"])
    # Its clock is held, and others may have used it for a while.
    since = datetime.fromisoformat(aws.get("status")["now"]) - timedelta(hours=3)
    points: Points = defaultdict(list)
    for start in range(0, len(about), MOST_METRICS):
        batch = tuple(json.loads(json.dumps(about[start : start + MOST_METRICS])))
        for row in await rows(collector, SweepTask(PRODUCTION, REGION, METRIC.name, since, focus=True, about=batch)):
            points[names[row["resource"]], row["metric"]].append(row["value"])
    yield points
    await collector.close()


async def test_every_declared_metric_is_told_of_something(told: Points) -> None:
    answered = {(name.split()[0], metric) for (name, metric), values in told.items() if values}
    for kind in WATCHED.values():
        # The seed has no Network Load Balancer, nothing is throttled there, and balancers hardly ever fail.
        rare = {"Throttles", "HTTPCode_ELB_5XX_Count"}
        expected = {m.id for m in kind.watched if m.namespace != "AWS/NetworkELB" and m.name not in rare}
        assert expected <= {metric for name, metric in answered if name == kind.name}, kind.name


async def test_minutes_are_told_as_finely_as_they_are_published(told: Points) -> None:
    assert 30 <= len(told["ec2.instance license-server", "CPUUtilization.Average"]) <= 37, "basic monitoring"
    assert 170 <= len(told["ec2.instance license-server", "StatusCheckFailed.Maximum"]) <= 180
    assert 170 <= len(told["rds.instance reports", "CPUUtilization.Average"]) <= 180


async def test_what_is_in_trouble_looks_like_it(told: Points) -> None:
    ill = told["ec2.instance reporting-old-2", "StatusCheckFailed.Maximum"]
    assert ill[0] == 0.0 and ill[-1] == 1.0 and ill == sorted(ill)
    assert told["ec2.instance reporting-old-2", "CPUUtilization.Average"][-1] > 99
    assert set(told["ec2.instance license-server", "StatusCheckFailed.Maximum"]) == {0.0}
    assert max(told["rds.instance tickets", "FreeStorageSpace.Minimum"]) == 0.0
    assert told["elbv2.target_group edge-web", "UnHealthyHostCount.Maximum"][-1] >= 1.0
    errors = sum(told["lambda.function order-events", "Errors.Sum"])
    assert errors > 0.2 * sum(told["lambda.function order-events", "Invocations.Sum"])
    assert told["sqs.queue jobs-dlq", "ApproximateAgeOfOldestMessage.Maximum"][-1] > 86_400
