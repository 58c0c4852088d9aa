"""SQS queues: work that waits, a backlog, messages that were given up, and a queue that lets everybody in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.sqs.models import Queue, sqs_backends

from backends.simulated import accounts
from backends.simulated.bend import bend

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class QueueSeed:
    """`waiting` and `in_flight` are how many messages moto says it has beside those that clients send it."""

    account: str
    region: str
    name: str
    waiting: int = 0
    in_flight: int = 0
    dead_letters: str = ""
    age: int = 600
    encrypted: bool = True
    open_to_all: bool = False
    key: str = ""


QUEUES: tuple[QueueSeed, ...] = (
    QueueSeed(_PROD, _EAST, "jobs-dlq", waiting=37),
    QueueSeed(_PROD, _EAST, "jobs-render", 210, 24, "jobs-dlq"),
    QueueSeed(_PROD, _EAST, "jobs-mail", 18_440, 120, "jobs-dlq"),
    QueueSeed(_PROD, _EAST, "orders.fifo", 3, 1, key="alias/orders"),
    QueueSeed(_PROD, _EAST, "partner-inbox", 12, 0, age=1500, encrypted=False, open_to_all=True),
    QueueSeed(_PROD, _WEST, "jobs-dlq"),
    QueueSeed(_PROD, _WEST, "jobs-render", 1_350, 40, "jobs-dlq"),
    QueueSeed(_DEV, _EAST, "scratch", age=200),
    QueueSeed(_PROD, _EAST, "lifecycle", age=410),  # where Auto Scaling's lifecycle hooks are answered from
    QueueSeed(_PROD, _WEST, "lifecycle", age=190),
)


def install() -> None:
    """Let a queue have a past: messages that nobody sent to the simulation."""
    for name, past in (
        ("approximate_number_of_messages", "waiting_before"),
        ("approximate_number_of_messages_not_visible", "in_flight_before"),
    ):
        bend(Queue, name, property(_more(getattr(Queue, name).fget, past)))


def _more(count: Any, past: str) -> Any:
    return lambda self: count(self) + getattr(self, past, 0)


def plant(now: datetime) -> None:
    """Make the queues; those that get dead letters come before those that send them there."""
    for seed in QUEUES:
        _queue(seed, now)


def _queue(seed: QueueSeed, now: datetime) -> None:
    backend = sqs_backends[seed.account][seed.region]
    more: dict[str, Any] = {"VisibilityTimeout": 120, "SqsManagedSseEnabled": seed.encrypted}
    arn = f"arn:{accounts.PARTITION}:sqs:{seed.region}:{seed.account}:"
    if seed.name.endswith(".fifo"):
        more |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    if seed.dead_letters:
        more["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn + seed.dead_letters, "maxReceiveCount": 5})
    if seed.key:
        more |= {"KmsMasterKeyId": seed.key, "SqsManagedSseEnabled": False}
    if seed.open_to_all:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn + seed.name}
        more["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made: Any = backend.create_queue(seed.name, {}, **more)
    made.created_timestamp = (now - timedelta(days=seed.age)).replace(tzinfo=UTC).timestamp()
    made.last_modified_timestamp = (now - timedelta(days=seed.age // 3)).replace(tzinfo=UTC).timestamp()
    made.waiting_before, made.in_flight_before = seed.waiting, seed.in_flight
