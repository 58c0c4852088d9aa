"""CloudTrail's last day before the world begins: what groups launched, and what people did, tried and forgot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.simulated import accounts
from backends.simulated.clock import Clock
from backends.simulated.cloud import CLOUDS, Cloud
from backends.simulated.hostile import HOSTILE
from backends.simulated.randomness import stream
from backends.simulated.trail import AUTO_SCALING, Caller, Event, Trail

_DAY = timedelta(days=1)
_TERRAFORM = Caller("terraform", "AKIATERRAFORM0000000")
_ALICE = Caller("alice.moreau", "ASIAALICE00000000000", role="break-glass", mfa=True)
_CI = Caller("ci-deployer", "AKIACIDEPLOYER000000")
_INTERN = Caller("intern.2024", "AKIAINTERN2024000000")
_CLI, _PROVIDER = "aws-cli/2.31.0 md/prompt#off", "APN/1.0 HashiCorp/1.0 Terraform/1.13.3"


def plant(trail: Trail, now: datetime, seed: int) -> None:
    """Fill the trail, oldest first."""
    told = [event for cloud in CLOUDS for event in (*_launches(cloud, now), *_by_people(cloud, now, seed))]
    for event in sorted(told, key=lambda event: event["at"]):
        trail.add(Event(id=trail.next_id(event["account"]), **event))


def groups_doing(trail: Trail, clock: Clock) -> Callable[[str, Any], None]:
    """Tells the trail of what groups do from now on."""

    def told(operation: str, instance: Any) -> None:
        cloud = Cloud(instance.ec2_backend.account_id, instance.region_name)
        fields = _by_group(cloud, operation, instance, clock.now().astimezone(UTC).replace(microsecond=0))
        trail.add(Event(id=trail.next_id(cloud.account), **fields))

    return told


def _event(cloud: Cloud, at: datetime, service: str, name: str, caller: Caller, **more: Any) -> dict[str, Any]:
    place = {"account": cloud.account, "region": cloud.region}
    return (
        {"at": at, "source": f"{service}.amazonaws.com", "name": name, "caller": caller, "request": {}} | place | more
    )


def _by_group(cloud: Cloud, operation: str, instance: Any, at: datetime) -> dict[str, Any]:
    """An instance that a group launches or ends, in the words of EC2."""
    request: dict[str, Any] = {"instancesSet": {"items": [{"instanceId": instance.id}]}}
    response = request
    if operation == "RunInstances":
        volumes = [{"ebs": {"volumeId": block.volume_id}} for _, block in instance.get_block_device_mapping]
        made: dict[str, Any] = {"instanceId": instance.id, "instanceType": instance.instance_type}
        made["subnetId"] = instance.subnet_id
        made |= {"networkInterfaceSet": {"items": [{"networkInterfaceId": nic.id} for nic in instance.nics.values()]}}
        if (spot := getattr(instance, "spot_request", None)) is not None:
            made["spotInstanceRequestId"] = spot.id
        response = {"instancesSet": {"items": [made | {"blockDeviceMapping": {"items": volumes}}]}}
        request = {"instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]}, "instanceType": instance.instance_type}
    resource = ("AWS::EC2::Instance", instance.id)
    return _event(cloud, at, "ec2", operation, AUTO_SCALING, request=request, response=response, resources=(resource,))


def _launches(cloud: Cloud, now: datetime) -> list[dict[str, Any]]:
    """What groups launched within the last day."""
    found = []
    for group in cloud.groups():
        for state in group.instance_states:
            began = state.instance.launch_time.replace(tzinfo=UTC)
            if now - _DAY < began <= now:
                found.append(_by_group(cloud, "RunInstances", state.instance, began))
    return found


def _by_people(cloud: Cloud, now: datetime, seed: int) -> list[dict[str, Any]]:
    """A few changes of people and pipelines, one of them refused."""
    rng = stream(seed, "past events", cloud.account, cloud.region)

    def ago(hours: float) -> datetime:
        return (now - timedelta(hours=hours, minutes=rng.randint(0, 50))).astimezone(UTC).replace(microsecond=0)

    found = []
    groups = cloud.groups()
    if groups:
        name = groups[rng.randrange(len(groups))].name
        request = {"autoScalingGroupName": name, "maxSize": groups[0].max_size}
        resource = (("AWS::AutoScaling::AutoScalingGroup", name),)
        found.append(
            _event(cloud, ago(9), "autoscaling", "UpdateAutoScalingGroup", _TERRAFORM, request=request,
                   resources=resource, agent=_PROVIDER)
        )  # fmt: skip
    firewalls = sorted(cloud.ec2.groups)
    if firewalls:
        group = sorted(cloud.ec2.groups[firewalls[0]])[0]
        opened = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
        request = {"groupId": group, "ipPermissions": {"items": [opened]}}
        found.append(
            _event(cloud, ago(5), "ec2", "AuthorizeSecurityGroupIngress", _ALICE, request=request,
                   response={"_return": True}, resources=(("AWS::EC2::SecurityGroup", group),), agent=_CLI)
        )  # fmt: skip
    instances = list(cloud.instances())
    if instances:
        chosen = instances[rng.randrange(len(instances))].id
        tags = {"items": [{"key": "note", "value": HOSTILE[0]}]}
        request = {"resourcesSet": {"items": [{"resourceId": chosen}]}, "tagSet": tags}
        found.append(
            _event(cloud, ago(3), "ec2", "CreateTags", _CI, request=request, response={"_return": True},
                   resources=(("AWS::EC2::Instance", chosen),), agent=_CLI)
        )  # fmt: skip
        request = {"instancesSet": {"items": [{"instanceId": chosen}]}}
        found.append(
            _event(cloud, ago(2), "ec2", "TerminateInstances", _INTERN, request=request,
                   error="Client.UnauthorizedOperation", resources=(("AWS::EC2::Instance", chosen),), agent=_CLI)
        )  # fmt: skip
    if cloud.region == accounts.REGIONS[0]:
        found += _on_identities(cloud, ago)
    return found


def _on_identities(cloud: Cloud, ago: Callable[[float], datetime]) -> list[dict[str, Any]]:
    """IAM is told of in the first region."""
    user = {"userName": "grace.holm"}
    key = {"accessKey": {"userName": "grace.holm", "accessKeyId": "AKIAGRACE00000000000", "status": "Active"}}
    policy = {"roleName": "deploy", "policyArn": f"arn:{accounts.PARTITION}:iam::{cloud.account}:policy/audit"}
    return [
        _event(cloud, ago(20), "signin", "ConsoleLogin", Caller("root"), response={"ConsoleLogin": "Success"}),
        _event(cloud, ago(14), "iam", "CreateAccessKey", _TERRAFORM, request=user, response=key,
               resources=(("AWS::IAM::User", "grace.holm"),), agent=_PROVIDER),
        _event(cloud, ago(4), "iam", "AttachRolePolicy", _ALICE, request=policy,
               resources=(("AWS::IAM::Role", "deploy"), ("AWS::IAM::Policy", policy["policyArn"])), agent=_CLI),
    ]  # fmt: skip
