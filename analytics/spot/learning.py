"""What a store's own past teaches: networks and regression, which of them to believe, and how far they miss.

First everything is fitted on what was known weeks ago and judged on what came since: that gives the misses which
calibrate the intervals, the evidence for believing a point, and every market's record, none of them from rows of a
fit. Then the fits carry on to now.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from analytics.spot import lad
from analytics.spot.blending import Blend, Points, believed, choose, record, trusting
from analytics.spot.features import LINEAR, Past, Singles
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.intervals import Spread, Table, by_bin, calibrate, mixed, plain, sane, wide
from analytics.spot.levels import KNOTS
from analytics.spot.network import Network, fresh, train
from analytics.spot.sample import Sample, World, before, drawn, joined, taken

JUDGED_HOURS = 504.0
EVERY = 19.0
"""Hours between the moments that are judged: no divisor of a day or a week, so that all hours of both come up."""
MAX_JUDGED, FEWEST_MOMENTS = 120_000, 4
MIN_FIT_ROWS, MIN_NETWORK_ROWS, MAX_FIT_ROWS = 300, 3000, 110_000
MOMENTS = 180
HOURS_PER_ROW = 6.0
"""Rows of one market closer than this say nearly the same."""
EPOCHS, LATER_EPOCHS, RATE, LATER_RATE = 9, 3, 3e-3, 8e-4
WEIGHT_POWER = 0.7
"""Rows weigh by their scale, somewhat less than their part in the error would have it: the wildest are few."""
CALIBRATED_ROWS = 60_000
TRUST_DAYS = 1.0
"""So many days of own misses weigh as much as the prior's table."""
KNOWN_HOURS = 24.0

Fit = Callable[[Floats, Floats, Floats | None], Floats]


@dataclass(frozen=True, slots=True)
class Prior:
    """What was learned elsewhere; `flat` is knots × levels, the quantiles of the log return of a market at rest."""

    networks: tuple[Network, ...]
    moving: Table
    naive: Table
    flat: Floats
    told: str = ""


def nothing() -> Prior:
    """No prior: wide intervals around naive."""
    still = np.repeat(wide().quantiles[:1, :1], len(KNOTS), axis=1)[0] * 1e-3
    return Prior((), wide(), wide(), still)


@dataclass(frozen=True, slots=True)
class Guess:
    """What the fits say of rows: points and spread in log price."""

    points: Points
    spread: Spread

    def parts(self, rows: Bools | Ints) -> Guess:
        return Guess(Points(self.points.network[rows], self.points.linear[rows]), self.spread.parts(rows))


@dataclass(frozen=True, slots=True)
class Fits:
    """`linear` is LINEAR × knots, zero where there was too little to learn from."""

    networks: tuple[Network, ...]
    linear: Floats

    @property
    def taught(self) -> bool:
        return bool(self.networks) or bool(self.linear.any())

    def guess(self, past: Past) -> Guess:
        scale = past.scale[:, None].astype(np.float32)
        linear = (past.linear @ self.linear).astype(np.float32)
        if not self.networks:
            return Guess(Points(np.zeros_like(linear), linear), plain(past.scale))
        outlooks = [one.outlook(past.inputs) for one in self.networks]
        median, below, above = (
            sum(parts[1:], parts[0]) / np.float32(len(parts)) for parts in zip(*outlooks, strict=True)
        )
        return Guess(Points(median * scale, linear), Spread(below * scale, above * scale))


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided on judged rows: the blend, the tables with and without it, and each market's gate by knot."""

    blend: Blend
    moving: Table
    naive: Table
    flat: Floats
    gate: Bools

    def deliver(self, sample_market: Ints, past: Past, guess: Guess) -> tuple[Singles, Floats, Bools]:
        """Point and quantiles as log returns, and where (rows × knots) the point is more than naive."""
        point = self.blend.point(guess.points, past.scale, past.rare)
        used = self.gate[sample_market] & ~past.flat[:, None] & (point != 0)
        point = np.where(used, np.clip(point, -1.5, 1.5), np.float32(0))
        miss = np.where(used[..., None], self.moving.at(guess.spread), self.naive.at(guess.spread))
        quantiles = np.where(past.flat[:, None, None], self.flat, point[..., None] + miss)
        return point, sane(quantiles), used


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of the judged time, what the earlier fits said of them, and the hours between a market's rows."""

    sample: Sample
    guess: Guess
    every: float


