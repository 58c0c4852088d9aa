"""Forecasts after new prices, without learning again: of every market, or of those alone whose prices are new."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from analytics.spot.clean import Clean, clean
from analytics.spot.events import Events, assemble, read
from analytics.spot.features import hour_of_week
from analytics.spot.forecast import Taught, row_of, told
from analytics.spot.grid import Floats, Ints
from analytics.spot.peers import Peers
from analytics.spot.sample import World, blocks


def refreshed(taught: Taught, cleaned: Clean, cutoff: datetime) -> Taught | None:
    """The same learning at a later `cutoff` with all prices up to it, as analytics.spot.clean left them.

    None where the markets or their prices at the time of learning are others now: then it was learned elsewhere.
    """
    if not cleaned.markets.get_column("market").equals(taught.markets.get_column("market")):
        return None
    world = World(read(cleaned.events, cleaned.markets, cutoff), taught.world.peers, hour_of_week(cutoff))
    every = np.arange(world.events.markets)
    then = np.full(len(every), (taught.cutoff - cutoff).total_seconds() / 3600)
    if not np.allclose(world.events.level[world.events.at(every, then)], np.log(taught.last)):
        return None
    return replace(taught, markets=cleaned.markets, last=_last(cleaned), cutoff=cutoff, world=world)


def frame_of(taught: Taught) -> pl.DataFrame:
    """The forecasts of every market, in FORECAST_SCHEMA's columns but for `excluded`."""
    return pl.concat([told(taught, rows) for rows in blocks(taught.markets.height)])


def renewed(taught: Taught, prices: pl.DataFrame, cutoff: datetime) -> pl.DataFrame | None:
    """As `frame_of`, the forecasts at a later `cutoff` of the markets in `prices` alone; all that is known of those.

    Looks at these markets and their peers only, so it takes milliseconds however many markets there are. None where one
    of them is not among those that were learned on.
    """
    cleaned = clean(prices, cutoff)
    numbers = taught.markets.select("market").with_row_index("number")
    found = cleaned.markets.join(numbers, on="market", how="left", maintain_order="left").get_column("number")
    if cleaned.excluded.height or found.null_count():
        return None
    rows = found.to_numpy().astype(np.int64)
    group = taught.world.peers.groups[2]
    members = np.flatnonzero(np.isin(group, group[rows]))
    own = np.searchsorted(members, rows)
    world = _narrowed(taught, members, own, read(cleaned.events, cleaned.markets, cutoff), cutoff)
    return row_of(replace(taught, cutoff=cutoff), rows, world.rows(0.0, own), _last(cleaned))


def _narrowed(taught: Taught, members: Ints, own: Ints, news: Events, cutoff: datetime) -> World:
    """The world of these `members` at the cutoff; of those at `own` the events are `news`."""
    events, every = taught.world.events, taught.world.peers
    ahead = (cutoff - taught.cutoff).total_seconds() / 3600
    ends = np.append(events.start[1:], len(events.time))
    others = np.setdiff1d(np.arange(len(members)), own)
    size = ends[members[others]] - events.start[members[others]]
    chosen = np.concatenate([np.zeros(0, np.int64), *(np.arange(events.start[m], ends[m]) for m in members[others])])
    market = np.concatenate([np.repeat(others, size), own[news.market]])
    order = np.argsort(market, kind="stable")
    time = np.concatenate([events.time[chosen] - ahead, news.time])
    level = np.concatenate([events.level[chosen], news.level])
    small = assemble(market[order], time[order], level[order], len(members))
    kind, zone, region = (_dense(group[members]) for group in every.groups)
    return World(small, Peers((kind, zone, region), every.size[members]), hour_of_week(cutoff))


def _dense(group: Ints) -> Ints:
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _last(cleaned: Clean) -> Floats:
    return cleaned.events.group_by("market").last().sort("market").get_column("price").to_numpy()
