"""How much an answer rests on: when AWS was last heard of what it tells, and whether anything was observed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from console.widgets import format as fmt

_TOLD = timedelta(minutes=1)
"""What lies closer together is one instant: places are polled one after the other."""


def as_heard(answer: Mapping[str, Any]) -> str:
    """The instant that an answer about resources was true at: of the present, when a poll of them succeeded last."""
    heard = None if answer.get("at") else (answer.get("coverage") or {}).get("newest_good")
    return str(heard or answer.get("as_of") or "")


def oldest_heard(answer: Mapping[str, Any]) -> str:
    """When the place that is furthest behind was last heard of, where that is a minute and more before `as_heard`."""
    coverage = answer.get("coverage") or {}
    oldest, newest = fmt.instant(coverage.get("oldest_good")), fmt.instant(coverage.get("newest_good"))
    if answer.get("at") or oldest is None or newest is None or newest - oldest < _TOLD:
        return ""
    return str(coverage["oldest_good"])


def measured(place: Mapping[str, Any]) -> dict[str, Any]:
    """A place of coverage as it is told: how much is there is not known, and no 0, where no poll had told of it."""
    polled = place.get("last_try") or place.get("last_good") or place.get("rows")
    return dict(place) if polled else dict(place) | {"rows": None}


def never_heard(answer: Mapping[str, Any]) -> bool:
    """Whether an answer of the present rests on no poll that has succeeded yet."""
    return not answer.get("at") and not (answer.get("coverage") or {}).get("newest_good")


def unvouched(answer: Mapping[str, Any]) -> bool:
    """Whether no poll vouches for an answer, of an instant or of the present: none in it is not the same as none there.

    A service that is not there has nothing to tell, and of that none is none.
    """
    states = {state for state, count in ((answer.get("coverage") or {}).get("states") or {}).items() if count}
    if answer.get("at"):
        return states == {"unobserved"}
    return bool(states - {"unsupported"}) and never_heard(answer)


_UNWELL = {
    "denied": "its polls are denied",
    "throttled": "its polls are throttled",
    "error": "its polls fail",
    "disabled": "it is not polled",
    "unsupported": "it is not polled",
}


def unwell(place: Mapping[str, Any] | None) -> str:
    """Why what is told of a resource may not be so any more, by the coverage of its place; "" where its polls are well.

    `its polls are denied since 11-23 08:59Z, when the last good one ended: …`.
    """
    state = str((place or {}).get("state") or "ok")
    if place is None or state in ("ok", "empty"):
        return ""
    problem = str(place.get("problem") or "")
    if state == "unobserved":
        return f"its place was {problem}" if problem.startswith("not observed") else problem
    if state == "pending":
        return "the first poll of its place is not over"
    good = place.get("last_good")
    since = f" since {fmt.clock(good)}, when the last good one ended" if good else ", and none has been good yet"
    return f"{_UNWELL.get(state, state)}{since}{f': {problem}' if problem else ''}"


def blind(changes: Mapping[str, Any]) -> bool:
    """Whether nothing at all was observed in the time that changes were asked of."""
    return bool(changes["places"]) and sum(not gap["seen"] for gap in changes["unobserved"]) == changes["places"]
