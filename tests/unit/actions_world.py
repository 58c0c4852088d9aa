"""A small AWS in memory with failures on demand, a clock that only `sleep` moves, and an engine standing on both."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backends.actions import ActionEngine, Actor, AuditTrail, Desk, PlanShelf, Price, WriteWindows
from backends.actions.anchor import Anchor
from backends.model import Account, Json, Ref

ACCOUNT, REGION = "111122223333", "eu-west-1"
OPERATOR = Actor(1000, "ada", 4242)
READS = ("Describe", "List", "Get")


class AwsError(Exception):
    def __init__(self, code: str, message: str = "", *, known: bool = True, http_status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.outcome_known, self.http_status = code, message, known, http_status


class Clock:
    """Time that stands still until somebody sleeps or `moves` it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def moves(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Fault:
    """`when` "before": AWS does nothing; "after": AWS does it and then the answer is lost. `skip`: let some pass."""

    operation: str
    error: Exception
    when: str = "before"
    count: int = 1
    skip: int = 0


@dataclass
class FakeAws:
    """Answers as `CallAws`. `lag` reads after a change still show the old state; `deaf` accepts and does nothing."""

    groups: dict[str, Json] = field(default_factory=dict)
    nodegroups: dict[str, Json] = field(default_factory=dict)
    instances: dict[str, Json] = field(default_factory=dict)
    types: dict[str, Json] = field(default_factory=dict)
    spot_requests: dict[str, Json] = field(default_factory=dict)
    target_groups: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    policies: dict[str, list[str]] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    sent: list[tuple[str, Json]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    lag: int = 0
    deaf: bool = False
    honours_dry_run: bool = True
    pending: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def changes(self) -> list[tuple[str, Json]]:
        """The requests that were meant to change something: no reads, no dry runs."""
        return [(name, given) for name, given in self.sent if not name.startswith(READS) and not given.get("DryRun")]

    async def __call__(self, account: str, region: str, service: str, operation: str, parameters: Json) -> Json:
        assert (account, region) == (ACCOUNT, REGION)
        await asyncio.sleep(0)
        self.sent.append((operation, copy.deepcopy(parameters)))
        if operation in self.denied:
            raise AwsError("UnauthorizedOperation", f"not allowed: {operation}", http_status=403)
        if parameters.get("DryRun") and self.honours_dry_run:
            raise AwsError("DryRunOperation", "Request would have succeeded", http_status=412)
        fault = self._fault(operation)
        if fault and fault.when == "before":
            raise fault.error
        answer: Json = copy.deepcopy(getattr(self, "_" + operation)(**parameters))
        if fault:
            raise fault.error
        return answer

    def _fault(self, operation: str) -> Fault | None:
        for fault in self.faults:
            if fault.operation == operation and fault.count > 0:
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.count -= 1
                return fault
        return None

    def _later(self, change: Any) -> None:
        if self.deaf:
            return
        if self.lag:
            self.pending.append((self.lag, change))
        else:
            change()

    def _tick(self) -> None:
        due = [change for left, change in self.pending if left <= 1]
        self.pending = [(left - 1, change) for left, change in self.pending if left > 1]
        for change in due:
            change()

    def _DescribeAutoScalingGroups(self, AutoScalingGroupNames: list[str], MaxRecords: int) -> Json:
        self._tick()
        return {"AutoScalingGroups": [self.groups[name] for name in AutoScalingGroupNames if name in self.groups]}

    def _DescribePolicies(self, AutoScalingGroupName: str) -> Json:
        return {"ScalingPolicies": [{"PolicyName": name} for name in self.policies.get(AutoScalingGroupName, [])]}

    def _SetDesiredCapacity(self, AutoScalingGroupName: str, DesiredCapacity: int, HonorCooldown: bool) -> Json:
        def change() -> None:
            group = self.groups[AutoScalingGroupName]
            group["DesiredCapacity"] = DesiredCapacity
            group["Instances"] = [member(f"i-{n:017x}") for n in range(DesiredCapacity)]

        self._later(change)
        return {"ResponseMetadata": {"RequestId": "request-1"}}

    def _DescribeNodegroup(self, clusterName: str, nodegroupName: str) -> Json:
        self._tick()
        if f"{clusterName}/{nodegroupName}" not in self.nodegroups:
            raise AwsError("ResourceNotFoundException", "No node group found", http_status=404)
        return {"nodegroup": self.nodegroups[f"{clusterName}/{nodegroupName}"]}

    def _UpdateNodegroupConfig(
        self, clusterName: str, nodegroupName: str, scalingConfig: Json, clientRequestToken: str
    ) -> Json:
        if clientRequestToken not in self.tokens:
            self.tokens.add(clientRequestToken)
            group = self.nodegroups[f"{clusterName}/{nodegroupName}"]
            self._later(lambda: group.update(scalingConfig=scalingConfig))
        return {"update": {"id": "u-1", "status": "InProgress"}}

    def _DescribeInstances(self, Filters: list[Json]) -> Json:
        self._tick()
        wanted = Filters[0]["Values"]
        return {"Reservations": [{"Instances": [self.instances[i]]} for i in wanted if i in self.instances]}

    def _StopInstances(self, InstanceIds: list[str], DryRun: bool = False) -> Json:
        return self._turned(InstanceIds, "stopping", "stopped")

    def _StartInstances(self, InstanceIds: list[str], DryRun: bool = False) -> Json:
        return self._turned(InstanceIds, "pending", "running")

    def _turned(self, ids: list[str], through: str, to: str) -> Json:
        for one in ids:
            state = self.instances[one]["State"]
            if self.lag:
                state["Name"] = through
            self._later(lambda state=state: state.update(Name=to))
        return {"ResponseMetadata": {"RequestId": "request-2"}}

    def _DescribeInstanceAttribute(self, InstanceId: str, Attribute: str) -> Json:
        return {"InstanceId": InstanceId, "DisableApiStop": {"Value": InstanceId in self.protected}}

    def _DescribeInstanceTypes(self, InstanceTypes: list[str]) -> Json:
        return {"InstanceTypes": [{"InstanceType": name, **self.types.get(name, {})} for name in InstanceTypes]}

    def _DescribeSpotInstanceRequests(self, Filters: list[Json]) -> Json:
        return {"SpotInstanceRequests": [self.spot_requests[name] for name in Filters[0]["Values"]]}

    def _DescribeTargetGroups(self) -> Json:
        return {
            "TargetGroups": [
                {"TargetGroupName": name, "TargetGroupArn": name, "TargetType": "instance", "VpcId": "vpc-1"}
                for name in self.target_groups
            ]
        }

    def _DescribeTargetHealth(self, TargetGroupArn: str) -> Json:
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": instance}, "TargetHealth": {"State": state}}
                for instance, state in self.target_groups[TargetGroupArn]
            ]
        }


