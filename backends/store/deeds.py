"""Who made a change as Quarterdeck's own audit trail tells: at once, where CloudTrail takes its minutes.

What a plan sent and AWS accepted is a deed of whoever had it carried out. It made a change if it was under way in the
time of that, had the resource for a target (or what the resource ended with), and does what was done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from backends.model import Json, Ref
from backends.store.fitting import Candidate, chosen, ends
from backends.store.instants import parse_instant, stored
from backends.store.sight import Sight

_WATCHED = timedelta(minutes=15)
"""An outcome is on record this long after its first call at most."""


@dataclass(frozen=True, slots=True)
class _Deed:
    """What was sent for a plan from `began` to `ended`, naive UTC, and accepted."""

    record: int
    user: str
    began: datetime
    ended: datetime
    operations: tuple[str, ...]
    targets: frozenset[str]

    def made(self, sight: Sight, since: datetime, until: datetime) -> bool:
        """Whether it made a change that lies between two instants."""
        if not (self.began <= until and since <= self.ended):
            return False
        operations = self.operations
        if str(Ref(sight.kind, sight.account, sight.region, sight.id)) not in self.targets:
            place = f"@{sight.account}/{sight.region}/{sight.owner}"
            if not sight.owner or not any(target.endswith(place) for target in self.targets):
                return False
            operations = tuple(filter(ends, operations))
        candidates = [Candidate({"name": operation}) for operation in operations]
        return chosen(candidates, sight.kind, sight.what, sight.fields, ended=bool(sight.owner))[1]


def deeds(
    cursor: duckdb.DuckDBPyConnection, sought: Mapping[int, tuple[Sight, tuple[datetime, datetime]]]
) -> dict[int, Json]:
    """For changes and their times, those that Quarterdeck made: {"by", "events", "why"}, as `authors` tells."""
    if not sought:
        return {}
    times = [time for _, time in sought.values()]
    known = _known(cursor, min(since for since, _ in times), max(until for _, until in times) + _WATCHED)
    found: dict[int, Json] = {}
    for number, (sight, time) in sought.items():
        deed = next((deed for deed in known if deed.made(sight, *time)), None)
        if deed is not None:
            by = f"{deed.user}, through Quarterdeck (audit {deed.record})"
            why = f"{' and '.join(dict.fromkeys(deed.operations))}, as Quarterdeck's own audit tells."
            found[number] = {"by": by, "events": [], "why": why}
    return found


def _known(cursor: duckdb.DuckDBPyConnection, first: datetime, last: datetime) -> list[_Deed]:
    """What was on record between two instants as carried out, the latest first."""
    rows = cursor.execute(
        "SELECT seq, instant, record FROM own.audit WHERE instant BETWEEN ? AND ?"
        """ AND contains(record, '"event":"outcome"') ORDER BY seq DESC""",
        [first, last],
    ).fetchall()
    return [deed for row in rows if (deed := _read(*row)) is not None and deed.operations]


def _read(sequence: int, instant: datetime, text: str) -> _Deed | None:
    """The deed that a record tells of; None for a record that somebody has spoilt, of which `audit verify` tells."""
    try:
        return _deed(sequence, instant, json.loads(text))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _deed(sequence: int, instant: datetime, record: Json) -> _Deed:
    steps = (record.get("outcome") or {}).get("steps") or ()
    calls = [stored(parse_instant(str(step["at"]))) for step in steps if step["what"] == "call"]
    return _Deed(
        sequence,
        str((record.get("actor") or {}).get("user") or "somebody"),
        min(calls, default=instant),
        instant,
        tuple(str(call["operation"]) for call in record.get("calls") or () if call.get("state") == "accepted"),
        frozenset(map(str, (record.get("plan") or {}).get("targets") or ())),
    )
