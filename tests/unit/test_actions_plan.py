"""A plan says exactly what would be sent, what would change and what hangs on it; and sends nothing but reads."""

from __future__ import annotations

from typing import Any

import pytest
from actions_world import (
    ACCOUNT,
    REGION,
    Bridge,
    FakeAws,
    desk,
    group,
    group_ref,
    instance,
    instance_ref,
    member,
    nodegroup,
    ref,
)

from backends.actions import Refused, registry_json
from backends.model import Account, Plan, Ref, Risk

SET, SIZE, STOP, START = (
    "autoscaling.set_desired_capacity",
    "eks.set_nodegroup_size",
    "ec2.stop_instance",
    "ec2.start_instance",
)


def group_tag(name: str) -> dict[str, Any]:
    return {"Tags": [{"Key": "aws:autoscaling:groupName", "Value": name}]}


async def refusal(bridge: Bridge, action: str, *refs: Ref, **parameters: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await bridge.plan(action, *refs, **parameters)
    assert bridge.aws.changes == []
    assert caught.value.message.endswith((".", "?"))
    return caught.value


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(
        groups={
            "web": group("web", TargetGroupARNs=["arn:aws:elb:x:1:targetgroup/web-tg/abc"]),
            "api": group("api", 2),
        },
        nodegroups={"prod/workers": nodegroup()},
        instances={"i-1": instance("i-1"), "i-2": instance("i-2"), "i-3": instance("i-3", "stopped")},
    )


@pytest.fixture
def bridge(aws: FakeAws, tmp_path: Any) -> Bridge:
    return Bridge(tmp_path, aws)


async def test_a_plan_holds_the_exact_call_its_command_the_difference_and_the_way_back(bridge: Bridge) -> None:
    plan = await bridge.plan(SET, group_ref("web"), desired_capacity="6")
    [call] = plan.calls
    assert call.parameters == {"AutoScalingGroupName": "web", "DesiredCapacity": 6, "HonorCooldown": False}
    assert call.command == (
        "aws autoscaling set-desired-capacity --auto-scaling-group-name web --desired-capacity 6 "
        "--no-honor-cooldown --region eu-west-1 --profile production"
    )
    [change] = plan.differences
    assert (change.field, change.before, change.after) == ("DesiredCapacity", 4, 6)
    where = str(group_ref("web"))
    assert plan.inverse == {"action": SET, "targets": [where], "parameters": {"desired_capacity": 4}}
    assert {"ref": where, "field": "DesiredCapacity", "value": 4} in plan.preconditions
    assert plan.blast_radius == ("web: 2 instances launched", "web serves web-tg")
    assert plan.monthly_cost_change == pytest.approx(2 * 0.1 * 730)
    assert "test list" in plan.cost_source
    assert (plan.account, plan.region, plan.risk, plan.context) == (ACCOUNT, REGION, Risk.TRAFFIC, "context")
    assert bridge.aws.changes == []
    assert Plan.from_json(plan.as_json()) == plan


async def test_plan_ids_cannot_be_guessed(bridge: Bridge) -> None:
    ids = {(await bridge.plan(SET, group_ref("web"), desired_capacity=6)).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(one) == 32 for one in ids)


@pytest.mark.parametrize("wanted", [0, 11, 60])
async def test_a_size_outside_the_groups_bounds_is_refused_here_since_the_api_may_take_it(
    bridge: Bridge, wanted: int
) -> None:
    said = await refusal(bridge, SET, group_ref("web"), desired_capacity=wanted)
    assert "1 to 10" in said.message
    assert said.status == 400
    assert "1 to 6" in (await refusal(bridge, SIZE, ref("eks.nodegroup", "prod/workers"), desired_size=wanted)).message


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "needs desired_capacity"),
        ({"desired_capacity": "many"}, "whole number"),
        ({"desired_capacity": True}, "whole number"),
        ({"desired_capacity": 2.5}, "whole number"),
        ({"desired_capacity": -1}, "at least 0"),
        ({"desired_capacity": 10**9}, "at most 10000"),
        ({"desired": 3}, "did you mean desired_capacity"),
        ({"desired_capacity": 3, "\x1b[31m": 1}, "no parameter"),
    ],
)
async def test_a_bad_parameter_is_named_in_a_sentence(bridge: Bridge, parameters: dict[str, Any], words: str) -> None:
    said = await refusal(bridge, SET, group_ref("web"), **parameters)
    assert words in said.message
    assert "\x1b" not in said.message


