"""Single machines that ail: checks that fail, and what AWS has scheduled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backends.simulated import accounts
from backends.simulated.ailments import Event, Impairment
from backends.simulated.cloud import Cloud, name_of
from backends.simulated.randomness import number

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
# account, region, machine, which check fails, for how many minutes
_IMPAIRED = (
    (_PROD, _EAST, "reporting-old-2", "instance", 95),
    (_PROD, _WEST, "postgres-replica", "ebs", 12),
    (_DEV, _EAST, "forgotten-1", "system", 61 * 24 * 60),
)
# account, region, machine, what, in AWS's words, announced days ago, days ahead
_SCHEDULED = (
    (
        _PROD, _EAST, "license-server", "instance-retirement",
        "The instance is running on degraded hardware", 9, 5,
    ),
    (_PROD, _EAST, "postgres-replica-1", "system-reboot", "scheduled reboot", 3, 2),
    (_PROD, _WEST, "gdpr-export", "system-maintenance", "power maintenance", 15, -3),
    (_DEV, _SOUTH, "sandbox-vm-1", "instance-stop", "The instance is running on degraded hardware", 6, 1),
)  # fmt: skip


def plant(now: datetime, seed: int) -> None:
    """Let them ail; the machines have to be there."""
    for account, region, name, check, minutes in _IMPAIRED:
        _machine(account, region, name).impairment = Impairment(check, now - timedelta(minutes=minutes))
    for account, region, name, code, description, ago, ahead in _SCHEDULED:
        begins = (now + timedelta(days=ahead)).replace(hour=4, minute=0, second=0)
        _machine(account, region, name).scheduled = Event(
            id=f"instance-event-{number(seed, 'event', account, region, name):016x}0",
            code=code,
            description=description,
            announced=now - timedelta(days=ago),
            begins=begins,
            ends=None if code == "instance-retirement" else begins + timedelta(hours=2),
        )


def _machine(account: str, region: str, name: str) -> Any:
    for instance in Cloud(account, region).instances():
        if name_of(instance) == name:
            return instance
    raise LookupError(f"the seed has no machine {name} in {region}")