@dataclass(frozen=True, slots=True)
class Model:
    """All that a forecast needs besides the market's own past; `judged` is the evidence (None without any)."""

    fits: Fits
    settled: Settled
    judged: Judged | None
    halves: tuple[Settled, Settled] | None


@dataclass(frozen=True, slots=True)
class Ways:
    """How to learn: the regression's fit, the number of networks (0 for none), the share of rows that see only a short
    window, and the seed that makes everything deterministic."""

    fit: Fit = lad.fit
    networks: int = 2
    short: float = 0.1
    seed: int = 0


def learn(world: World, prior: Prior, ways: Ways | None = None) -> Model:
    """Everything that the events of `world` and the prior teach."""
    ways = ways or Ways()
    oldest = float(-world.events.first.min(initial=0.0))
    parted = -min(JUDGED_HOURS, oldest / 2)
    rows = _rows(world, oldest, ways)
    start = prior.networks[: ways.networks]
    early = _fits(before(rows, parted) if rows else None, start, ways)
    judged = _judge(world, early, max(parted, KNOWN_HOURS - oldest))
    markets = world.events.markets
    settled = settle(judged, markets, prior, bool(early.networks))
    fits = _fits(rows, early.networks, ways)
    halves = None
    if judged is not None and len(np.unique(judged.sample.time)) >= 4:
        middle = np.median(judged.sample.time)
        parts = (judged.sample.time > middle, judged.sample.time <= middle)
        halves = tuple(settle(_part(judged, half), markets, prior, bool(early.networks)) for half in parts)
    return Model(fits, settled, judged, halves)  # type: ignore[arg-type]


def _rows(world: World, oldest: float, ways: Ways) -> Sample | None:
    moving = int((np.bincount(world.events.market, minlength=world.events.markets) > 1).sum())
    size = int(min(MAX_FIT_ROWS, moving * oldest / HOURS_PER_ROW))
    if size < MIN_FIT_ROWS or oldest < 2 * KNOWN_HOURS:
        return None
    return drawn(world, size, (-oldest + KNOWN_HOURS, -1.0), MOMENTS, ways.seed, ways.short)


def _fits(rows: Sample | None, start: tuple[Network, ...], ways: Ways) -> Fits:
    linear = np.zeros((len(LINEAR), len(KNOTS)))
    if rows is None or len(rows) < MIN_FIT_ROWS:
        return Fits(start, linear)
    unit = np.maximum(rows.past.linear.std(axis=0), 1e-9)
    features = (rows.past.linear / unit).astype(np.float64)
    believable = rows.past.known >= 4 * KNOWN_HOURS
    former = None
    for knot in range(len(KNOTS)):
        known = np.flatnonzero(np.isfinite(rows.target[:, knot]) & believable)[:20_000]
        if len(known) >= MIN_FIT_ROWS:
            former = ways.fit(features[known], rows.target[known, knot].astype(np.float64), former)
            linear[:, knot] = former / unit
    return Fits(_networks(rows, start, ways), linear)


def _networks(rows: Sample, start: tuple[Network, ...], ways: Ways) -> tuple[Network, ...]:
    """The networks carried on, or made; none where there is too little to make them from."""
    if not ways.networks or len(rows) < MIN_NETWORK_ROWS:
        return start
    target = np.asarray(rows.target / rows.past.scale[:, None], dtype=np.float32)
    weight = np.asarray(np.exp(WEIGHT_POWER * np.log(rows.past.scale)), dtype=np.float32)
    begin = tuple(
        start[n % len(start)] if start else fresh(rows.past.inputs, ways.seed + n) for n in range(ways.networks)
    )
    epochs, rate = (LATER_EPOCHS, LATER_RATE) if start else (EPOCHS, RATE)

    def carried_on(number: int) -> Network:
        seed = ways.seed + number
        return train(begin[number], rows.past.inputs, target, weight, epochs=epochs, rate=rate, seed=seed)

    # The matrices are small: a thread for each network is worth more than several for each product.
    with threadpool_limits(1), ThreadPoolExecutor(len(begin)) as threads:
        return tuple(threads.map(carried_on, range(len(begin))))


