"""A small neural network in numpy: for every row the median of what follows, and the spread below and above it.

Two hidden layers, one output triple per horizon, trained on the pinball loss at seven levels. Its few thousand weights
are the prior that is shipped; the same training carries on from them with what a store has seen itself. Rows are in
units of a market's own scale (analytics.spot.features), so one network serves all markets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from analytics.spot.features import WIDEST_INPUT, Singles
from analytics.spot.levels import KNOTS

HIDDEN = (48, 32)
LEARNED = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], dtype=np.float32)
GROWTH = ((np.asarray(KNOTS) / 24.0) ** 0.85).astype(np.float32)
"""How targets grow with the horizon: outputs are divided by it, so that all of them have one size."""
LEAK = np.float32(0.1)
BATCH = 512
DECAY = 1e-3
MEDIAN_WEIGHT = 4.0
_TAIL = np.where(LEARNED < 0.5, -np.log(2 * LEARNED), -np.log(2 * (1 - LEARNED))).astype(np.float32)
_BELOW, _ABOVE = slice(0, 3), slice(4, 7)


@dataclass(frozen=True, slots=True)
class Network:
    """`layers` are (weights, bias) pairs; inputs are less `centre`, over `spread`, before the first of them."""

    centre: Singles
    spread: Singles
    layers: tuple[tuple[Singles, Singles], ...]

    def outlook(self, inputs: Singles) -> tuple[Singles, Singles, Singles]:
        """Median, spread below and spread above, each rows × knots, in units of the scale."""
        knots = len(KNOTS)
        out = _forward(self.standard(inputs), self.layers)[-1]
        spreads = np.exp(np.clip(out[:, knots:], -8, 5)) * np.tile(GROWTH, 2)
        return out[:, :knots] * GROWTH, spreads[:, :knots], spreads[:, knots:]

    def standard(self, inputs: Singles) -> Singles:
        return np.asarray(np.clip((inputs - self.centre) / self.spread, -WIDEST_INPUT, WIDEST_INPUT))


def fresh(inputs: Singles, seed: int) -> Network:
    """An untrained network for rows like `inputs`."""
    random = np.random.default_rng(seed)
    sizes = (inputs.shape[1], *HIDDEN, 3 * len(KNOTS))
    layers = []
    for place, (width, out) in enumerate(pairwise(sizes)):
        gain = 1.0 if place < len(HIDDEN) else 0.1
        weights = random.normal(size=(width, out)) * np.sqrt(gain / width)
        layers.append((weights.astype(np.float32), np.zeros(out, dtype=np.float32)))
    return Network(inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-3), tuple(layers))


def train(
    start: Network, inputs: Singles, target: Singles, weight: Singles, *, epochs: int, rate: float, seed: int
) -> Network:
    """The network after `epochs` over the rows, by Adam with a falling step.

    `target` (rows × knots) is in units of the scale, NaN where it is not known; `weight` is a row's.
    """
    random = np.random.default_rng(seed)
    target = target / GROWTH
    weight = (weight / weight.mean()).astype(np.float32)
    values = [array.copy() for layer in start.layers for array in layer]
    slow, square = [np.zeros_like(v) for v in values], [np.zeros_like(v) for v in values]
    batches = max(1, len(inputs) // BATCH)
    total = epochs * batches
    turn = 0
    for _ in range(epochs):
        order = random.permutation(len(inputs))
        for number in range(batches):
            chosen = order[number * BATCH : (number + 1) * BATCH]
            turn += 1
            pace = rate * min(1.0, turn / (0.1 * total)) * 0.5 * (1 + np.cos(np.pi * turn / total))
            layers = list(zip(values[::2], values[1::2], strict=True))
            slopes = _slopes(layers, start.standard(inputs[chosen]), target[chosen], weight[chosen])
            for place, (value, slope) in enumerate(zip(values, slopes, strict=True)):
                slow[place] += 0.1 * (slope - slow[place])
                square[place] += 0.01 * (slope * slope - square[place])
                step = (slow[place] / (1 - 0.9**turn)) / (np.sqrt(square[place] / (1 - 0.99**turn)) + 1e-8)
                value -= np.float32(pace) * (step + (np.float32(DECAY) * value if place % 2 == 0 else np.float32(0)))
    return replace(start, layers=tuple(zip(values[::2], values[1::2], strict=True)))


def _forward(rows: Singles, layers: Sequence[tuple[Singles, Singles]]) -> list[Singles]:
    values = [rows]
    for weights, bias in layers[:-1]:
        value = values[-1] @ weights + bias
        values.append(np.where(value > 0, value, LEAK * value))
    weights, bias = layers[-1]
    values.append(values[-1] @ weights + bias)
    return values


def _slopes(layers: list[tuple[Singles, Singles]], rows: Singles, target: Singles, weight: Singles) -> list[Singles]:
    """The slope of the mean loss in every weight and bias, layer by layer."""
    values = _forward(rows, layers)
    slope = _loss_slope(values[-1], target, weight) / np.float32(len(rows))
    found: list[Singles] = []
    for place in range(len(layers) - 1, -1, -1):
        found[:0] = [values[place].T @ slope, slope.sum(axis=0)]
        if place:
            slope = (slope @ layers[place][0].T) * np.where(values[place] > 0, np.float32(1), LEAK)
    return found


def _loss_slope(out: Singles, target: Singles, weight: Singles) -> Singles:
    """The slope of the pinball loss in the outputs: of a quantile it is 1 − level above the target, −level below."""
    knots = len(KNOTS)
    known = np.isfinite(target)
    share = np.where(known, weight[:, None] * _KNOT_WEIGHT, np.float32(0)) / np.float32(len(LEARNED))
    median = out[:, :knots]
    low, high = (np.exp(np.clip(part, -8, 5)) for part in (out[:, knots : 2 * knots], out[:, 2 * knots :]))
    miss = np.where(known, target - median, np.float32(0))
    beyond_low = (miss[..., None] < -low[..., None] * _TAIL[_BELOW]).astype(np.float32) - LEARNED[_BELOW]
    beyond_high = (miss[..., None] < high[..., None] * _TAIL[_ABOVE]).astype(np.float32) - LEARNED[_ABOVE]
    middle = ((miss < 0) - np.float32(0.5)) * np.minimum(np.float32(1), 20 * np.abs(miss))
    in_median = MEDIAN_WEIGHT * middle + beyond_low.sum(axis=-1) + beyond_high.sum(axis=-1)
    in_low = -(beyond_low * _TAIL[_BELOW]).sum(axis=-1) * low
    in_high = (beyond_high * _TAIL[_ABOVE]).sum(axis=-1) * high
    return np.asarray(np.concatenate([in_median * share, in_low * share, in_high * share], axis=1), dtype=np.float32)


def _knot_weight() -> Singles:
    """A day's and a week's mean error weigh alike: each knot speaks for the hours around it."""
    weight = np.zeros(len(KNOTS))
    for horizon in (24, 168):
        hours = np.arange(1, horizon + 1)
        weight += [np.interp(hours, KNOTS, unit).sum() / horizon for unit in np.eye(len(KNOTS))]
    scaled = weight * GROWTH
    return np.asarray(scaled / scaled.mean(), dtype=np.float32)


_KNOT_WEIGHT = _knot_weight()