async def test_a_plan_that_would_change_nothing_is_refused(bridge: Bridge) -> None:
    assert (await refusal(bridge, SET, group_ref("web"), desired_capacity=4)).code == "no-change"
    assert (await refusal(bridge, STOP, instance_ref("i-3"))).code == "no-change"
    assert "running" in (await refusal(bridge, START, instance_ref("i-1"))).message
    assert (await refusal(bridge, SIZE, ref("eks.nodegroup", "prod/workers"), desired_size=3)).code == "no-change"


async def test_targets_as_wanted_already_are_left_out_of_a_batch_and_named(bridge: Bridge) -> None:
    plan = await bridge.plan(STOP, instance_ref("i-1"), instance_ref("i-3"), instance_ref("i-1"))
    assert plan.targets == (str(instance_ref("i-1")),)
    assert plan.calls[0].parameters == {"InstanceIds": ["i-1"]}
    assert any("i-3 is left out" in warning for warning in plan.warnings)


async def test_a_batch_in_one_place_is_one_plan_and_keeps_each_targets_own_way_back(bridge: Bridge) -> None:
    plan = await bridge.plan(SET, group_ref("web"), group_ref("api"), desired_capacity=3)
    assert [call.parameters["AutoScalingGroupName"] for call in plan.calls] == ["web", "api"]
    assert plan.monthly_cost_change == pytest.approx(0.0)
    assert plan.inverse["each"] == {
        str(group_ref("web")): {"desired_capacity": 4},
        str(group_ref("api")): {"desired_capacity": 2},
    }


async def test_targets_in_two_regions_are_refused_in_one_sentence(bridge: Bridge) -> None:
    elsewhere = Ref("ec2.instance", ACCOUNT, "us-east-1", "i-9")
    said = await refusal(bridge, STOP, instance_ref("i-1"), elsewhere)
    assert f"{ACCOUNT}/eu-west-1, {ACCOUNT}/us-east-1" in said.message


async def test_targets_that_do_not_fit_are_refused(bridge: Bridge) -> None:
    assert "not for ec2.instance@" in (await refusal(bridge, SET, instance_ref("i-1"), desired_capacity=1)).message
    assert (await refusal(bridge, STOP, instance_ref("i-404"))).code == "not-found"
    assert (await refusal(bridge, SIZE, ref("eks.nodegroup", "prod/none"), desired_size=2)).status == 404
    assert (await refusal(bridge, SIZE, ref("eks.nodegroup", "prod"), desired_size=2)).code == "bad-target"
    assert "at least one target" in (await refusal(bridge, STOP)).message
    assert "at most 100" in (await refusal(bridge, STOP, *(instance_ref(f"i-{n}") for n in range(101)))).message
    assert (
        "switch to its profile" in (await refusal(bridge, STOP, Ref("ec2.instance", "9" * 12, REGION, "i-1"))).message
    )
    with pytest.raises(Refused, match="kind@account/region/id"):
        await bridge.engine.plan(STOP, ["nonsense"], {}, bridge.desk)
    assert "did you mean ec2.stop_instance" in (await refusal(bridge, "ec2.stop", instance_ref("i-1"))).message


@pytest.mark.parametrize("problem", ["the SSO session has expired", "The SSO session has expired."])
async def test_an_account_with_expired_credentials_is_refused_with_its_problem(bridge: Bridge, problem: str) -> None:
    expired = Account(ACCOUNT, state="expired", problem=problem)
    bridge.desk = desk(bridge.aws, accounts={ACCOUNT: expired})
    message = (await refusal(bridge, STOP, instance_ref("i-1"))).message
    assert message.endswith("SSO session has expired.")
    assert bridge.aws.sent == []


