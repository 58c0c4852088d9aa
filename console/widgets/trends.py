"""A metric as it is drawn and told: its course in blocks, its figures with their unit. Pure, no widget."""

from __future__ import annotations

from typing import Any

from console.widgets import format as fmt
from console.widgets.sanitise import sanitise

Json = dict[str, Any]
_LONGEST_PERIOD = 300


def line(found: Json, metric: Json, cells: int) -> str:
    """The course of a metric over the span asked for, in so many blocks; blank where nothing was told."""
    since, until = fmt.instant(found["since"]), fmt.instant(found["until"])
    if since is None or until is None or since >= until:
        return ""
    points = [(at, float(value)) for text, value in metric["points"] if (at := fmt.instant(text)) is not None]
    # What two lone values lie apart is no period: CloudWatch publishes these at least every five minutes.
    seconds = min(metric["period"] or 60, _LONGEST_PERIOD)
    return fmt.timeline(points, seconds, since, until, cells, low=metric["statistic"] == "Minimum")


def figure(metric: Json, name: str) -> str:
    """One of a metric's figures ("newest", "least", "most") with its unit."""
    unit, value = str(metric["unit"]), metric[name]
    if value is None:
        return fmt.MISSING
    if unit in fmt.SCALED:
        return fmt.SCALED[unit](_short(value))
    return f"{fmt.number(_short(value))} {sanitise(unit)}".strip()


def span(metric: Json) -> str:
    """From the least to the most, the unit said once where both have it."""
    least, most = figure(metric, "least"), figure(metric, "most")
    unit = most.rpartition(" ")[2] if " " in most else ""
    return f"{least.removesuffix(f' {unit}') if unit else least} … {most}"


def _short(value: float) -> float | int:
    """With no more digits than somebody reads."""
    if float(value).is_integer():
        return int(value)
    if abs(value) >= 100:
        return round(value)
    return round(value, 1) if abs(value) >= 10 else float(f"{value:.3g}")


def every(metric: Json) -> str:
    """How far apart its points are: `1m`; a dash where that cannot be told."""
    return fmt.duration(metric["period"]) if metric["period"] else fmt.MISSING
