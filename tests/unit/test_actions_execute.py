"""Carrying out: gated, never stale, never blind, always on record."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from actions_world import (
    OPERATOR,
    AwsError,
    Bridge,
    FakeAws,
    Fault,
    desk,
    group,
    group_ref,
    instance,
    instance_ref,
    nodegroup,
    ref,
)

from backends.actions import Refused

SET, SIZE, STOP, START = (
    "autoscaling.set_desired_capacity",
    "eks.set_nodegroup_size",
    "ec2.stop_instance",
    "ec2.start_instance",
)
WORKERS = ref("eks.nodegroup", "prod/workers")
LOST = AwsError("ReadTimeoutError", "Read timeout on endpoint", known=False, http_status=0)


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(
        groups={"web": group("web"), "api": group("api", 2)},
        nodegroups={"prod/workers": nodegroup()},
        instances={"i-1": instance("i-1"), "i-2": instance("i-2", "stopped"), "i-3": instance("i-3")},
    )


@pytest.fixture
async def bridge(aws: FakeAws, tmp_path: Any) -> Bridge:
    return await Bridge(tmp_path, aws).opened()


async def scale(bridge: Bridge, size: int = 6) -> Any:
    return await bridge.plan(SET, group_ref("web"), desired_capacity=size)


def names(bridge: Bridge) -> list[str]:
    return [name for name, _ in bridge.aws.changes]


async def whole(bridge: Bridge) -> bool:
    return (await bridge.trail.verify())[1] == []


async def test_a_plan_is_carried_out_seen_and_put_on_record(bridge: Bridge) -> None:
    outcome = await bridge.execute(await scale(bridge))
    assert outcome.state == "done"
    assert bridge.aws.groups["web"]["DesiredCapacity"] == 6
    assert bridge.events == ["write-window-opened", "intent", "outcome"]
    record = bridge.table.rows[outcome.record - 1]
    assert record["actor"] == {"uid": 1000, "user": "ada", "pid": 4242}
    assert record["arn"].endswith("/ada")
    assert record["plan"]["action"] == record["action"] == SET
    assert record["calls"][0] | {"parameters": 0} == {
        "service": "autoscaling",
        "operation": "SetDesiredCapacity",
        "parameters": 0,
        "state": "accepted",
        "failure": None,
        "request_id": "request-1",
        "attempts": 1,
    }
    assert await whole(bridge)


@pytest.mark.parametrize("action", [SIZE, STOP, START])
async def test_every_action_reaches_its_end(bridge: Bridge, action: str) -> None:
    bridge.aws.lag = 3
    target, given = {
        SIZE: (WORKERS, {"desired_size": 5}),
        STOP: (instance_ref("i-1"), {}),
        START: (instance_ref("i-2"), {}),
    }[action]
    outcome = await bridge.execute(await bridge.plan(action, target, **given))
    assert (outcome.state, len(names(bridge))) == ("done", 1)
    assert "so far" not in outcome.detail


@pytest.mark.parametrize("token", ["", None, 7, "0" * 64, "ü\ud800"])
async def test_without_a_valid_token_nothing_at_all_is_sent(bridge: Bridge, token: Any) -> None:
    plan = await scale(bridge)
    before = list(bridge.aws.sent)
    with pytest.raises(Refused, match="read-only") as caught:
        await bridge.engine.execute(plan, token, confirm=True, actor=None, desk=bridge.desk)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.status) == ("read-only", 403)
    assert bridge.aws.sent == before
    assert bridge.events == ["write-window-opened"]


async def test_a_token_is_worth_nothing_in_another_context_or_after_its_time(bridge: Bridge) -> None:
    plan = await scale(bridge)
    with pytest.raises(Refused, match="other credentials"):
        await bridge.engine.execute(
            plan,
            bridge.token,
            confirm=True,
            actor=None,
            desk=desk(bridge.aws, context="b"),  # type: ignore[arg-type]
        )
    bridge.clock.moves(minutes=60)
    with pytest.raises(Refused, match="expired"):
        await bridge.execute(plan)
    assert names(bridge) == []


async def test_a_plan_of_other_credentials_is_refused(bridge: Bridge) -> None:
    plan = await scale(bridge)
    other = desk(bridge.aws, context="other")
    token, _ = await bridge.windows.open("other", 5, OPERATOR)
    outcome = await bridge.engine.execute(plan, token, confirm=True, actor=OPERATOR, desk=other)
    assert (outcome.state, outcome.code) == ("refused", "other-context")
    assert names(bridge) == []


@pytest.mark.parametrize(("confirm", "fits"), [(True, True), ("y", True), ("YES", True), ("", False), (None, False)])
async def test_a_plan_that_affects_traffic_wants_a_yes(bridge: Bridge, confirm: Any, fits: bool) -> None:
    outcome = await bridge.execute(await scale(bridge), confirm)
    assert (outcome.state == "done") is fits
    assert bool(names(bridge)) is fits


async def test_a_destructive_plan_wants_the_end_of_the_id_typed(bridge: Bridge) -> None:
    bridge.aws.instances["i-0123456789abcdef0"] = instance(
        "i-0123456789abcdef0", Tags=[{"Key": "aws:autoscaling:groupName", "Value": "web"}]
    )
    plan = await bridge.plan(STOP, instance_ref("i-0123456789abcdef0"))
    for wrong in (True, "y", "abcdef", ""):
        assert (await bridge.execute(plan, wrong)).code == "unconfirmed"
    assert names(bridge) == []
    assert (await bridge.execute(plan, "bcdef0")).state == "done"


async def test_an_old_plan_and_one_from_the_future_are_refused(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.clock.moves(minutes=15, seconds=1)
    assert (await bridge.execute(plan)).code == "expired"
    bridge.clock.moves(hours=-1)
    assert (await bridge.execute(plan)).code == "expired"
    assert names(bridge) == []


async def test_a_stale_plan_is_refused_naming_the_field(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.groups["web"]["MaxSize"] = 5
    outcome = await bridge.execute(plan)
    assert (outcome.state, outcome.code) == ("refused", "stale")
    assert "MaxSize of web was 10 when it was made and is 5 now" in outcome.detail
    del bridge.aws.groups["web"]
    assert "web no longer exists" in (await bridge.execute(plan)).detail
    assert names(bridge) == []
    assert "intent" not in bridge.events


async def test_a_permission_that_the_dry_run_denied_is_not_tried(bridge: Bridge) -> None:
    bridge.aws.denied.add("StopInstances")
    outcome = await bridge.execute(await bridge.plan(STOP, instance_ref("i-1")))
    assert (outcome.state, outcome.code) == ("refused", "denied")
    assert names(bridge) == []


async def test_a_plan_is_carried_out_once(bridge: Bridge) -> None:
    plan = await scale(bridge)
    assert (await bridge.execute(plan)).state == "done"
    assert (await bridge.execute(plan)).code == "spent"
    assert (await bridge.execute("nonsense")).code == "unknown-plan"
    assert len(names(bridge)) == 1


async def test_what_a_caller_wrote_into_a_plan_is_not_what_is_sent(bridge: Bridge) -> None:
    plan = await scale(bridge)
    plan.calls[0].parameters["DesiredCapacity"] = 9
    forged = type(plan).from_json(json.loads(json.dumps(plan.as_json() | {"targets": ["x@1/2/3"]})))
    honest = await scale(bridge)
    forged = type(plan).from_json(forged.as_json() | {"id": honest.id})
    assert (await bridge.execute(forged)).state == "done"
    assert bridge.aws.groups["web"]["DesiredCapacity"] == 6


async def test_two_executions_never_change_one_target_at_the_same_time(bridge: Bridge) -> None:
    first, second = await scale(bridge, 6), await scale(bridge, 7)
    outcomes = await asyncio.gather(bridge.execute(first), bridge.execute(second), bridge.execute(first))
    assert sorted((outcome.state, outcome.code) for outcome in outcomes) == [
        ("done", ""),
        ("refused", "busy"),
        ("refused", "spent"),
    ]
    assert len(names(bridge)) == 1


async def test_without_a_record_of_the_intent_nothing_is_sent(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.table.broken = True
    outcome = await bridge.execute(plan)
    assert (outcome.state, outcome.code) == ("refused", "audit")
    assert names(bridge) == []
    bridge.table.broken = False
    assert (await bridge.execute(plan)).state == "done"
    assert await whole(bridge)


async def test_the_intent_is_on_record_before_the_call(bridge: Bridge) -> None:
    plan = await scale(bridge)
    seen: list[list[str]] = []
    send = bridge.aws._SetDesiredCapacity

    def spy(**given: Any) -> Any:
        seen.append(bridge.events)
        return send(**given)

    bridge.aws._SetDesiredCapacity = spy  # type: ignore[method-assign]
    await bridge.execute(plan)
    assert seen == [["write-window-opened", "intent"]]


async def test_what_aws_refuses_has_failed(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [Fault("SetDesiredCapacity", AwsError("ScalingActivityInProgress", "wait for it"))]
    outcome = await bridge.execute(plan)
    assert outcome.state == "failed"
    assert "ScalingActivityInProgress: wait for it" in outcome.detail
    assert len(names(bridge)) == 1
    assert bridge.events[-1] == "outcome"


async def test_a_throttled_call_did_nothing_and_is_sent_again_with_growing_pauses(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [Fault("SetDesiredCapacity", AwsError("Throttling", "Rate exceeded"), count=3)]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("done", 4)
    assert bridge.clock.slept == [1.0, 2.0, 4.0]
    assert bridge.table.rows[-1]["calls"][0]["attempts"] == 4


async def test_throttling_told_with_a_server_error_did_nothing_either(bridge: Bridge) -> None:
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    refused = AwsError("RequestLimitExceeded", "Request limit exceeded.", known=False, http_status=503)
    bridge.aws.faults = [Fault("StopInstances", refused)]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("done", 2)
    assert bridge.clock.slept == [1.0]


async def test_endless_throttling_ends_as_a_failure(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [Fault("SetDesiredCapacity", AwsError("Throttling", "Rate exceeded"), count=99)]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("failed", 5)


async def test_after_a_lost_answer_the_effect_is_read_back_and_the_call_is_not_repeated(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults, bridge.aws.lag = [Fault("SetDesiredCapacity", LOST, "after")], 3
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("done", 1)


async def test_a_lost_call_that_had_no_effect_is_repeated_once_where_that_is_safe(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [Fault("SetDesiredCapacity", LOST)]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("done", 2)
    assert any(
        step.what == "retry" and "sent twice, it has the effect of once" in step.detail for step in outcome.steps
    )


async def test_a_call_lost_twice_is_unknown_and_not_sent_a_third_time(bridge: Bridge) -> None:
    plan = await bridge.plan(SIZE, WORKERS, desired_size=5)
    bridge.aws.faults = [Fault("UpdateNodegroupConfig", LOST, count=9)]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("unknown", 2)
    assert "not known, and it is not sent again" in outcome.detail
    tokens = {given["clientRequestToken"] for _, given in bridge.aws.changes}
    assert len(tokens) == 1


async def test_a_lost_call_is_not_repeated_when_somebody_else_changed_the_target(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [Fault("SetDesiredCapacity", LOST)]
    original = bridge.clock.sleep

    async def meanwhile(seconds: float) -> None:
        bridge.aws.groups["web"]["DesiredCapacity"] = 9
        await original(seconds)

    bridge.engine._sleep = meanwhile
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("unknown", 1)
    assert bridge.aws.groups["web"]["DesiredCapacity"] == 9


async def test_a_lost_call_is_not_repeated_when_it_cannot_be_read_back(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.faults = [
        Fault("SetDesiredCapacity", LOST),
        Fault("DescribeAutoScalingGroups", AwsError("EndpointConnectionError", known=False), skip=1, count=999),
    ]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("unknown", 1)
    assert bridge.events[-1] == "outcome"


async def test_accepted_but_never_shown_is_unknown_after_a_deadline_with_back_off(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.deaf = True
    outcome = await bridge.execute(plan)
    assert outcome.state == "unknown"
    assert "DesiredCapacity is 4, not 6" in outcome.detail
    assert sum(bridge.clock.slept) == pytest.approx(120)
    assert bridge.clock.slept[:5] == [1, 2, 4, 8, 15]


async def test_an_instance_that_ends_instead_of_stopping_has_failed(bridge: Bridge) -> None:
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    bridge.aws._StopInstances = lambda **_: bridge.aws._turned(["i-1"], "shutting-down", "terminated")  # type: ignore
    outcome = await bridge.execute(plan)
    assert outcome.state == "failed"
    assert "terminated" in outcome.detail


async def test_in_a_batch_the_first_failure_ends_the_sending_and_what_happened_is_said(bridge: Bridge) -> None:
    plan = await bridge.plan(SET, group_ref("web"), group_ref("api"), desired_capacity=3)
    bridge.aws.faults = [Fault("SetDesiredCapacity", AwsError("ValidationError", "no"), skip=1)]
    outcome = await bridge.execute(plan)
    assert outcome.state == "failed"
    assert outcome.detail.startswith("1 of 2 targets are changed; web: DesiredCapacity is 3")
    assert bridge.aws.groups["api"]["DesiredCapacity"] == 2


async def test_in_a_batch_nothing_is_sent_after_a_call_that_aws_refused(bridge: Bridge) -> None:
    plan = await bridge.plan(SET, group_ref("web"), group_ref("api"), desired_capacity=3)
    bridge.aws.faults = [Fault("SetDesiredCapacity", AwsError("ValidationError", "no"))]
    outcome = await bridge.execute(plan)
    assert (outcome.state, len(names(bridge))) == ("failed", 1)
    assert outcome.detail.endswith("1 further call was not sent")
    assert [call["state"] for call in bridge.table.rows[-1]["calls"]] == ["failed", "unsent"]


async def test_an_execution_goes_on_to_its_outcome_when_its_caller_hangs_up(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws.lag = 4
    caller = asyncio.create_task(bridge.execute(plan))
    while "intent" not in bridge.events:
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await bridge.engine.drain()
    assert bridge.events[-1] == "outcome"
    assert bridge.table.rows[-1]["outcome"]["state"] == "done"


async def test_a_listener_that_fails_does_not_disturb_an_execution(bridge: Bridge) -> None:
    def broken(step: Any) -> None:
        raise RuntimeError("gone")

    plan = await scale(bridge)
    outcome = await bridge.engine.execute(
        plan, bridge.token, confirm=True, actor=OPERATOR, desk=bridge.desk, on_step=broken
    )
    assert outcome.state == "done"


async def test_an_answer_that_is_no_answer_still_leaves_an_outcome_on_record(bridge: Bridge) -> None:
    plan = await scale(bridge)
    bridge.aws._SetDesiredCapacity = lambda **_: "nonsense"  # type: ignore
    outcome = await bridge.execute(plan)
    assert outcome.state == "unknown"
    assert bridge.table.rows[-1]["outcome"]["state"] == "unknown"


async def test_neither_the_token_nor_anything_like_it_is_on_record(bridge: Bridge) -> None:
    await bridge.execute(await scale(bridge))
    await bridge.windows.close(bridge.token, "context", OPERATOR)
    text = json.dumps(bridge.table.rows)
    assert bridge.token not in text
    assert bridge.token[:12] not in text


async def test_an_outcome_that_cannot_be_recorded_is_still_told(bridge: Bridge) -> None:
    plan = await scale(bridge)
    send = bridge.aws._SetDesiredCapacity

    def then_break(**given: Any) -> Any:
        bridge.table.broken = True
        return send(**given)

    bridge.aws._SetDesiredCapacity = then_break  # type: ignore[method-assign]
    outcome = await bridge.execute(plan)
    assert (outcome.state, outcome.record) == ("done", None)
    assert "could not be put on record" in outcome.detail
