"""The `aws` command of a plan may be pasted into a shell, whatever the resources are called."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.actions.command import aws_command

anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


@given(name=anything, profile=anything)
def test_whatever_a_group_is_called_the_command_says_exactly_that(name: str, profile: str) -> None:
    given_parameters = {"AutoScalingGroupName": name, "DesiredCapacity": 3, "HonorCooldown": False}
    words = shlex.split(aws_command("autoscaling", "SetDesiredCapacity", given_parameters, region="eu-west-1"))
    assert words[:3] == ["aws", "autoscaling", "set-desired-capacity"]
    if words[3] == "--cli-input-json":
        assert json.loads(words[4]) == given_parameters
        assert words[4].isascii()
        assert words[4].isprintable()
    else:
        assert words[3:5] == ["--auto-scaling-group-name", name]
        assert not name.startswith("-")
        assert "://" not in name
    assert words[-2:] == ["--region", "eu-west-1"]


@pytest.mark.parametrize(
    "name", ["--help", "file:///etc/passwd", "fileb://x", '{"a":1}', "[1]", "", "a\nb", "ü", "a=b,c"]
)
def test_a_name_that_the_aws_cli_would_read_as_something_else_travels_as_json(name: str) -> None:
    assert "--cli-input-json" in aws_command("autoscaling", "X", {"AutoScalingGroupName": name}, region="r")


def test_a_shell_sees_the_words_that_were_meant() -> None:
    name = "a'b\"c $(touch /nowhere) `id` ; rm -rf & | \\ * ~ !x"
    command = aws_command("autoscaling", "X", {"AutoScalingGroupName": name}, region="r", profile="-p q")
    printed = subprocess.run(
        ["sh", "-c", command.replace("aws ", "printf '%s\\0' ", 1)], capture_output=True, check=True
    ).stdout
    words = printed.decode().split("\0")
    assert json.loads(words[3]) == {"AutoScalingGroupName": name}
    assert "--profile=-p q" in words


def test_a_custom_endpoint_is_named_so_that_pasting_never_reaches_the_wrong_aws() -> None:
    command = aws_command("ec2", "StopInstances", {"InstanceIds": ["i-1", "i-2"]}, region="r", endpoint="http://h:1")
    assert command == "aws ec2 stop-instances --instance-ids i-1 i-2 --region r --endpoint-url http://h:1"
