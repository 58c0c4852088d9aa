"""One change: what differs, when, who did it and by which event, above the resource as it is, or was when last seen."""

from __future__ import annotations

from datetime import timedelta

from backends.client import Json
from console.authors import UNKNOWN
from console.screens.detail import DetailScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.sanitise import sanitise

LOOKS = {"added": "ok", "changed": "warn", "removed": "bad"}
SIGNS = {"added": "+", "changed": "~", "removed": "-"}


class ChangeScreen(DetailScreen):
    """The detail of a changed resource; `change` is as GET /v1/changes tells it."""

    def __init__(self, ref: str, trail: str, change: Json) -> None:
        super().__init__(ref, trail)
        self.change = change

    @property
    def gone(self) -> bool:
        return self.change.get("what") == "removed"

    @property
    def instant(self) -> str:
        """Of what is gone, when it was last seen."""
        seen = fmt.instant(self.change.get("not_before")) if self.gone else None
        # Instants are told cut to milliseconds, and what was seen only once began within that one.
        return (seen + timedelta(milliseconds=1)).isoformat() if seen else super().instant

    def lead(self) -> tuple[list[Line], dict[int, str]]:
        return change_lines(self.change)

    def action_actions(self) -> None:
        if self.gone:
            self.desk.say("It was removed: what is shown is as it was last seen.", bad=True)
        else:
            super().action_actions()


def change_lines(change: Json) -> tuple[list[Line], dict[int, str]]:
    """The lines that tell of a change, and which of them lead to which CloudTrail event."""
    what, by = str(change.get("what")), str(change.get("by") or UNKNOWN)
    before, at = change.get("not_before"), change.get("at")
    when = f"between {fmt.clock(before)} and {fmt.clock(at)}" if before else f"by {fmt.clock(at)}"
    lines: list[Line] = [
        [(" this change", "bold forecast")],
        [
            (f"  {SIGNS.get(what, '?')} {what}", LOOKS.get(what, "")),
            (f"  {when}   by ", "muted"),
            (sanitise(by, 200), "stale" if by == UNKNOWN else "link"),
        ],
    ]
    for field in change.get("fields") or ():
        lines.append(
            [
                (f"      {sanitise(str(field.get('field')))}: ", "muted"),
                (fmt.listing(field.get("before")), "stale"),
                (" → ", "muted"),
                (fmt.listing(field.get("after")), "warn"),
            ]
        )
    links: dict[int, str] = {}
    for event in change.get("events") or ():
        if event.get("ref"):
            links[len(lines)] = str(event["ref"])
        facts = (event.get("user") or event.get("source"), event.get("source_ip"), event.get("user_agent"))
        lines.append(
            [
                (f"  → {sanitise(str(event.get('name')))} {str(event.get('at') or '')[11:19]}", "link"),
                ("  " + sanitise("  ".join(str(fact) for fact in facts if fact), 160), "muted"),
            ]
        )
    if change.get("why"):
        lines.append([("  " + sanitise(str(change["why"]), 300), "stale")])
    if what == "removed":
        lines.append([("  What follows is as it was last seen.", "stale")])
    return [*lines, []], links