def member(instance: str, **extra: Any) -> Json:
    return {"InstanceId": instance, "LifecycleState": "InService", "InstanceType": "m5.large"} | extra


def group(name: str, desired: int = 4, least: int = 1, most: int = 10, **extra: Any) -> Json:
    members = [member(f"i-{n:017x}") for n in range(desired)]
    sizes = {"MinSize": least, "MaxSize": most, "DesiredCapacity": desired}
    return {"AutoScalingGroupName": name, **sizes, "Instances": members} | extra


def nodegroup(desired: int = 3, **extra: Any) -> Json:
    sizes = {"minSize": 1, "maxSize": 6, "desiredSize": desired}
    return {"scalingConfig": sizes, "status": "ACTIVE", "instanceTypes": ["m5.large"]} | extra


def instance(name: str, state: str = "running", **extra: Any) -> Json:
    return {"InstanceId": name, "State": {"Name": state}, "InstanceType": "m5.large", "VpcId": "vpc-1"} | extra


def ref(kind: str, name: str) -> Ref:
    return Ref(kind, ACCOUNT, REGION, name)


def group_ref(name: str) -> Ref:
    return ref("autoscaling.group", name)


def instance_ref(name: str) -> Ref:
    return ref("ec2.instance", name)


class Table:
    """Audit records in memory. `broken` makes every write fail."""

    def __init__(self) -> None:
        self.rows: list[Json] = []
        self.broken = False

    async def add(self, record: Json) -> None:
        if self.broken:
            raise OSError("disk full")
        self.rows.append(copy.deepcopy(record))

    async def all(self) -> Sequence[Json]:
        return copy.deepcopy(self.rows)


async def flat_price(region: str, instance_type: str, product: str, spot: bool) -> Price | None:
    return Price(0.1, "test list") if instance_type == "m5.large" and not spot else None


class Bridge:
    """Everything together: AWS, clock, journal, engine, a desk and an open write window."""

    def __init__(self, folder: Path, aws: FakeAws) -> None:
        self.aws, self.clock, self.table, self.folder = aws, Clock(), Table(), folder
        self.desk = desk(aws)
        self.token = ""
        self.restart()

    def restart(self) -> None:
        """A new daemon over the same audit table."""
        self.trail = AuditTrail(self.table, Anchor(self.folder / "audit.anchor"), self.clock)
        self.windows = WriteWindows(self.trail, self.clock)
        self.engine = ActionEngine(self.trail, self.windows, PlanShelf(self.clock), self.clock, sleep=self.clock.sleep)

    async def opened(self) -> Bridge:
        self.token, _ = await self.windows.open("context", 60, OPERATOR)
        return self

    async def plan(self, action: str, *refs: Ref, **parameters: Any) -> Any:
        return await self.engine.plan(action, refs, parameters, self.desk)

    async def execute(self, plan: Any, confirm: Any = True, token: Any = None) -> Any:
        return await self.engine.execute(
            plan, self.token if token is None else token, confirm=confirm, actor=OPERATOR, desk=self.desk
        )

    @property
    def events(self) -> list[str]:
        return [row["event"] for row in self.table.rows]


def desk(aws: FakeAws, **extra: Any) -> Desk:
    known = Account(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ada", profile="production")
    return Desk(**({"context": "context", "call": aws, "accounts": {ACCOUNT: known}, "price": flat_price} | extra))
