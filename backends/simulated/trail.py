"""Who changed what: the mutating requests, and what AWS did by itself, as CloudTrail tells them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One management event; `resources` are (type, name), `error` the code of a refused request."""

    id: str
    at: datetime
    account: str
    region: str
    source: str
    name: str
    user: str
    access_key: str
    read_only: bool
    request: dict[str, Any]
    resources: tuple[tuple[str, str], ...] = ()
    error: str = ""


class Trail:
    """The last events, newest first when asked."""

    def __init__(self, limit: int = 20_000) -> None:
        self._events: deque[Event] = deque(maxlen=limit)
        self._serial = 0

    def next_id(self, account: str) -> str:
        """An event id: counted, so that the same history has the same ids."""
        self._serial += 1
        return f"{self._serial:08x}-0000-4000-8000-{account}"

    def add(self, event: Event) -> None:
        self._events.append(event)

    def of(self, account: str, region: str) -> list[Event]:
        """Events of one account and region, newest first."""
        return [e for e in reversed(self._events) if e.account == account and e.region == region]
