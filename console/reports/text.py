"""Text from AWS made harmless: what a name or a tag says is shown, what it would do to a terminal or a page is not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from backends.client import Json
from console.widgets.sanitise import sanitise


def clean(value: Any) -> str:
    """The value as one line in which nothing can act on a terminal or a page; None is the empty text."""
    return "" if value is None else sanitise(str(value))


def shorten(value: Any, length: int) -> str:
    """`clean`, cut to `length` characters with an ellipsis that says so."""
    text = clean(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def words(value: Any) -> str:
    """One cell as a person reads it: lists by comma, tags as k=v, booleans as yes or no, numbers without noise."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{clean(name)}={words(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(words(item) for item in value)
    return clean(value)


def moment(value: Any) -> str:
    """An instant of the wire as `2026-11-23 14:02` UTC; anything else is shown as it is."""
    text = clean(value)
    return text[:16].replace("T", " ") if len(text) >= 16 and text[10:11] == "T" else text


def money(value: Any) -> str:
    """USD with cents; None is *unpriced*, never 0."""
    return "unpriced" if value is None else f"{'-' * (round(value, 2) < 0)}${abs(float(value)):,.2f}"


def percent(value: Any, *, signed: bool = False) -> str:
    """A share (0.12 is 12 %); None is "unknown"."""
    if value is None:
        return "unknown"
    return f"{float(value) * 100:{'+' if signed else ''}.0f} %"


def plan_command(advice: Json) -> str:
    """The command line that plans what a piece of advice suggests, quoted so that no name can break out of it."""
    action = advice["action"]
    parts = ["quarterdeck", "plan", action["name"], advice["ref"]]
    for name, value in action["parameters"].items():
        parts += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return " ".join(shlex.quote(clean(part)) for part in parts)


def gaps(unobserved: Sequence[Json]) -> list[str]:
    """One sentence per kind about where changes may have gone unseen; kinds that were not polled before share one."""
    by_kind: dict[tuple[str, bool], list[Json]] = {}
    young: dict[str, None] = {}
    unborn: dict[str, None] = {}
    for gap in unobserved:
        if gap["since"]:
            by_kind.setdefault((gap["kind"], gap["seen"]), []).append(gap)
        else:
            (young if gap["seen"] else unborn)[gap["kind"]] = None
    told = []
    for (kind, seen), found in by_kind.items():
        where = f"{found[0]['account']}/{found[0]['region']}" + (
            f" and {len(found) - 1} more" if len(found) > 1 else ""
        )
        how = "all that time" if seen else "at all in that time"
        told.append(f"{kind} was not observed {how} in {where} (last good poll {moment(found[0]['since'])} UTC)")
    if young:
        told.append(
            f"Nothing is known of changes before the first poll, which lies in that time, of {some(list(young))}"
        )
    if unborn:
        told.append(f"Not observed at all in that time, as no poll had succeeded by its end: {some(list(unborn))}")
    return [clean(sentence) for sentence in told]


def few(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    shown = ", ".join(map(clean, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def some(kinds: Sequence[str]) -> str:
    """At most three kinds by name."""
    if len(kinds) <= 3:
        return ", ".join(kinds)
    return f"{len(kinds)} kinds, such as {', '.join(kinds[:3])}"
