"""How carrying out a plan went: steps as they happen, one outcome at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from backends.model import Json

State = Literal["done", "failed", "unknown", "refused"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that just happened: `what` is "check", "intent", "call", "retry", "watch" or "outcome"."""

    at: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an execution.

    done     AWS reports every change that was planned
    failed   AWS refused, or the change will not happen; `detail` says what did happen
    unknown  it cannot be known from here whether it happened; nothing is sent again
    refused  nothing was sent

    `record` is the sequence of the audit record, None where there is none; `code` says why a refusal.
    """

    state: State
    detail: str
    record: int | None = None
    steps: tuple[Step, ...] = ()
    code: str = ""

    def as_json(self) -> Json:
        return asdict(self) | {"steps": [asdict(step) for step in self.steps]}