async def test_a_denied_read_names_the_permissions_that_planning_needs(bridge: Bridge) -> None:
    bridge.aws.denied.add("DescribeAutoScalingGroups")
    said = await refusal(bridge, SET, group_ref("web"), desired_capacity=5)
    assert (said.code, said.status) == ("denied", 403)
    assert "autoscaling:DescribeAutoScalingGroups" in said.message


async def test_ec2_says_by_its_own_dry_run_whether_the_credentials_may(bridge: Bridge) -> None:
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert ("StopInstances", {"InstanceIds": ["i-1"], "DryRun": True}) in bridge.aws.sent
    assert {"ref": "", "field": "EC2 DryRun of StopInstances", "value": "allowed"} in plan.preconditions
    bridge.aws.denied.add("StopInstances")
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert {"ref": "", "field": "EC2 DryRun of StopInstances", "value": "denied"} in plan.preconditions
    assert any("says denied" in warning for warning in plan.warnings)


async def test_an_endpoint_that_ignores_dry_run_is_called_out_at_once(bridge: Bridge) -> None:
    bridge.aws.honours_dry_run = False
    with pytest.raises(Refused, match="ignored DryRun and may have carried StopInstances out"):
        await bridge.plan(STOP, instance_ref("i-1"))


async def test_stop_protection_and_instance_store_roots_are_refused(bridge: Bridge) -> None:
    bridge.aws.protected.add("i-1")
    assert "Stop protection is on for i-1" in (await refusal(bridge, STOP, instance_ref("i-1"))).message
    bridge.aws.instances["i-2"]["RootDeviceType"] = "instance-store"
    assert "only terminate it" in (await refusal(bridge, STOP, instance_ref("i-2"))).message


async def test_stopping_a_group_member_is_a_termination_and_is_treated_as_one(bridge: Bridge) -> None:
    bridge.aws.instances["i-1"] |= group_tag("web")
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert plan.risk is Risk.DESTRUCTIVE
    assert plan.inverse is None
    assert any("terminates a stopped member" in warning for warning in plan.warnings)
    bridge.aws.groups["web"]["Instances"] = [member("i-1", LifecycleState="Standby")]
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert plan.risk is Risk.TRAFFIC
    assert plan.inverse is not None


async def test_a_spot_instance_of_a_one_time_request_cannot_be_stopped_and_a_persistent_one_warns(
    bridge: Bridge,
) -> None:
    bridge.aws.instances["i-1"] |= {"InstanceLifecycle": "spot", "SpotInstanceRequestId": "sir-1"}
    bridge.aws.spot_requests["sir-1"] = {"SpotInstanceRequestId": "sir-1", "Type": "one-time"}
    assert "one-time spot request" in (await refusal(bridge, STOP, instance_ref("i-1"))).message
    bridge.aws.spot_requests["sir-1"]["Type"] = "persistent"
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert any("spot capacity" in warning for warning in plan.warnings)
    assert plan.monthly_cost_change is None
    assert plan.cost_source == "unpriced: no spot price for m5.large in eu-west-1"


async def test_what_hangs_on_an_instance_is_in_the_blast_radius(bridge: Bridge) -> None:
    bridge.aws.target_groups = {"front": [("i-1", "healthy"), ("i-2", "healthy")], "last": [("i-1", "healthy")]}
    bridge.aws.types["m5.large"] = {"InstanceStorageSupported": True, "InstanceStorageInfo": {"TotalSizeInGB": 75}}
    bridge.aws.instances["i-1"]["PublicIpAddress"] = "198.51.100.7"
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert "target group front: 1 of 2 targets, 1 other healthy ones remain" in plan.blast_radius
    assert "Target group last is left without a healthy target." in plan.warnings
    assert any("75 GB of instance store" in warning for warning in plan.warnings)
    assert any("loses its public address 198.51.100.7" in warning for warning in plan.warnings)
    assert plan.monthly_cost_change == pytest.approx(-73.0)


