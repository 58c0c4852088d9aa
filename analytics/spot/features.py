"""What a market's recent past says: 15 momentum features and a volatility scale, for every market at given hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.spot.grid import Bools, Floats, Grid, Ints

RETURNS = (6, 12, 24, 48, 72, 168, 336)
FEATURES = (
    "last step, fresh",
    "second last step, fresh",
    "third last step, fresh",
    "last step, stale",
    *(f"return {hours} h" for hours in RETURNS),
    "distance from the 28-day mean",
    "24 h return of the type in other zones",
    "24 h return of the family in the zone",
    "level of the type in other zones",
)
DAY, WEEK, FORTNIGHT, MONTH = 24, 168, 336, 672


@dataclass(frozen=True, slots=True)
class Past:
    """At each origin (first axis) and market: features (origins × markets × 15), the volatility scale, whether the
    market has not moved for a fortnight, and how many hours of it are known."""

    features: Floats
    scale: Floats
    flat: Bools
    known: Ints


class Panel:
    """Running sums over a grid, from which the past at any hour is read without another pass over it."""

    def __init__(self, grid: Grid, markets: pl.DataFrame) -> None:
        self.log_price = grid.log_price
        self.first = grid.first
        self.step = np.diff(grid.log_price, axis=1, prepend=grid.log_price[:, :1])
        hours = np.arange(grid.hours)
        self.last_change = np.maximum.accumulate(np.where(self.step != 0, hours, -1), axis=1)
        self.moved = np.cumsum(np.abs(self.step), axis=1)
        known = hours >= grid.first[:, None]
        self.sum_level = np.cumsum(np.where(known, grid.log_price, 0.0), axis=1)
        family = pl.col("instance_type").str.split(".").list.first()
        groups = markets.select(
            same_type=pl.struct("pool", "region", "product", "instance_type").rank("dense") - 1,
            same_family=pl.struct("pool", "zone", "product", family).rank("dense") - 1,
        )
        self.same_type = groups["same_type"].to_numpy().astype(np.int64)
        self.same_family = groups["same_family"].to_numpy().astype(np.int64)

    def past(self, origins: Ints) -> Past:
        """Features, scale and flatness at each of `origins` (hour indices), from nothing later than that hour."""
        level = self.log_price[:, origins].T
        known = origins[:, None] - self.first[None, :] + 1
        changes = self._changes(origins)
        fresh = np.exp(-np.minimum(origins[:, None] - changes[0][0], 48) / 12)
        steps = [step for _, step in changes]
        back = {hours: level - self.log_price[:, np.maximum(origins - hours, 0)].T for hours in RETURNS}
        month_ago = np.maximum(origins[:, None] - MONTH, self.first[None, :] - 1)
        rows = np.arange(self.log_price.shape[0])[None, :]
        before = np.where(month_ago >= 0, self.sum_level[rows, np.maximum(month_ago, 0)], 0.0)
        mean = (self.sum_level[:, origins].T - before) / np.maximum(origins[:, None] - month_ago, 1)
        columns = [
            *(step * fresh for step in steps),
            steps[0] * (1 - fresh),
            *back.values(),
            np.where(known > 0, level - mean, 0.0),
            _others(back[24], self.same_type),
            _others(back[24], self.same_family),
            _others(level, self.same_type, own=level),
        ]
        quiet = origins[:, None] - np.where(changes[0][0] < 0, -MONTH, changes[0][0])
        return Past(np.stack(columns, axis=2), self._scale(origins, known), quiet > FORTNIGHT, known)

    def _changes(self, origins: Ints) -> list[tuple[Ints, Floats]]:
        """(hour, log size) of the last three changes at each origin; hour −1 and size 0 where there was none."""
        rows = np.arange(self.log_price.shape[0])[None, :]
        at = self.last_change[:, origins].T
        found = []
        for _ in range(3):
            found.append((at, np.where(at >= 0, self.step[rows, np.maximum(at, 0)], 0.0)))
            at = np.where(at > 0, self.last_change[rows, np.maximum(at - 1, 0)], -1)
        return found

    def _scale(self, origins: Ints, known: Ints) -> Floats:
        """Mean absolute log movement per day, the last day weighing half."""
        moved = self.moved[:, origins].T
        total = np.full_like(moved, 1e-5)
        for weight, hours in ((0.5, DAY), (0.3, WEEK), (0.2, MONTH)):
            days = np.clip(known, DAY, hours) / DAY
            total += weight * (moved - self.moved[:, np.maximum(origins - hours, 0)].T) / days
        return total


def _others(values: Floats, group: Ints, own: Floats | None = None) -> Floats:
    """Per origin, the mean of `values` over the other members of each market's group, less `own`; 0 where alone."""
    size = np.bincount(group)[group]
    sums = np.zeros((values.shape[0], int(group.max(initial=-1)) + 1))
    np.add.at(sums.T, group, values.T)
    mean = (sums[:, group] - values) / np.maximum(size - 1, 1)
    return np.where(size > 1, mean - (0.0 if own is None else own), 0.0)