def _judge(world: World, fits: Fits, since: float) -> Judged | None:
    """Every market at moments since then, as the fits would have had it; None where nothing has followed yet."""
    markets = world.events.markets
    count = int(np.clip(MAX_JUDGED // max(markets, 1), FEWEST_MOMENTS, 10_000))
    every = max(EVERY, -since / count) if -since > 2 * EVERY else 5.0
    samples, guesses = [], []
    for time in np.arange(-1.0, since, -every):
        able = np.flatnonzero(world.events.first <= time - KNOWN_HOURS)
        if len(able):
            sample = world.rows(float(np.floor(time)), able)
            guesses.append(fits.guess(sample.past))
            hollow = Past(np.empty((len(able), 0), np.float32), sample.past.linear[:, :0], *_rest(sample.past))
            samples.append(Sample(sample.market, sample.time, hollow, sample.target))
    whole = joined(samples)
    if whole is None:
        return None
    network, linear, below, above = (
        np.concatenate(parts)
        for parts in zip(
            *((g.points.network, g.points.linear, g.spread.below, g.spread.above) for g in guesses), strict=True
        )
    )
    return Judged(whole, Guess(Points(network, linear), Spread(below, above)), every)


def _rest(past: Past) -> tuple[Floats, Floats, Bools, Bools]:
    return past.scale, past.known, past.flat, past.rare


def _part(judged: Judged, rows: Bools) -> Judged:
    return Judged(taken(judged.sample, rows), judged.guess.parts(rows), judged.every)


def settle(judged: Judged | None, markets: int, prior: Prior, network: bool) -> Settled:
    """Decide on judged rows; the prior stands in for what they do not show."""
    trust = trusting(network)
    everyone = np.ones((markets, len(KNOTS)), dtype=np.bool_)
    if judged is None:
        return Settled(trust, prior.moving, prior.naive, prior.flat, everyone)
    resting = judged.sample.past.flat
    flat = _flat(judged.sample.target[resting], prior.flat)
    moving = _part(judged, ~resting)
    seen = moving.sample.past
    blend = choose(moving.guess.points, moving.sample.target, seen.scale, seen.rare, judged.every, trust)
    point = blend.point(moving.guess.points, seen.scale, seen.rare)
    ratio = record(moving.sample.market, markets, point, moving.sample.target, judged.every)
    few = np.random.default_rng(len(point)).permutation(len(point))[:CALIBRATED_ROWS]
    spread = moving.guess.spread.parts(few)
    share = _trust(moving.sample) if prior.networks else np.ones(len(KNOTS))
    tables = [
        mixed(calibrate(miss[few], spread, other), other, share)
        for miss, other in ((moving.sample.target - point, prior.moving), (moving.sample.target, prior.naive))
    ]
    return Settled(blend, tables[0], tables[1], flat, believed(ratio))


def _trust(sample: Sample) -> Floats:
    """How much of the tables is our own, by knot: more with every day whose outcome is known."""
    days = np.array(
        [len(np.unique(np.floor(sample.time[np.isfinite(sample.target[:, k])] / 24))) for k in range(len(KNOTS))]
    )
    return days / (days + TRUST_DAYS)


def _flat(target: Singles, otherwise: Floats) -> Floats:
    table = otherwise.copy()
    for knot in range(len(KNOTS)):
        moved = target[np.isfinite(target[:, knot]), knot].astype(np.float64)
        found = by_bin(moved, np.zeros(len(moved), dtype=np.int64), 1)[0]
        table[knot] = np.where(np.isfinite(found), found, table[knot])
    return table
