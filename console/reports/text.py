"""Text from AWS made harmless: what a name or a tag says is shown, what it would do to a terminal or a page is not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from backends.client import Json
from backends.currency import DECLARED
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


def sign_of(currency: str) -> str:
    """What stands before an amount; not ¥, which would be taken for yen."""
    return "$" if currency == DECLARED else f"{currency} "


def money(value: Any, currency: str = DECLARED) -> str:
    """An amount with cents; None is *unpriced*, never 0."""
    if value is None:
        return "unpriced"
    return f"{'-' * (round(value, 2) < 0)}{sign_of(currency)}{abs(float(value)):,.2f}"


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


_MANY = 3
"""How many kinds have a sentence each."""


def gaps(unobserved: Sequence[Json]) -> list[str]:
    """One sentence per kind about where changes may have gone unseen; many kinds share one, and so do those that were
    not polled before."""
    by_kind: dict[tuple[str, bool], list[Json]] = {}
    young: dict[str, None] = {}
    unborn: dict[str, None] = {}
    for gap in unobserved:
        if gap["since"]:
            by_kind.setdefault((gap["kind"], gap["seen"]), []).append(gap)
        else:
            (young if gap["seen"] else unborn)[gap["kind"]] = None
    told = []
    for seen, how in ((True, "all that time"), (False, "at all in that time")):
        alike = {kind: found for (kind, its), found in by_kind.items() if its is seen}
        if len(alike) > _MANY:
            every = [gap for found in alike.values() for gap in found]
            one = f"of {every[0]['kind']}: {_without(every[0])}"
            told.append(f"Not observed {how}: {some(list(alike))}, in {_where(every)} ({one})")
            continue
        for kind, found in alike.items():
            told.append(f"{kind} was not observed {how} in {_where(found)} ({_without(found[0])})")
    if young:
        told.append(
            f"Nothing is known of changes before the first poll, which lies in that time, of {some(list(young))}"
        )
    if unborn:
        told.append(f"Not observed at all in that time, as no poll had succeeded by its end: {some(list(unborn))}")
    return [clean(sentence) for sentence in told]


def _where(found: Sequence[Json]) -> str:
    places = list(dict.fromkeys(f"{gap['account']}/{gap['region']}" for gap in found))
    return places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else "")


def _without(gap: Json) -> str:
    """From when to when there was no good poll."""
    if not (until := gap.get("until")):
        return f"last good poll {moment(gap['since'])} UTC"
    others = gap["times"] - 1
    again = f", nor {others} {'time' if others == 1 else 'times'} later" if others else ""
    return f"no good poll from {moment(gap['since'])} to {moment(until)} UTC{again}"


def few(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    shown = ", ".join(map(clean, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def some(kinds: Sequence[str]) -> str:
    """At most three kinds by name."""
    if len(kinds) <= 3:
        return ", ".join(kinds)
    return f"{len(kinds)} kinds, such as {', '.join(kinds[:3])}"
