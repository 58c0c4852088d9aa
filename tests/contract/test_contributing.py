"""What the guide for contributors shows is true: every example is run and does what it says."""

from __future__ import annotations

import ast
from datetime import datetime

import polars as pl
import pytest

from analytics.advice.base import Advice, Tables
from analytics.advice.prices import bundled
from backends.actions import Desk, Refused
from backends.actions.base import Action, Target
from backends.actions.registry import ACTIONS
from backends.actions.world import Aws
from backends.model import Account, Json, Kind, Ref
from backends.simulated.scenarios import SCENARIOS, Scenario
from console.commands import COMMANDS, Command
from console.screens.resources import ResourceScreen
from tests.contract.contributing import example, sources

VOLUME = Ref("ec2.volume", "111122223333", "eu-west-1", "vol-1")


def last(heading: str) -> object:
    """What the example's last expression makes."""
    tree = ast.parse(sources()[heading])
    final = tree.body[-1]
    assert isinstance(final, ast.Expr)
    return eval(compile(ast.Expression(final.value), heading, "eval"), example(heading))


def test_there_is_an_example_of_everything_that_grows() -> None:
    assert set(sources()) == {
        *("A kind of resource", "An action", "A piece of advice", "A command", "A screen", "A scenario")
    }


def test_the_kind_is_one() -> None:
    assert isinstance(example("A kind of resource")["APP"], Kind)


class Volumes:
    """An AWS with one volume of a type."""

    def __init__(self, volume_type: str) -> None:
        self.volume_type = volume_type

    async def __call__(self, account: str, region: str, service: str, operation: str, parameters: Json) -> Json:
        assert operation == "DescribeVolumes"
        return {"Volumes": [{"VolumeId": "vol-1", "VolumeType": self.volume_type}]}


async def test_the_action_plans_and_recognises_its_own_change() -> None:
    [action] = example("An action")["DECLARED"]
    assert isinstance(action, Action) and action.name not in {declared.name for declared in ACTIONS}
    for volume_type, done in (("gp2", False), ("gp3", True)):
        aws = Aws(
            Desk("c", Volumes(volume_type), {"111122223333": Account("111122223333")}), "111122223333", "eu-west-1"
        )
        element = (await action.observe(aws, [VOLUME]))[VOLUME]
        assert action.sight({}, element).seen is done
        target = Target(VOLUME, {}, element)
        if done:
            with pytest.raises(Refused, match="not gp2"):
                await action.propose(aws, [target])
        else:
            [request] = (await action.propose(aws, [target])).requests
            assert request.parameters == {"VolumeId": "vol-1", "VolumeType": "gp3"} and action.covers(request, VOLUME)


def test_the_advice_finds_what_it_is_about() -> None:
    advice = example("A piece of advice")["ADVICE"]
    assert isinstance(advice, Advice)
    rows = pl.DataFrame(
        {"ref": ["a", "b"], "id": ["i-1", "i-2"], "name": ["web", None], "state": ["stopped", "running"]}
    )
    [finding] = advice.find(Tables({"ec2.instance": rows}), bundled(), datetime(2026, 11, 23))
    assert finding.ref == "a" and finding.monthly_saving is None


def test_the_command_the_screen_and_the_scenario_are_new_ones() -> None:
    command, scenario = last("A command"), last("A scenario")
    assert isinstance(command, Command) and command.name not in {known.name for known in COMMANDS}
    assert isinstance(scenario, Scenario) and scenario.name not in SCENARIOS
    assert issubclass(example("A screen")["StorageScreen"], ResourceScreen)
