"""Forecasts after new prices, without learning again: of every market, or of the one whose price is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from analytics.spot.clean import clean
from analytics.spot.events import assemble, read
from analytics.spot.features import hour_of_week
from analytics.spot.forecast import Taught, row_of, told
from analytics.spot.grid import Floats, Ints
from analytics.spot.peers import Peers
from analytics.spot.sample import World, blocks


def refreshed(taught: Taught, prices: pl.DataFrame, cutoff: datetime) -> Taught | None:
    """The same learning at a later `cutoff` with all `prices` up to it.

    None where the markets or their prices at the time of learning are others now: then it was learned elsewhere.
    """
    cleaned = clean(prices, cutoff)
    if not cleaned.markets.get_column("market").equals(taught.markets.get_column("market")):
        return None
    world = World(read(cleaned.events, cleaned.markets, cutoff), taught.world.peers, hour_of_week(cutoff))
    every = np.arange(world.events.markets)
    then = np.full(len(every), (taught.cutoff - cutoff).total_seconds() / 3600)
    if not np.allclose(world.events.level[world.events.at(every, then)], np.log(taught.last)):
        return None
    last = cleaned.events.group_by("market").last().sort("market").get_column("price").to_numpy()
    return replace(taught, markets=cleaned.markets, last=last, cutoff=cutoff, world=world)


def frame_of(taught: Taught) -> pl.DataFrame:
    """The forecasts of every market, in FORECAST_SCHEMA's columns but for `excluded`."""
    return pl.concat([told(taught, rows) for rows in blocks(taught.markets.height)])


def renewed(taught: Taught, market: int, at: datetime, price: float) -> pl.DataFrame:
    """The forecast of one market (its number in `taught.markets`) from its new `price` (USD/h), given `at`.

    Looks at the market and its peers only, so it takes milliseconds however many markets there are.
    """
    ahead = (at - taught.cutoff).total_seconds() / 3600
    group = taught.world.peers.groups[2]
    members = np.flatnonzero(group == group[market])
    own = int(np.searchsorted(members, market))
    world = _with(_narrowed(taught.world, members, ahead), own, float(np.log(price)))
    sample = world.rows(0.0, np.array([own]))
    return row_of(replace(taught, cutoff=at), np.array([market]), sample, np.array([price]))


def _narrowed(world: World, members: Ints, ahead: float) -> World:
    """Only these markets, seen from `ahead` hours later."""
    events, every = world.events, world.peers
    ends = np.append(events.start[1:], len(events.time))
    slices = [np.arange(events.start[m], ends[m]) for m in members]
    chosen = np.concatenate(slices)
    number = np.repeat(np.arange(len(members)), [len(part) for part in slices])
    kind, zone, region = (_dense(group[members]) for group in every.groups)
    small = assemble(number, events.time[chosen] - ahead, events.level[chosen], len(members))
    return World(small, Peers((kind, zone, region), every.size[members]), world.clock + ahead)


def _dense(group: Ints) -> Ints:
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def _with(world: World, own: int, level: float) -> World:
    """The world with one more event, now."""
    events = world.events
    place = int(np.searchsorted(events.market, own, side="right"))
    if events.level[place - 1] == level:
        return world

    def put(values: Floats, value: float) -> Floats:
        return np.insert(values, place, value)

    market = np.insert(events.market, place, own)
    return replace(world, events=assemble(market, put(events.time, 0.0), put(events.level, level), events.markets))
