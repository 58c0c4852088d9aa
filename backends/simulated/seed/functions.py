"""Lambda functions and log groups: one function on a dead runtime, one that failed to change, logs kept for ever."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.logs.models import LogGroup, logs_backends

from backends.simulated import accounts
from backends.simulated.bend import bend
from backends.simulated.hostile import CANARIES, HOSTILE, wire_safe
from backends.simulated.randomness import stream
from backends.simulated.seed.network import Network

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class FunctionSeed:
    """`failed` is why its last change failed; `logs` are (days kept or None for ever, MiB kept)."""

    account: str
    region: str
    name: str
    runtime: str
    age: int
    memory: int = 256
    timeout: int = 30
    role: str = "worker-instance"
    in_vpc: bool = False
    failed: str = ""
    dead_letters: str = ""
    logs: tuple[int | None, int] = (30, 40)
    description: str = ""


FUNCTIONS: tuple[FunctionSeed, ...] = (
    FunctionSeed(_PROD, _EAST, "image-resize", "python3.13", 41, 1024, 60, dead_letters="jobs-dlq"),
    FunctionSeed(_PROD, _EAST, "invoice-render", "nodejs22.x", 12, 2048, 120, in_vpc=True, description=HOSTILE[16]),
    FunctionSeed(_PROD, _EAST, "legacy-webhook", "python2.7", 2300, role="old-lambda", logs=(None, 18_400)),
    FunctionSeed(_PROD, _EAST, "nightly-export", "python3.12", 190, 3008, 900, logs=(None, 2_600)),
    FunctionSeed(_PROD, _EAST, "rotate-db-password", "python3.12", 330, in_vpc=True, logs=(365, 3)),
    FunctionSeed(
        *(_PROD, _EAST, "order-events", "nodejs20.x", 3),
        failed="The image of the layer could not be pulled.",
    ),
    FunctionSeed(_PROD, _WEST, "image-resize", "python3.13", 41, 1024, 60),
    FunctionSeed(_DEV, _EAST, "try-this", "nodejs16.x", 800, logs=(None, 900), description=HOSTILE[12]),
)
# log groups of nothing else that is seeded: account, region, name, days kept, MiB kept
_LOGS: tuple[tuple[str, str, str, int | None, int], ...] = (
    (_PROD, _EAST, "/aws/eks/prod-main/cluster", 90, 52_000),
    (_PROD, _EAST, "/aws/vpc/flow-logs", None, 310_000),
    (_PROD, _EAST, "/ecs/checkout", 14, 7_400),
    (_PROD, _EAST, "/app/audit", 3653, 88_000),
    (_PROD, _WEST, "/aws/vpc/flow-logs", None, 41_000),
    (_DEV, _EAST, "/aws/codebuild/playground", None, 0),
)


def install() -> None:
    """Let functions tell what moto leaves out: where they log, which VPC they reach, how their last change ended."""
    told = LambdaFunction.get_configuration

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        given = told(self, on_create)
        given["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        if (letters := getattr(self, "dead_letters", "")) != "":
            given["DeadLetterConfig"] = {"TargetArn": letters}
        if (problem := getattr(self, "update_problem", "")) != "":
            given |= {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": problem}
            given["LastUpdateStatusReasonCode"] = "InternalError"
        return given

    def vpc_config(self: Any) -> dict[str, Any] | None:
        return dict(self._vpc_config) if self._vpc_config else None

    bend(LambdaFunction, "get_configuration", get_configuration)
    bend(LambdaFunction, "vpc_config", property(vpc_config))
    described = LogGroup.to_describe_dict

    def to_describe_dict(self: Any) -> dict[str, Any]:
        given = described(self)
        stored = given["storedBytes"] + getattr(self, "stored_before", 0)
        return given | {"storedBytes": stored, "logGroupClass": "STANDARD"}

    bend(LogGroup, "to_describe_dict", to_describe_dict)


def plant(networks: dict[tuple[str, str], Network], now: datetime, number: int) -> None:
    """Make the functions and the log groups; `number` is the simulation's seed."""
    for seed in FUNCTIONS:
        _function(seed, networks[seed.account, seed.region], now, number)
        kept, size = seed.logs
        _logs(seed.account, seed.region, f"/aws/lambda/{seed.name}", kept, size, now - timedelta(days=seed.age))
    for account, region, name, kept, size in _LOGS:
        _logs(account, region, name, kept, size, now - timedelta(days=700, hours=len(name)))


def _function(seed: FunctionSeed, network: Network, now: datetime, number: int) -> None:
    spec: dict[str, Any] = {
        "FunctionName": seed.name,
        "Runtime": seed.runtime,
        "Handler": "index.handler",
        "Role": f"arn:{accounts.PARTITION}:iam::{seed.account}:role/{seed.role}",
        "Code": {"ZipFile": base64.b64encode(seed.name.encode()).decode()},
        "Description": wire_safe(seed.description),
        "MemorySize": seed.memory,
        "Timeout": seed.timeout,
        "Environment": {"Variables": {"STAGE": "production", "UPSTREAM": CANARIES[4], "DB_PASSWORD": CANARIES[3]}},
        "Architectures": ["arm64"] if seed.runtime.startswith("python3.1") else ["x86_64"],
    }
    if seed.in_vpc:
        spec["VpcConfig"] = {
            "VpcId": network.vpc.id,
            "SubnetIds": network.private_ids,
            "SecurityGroupIds": [network.groups["db"].id],
        }
    made: Any = lambda_backends[seed.account][seed.region].create_function(spec)
    digest = stream(number, "package", seed.account, seed.region, seed.name).randbytes(32)
    made.code_size, made.code_sha_256 = (
        40_000 + int.from_bytes(digest[:3]) % 9_000_000,
        base64.b64encode(digest).decode(),
    )
    made.last_modified = f"{now - timedelta(days=seed.age):%Y-%m-%dT%H:%M:%S.000+0000}"
    made.update_problem = seed.failed
    if seed.dead_letters:
        made.dead_letters = network.cloud.arn("sqs", seed.dead_letters)


def _logs(account: str, region: str, name: str, kept: int | None, mebibytes: int, created: datetime) -> None:
    made: Any = logs_backends[account][region].create_log_group(name, {})
    made.retention_in_days, made.creation_time = kept, created
    made.stored_before = mebibytes * 1_048_576 + len(name) * 1013 if mebibytes else 0
