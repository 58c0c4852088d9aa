"""After a crash what can be known is put on record; and what was done is taken back by a fresh plan."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from actions_world import OPERATOR, AwsError, Bridge, FakeAws, Fault, desk, group, group_ref, instance, instance_ref

from backends.actions import Refused
from backends.model import Account

SET, STOP, START = "autoscaling.set_desired_capacity", "ec2.stop_instance", "ec2.start_instance"


@pytest.fixture
async def bridge(tmp_path: Any) -> Bridge:
    aws = FakeAws(
        groups={"web": group("web"), "api": group("api", 2)},
        instances={"i-1": instance("i-1"), "i-2": instance("i-2")},
    )
    return await Bridge(tmp_path, aws).opened()


async def dies_after_the_intent(bridge: Bridge, *, sent: bool) -> None:
    """A daemon that is killed with the intent on record, before or after the call."""
    plan = await bridge.plan(SET, group_ref("web"), desired_capacity=6)

    async def die(seconds: float) -> None:
        await asyncio.Event().wait()

    bridge.engine._sleep = die
    bridge.aws.lag = 2
    lost = AwsError("ReadTimeoutError", known=False)
    bridge.aws.faults = [Fault("SetDesiredCapacity", lost, "after" if sent else "before")]
    running = asyncio.create_task(bridge.execute(plan))
    while not bridge.aws.changes:
        await asyncio.sleep(0)
    for task in [running, *bridge.engine._running.values()]:
        task.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bridge.aws.lag, bridge.aws.faults = 0, []
    bridge.restart()


async def test_an_intent_whose_effect_is_seen_is_recorded_as_done(bridge: Bridge) -> None:
    await dies_after_the_intent(bridge, sent=True)
    assert bridge.events[-1] == "intent"
    await bridge.trail.append({"event": "note"})
    bridge.aws._tick()
    bridge.aws._tick()
    [outcome] = await bridge.engine.recover(bridge.desk)
    assert outcome.state == "done"
    assert bridge.table.rows[-1]["outcome"]["state"] == "done"
    assert bridge.table.rows[-1]["actor"] == OPERATOR.as_json()
    assert len(bridge.aws.changes) == 1
    assert (await bridge.trail.verify())[1] == []


async def test_an_intent_without_an_effect_is_recorded_as_unknown_and_nothing_is_sent(bridge: Bridge) -> None:
    await dies_after_the_intent(bridge, sent=False)
    [outcome] = await bridge.engine.recover(bridge.desk)
    assert outcome.state == "unknown"
    assert "Outcome unknown" in outcome.detail
    assert len(bridge.aws.changes) == 1
    assert await bridge.engine.recover(bridge.desk) == []


async def test_what_cannot_be_read_back_is_unknown_with_the_reason(bridge: Bridge) -> None:
    await dies_after_the_intent(bridge, sent=True)
    bridge.aws.denied.add("DescribeAutoScalingGroups")
    [outcome] = await bridge.engine.recover(bridge.desk)
    assert outcome.state == "unknown"
    assert "UnauthorizedOperation" in outcome.detail


async def test_intents_of_accounts_that_are_not_at_hand_wait_for_credentials(bridge: Bridge) -> None:
    await dies_after_the_intent(bridge, sent=True)
    account = Account("111122223333", state="expired")
    assert await bridge.engine.recover(desk(bridge.aws, accounts={"111122223333": account})) == []
    assert await bridge.engine.recover(desk(bridge.aws, accounts={})) == []
    assert len(await bridge.engine.recover(bridge.desk)) == 1


async def test_what_is_running_now_is_not_recovered(bridge: Bridge) -> None:
    bridge.aws.lag = 5
    plan = await bridge.plan(SET, group_ref("web"), desired_capacity=6)
    running = asyncio.create_task(bridge.execute(plan))
    while "intent" not in bridge.events:
        await asyncio.sleep(0)
    assert await bridge.engine.recover(bridge.desk) == []
    assert (await running).state == "done"
    assert bridge.events.count("outcome") == 1


async def test_what_began_while_the_records_were_read_is_not_recovered(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.aws.lag = 5
    plan = await bridge.plan(SET, group_ref("web"), desired_capacity=6)
    begun: list[asyncio.Task[Any]] = []
    read = bridge.trail.records

    async def slowly() -> Any:
        begun.append(asyncio.create_task(bridge.execute(plan)))
        while "intent" not in bridge.events:
            await asyncio.sleep(0)
        return await read()

    monkeypatch.setattr(bridge.trail, "records", slowly)
    assert await bridge.engine.recover(bridge.desk) == []
    assert (await begun[0]).state == "done"
    assert bridge.events.count("outcome") == 1


async def test_undo_is_a_fresh_plan_back_to_what_was(bridge: Bridge) -> None:
    done = await bridge.execute(await bridge.plan(SET, group_ref("web"), desired_capacity=6))
    plan = await bridge.engine.undo(done.record, bridge.desk)
    [change] = plan.differences
    assert (change.before, change.after) == (6, 4)
    assert plan.title.startswith(f"Undo record {done.record}: ")
    assert len(bridge.aws.changes) == 1
    assert (await bridge.execute(plan)).state == "done"
    assert bridge.aws.groups["web"]["DesiredCapacity"] == 4


async def test_undo_of_a_batch_gives_each_target_its_own_value_back(bridge: Bridge) -> None:
    plan = await bridge.plan(SET, group_ref("web"), group_ref("api"), desired_capacity=3)
    done = await bridge.execute(plan)
    back = await bridge.engine.undo(done.record, bridge.desk)
    assert (await bridge.execute(back)).state == "done"
    assert [bridge.aws.groups[name]["DesiredCapacity"] for name in ("web", "api")] == [4, 2]
    again = await bridge.engine.undo(bridge.table.rows[-1]["sequence"], bridge.desk)
    assert {change.after for change in again.differences} == {3}


async def test_undo_of_a_stop_is_a_start(bridge: Bridge) -> None:
    done = await bridge.execute(await bridge.plan(STOP, instance_ref("i-1"), instance_ref("i-2")))
    plan = await bridge.engine.undo(done.record, bridge.desk)
    assert (plan.action, len(plan.targets)) == (START, 2)


async def test_undo_says_where_somebody_has_changed_the_same_thing_since(bridge: Bridge) -> None:
    done = await bridge.execute(await bridge.plan(SET, group_ref("web"), desired_capacity=6))
    bridge.aws.groups["web"]["DesiredCapacity"] = 9
    plan = await bridge.engine.undo(done.record, bridge.desk)
    assert plan.warnings[0].startswith("web: DesiredCapacity is 9 now, not 6")
    bridge.aws.groups["web"]["DesiredCapacity"] = 4
    with pytest.raises(Refused, match="Nothing would change"):
        await bridge.engine.undo(done.record, bridge.desk)


@pytest.mark.parametrize(
    ("record", "code"), [(1, "no-inverse"), (99, "no-record"), (True, "no-record"), ("1", "no-record")]
)
async def test_a_record_that_cannot_be_undone_says_why(bridge: Bridge, record: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await bridge.engine.undo(record, bridge.desk)
    assert caught.value.code == code
