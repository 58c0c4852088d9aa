"""The requests and answers of every action fit AWS's own API models, and work against a server that follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from actions_world import ACCOUNT, OPERATOR, REGION, Clock, Table
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from backends.actions import ACTIONS, ActionEngine, AuditTrail, Desk, PlanShelf, WriteWindows
from backends.actions.anchor import Anchor
from backends.model import Account, Json, Ref


class Refusal(Exception):
    """What a ClientError says, with the fields that the actions read."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self.code = error.response["Error"]["Code"]
        self.message = error.response["Error"]["Message"]
        self.http_status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        self.outcome_known = True


def client(service: str) -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client(service, region_name=REGION, config=config)


async def call(account: str, region: str, service: str, operation: str, parameters: Json) -> Json:
    await asyncio.sleep(0)
    target = client(service)
    method = next(name for name, known in target.meta.method_to_api_mapping.items() if known == operation)
    try:
        answer: Json = getattr(target, method)(**parameters)
    except ClientError as error:
        raise Refusal(error) from error
    return answer


@pytest.fixture(scope="module")
def region() -> Iterator[dict[str, Ref]]:
    """An instance, an Auto Scaling group and a node group: kind → reference. Every test leaves them as they were."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        ec2, scaling, eks, iam = (client(name) for name in ("ec2", "autoscaling", "eks", "iam"))
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        image = ec2.describe_images()["Images"][0]["ImageId"]
        [made] = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="m5.large")["Instances"]
        template = {
            "LaunchTemplateName": "template",
            "LaunchTemplateData": {"ImageId": image, "InstanceType": "m5.large"},
        }
        ec2.create_launch_template(**template)
        scaling.create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchTemplate={"LaunchTemplateName": "template", "Version": "$Latest"},
            MinSize=1,
            MaxSize=4,
            DesiredCapacity=2,
            VPCZoneIdentifier=subnet,
        )
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        eks.create_cluster(name="prod", version="1.33", roleArn=role, resourcesVpcConfig={"subnetIds": [subnet]})
        sizes = {"minSize": 1, "maxSize": 5, "desiredSize": 2}
        eks.create_nodegroup(
            clusterName="prod", nodegroupName="workers", subnets=[subnet], nodeRole=role, scalingConfig=sizes
        )
        names = {"ec2.instance": made["InstanceId"], "autoscaling.group": "web", "eks.nodegroup": "prod/workers"}
        yield {kind: Ref(kind, ACCOUNT, REGION, name) for kind, name in names.items()}


@pytest.mark.parametrize(
    ("action", "kind", "parameters"),
    [
        ("autoscaling.set_desired_capacity", "autoscaling.group", {"desired_capacity": 3}),
        ("eks.set_nodegroup_size", "eks.nodegroup", {"desired_size": 4}),
        ("ec2.stop_instance", "ec2.instance", {}),
    ],
)
async def test_an_action_is_planned_carried_out_and_undone(
    region: dict[str, Ref], tmp_path: Any, action: str, kind: str, parameters: Json
) -> None:
    clock, table = Clock(), Table()
    trail = AuditTrail(table, Anchor(tmp_path / "audit.anchor"), clock)
    windows = WriteWindows(trail, clock)
    engine = ActionEngine(trail, windows, PlanShelf(clock), clock, sleep=clock.sleep)
    desk = Desk("context", call, {ACCOUNT: Account(ACCOUNT)})
    token, _ = await windows.open("context", 5, OPERATOR)
    plan = await engine.plan(action, [str(region[kind])], parameters, desk)
    assert not any("unknown" in warning for warning in plan.warnings)
    done = await engine.execute(plan, token, confirm="y", actor=OPERATOR, desk=desk)
    assert (done.state, done.detail.count("so far")) == ("done", 0)
    back = await engine.undo(done.record or 0, desk)
    assert back.differences[0].after == plan.differences[0].before
    assert (await engine.execute(back.id, token, confirm="y", actor=OPERATOR, desk=desk)).state == "done"
    assert (await trail.verify())[1] == []


def test_every_permission_that_an_action_names_is_an_operation_of_that_service() -> None:
    session = botocore.session.get_session()
    names = {"elasticloadbalancing": "elbv2"}
    for permission in {one for action in ACTIONS for one in (*action.permissions, *action.reads)}:
        service, operation = permission.split(":")
        assert operation in session.get_service_model(names.get(service, service)).operation_names
