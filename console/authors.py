"""Who made a change, in the words that tables, the detail screen and the command line share."""

from __future__ import annotations

from backends.client import Json

UNKNOWN = "unknown"


def done_by(author: Json) -> str:
    """What was asked for and when, by whoever `by` says; where that is not known, the reason.

    "StopInstances 12:05:30", "StopInstances 12:05:30 (nearest of 2)", "CloudTrail was not read: …"
    """
    events = author.get("events") or ()
    if author.get("by", UNKNOWN) == UNKNOWN or not events:
        return str(author.get("why") or "")
    nearest = events[0]
    text = f"{nearest.get('name')} {str(nearest.get('at') or '')[11:19]}"
    return text if len(events) == 1 else f"{text} (nearest of {len(events)})"
