"""What ails single instances: a check that fails, and what AWS has scheduled for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Impairment:
    """`check` is "system", "instance" or "ebs"; it fails since a moment (naive UTC)."""

    check: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """What AWS will do, announced and begun at moments (naive UTC)."""

    id: str
    code: str
    description: str
    announced: datetime
    begins: datetime
    ends: datetime | None = None


def impairment(instance: Any) -> Impairment | None:
    """What is wrong with an instance; stopping and starting it heals it, for it comes up on another host."""
    found: Impairment | None = getattr(instance, "impairment", None)
    return found if found is not None and found.since >= instance.launch_time else None


def event(instance: Any) -> Event | None:
    """What AWS has scheduled for an instance."""
    found: Event | None = getattr(instance, "scheduled", None)
    return found


def over(instance: Any, event: Event, now: datetime) -> bool:
    """Whether an event has happened, or the instance has been started anew since it was announced."""
    return bool(instance.launch_time > event.announced or now > (event.ends or event.begins))
