"""Which points are believed: network, regression or naive, by volatility regime and horizon, then by market.

Everything here is decided on forecasts of past moments that were made without sight of what followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.spot.features import Singles
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.levels import KNOTS

MIXES = np.array(
    [(0, 0), (0.25, 0), (0.5, 0), (0.75, 0), (1, 0), (0.7, 0.3), (0.5, 0.5), (0.25, 0.25), (0, 0.5), (0, 1)],
    dtype=np.float32,
)
"""Shares of the network's and of the regression's point; the rest is naive's. The first is naive."""
TRUSTED = 4
REGIMES = 3
HURDLE = 0.99
"""A mix must have missed less than this share of what naive missed: a tie is naive's."""
CHANCE = 0.25
"""How much of a lead may be chance, over the root of the evidence: by so much the expected mix is favoured."""
PATIENCE = 40.0
"""How many windows of its own a market needs before its record outweighs that of its regime."""
SHORT = np.asarray(KNOTS) <= 24
PARTS = ((SHORT, 24.0), (~SHORT, 168.0))


@dataclass(frozen=True, slots=True)
class Points:
    """Of each row, in log price: the network's and the regression's point (rows × knots; 0 where there is no model)."""

    network: Singles
    linear: Singles

    def mixed(self, shares: Singles) -> Singles:
        """`shares` is rows × knots × 2."""
        return np.asarray(shares[..., 0] * self.network + shares[..., 1] * self.linear)


@dataclass(frozen=True, slots=True)
class Blend:
    """`edges` part the regimes of the scale, and markets that seldom move are the last regime; `shares` is regimes ×
    knots × 2; `favoured` is the mix to expect."""

    edges: Floats
    shares: Singles
    favoured: int

    def point(self, points: Points, scale: Floats, rare: Bools) -> Singles:
        return points.mixed(self.shares[_place(self.edges, scale, rare)])


def _place(edges: Floats, scale: Floats, rare: Bools) -> Ints:
    return np.where(rare, len(edges) + 1, np.searchsorted(edges, scale))


def trusting(network: bool) -> Blend:
    """What to believe while there is no evidence: the network where there is one, else naive."""
    favoured = TRUSTED if network else 0
    return Blend(np.empty(0), np.tile(MIXES[favoured], (2, len(KNOTS), 1)), favoured)


def choose(points: Points, target: Singles, scale: Floats, rare: Bools, every: float, otherwise: Blend) -> Blend:
    """The mix that has missed least in each regime and part of the horizon, if it beat naive by more than chance.

    `every` is the hours between a market's rows: rows that overlap are one piece of evidence. Where nothing is known
    about a part, it is as `otherwise` has it.
    """
    if not len(scale):
        return otherwise
    edges = np.quantile(scale[~rare], np.linspace(0, 1, REGIMES + 1)[1:-1]) if not rare.all() else np.empty(0)
    place = _place(edges, scale, rare)
    shares = np.repeat(otherwise.shares[:1], len(edges) + 2, axis=0).copy()
    for regime in range(len(edges) + 2):
        for knots, span in PARTS:
            rows = (place == regime) & np.isfinite(target[:, knots]).all(axis=1)
            evidence = rows.sum() * min(1.0, every / span)
            if evidence < 8:
                continue
            follow = target[rows][:, knots]
            network, linear = points.network[rows][:, knots], points.linear[rows][:, knots]
            missed = np.array([np.abs(follow - a * network - b * linear).sum() for a, b in MIXES], dtype=np.float64)
            missed[0] *= HURDLE - CHANCE / np.sqrt(evidence)
            missed[otherwise.favoured] *= 1 - CHANCE / np.sqrt(evidence)
            shares[regime, knots] = MIXES[missed.argmin()]
    return Blend(edges, shares, otherwise.favoured)


def record(market: Ints, markets: int, point: Singles, target: Singles, every: float) -> Floats:
    """Each market's error over naive's for knots to a day and beyond (markets × knots), drawn to that of all."""
    ratio = np.ones((markets, len(KNOTS)))
    for knots, span in PARTS:
        rows = np.isfinite(target[:, knots]).all(axis=1)
        missed = np.abs(target[rows][:, knots] - point[rows][:, knots]).sum(axis=1)
        naive = np.abs(target[rows][:, knots]).sum(axis=1)
        own, base, windows = (
            np.bincount(market[rows], weights=value, minlength=markets)
            for value in (missed, naive, np.full(len(missed), min(1.0, every / span)))
        )
        pooled = own.sum() / base.sum() if base.sum() > 0 else 0.0
        own_ratio = np.where(base > 0, own / np.maximum(base, 1e-12), pooled)
        ratio[:, knots] = ((own_ratio * windows + PATIENCE * pooled) / (windows + PATIENCE))[:, None]
    return ratio


def believed(ratio: Floats) -> Bools:
    """Where the mix is used: a market on which naive has been better keeps naive."""
    return np.asarray(ratio < HURDLE)