async def test_what_could_not_be_read_on_the_side_is_said_to_be_unknown(bridge: Bridge) -> None:
    bridge.aws.denied |= {"DescribeInstanceAttribute", "DescribeTargetGroups", "DescribeInstanceTypes"}
    plan = await bridge.plan(STOP, instance_ref("i-1"))
    assert sum("unknown" in warning for warning in plan.warnings) == 3


async def test_a_missing_price_is_unpriced_and_never_nothing(bridge: Bridge) -> None:
    bridge.desk = desk(bridge.aws, price=None)
    plan = await bridge.plan(SET, group_ref("web"), desired_capacity=6)
    assert plan.monthly_cost_change is None
    assert plan.cost_source.startswith("unpriced")
    bridge.desk = desk(bridge.aws)
    bridge.aws.groups["web"]["Instances"][0]["InstanceType"] = "c5.large"
    assert (await bridge.plan(SET, group_ref("web"), desired_capacity=6)).monthly_cost_change is None


async def test_a_group_that_something_else_steers_warns_that_it_may_be_set_back(bridge: Bridge) -> None:
    bridge.aws.policies["web"] = ["cpu-50"]
    bridge.aws.groups["web"] |= {
        "SuspendedProcesses": [{"ProcessName": "Terminate"}],
        "Tags": [{"Key": "eks:nodegroup-name", "Value": "workers"}],
        "MinSize": 0,
    }
    warnings = " ".join((await bridge.plan(SET, group_ref("web"), desired_capacity=0)).warnings)
    for words in ("cpu-50", "Terminate is suspended", "no instance is left", "eks.set_nodegroup_size"):
        assert words in warnings


async def test_a_node_group_keeps_its_minimum_and_maximum(bridge: Bridge) -> None:
    plan = await bridge.plan(SIZE, ref("eks.nodegroup", "prod/workers"), desired_size=2)
    [call] = plan.calls
    assert call.parameters["scalingConfig"] == {"minSize": 1, "maxSize": 6, "desiredSize": 2}
    assert "--scaling-config minSize=1,maxSize=6,desiredSize=2" in call.command
    assert call.parameters["clientRequestToken"] in call.command
    assert any("15 minutes" in warning for warning in plan.warnings)
    bridge.aws.nodegroups["prod/workers"]["status"] = "UPDATING"
    assert (
        "when it is ACTIVE"
        in (await refusal(bridge, SIZE, ref("eks.nodegroup", "prod/workers"), desired_size=2)).message
    )


async def test_names_from_aws_arrive_without_control_characters_in_what_a_person_reads(bridge: Bridge) -> None:
    name = "web\x1b[31m\n\u202eevil"
    bridge.aws.groups[name] = group(name)
    plan = await bridge.plan(SET, group_ref(name), desired_capacity=5)
    for text in (plan.title, *plan.blast_radius, *plan.warnings, *(call.command for call in plan.calls)):
        assert text.isprintable()
    assert plan.calls[0].parameters["AutoScalingGroupName"] == name


def test_the_registry_tells_a_menu_what_can_be_done_to_a_kind() -> None:
    assert [one["name"] for one in registry_json("ec2.instance")] == [START, STOP]
    [sized] = registry_json("autoscaling.group")
    assert sized["parameters"][0] | {"help": ""} == {
        "name": "desired_capacity",
        "type": "integer",
        "help": "",
        "minimum": 0,
        "maximum": 10_000,
        "required": True,
    }
    assert sized["permissions"] == ["autoscaling:SetDesiredCapacity"]
    assert len(registry_json()) == 4


def test_every_inverse_is_an_action_for_the_same_kinds() -> None:
    declared = {one["name"]: one for one in registry_json()}
    for one in declared.values():
        assert declared[one["inverse"]]["kinds"] == one["kinds"]
