"""Where a market stands among its peers: the same type in other zones, its family in the zone and in the region.

Over a week prices drift towards those of their peers; prices of one family are compared per unit of size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.spot.events import Events
from analytics.spot.grid import Bools, Floats, Ints

SIZES = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}
NAMES = ("type in other zones", "family in the zone", "family in the region")
PEER_INPUTS = (
    *(f"level of the {name}" for name in NAMES),
    "above the cheapest of the family",
    "below the dearest of the family",
    *(f"24 h return of the {name}" for name in NAMES),
)


@dataclass(frozen=True, slots=True)
class Peers:
    """`groups`: for each of NAMES the number of every market's group; `size` the log of a market's size factor, NaN
    where its name does not tell (metal)."""

    groups: tuple[Ints, Ints, Ints]
    size: Floats

    def standing(self, events: Events, time: float) -> Floats:
        """Markets × PEER_INPUTS at one moment, all log ratios; 0 where there are no peers."""
        every = np.arange(events.markets)
        level = events.level[events.at(every, np.full(len(every), time))]
        before = events.level[events.at(every, np.full(len(every), time - 24.0))]
        known = events.first <= time
        unit, comparable = level - np.nan_to_num(self.size), known & np.isfinite(self.size)
        kind, zone, region = self.groups
        return np.stack(
            [
                _others(level, kind, known, level),
                _others(unit, zone, comparable, unit),
                _others(unit, region, comparable, unit),
                *_range(unit, region, comparable),
                *(_others(level - before, group, known, np.zeros_like(level)) for group in self.groups),
            ],
            axis=1,
        )


def peers(markets: pl.DataFrame) -> Peers:
    """The peers of `markets` (MARKET_COLUMNS and pool); markets are compared within a pool, region and product."""
    family = pl.col("instance_type").str.split(".").list.first()
    name = pl.col("instance_type").str.split(".").list.get(1, null_on_oob=True)
    multiple = name.str.extract(r"^(\d+)xlarge$").cast(pl.Float64) * SIZES["xlarge"]
    size = pl.coalesce(multiple, name.replace_strict(SIZES, default=None, return_dtype=pl.Float64))
    within = ("pool", "region", "product")
    found = markets.select(
        kind=pl.struct(*within, "instance_type").rank("dense") - 1,
        zone=pl.struct(*within, "zone", family.alias("family")).rank("dense") - 1,
        region=pl.struct(*within, family.alias("family")).rank("dense") - 1,
        size=size.log(),
    )
    kind, zone, region = (found[column].to_numpy().astype(np.int64) for column in ("kind", "zone", "region"))
    return Peers((kind, zone, region), found["size"].to_numpy().astype(np.float64))


def _others(values: Floats, group: Ints, counted: Bools, own: Floats) -> Floats:
    """The mean of `values` over the counted other members of each one's group, less `own`; 0 where there are none."""
    total = np.bincount(group, weights=np.where(counted, values, 0.0))[group]
    number = np.bincount(group, weights=counted)[group]
    others = number - counted
    mean = (total - np.where(counted, values, 0.0)) / np.maximum(others, 1)
    return np.where(counted & (others > 0), mean - own, 0.0)


def _range(unit: Floats, group: Ints, counted: Bools) -> tuple[Floats, Floats]:
    """How far each counted market is above the lowest and below the highest of its group."""
    groups = int(group.max(initial=-1)) + 1
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, group[counted], unit[counted])
    np.maximum.at(high, group[counted], unit[counted])
    return np.where(counted, unit - low[group], 0.0), np.where(counted, high[group] - unit, 0.0)
