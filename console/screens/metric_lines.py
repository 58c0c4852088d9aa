"""The metrics of a resource as lines of text: of each its course, its newest value, its least and its most."""

from __future__ import annotations

from typing import Any

from console.widgets import format as fmt
from console.widgets import trends
from console.widgets.ink import Line
from console.widgets.sanitise import fit, sanitise

Json = dict[str, Any]
_LABEL, _NEWEST, _RANGE, _EVERY, _CLOCK = 16, 12, 20, 4, 8
_LONGEST, _SHORTEST = 120, 8
"""Blocks of a course."""
_LOOKS = {"bad": "bad", "warn": "warn"}


def metric_lines(declared: list[Json], found: Json | None, problem: str, cells: int) -> list[Line]:
    """The lines, in `cells` columns; before there is an answer as many as there will be, so that nothing moves then.

    `problem` is why there is none, in a sentence.
    """
    if found is None:
        said = (sanitise(problem), "warn") if problem else ("asking CloudWatch…", "stale")
        rows = [[("  " + fit(sanitise(str(metric["title"])), _LABEL), "muted")] for metric in declared]
        return [[(" metrics", "bold forecast"), ("   ", ""), said], *([] if problem else rows), []]
    metrics = found["metrics"]
    aside = _CLOCK if any(_old(metric) for metric in metrics) else 0
    room = cells - 3 - _LABEL - _NEWEST - _RANGE - _EVERY - aside
    room = max(_SHORTEST, min(_LONGEST, room))
    return [_heading(found), *_told(found), *(_line(found, metric, room) for metric in metrics), []]


def _heading(found: Json) -> Line:
    newest = f"as of {fmt.clock(found['as_of'], fmt.instant(found['until']))}" if found["as_of"] else ""
    told = ", ".join(filter(None, (f"last {found['hours']} h", newest)))
    return [(" metrics", "bold forecast"), (f"   {told}, from CloudWatch", "muted")]


def _told(found: Json) -> list[Line]:
    return [[("  ▲ " + sanitise(str(found["problem"])), "warn")]] if found["problem"] else []


def _line(found: Json, metric: Json, room: int) -> Line:
    label = ("  " + fit(sanitise(str(metric["title"])), _LABEL), "muted")
    if metric["note"]:
        return [label, (sanitise(str(metric["note"])), "stale")]
    state = str(metric["state"])
    glyph = fmt.HEALTH_GLYPHS[state] if state in _LOOKS else " "
    at = f" {fmt.clock(metric['points'][-1][0], fmt.instant(found['until']))}" if _old(metric) else ""
    return [
        label,
        (fit(trends.line(found, metric, room), room), "forecast"),
        (
            fit(f"{glyph} {trends.figure(metric, 'newest')}", _NEWEST, True),
            _LOOKS.get(state, "stale" if at else "bold"),
        ),
        (fit(f"  {trends.span(metric)}", _RANGE), "muted"),
        (fit(trends.every(metric), _EVERY, True), "stale"),
        (at, "stale"),
    ]


def _old(metric: Json) -> bool:
    """Whether a metric's newest value says nothing of how the resource is doing now."""
    return bool(metric["points"]) and not metric["state"]
