"""Which of several operations made a change: told by their names and by what changed. Knows no SQL and no service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backends.model import Json

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MAKE = frozenset(
    {
        *("Create", "Run", "Allocate", "Register", "Launch", "Put", "Import", "Copy", "Request", "Restore", "Purchase"),
        *("Provision", "Publish", "Upload", "Invite", "Accept", "Add", "Attach", "Associate", "Authorize", "Enable"),
    }
)
_END = frozenset(
    {
        *("Delete", "Terminate", "Release", "Deregister", "Remove", "Cancel", "Detach", "Disassociate", "Revoke"),
        *("Disable", "Bid", "Leave"),
    }
)
_WHOLE = frozenset(
    {"Create", "Run", "Allocate", "Launch", "Import", "Copy", "Restore", "Delete", "Terminate", "Release", "Bid"}
)
"""Verbs of operations that make or end a resource: they change one only where their name says what of it."""
_ENDS = frozenset({"Terminate", "Bid"})
"""Verbs of operations that bring a resource to a state which says that it ends, in other words than theirs."""
_ENDING = re.compile(r"(shutting-down|terminat|delet)", re.IGNORECASE)
_STEM = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that may have made a change, as an answer tells of it."""

    event: Json

    @property
    def operation(self) -> str:
        return str(self.event["name"] or "")


def chosen(
    candidates: Sequence[Candidate], kind: str, what: str, fields: Iterable[Json], *, ended: bool = False
) -> tuple[list[Candidate], bool]:
    """Those whose operation fits the change best, in the order given, and True; all of them and False where none does.

    `what` is "added", "changed" or "removed"; `fields` the fields that changed, with their values after; `ended`: it is
    known already that the change says that something ended.
    """
    fields = list(fields)
    words, ending = _words_of(fields), any(map(_says_ending, fields)) or (ended and what == "changed")
    noun = kind.partition(".")[2].replace("_", "")
    marks = [_mark(candidate.operation, what, words, noun, ending=ending) for candidate in candidates]
    best = max(marks, default=0)
    if best == 0:
        return list(candidates), False
    return [candidate for candidate, mark in zip(candidates, marks, strict=True) if mark == best], True


def ends(operation: str) -> bool:
    """Whether an operation ends the resources that it names, and with them what belongs to them."""
    return bool(parts := _WORD.findall(operation)) and parts[0] in _ENDS


def _mark(operation: str, what: str, words: set[str], noun: str, *, ending: bool) -> int:
    """0 where the operation does nothing of the sort; more, the more of its name speaks of what changed."""
    parts = _WORD.findall(operation)
    if not parts:
        return 0
    verb = parts[0]
    spoken = sum(any(_alike(part.lower(), word) for word in words) for part in parts)
    if ending and verb in _ENDS:
        # "BidEvictedEvent" says nothing of "terminated", "TerminateInstances" nothing of "shutting-down".
        spoken = max(spoken, 1)
    if what == "added":
        fits = verb in _MAKE
    elif what == "removed":
        fits = verb in _END
    else:
        fits = bool(spoken) or verb not in _WHOLE
    if not fits:
        return 0
    about = noun in operation.lower()
    return 1 + 2 * spoken + about


def _words_of(fields: Iterable[Json]) -> set[str]:
    """The words of the fields' names and of short values they have now: "state", "stopped"."""
    found: set[str] = set()
    for field in fields:
        found |= set(str(field.get("field", "")).lower().split("_"))
        after = field.get("after")
        if isinstance(after, str) and len(after) <= 40:
            found |= set(re.findall(r"[a-z]+", after.lower()))
    return {word for word in found if len(word) >= _STEM}


def _says_ending(field: Json) -> bool:
    """Whether a field that tells how a resource is tells that it ends."""
    told = str(field.get("field", ""))
    return told.endswith(("state", "status", "lifecycle")) and bool(_ENDING.match(str(field.get("after") or "")))


def _alike(one: str, other: str) -> bool:
    """Whether two words are forms of one: "stop" and "stopped", "tags" and "tag"."""
    short, long = sorted((one.rstrip("s"), other.rstrip("s")), key=len)
    if len(short) < _STEM - 1 or len(long) - len(short) > _STEM:
        return False
    return long.startswith(short if len(short) <= _STEM else short[:-1])
