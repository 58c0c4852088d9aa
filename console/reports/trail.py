"""An audit record as one line: number, when, who, what, how it ended; the list and the report agree on it."""

from __future__ import annotations

from backends.client import Json

FIELDS = ("record", "at", "user", "event", "what", "state", "detail")


def line(record: Json) -> Json:
    """The fields of one record, each a text or a number; nothing is invented where the record is silent."""
    outcome, plan, actor = record.get("outcome") or {}, record.get("plan") or {}, record.get("actor") or {}
    return {
        "record": record.get("sequence"),
        "at": record.get("at"),
        "user": actor.get("user") or actor.get("uid"),
        "event": record.get("event"),
        "what": plan.get("title") or record.get("action") or outcome.get("window") or "",
        "state": outcome.get("state") or "",
        "detail": outcome.get("detail") or (f"until {outcome['expires']}" if outcome.get("expires") else ""),
    }
