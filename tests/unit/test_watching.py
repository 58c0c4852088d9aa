"""Metrics of what somebody looks at: asked for together, once a minute, within the budget; what was seen is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.kinds import KINDS
from backends.aws.kinds.cloudwatch_metric import METRIC
from backends.aws.parsers import PageMaker
from backends.aws.requests import Requester
from backends.aws.sweep import Sweep
from backends.aws.tasks import Page, SweepEnd, SweepTask
from backends.aws.throttle import Throttle
from backends.aws.watched import metrics_of, wanted
from backends.daemon import routes_metrics, watching
from backends.daemon.asking import Asking
from backends.daemon.contexts import Entry
from backends.daemon.events import Events
from backends.daemon.lanes import Lanes
from backends.daemon.ledger import Ledger
from backends.daemon.problems import Refusal
from backends.daemon.triples import keys_of
from backends.daemon.watching import Watching
from backends.model import Account, Health, Json, Ref, Scope, Watched
from backends.store import Store
from tests.unit.aws_fakes import FakeClient, raising, refused, session
from tests.unit.store_world import ACCOUNT, REGION, open_store

KIND = {kind.name: kind for kind in KINDS}
INSTANCE = KIND["ec2.instance"]
WATCHED = [kind for kind in KINDS if kind.watched]
MINUTE = timedelta(minutes=1)


def ref(number: int) -> Ref:
    return Ref(INSTANCE.name, ACCOUNT, REGION, f"i-{number}")


class CloudWatch:
    """Tells CPU 30, 31, 33 of the last minutes, of which one is missing, and of nothing else."""

    def __init__(self) -> None:
        self.client = FakeClient("cloudwatch", {"GetMetricData": self.told})
        self.began = datetime.now(UTC).replace(second=0, microsecond=0) - 10 * MINUTE

    def told(self, parameters: Json) -> Json:
        return {"MetricDataResults": [self._result(query) for query in parameters["MetricDataQueries"]]}

    def _result(self, query: Json) -> Json:
        metric = query["MetricStat"]
        of = metric["Metric"]["MetricName"], metric["Stat"]
        points = ((0, 30.0), (1, 31.0), (3, 33.0)) if of == ("CPUUtilization", "Average") else ()
        times = [f"{self.began + minute * MINUTE:%Y-%m-%dT%H:%M:%SZ}" for minute, _ in points]
        return {"Id": query["Id"], "Timestamps": times, "Values": [value for _, value in points]}

    @property
    def asked(self) -> list[Json]:
        return [parameters for _, parameters in self.client.asked]

    async def sweep(self, task: SweepTask) -> AsyncIterator[Page | SweepEnd]:
        """As the collector process does it."""
        pages: list[Page] = []

        async def emit(arrow: bytes, rows: int) -> None:
            pages.append(Page(arrow, rows))

        async def client(service: str) -> FakeClient:
            return self.client

        loader = session().get_component("data_loader")
        requester = Requester(custom_endpoint=False, throttle=Throttle(share=1000))
        sweep = Sweep(METRIC, task, requester=requester, client=client, loader=loader, emit=emit)
        coverage = await sweep.run()
        self.counted(task.account, sweep.tally.as_json())
        for each in pages:
            yield each
        yield SweepEnd(coverage)

    def counted(self, account: str, operations: list[Json]) -> None:
        """Replaced by the ledger's."""


