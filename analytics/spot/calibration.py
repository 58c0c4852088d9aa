"""The backtest's tables: skill by model and horizon, calibration by horizon day, cutoff and instance family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from analytics.spot.grid import Bools, Floats
from analytics.spot.score import Losses, losses, summary

DAY = 24


@dataclass(frozen=True, slots=True)
class Scored:
    """How one model did at one cutoff: per market its family and whether it moves; per horizon day the losses."""

    cutoff: datetime
    family: npt.NDArray[np.str_]
    moving: Bools
    days: tuple[Losses, ...]
    hours: tuple[int, ...]

    def until(self, days: int) -> Losses:
        """The mean over the hours of the first `days`."""
        weights = np.array(self.hours[:days], dtype=np.float64)
        names = ("mae", "crps", "naive", "inside_80", "inside_95")
        stacked = {name: np.stack([getattr(day, name) for day in self.days[:days]]) for name in names}
        return Losses(**{name: np.average(values, axis=0, weights=weights) for name, values in stacked.items()})


def scored(
    cutoff: datetime,
    family: npt.NDArray[np.str_],
    moving: Bools,
    point: Floats,
    quantiles: Floats,
    actual: Floats,
    past: Floats,
) -> Scored:
    """Score markets × hours; `past` holds the prices of the 28 days up to the cutoff, the last one being naive's."""
    days, hours = [], []
    for start in range(0, point.shape[1], DAY):
        part = slice(start, start + DAY)
        hours.append(point[:, part].shape[1])
        days.append(
            losses(point[:, part], quantiles[:, part], actual[:, part], past[:, -1], past.mean(axis=1), hours[-1])
        )
    return Scored(cutoff, family, moving, tuple(days), tuple(hours))


def skill_table(model: str, parts: list[Scored]) -> Iterator[str]:
    """Lines of the score table for one model, after 24 hours and after all of them."""
    total = len(parts[0].days)
    for days in sorted({1, total}):
        for name in ("all", "moving"):
            chosen = [part.moving if name == "moving" else np.ones_like(part.moving) for part in parts]
            hours = sum(parts[0].hours[:days])
            yield f"{model:<16}{hours:>6} {name:<8}" + _figures(summary([part.until(days) for part in parts], chosen))


def calibration_table(model: str, parts: list[Scored]) -> Iterator[str]:
    """Moving markets only: coverage and skill by horizon day, by cutoff and by instance family."""
    total = len(parts[0].days)
    moving = [part.moving for part in parts]
    yield f"\n{model}, moving markets {'':<8}{'pairs':>6}{'MAE skill':>11}{'CRPS skill':>12}{'80 %':>8}{'95 %':>8}"
    for day in range(total):
        yield f"{f'day {day + 1}':<31}" + _figures(summary([part.days[day] for part in parts], moving))
    for part in parts:
        for days in sorted({1, total}):
            label = f"{part.cutoff:%Y-%m-%dT%H:%MZ} to {sum(part.hours[:days])} h"
            yield f"{label:<31}" + _figures(summary([part.until(days)], [part.moving]))
    for family in sorted({str(name) for part in parts for name in part.family[part.moving]}):
        chosen = [part.moving & (part.family == family) for part in parts]
        for days in sorted({1, total}):
            label = f"{family} to {sum(parts[0].hours[:days])} h"
            yield f"{label:<31}" + _figures(summary([part.until(days) for part in parts], chosen))


def _figures(found: tuple[int, float, float, float, float]) -> str:
    pairs, mae, crps, low, high = found
    skill = "".join(f"{value:>+12.3f}" if np.isfinite(value) else f"{'-':>12}" for value in (mae, crps))
    return f"{pairs:>6}{skill[1:]}{low:>8.3f}{high:>8.3f}"
