"""A change as polls saw it, before anybody asks who made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backends.model import Json


@dataclass(frozen=True, slots=True)
class Sight:
    """A change as it was seen: what happened to a resource, first seen by the poll that began at `moment`.

    `before` is when it was last seen as it had been, None where no good poll saw its place before, `ended` when that
    poll did, None where that is not known; times are naive UTC.
    `fields` are those of the change: {"field", "before", "after"}. `owner` is the id of what a removed resource was
    sure to end with, or of what the change says has ended, "" if of nothing.
    """

    kind: str
    account: str
    region: str
    id: str
    name: str
    what: str
    moment: datetime
    before: datetime | None = None
    ended: datetime | None = None
    fields: Sequence[Json] = ()
    owner: str = ""