class World:
    """A daemon's parts around one store with instances in it."""

    def __init__(self, lanes: Lanes, per_day: float = 1.0) -> None:
        self.lanes, self.cloudwatch = lanes, CloudWatch()
        self.ledger = Ledger(lanes, per_day)
        self.cloudwatch.counted = self.ledger.add  # type: ignore[method-assign]
        self.account = Account(ACCOUNT, regions=(REGION,))
        self.entry: Any = SimpleNamespace(collector=self.cloudwatch, holds=lambda account: self.account)
        contexts: Any = SimpleNamespace(
            serving=lambda account: self.entry if self.account.state == "ok" else None,
            all=lambda: [self.entry],
            failed=lambda entry: None,
        )
        self.paying = False
        self.watching = Watching(lanes, Events(), contexts, KIND, self.ledger, lambda account: self.paying)

    async def look(self, *numbers: int, hours: int = 3) -> list[str]:
        """Look at instances at once; the problems told."""
        looks = [self.watching.look(ref(number), hours) for number in numbers]
        for look in looks:
            await look.told.wait()
        return [look.problem for look in looks]

    async def shown(self, number: int = 1, **query: Any) -> Json:
        text = "&".join(f"{name}={value}" for name, value in {"ref": str(ref(number)), **query}.items())
        request = Request({"type": "http", "query_string": text.encode(), "headers": [], "path": "/"})
        daemon: Any = SimpleNamespace(lanes=self.lanes, kinds=KIND, watching=self.watching)
        entry = Entry("c", cast(Any, None), accounts=(self.account,))
        scope = Asking(daemon, entry, request).scope
        asked: Any = SimpleNamespace(daemon=daemon, entry=entry, read=self.lanes.read, scope=scope)
        answer = await routes_metrics.metrics(request, asked)
        return cast(Json, json.loads(bytes(answer.body)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    lanes = await Lanes.open(lambda: open_store(tmp_path, [INSTANCE, METRIC]))
    arrow, _ = PageMaker(INSTANCE).page([{"InstanceId": f"i-{number}"} for number in range(120)])

    def fill(store: Store) -> None:
        number = store.begin_sweep(ACCOUNT, REGION, INSTANCE.name, datetime(2026, 11, 20))
        store.ingest(number, arrow)

    await lanes.write(fill)
    made = World(lanes)
    yield made
    await made.watching.close()
    await made.ledger.close()
    await lanes.close()


async def test_what_is_looked_at_is_asked_for_together_and_kept_with_its_gaps(world: World) -> None:
    assert await world.look(1, 2) == ["", ""]
    [asked] = world.cloudwatch.asked
    assert len(asked["MetricDataQueries"]) == 2 * len(INSTANCE.watched)
    assert {query["MetricStat"]["Period"] for query in asked["MetricDataQueries"]} == {60}
    shown = await world.shown(2)
    cpu = next(metric for metric in shown["metrics"] if metric["id"] == "CPUUtilization.Average")
    began = world.cloudwatch.began
    assert [at for at, _ in cpu["points"]] == [f"{began + n * MINUTE:%Y-%m-%dT%H:%M:%SZ}" for n in (0, 1, 3)]
    assert (cpu["newest"], cpu["least"], cpu["most"], cpu["period"], cpu["state"]) == (33.0, 30.0, 33.0, 60, "ok")
    assert shown["since"][15:] in ("0:00Z", "5:00Z"), "from where a period of five minutes begins too"
    assert shown["as_of"] == cpu["points"][-1][0] and shown["problem"] == "" and 0 < shown["again"] <= 60
    others = {metric["id"]: (metric["note"], metric["newest"]) for metric in shown["metrics"] if metric is not cpu}
    assert set(others.values()) == {("not published", None)}, "nothing is drawn of what was not told"
    assert len(world.cloudwatch.asked) == 1


async def test_a_resource_is_asked_about_once_a_minute_at_most_and_then_only_for_what_is_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look(1)
    await world.look(1)
    assert len(world.cloudwatch.asked) == 1
    monkeypatch.setattr(watching, "ASKED_EVERY", 0.0)
    await world.look(1)
    first, second = (datetime.fromisoformat(asked["StartTime"]) for asked in world.cloudwatch.asked)
    assert timedelta(hours=2.5) < second - first < timedelta(hours=3), "but for what may have come late"
    await world.look(1, hours=12)
    assert datetime.fromisoformat(world.cloudwatch.asked[-1]["StartTime"]) < first - timedelta(hours=8)


async def test_a_request_asks_for_five_hundred_metrics_and_money_is_counted(world: World) -> None:
    assert set(await world.look(*range(120))) == {""}
    assert [len(asked["MetricDataQueries"]) for asked in world.cloudwatch.asked] == [500, 100]
    assert world.ledger.today(ACCOUNT) == pytest.approx(600 * 0.01 / 1000)
    [row] = [row for row in world.ledger.summed() if row["operation"] == "GetMetricData"]
    assert row["calls"] == 2


async def test_more_hours_are_asked_for_in_smaller_requests_so_that_each_answer_is_one_page(world: World) -> None:
    await world.look(*range(20), hours=24)
    assert all(len(asked["MetricDataQueries"]) * 24 * 60 <= 100_800 for asked in world.cloudwatch.asked)
    assert sum(len(asked["MetricDataQueries"]) for asked in world.cloudwatch.asked) == 100


async def test_over_the_budget_nothing_is_asked_and_a_sentence_stands_there(world: World) -> None:
    world.ledger.per_day = 0.00004
    [problem] = await world.look(1)
    assert problem.startswith("Not asked: 0.00 of today's") and world.cloudwatch.asked == []
    shown = await world.shown(1)
    assert shown["problem"] == problem and shown["as_of"] is None
    assert {metric["note"] for metric in shown["metrics"]} == {"not known"}


async def test_the_last_of_a_budget_is_left_to_a_poll_that_is_spending_it(world: World) -> None:
    world.paying = True
    assert await world.look(1) == [""], "while there is enough for both"
    world.ledger.add(ACCOUNT, [{"service": "ce", "operation": "GetCostAndUsage", "cost": 0.9, "calls": 1}])
    [problem] = await world.look(2)
    assert problem.startswith("Not asked: a poll is spending the last of today's budget")
    assert len(world.cloudwatch.asked) == 1


async def test_what_was_known_stays_in_sight_where_it_is_denied_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.look(1)
    monkeypatch.setattr(watching, "ASKED_EVERY", 0.0)
    world.cloudwatch.client._answers["GetMetricData"] = raising(refused("AccessDenied", 403))
    shown = await world.shown(1)
    assert "denied(cloudwatch:GetMetricData)" in shown["problem"]
    assert len(shown["metrics"][0]["points"]) == 3
    scope = Scope.of([(ACCOUNT, REGION)])
    rows = json.loads(await world.lanes.read(lambda reader: reader.coverage(scope)))["rows"]
    assert {row["kind"]: row["state"] for row in rows}[METRIC.name] == "denied"


async def test_expired_credentials_are_told_in_their_own_words(world: World) -> None:
    world.account = Account(ACCOUNT, regions=(REGION,), state="expired", problem="The login has expired.")
    assert await world.look(1) == ["The login has expired."]
    assert world.cloudwatch.asked == []


async def test_what_nobody_foresaw_is_a_sentence_too_and_later_looks_are_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(watching, "wanted", lambda *_: 1 / 0)
        [problem] = await world.look(1)
        assert "ZeroDivisionError" in problem
    assert await world.look(2) == [""]


async def test_the_past_shows_what_was_seen_and_says_where_nobody_looked(world: World) -> None:
    before = world.cloudwatch.began + MINUTE / 2
    assert "nobody looked" in (await world.shown(1, at=f"{before:%Y-%m-%dT%H:%M:%SZ}"))["problem"]
    await world.look(1)
    then = await world.shown(1, at=f"{before:%Y-%m-%dT%H:%M:%SZ}")
    assert [value for _, value in then["metrics"][0]["points"]] == [30.0] and then["problem"] == ""
    assert (await world.shown(2, at="-1m"))["problem"].startswith("Not recorded")
    assert len(world.cloudwatch.asked) == 1, "of the past nobody asks CloudWatch"


async def test_what_is_gone_or_has_no_metrics_is_said(world: World) -> None:
    with pytest.raises(Exception, match="is not known"):
        await world.shown(999)
    request = Request({"type": "http", "query_string": b"ref=iam.user@1/global/x", "headers": [], "path": "/"})
    asked: Any = SimpleNamespace(daemon=SimpleNamespace(kinds=KIND))
    with pytest.raises(Refusal, match=r"No metrics are declared for iam\.user; they are for .*ec2\.instance"):
        await routes_metrics.metrics(request, asked)


def test_it_is_never_polled() -> None:
    assert METRIC.name not in {kind.name for *_, kind in keys_of(Scope.of([(ACCOUNT, REGION)]), KINDS)}


@pytest.mark.parametrize("kind", WATCHED, ids=lambda kind: kind.name)
def test_declared_metrics_can_be_told_apart_and_judged(kind: Any) -> None:
    for metric in kind.watched:
        assert metric.judged(0.0) in Health and metric.help.endswith(".")
    assert list(metrics_of(kind, {})) == [], "without its element nothing is asked"


def test_a_network_load_balancer_has_metrics_of_its_own() -> None:
    kind, told = KIND["elbv2.load_balancer"], "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/n/2"
    about = wanted(
        Ref(kind.name, ACCOUNT, REGION, "n"), kind, {"Balancer": {"Type": "network", "LoadBalancerArn": told}}
    )
    assert {element["Namespace"] for element in about} == {"AWS/NetworkELB"}
    assert about[0]["Dimensions"] == {"LoadBalancer": "net/n/2"}
    assert len({element["Metric"] for element in about}) == len(about) == 5


@given(limit=st.integers(-1000, 1000), value=st.floats(-2000, 2000))
def test_a_limit_decides_what_a_value_means(limit: int, value: float) -> None:
    metric = Watched("N", "M", "Sum", {}, "t", "h", bad=f">={limit}", warn=f"<{limit}")
    assert metric.judged(value) is (Health.BAD if value >= limit else Health.WARN)
    with pytest.raises(ValueError, match="is no limit"):
        Watched("N", "M", "Sum", {}, "t", "h", bad="high").judged(value)
