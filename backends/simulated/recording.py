"""A request and its answer as the CloudTrail event that tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from backends.simulated import accounts, wire
from backends.simulated.trail import Caller, Event

_HIDDEN = re.compile(r"(password|secretstring|secretbinary|secretaccesskey|sessiontoken|userdata|plaintext)\Z", re.I)
_KINDS = {
    "instanceId": "AWS::EC2::Instance",
    "volumeId": "AWS::EC2::Volume",
    "groupId": "AWS::EC2::SecurityGroup",
    "subnetId": "AWS::EC2::Subnet",
    "vpcId": "AWS::EC2::VPC",
    "autoScalingGroupName": "AWS::AutoScaling::AutoScalingGroup",
    "launchTemplateId": "AWS::EC2::LaunchTemplate",
    "nodegroupName": "AWS::EKS::Nodegroup",
    "clusterName": "AWS::EKS::Cluster",
    "userName": "AWS::IAM::User",
    "roleName": "AWS::IAM::Role",
    "policyArn": "AWS::IAM::Policy",
}


def caller_of(account: str, access_key: str) -> Caller:
    """Who signs with a key that the account knows."""
    key = iam_backends[account][accounts.PARTITION].access_keys.get(access_key)
    role = sts_backends[account][accounts.PARTITION].get_assumed_role_from_access_key(access_key)
    if role is not None:
        return Caller(role.session_name, access_key, role=role.role_arn.rpartition("/")[2])
    return Caller(getattr(key, "user_name", None) or "root", access_key)


def event_of(request: wire.Request, reply: wire.Reply, id: str, at: datetime) -> Event:
    """The event of a mutating request that was answered."""
    answer = _answer(request, reply)
    refused = answer.get("Error", {}) if reply.status >= 400 else {}
    told = _told(wire.parameters(request), request.service)
    said = None if reply.status >= 400 else _told(answer, request.service) or None
    home = accounts.REGIONS[0] if request.service in wire.GLOBAL_SERVICES else request.region
    return Event(
        id=id,
        at=at,
        account=request.account,
        region=home,
        source=f"{wire.endpoint_prefix(request.service)}.amazonaws.com",
        name=request.operation,
        caller=caller_of(request.account, request.access_key),
        request=told,
        response=said,
        resources=tuple(dict.fromkeys((*_resources(told), *_resources(said)))),
        error=str(refused.get("Code", "")) if refused else "" if reply.status < 400 else str(reply.status),
        agent=request.headers.get("user-agent", ""),
    )


@lru_cache(maxsize=16)
def _parser(protocol: str) -> Any:
    from botocore.parsers import create_parser

    return create_parser(protocol)


def _answer(request: wire.Request, reply: wire.Reply) -> dict[str, Any]:
    """The reply as botocore reads it; nothing where it cannot."""
    from moto.core.utils import get_service_model

    model = get_service_model(request.service)
    headers = {key.lower(): value for key, value in reply.headers}
    try:
        parsed: dict[str, Any] = _parser(model.resolved_protocol).parse(
            {"status_code": reply.status, "headers": headers, "body": reply.body},
            model.operation_model(request.operation).output_shape,
        )
    except Exception:  # a reply that a fault has spoilt is read by nobody
        return {}
    parsed.pop("ResponseMetadata", None)
    return parsed


def _told(value: Any, service: str) -> Any:
    """Parameters as CloudTrail writes them: names begin small, EC2's lists are sets of items, secrets are hidden."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = key[:1].lower() + key[1:]
            if _HIDDEN.search(name) and item is not None:
                found[name] = "HIDDEN_DUE_TO_SECURITY_REASONS"
            elif service == "ec2" and isinstance(item, list):
                singular = name.removesuffix("s").removesuffix("Id")
                items = [_told(one, service) if isinstance(one, dict) else {f"{singular}Id": one} for one in item]
                found[f"{singular}sSet"] = {"items": items}
            elif item is not None:
                found[name] = _told(item, service)
        return found
    if isinstance(value, list):
        return [_told(item, service) for item in value]
    if isinstance(value, datetime):
        return f"{value:%b %d, %Y %I:%M:%S %p}"
    return value if isinstance(value, str | int | float | bool) else str(value)


def _resources(value: Any) -> Iterator[tuple[str, str]]:
    """The resources that parameters name, in the order met."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _KINDS and isinstance(item, str):
                yield _KINDS[key], item
            else:
                yield from _resources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _resources(item)
