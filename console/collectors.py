"""A collector that ended without being asked to, in words that screens and the command line share."""

from __future__ import annotations

from backends.client import Json
from console.widgets.sanitise import sanitise

_MOST_ACCOUNTS = 4


def fallen(ended: Json) -> str:
    """Whose collector ended, how and when, whether another took its place, and how often that was of late."""
    accounts = ", ".join(map(sanitise, ended["accounts"][:_MOST_ACCOUNTS])) or "an account not named"
    if (more := len(ended["accounts"]) - _MOST_ACCOUNTS) > 0:
        accounts += f" and {more} more"
    again = f"started again, pid {ended['replaced_by']}" if ended["replaced_by"] else "not started again yet"
    at, often = sanitise(ended["at"])[:19].replace("T", " "), ended["last_hour"]
    recent = f"{often} {'time' if often == 1 else 'times'} in the last hour" if often else "not in the last hour"
    return f"of {accounts} ended {sanitise(ended['how'])} at {at} UTC, {again}; {recent}"
