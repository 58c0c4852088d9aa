"""How fast AWS is asked, against the simulated AWS: throttled in three calls of ten, everything still comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from backends.aws import requests
from backends.aws.kinds import KINDS
from backends.aws.logins import Login
from backends.aws.requests import Requester
from backends.aws.session import Sessions
from backends.aws.sweep import Sweep
from backends.aws.tasks import SweepTask
from backends.aws.throttle import Throttle
from backends.context import Context
from backends.model import GLOBAL_REGION, Coverage, CoverageState, Kind
from tests.simulated_aws import SimulatedAws
from tests.unit.aws_fakes import rows_of

ACCOUNT, REGIONS = "111122223333", ("ap-southeast-2", "eu-west-1", "us-east-1")
CHOSEN = (
    *("ec2.volume", "autoscaling.group", "eks.nodegroup", "elbv2.load_balancer", "elbv2.target_group"),
    *("iam.user", "iam.role", "servicequotas.quota", "eks.cluster", "ecs.service", "sqs.queue", "vpc.vpc"),
)


@pytest.fixture
def aws(simulated: SimulatedAws) -> Iterator[SimulatedAws]:
    yield simulated
    simulated.fault(clear=True)


@pytest_asyncio.fixture
async def sessions(aws: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sessions]:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(requests, "pause", lambda attempt, throttled: 0.0)
    made = Sessions(Context(endpoint=aws.endpoint))
    yield made
    await made.close()


async def everything(sessions: Sessions) -> tuple[list[Coverage], set[str]]:
    """Every chosen kind in every region: how each sweep ended, and what was found."""
    requester = Requester(throttle=Throttle(share=1000))
    found: set[str] = set()

    async def sweep(kind: Kind, region: str) -> Coverage:
        async def emit(arrow: bytes, rows: int) -> None:
            found.update(f"{kind.name}/{region}/{row['id']}" for row in rows_of(arrow))

        one = Sweep(
            kind,
            SweepTask(ACCOUNT, region, kind.name),
            requester=requester,
            client=lambda service: sessions.client(Login(), service, region),
            loader=sessions.loader,
            emit=emit,
        )
        return await one.run()

    places = [
        (kind, region)
        for kind in KINDS
        if kind.name in CHOSEN
        for region in (REGIONS if kind.regional else (GLOBAL_REGION,))
    ]
    return list(await asyncio.gather(*(sweep(kind, region) for kind, region in places))), found


async def test_where_three_calls_in_ten_are_throttled_all_is_read_for_little_more_than_half_as_many_again(
    aws: SimulatedAws, sessions: Sessions
) -> None:
    undisturbed, there = await everything(sessions)
    calls = sum(coverage.calls for coverage in undisturbed)
    assert calls > 70
    assert len(there) > 200
    # The first hundred that a fault looks at are struck more often than that; by the thousandth it is three in ten.
    aws.fault(kind="throttling", rate=0.3, seen=1000)
    mark = aws.mark()
    throttled, found = await everything(sessions)
    struck = sum(1 for request in aws.requests(mark) if request["fault"])
    sent = sum(coverage.calls for coverage in throttled)
    assert struck > 0.2 * sent, "they were"
    assert {coverage.state for coverage in throttled} <= {CoverageState.OK, CoverageState.EMPTY}
    assert [coverage.state for coverage in throttled] == [coverage.state for coverage in undisturbed]
    assert found == there
    assert sent == calls + struck, "nothing is asked again but what was refused"
    assert sent <= 1.6 * calls
