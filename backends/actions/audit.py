"""The audit trail: a chain of hashes over canonical JSON, with its heads anchored in a file outside the store.

Each record holds the hash of the one before it, so an edited, missing or moved record breaks the chain at its number.
Whoever rewrites the whole table consistently, or cuts off its end, is seen against the anchor: an append-only file
with one line per record, written after the record is durable. A crash between the two leaves exactly one record that
is chained but not anchored yet: that verifies as whole, and the next start anchors it. Someone who can rewrite both
the store and the anchor can forge both; copy the anchor elsewhere where that matters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from backends.actions.anchor import Anchor, Anchored
from backends.actions.world import Clock, utc
from backends.model import Json

FIRST = "0" * 64
FIELDS = frozenset(
    {"sequence", "at", "event", "actor", "context", "account", "arn", "action", "plan", "calls", "outcome"}
    | {"previous", "hash"}
)


class Records(Protocol):
    """Where sealed records are kept, oldest first; `add` returns once the record is durable and never alters it."""

    async def add(self, record: Json) -> None: ...

    async def all(self) -> Sequence[Json]: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the trail; `record` is the sequence number concerned."""

    record: int
    what: str

    def as_json(self) -> Json:
        return asdict(self)

    def __str__(self) -> str:
        return f"record {self.record}: {self.what}"


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no blanks, ASCII only. ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def seal(entry: Json, sequence: int, previous: str) -> Json:
    """The record that `entry` becomes: numbered, chained to `previous`, with its own hash."""
    record = dict.fromkeys(FIELDS - {"hash"}) | entry | {"sequence": sequence, "previous": previous}
    record.pop("hash", None)
    return record | {"hash": digest(record)}


def digest(record: Mapping[str, Any]) -> str:
    """sha256 of the previous hash and the canonical JSON of everything but the record's own hash."""
    body = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(str(record.get("previous")).encode("ascii", "backslashreplace") + canonical(body)).hexdigest()


def verify(records: Sequence[Any], anchored: Anchored) -> list[Problem]:
    """Everything that is wrong with the records, in stored order, against the anchor; empty means whole."""
    if not records and not anchored.begun:
        return []
    problems = [Problem(number, what) for number, what in anchored.problems]
    last, previous = 0, FIRST
    for index, record in enumerate(records):
        if not isinstance(record, Mapping) or not _numbered(record):
            problems.append(Problem(last + 1, "is not a numbered record"))
            continue
        number = record["sequence"]
        if number > last + 1:
            problems.append(Problem(last + 1, f"is missing{_until(last + 2, number - 1)}: the next one is {number}"))
            previous = anchored.hashes.get(number - 1, previous)
        elif number <= last:
            problems.append(Problem(number, f"stands after record {last}: it was moved, doubled or renumbered"))
        problems += [Problem(number, what) for what in _edits(record, previous)]
        anchor = anchored.hashes.get(number)
        if anchor is None and (index < len(records) - 1 or (number > 1 and number - 1 not in anchored.hashes)):
            problems.append(Problem(number, "is not anchored: it was added from outside, or the anchor was cut"))
        elif anchor is not None and anchor != record.get("hash"):
            problems.append(Problem(number, "differs from the anchor: it was rewritten"))
        last, previous = max(last, number), str(record.get("hash"))
    if anchored.last > last:
        problems.append(Problem(last + 1, f"is missing{_until(last + 2, anchored.last)}: the anchor knows of it"))
    return problems


def _numbered(record: Mapping[str, Any]) -> bool:
    sequence = record.get("sequence")
    return isinstance(sequence, int) and not isinstance(sequence, bool) and sequence > 0


def _until(first: int, last: int) -> str:
    return f", and so are all up to {last}" if last >= first else ""


def _edits(record: Mapping[str, Any], previous: str) -> list[str]:
    found: list[str] = []
    absent = sorted(FIELDS - set(record))
    if absent:
        found.append(f"lacks {', '.join(absent)}")
    if record.get("previous") != previous:
        found.append("does not continue the record before it: one of the two was edited, removed or moved")
    try:
        expected = digest(record)
    except (TypeError, ValueError):
        expected = "not canonical"
    if record.get("hash") != expected:
        found.append("was edited: its content does not match its hash")
    return found


class AuditTrail:
    """The journal: seals entries one after another, keeps them in `records`, anchors each head in `anchor`."""

    def __init__(self, records: Records, anchor: Anchor, clock: Clock) -> None:
        self._records = records
        self._anchor = anchor
        self._clock = clock
        self._lock = asyncio.Lock()
        self._head: tuple[int, str] | None = None

    async def append(self, entry: Json) -> Json:
        """Seal and keep an entry; returns the record once it is durable and anchored."""
        async with self._lock:
            sequence, previous = self._head or await self._open()
            record = seal({"at": utc(self._clock()), **entry}, sequence + 1, previous)
            # A failed write leaves the head unknown, so that the next one reads it from the store again.
            self._head = None
            await self._records.add(record)
            await asyncio.to_thread(self._anchor.add, record["sequence"], record["hash"])
            self._head = record["sequence"], record["hash"]
            return record

    async def records(self) -> Sequence[Json]:
        return await self._records.all()

    async def verify(self) -> tuple[int, list[Problem]]:
        """(number of records, what is wrong with them)."""
        async with self._lock:
            records = await self._records.all()
            anchored = await asyncio.to_thread(self._anchor.read)
        return len(records), verify(records, anchored)

    async def _open(self) -> tuple[int, str]:
        """The head of the chain; heals the one record that a crash may have left without its anchor line.

        Where the store knows less than the anchor, the chain goes on from the anchor: the hole stays visible.
        """
        records = await self._records.all()
        if not records:
            await asyncio.to_thread(self._anchor.begin)
        anchored = await asyncio.to_thread(self._anchor.read)
        number, head = (int(records[-1]["sequence"]), str(records[-1]["hash"])) if records else (0, FIRST)
        if anchored.last > number:
            return anchored.last, anchored.hashes[anchored.last]
        if number > anchored.last and not verify(records, anchored):
            await asyncio.to_thread(self._anchor.add, number, head)
        return number, head
