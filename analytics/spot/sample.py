"""Rows to learn from and to be judged by: markets at past moments, with what followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analytics.spot.events import Events
from analytics.spot.features import MONTH, Past, Singles, past
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.levels import KNOTS
from analytics.spot.peers import Peers

SHORT_WINDOWS = (24.0, float(MONTH))
"""Rows that shall teach how to do with little history see between a day and four weeks."""
BLOCK = 4_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Row by row: `market`, `time` (hours, ≤ 0), `past`, and `target` (rows × knots): the log return that followed,
    NaN where it lies after the cutoff."""

    market: Ints
    time: Floats
    past: Past
    target: Singles

    def __len__(self) -> int:
        return len(self.market)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is known at a cutoff: `events`, who is whose peer, and the hour of the week at time 0."""

    events: Events
    peers: Peers
    clock: float

    def rows(self, time: float, market: Ints, window: Floats | None = None) -> Sample:
        """The sample of these markets at one moment."""
        when = np.full(len(market), time)
        standing = self.peers.standing(self.events, time)[market]
        seen = past(self.events, market, when, self.clock, standing, window)
        now = self.events.level[self.events.at(market, when)]
        target = np.full((len(market), len(KNOTS)), np.nan, dtype=np.float32)
        for knot, ahead in enumerate(KNOTS):
            if time + ahead <= 0:
                target[:, knot] = self.events.level[self.events.at(market, when + ahead)] - now
        return Sample(market, when, seen, target)


def drawn(world: World, size: int, span: tuple[float, float], moments: int, seed: int, short: float) -> Sample | None:
    """About `size` rows of markets that move, at `moments` random moments of `span`; a share `short` of them sees only
    a short window. None where no row can be had."""
    random = np.random.default_rng(seed)
    moving = np.bincount(world.events.market, minlength=world.events.markets) > 1
    parts = []
    for time in np.sort(random.uniform(*span, size=moments)):
        able = np.flatnonzero(moving & (world.events.first <= time - SHORT_WINDOWS[0]))
        if not len(able):
            continue
        chosen = np.sort(random.permutation(able)[: max(size // moments, 1)])
        limits = np.exp(random.uniform(np.log(SHORT_WINDOWS[0]), np.log(SHORT_WINDOWS[1]), size=len(chosen)))
        window = np.where(random.random(len(chosen)) < short, limits, 1e5)
        parts.append(world.rows(float(time), chosen, window))
    whole = joined(parts)
    return whole if whole is None else taken(whole, ~whole.past.flat)


def joined(parts: list[Sample]) -> Sample | None:
    if not parts:
        return None
    pasts = [part.past for part in parts]
    return Sample(
        np.concatenate([part.market for part in parts]),
        np.concatenate([part.time for part in parts]),
        Past(
            np.concatenate([p.inputs for p in pasts]),
            np.concatenate([p.linear for p in pasts]),
            np.concatenate([p.scale for p in pasts]),
            np.concatenate([p.known for p in pasts]),
            np.concatenate([p.flat for p in pasts]),
            np.concatenate([p.rare for p in pasts]),
        ),
        np.concatenate([part.target for part in parts]),
    )


def taken(sample: Sample, rows: Bools | Ints) -> Sample:
    """Only those rows."""
    p = sample.past
    chosen = Past(p.inputs[rows], p.linear[rows], p.scale[rows], p.known[rows], p.flat[rows], p.rare[rows])
    return Sample(sample.market[rows], sample.time[rows], chosen, sample.target[rows])


def before(sample: Sample, time: float) -> Sample:
    """The rows as they were known at an earlier `time`: what followed later is hidden, rows without a sequel go."""
    known = sample.time[:, None] + np.asarray(KNOTS)[None, :] <= time
    kept = known.any(axis=1)
    hidden = np.where(known, sample.target, np.float32(np.nan))
    return taken(Sample(sample.market, sample.time, sample.past, hidden), kept)


def blocks(markets: int) -> Iterator[Ints]:
    """Numbers of markets in blocks that bound the memory of what is made of them."""
    for start in range(0, markets, BLOCK):
        yield np.arange(start, min(start + BLOCK, markets))
