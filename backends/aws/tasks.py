"""What passes between the daemon and its collector, as the daemon sees it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backends.model import Coverage, Json


@dataclass(frozen=True, slots=True)
class SweepTask:
    """Read one kind in one (account, region).

    since   for a kind with a series the newest point known, for one with a window the last good sweep; else unused
    focus   somebody looks at it: it goes before what nobody looks at
    budget  USD that it may cost: no request is sent that would cost more; None for as much as it takes
    about   elements that the first step of a kind on demand is asked about; else unused
    """

    account: str
    region: str
    kind: str
    since: datetime | None = None
    focus: bool = False
    budget: float | None = None
    about: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a sweep as an Arrow IPC stream: `id`, the kind's columns, `raw`."""

    arrow: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class SweepEnd:
    """How the sweep ended; always the last thing that a sweep gives."""

    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Death:
    """A collector process that ended without being asked to: when (aware, UTC), and how, such as "by signal 9"."""

    at: datetime
    how: str


class AwsError(Exception):
    """A request for an action failed.

    code            AWS's error code, or "NoAnswer", "NotSent", "NoCredentials", "BadParameters", "CollectorEnded"
    message         a sentence
    operation       "ec2:StopInstances"
    http_status     0 where there was no answer
    outcome_known   False where the request may have been carried out all the same
    """

    def __init__(
        self, code: str, message: str, operation: str = "", http_status: int = 0, outcome_known: bool = True
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.operation = operation
        self.http_status = http_status
        self.outcome_known = outcome_known
