"""A metric as it is drawn and told: its course in blocks, its figures with their unit. Pure, no widget."""

from __future__ import annotations

from typing import Any

from console.widgets import format as fmt
from console.widgets.sanitise import sanitise

Json = dict[str, Any]


def line(found: Json, metric: Json, cells: int) -> str:
    """The course of a metric over the span asked for, in at most `cells` blocks: none narrower than its period."""
    since, until = fmt.instant(found["since"]), fmt.instant(found["until"])
    if since is None or until is None:
        return ""
    points = [(at, float(value)) for text, value in metric["points"] if (at := fmt.instant(text)) is not None]
    seconds = (until - since).total_seconds()
    most = int(seconds // (metric["period"] or 60))
    return fmt.timeline(points, since, until, max(1, min(cells, most)), low=metric["statistic"] == "Minimum")


def figure(metric: Json, name: str) -> str:
    """One of a metric's figures ("newest", "least", "most") with its unit."""
    unit, value = str(metric["unit"]), metric[name]
    if value is None:
        return fmt.MISSING
    if unit in fmt.SCALED:
        return fmt.SCALED[unit](_short(value))
    return f"{fmt.number(_short(value))} {sanitise(unit)}".strip()


def _short(value: float) -> float | int:
    """With no more digits than somebody reads."""
    if float(value).is_integer():
        return int(value)
    return round(value, 1) if abs(value) >= 10 else float(f"{value:.3g}")


def every(metric: Json) -> str:
    """How far apart its points are: `1m`; a dash where that cannot be told."""
    return fmt.duration(metric["period"]) if metric["period"] else fmt.MISSING
