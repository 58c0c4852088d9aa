"""Every request that reached the endpoint, bounded: what a test reads to say what was, and what was not, sent."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `time` is simulated, `serial` counts from 1, `fault` names what was injected, if anything."""

    serial: int
    time: str
    account: str
    region: str
    service: str
    operation: str
    mutating: bool
    dry_run: bool
    status: int
    access_key: str
    fault: str
    seconds: float


class RequestsLog:
    """The last `limit` requests, oldest first, and how many there have been in all."""

    def __init__(self, limit: int = 20_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._lock = Lock()
        self._serial = 0

    def next_serial(self) -> int:
        """A number of its own for a request that begins."""
        with self._lock:
            self._serial += 1
            return self._serial

    def add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def as_json(self, since: int = 0) -> dict[str, Any]:
        """Entries with a serial above `since`, and the last serial given out."""
        with self._lock:
            entries = [asdict(entry) for entry in self._entries if entry.serial > since]
            return {"last": self._serial, "requests": entries}
