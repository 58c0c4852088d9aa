"""How delivered forecasts have done at past moments, market by market: the score that stands beside each forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.spot.features import Singles
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.learning import Model, Settled
from analytics.spot.levels import INSIDE_80, INSIDE_95, KNOTS, LEVELS
from analytics.spot.sample import BLOCK, taken

HORIZONS = (24, 168)
_LEVELS = np.asarray(LEVELS[1:-1], dtype=np.float32)
_TOUCHING = np.float32(1e-6)


@dataclass(frozen=True, slots=True)
class Record:
    """Per market: `skill` of (mae | crps, horizon), NaN where naive made no error or nothing was judged; the shares of
    outcomes inside the 80 % and 95 % intervals, and the number of moments whose week is known."""

    skill: dict[tuple[str, int], Floats]
    inside_80: Floats
    inside_95: Floats
    moments: Ints


def hour_weights(horizon: int) -> Floats:
    """How many of the hours 1…horizon each knot speaks for: the straight line between knots, summed."""
    hours = np.arange(1, horizon + 1)
    return np.stack([np.interp(hours, KNOTS, unit).sum() for unit in np.eye(len(KNOTS))])


def records(model: Model, markets: int) -> Record:
    """The record of every market. What was decided on one half of the judged time is judged on the other."""
    sums = np.zeros((8 + 1, markets))
    week = np.zeros(markets, dtype=np.int64)
    if model.judged is not None and model.halves is not None:
        middle = np.median(model.judged.sample.time)
        late = model.judged.sample.time > middle
        for rows, settled in ((late, model.halves[1]), (~late, model.halves[0])):
            for start in range(0, int(rows.sum()), BLOCK):
                _add(sums, week, model, settled, np.flatnonzero(rows)[start : start + BLOCK])
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = {
            (name, horizon): np.where(sums[3 * n] > 1e-9, 1 - sums[3 * n + place] / sums[3 * n], np.nan)
            for n, horizon in enumerate(HORIZONS)
            for place, name in ((1, "mae"), (2, "crps"))
        }
        return Record(skill, sums[6] / sums[8], sums[7] / sums[8], week)


def _add(sums: Floats, week: Ints, model: Model, settled: Settled, rows: Ints) -> None:
    assert model.judged is not None
    sample = taken(model.judged.sample, rows)
    point, quantiles, _ = settled.deliver(sample.market, sample.past, model.judged.guess.parts(rows))
    markets = sums.shape[1]

    def by_market(values: Floats) -> Floats:
        return np.asarray(np.bincount(sample.market, weights=values, minlength=markets), dtype=np.float64)

    target = sample.target
    crps = _crps(quantiles.astype(np.float32), target)
    for n, horizon in enumerate(HORIZONS):
        knots = np.asarray(KNOTS) <= horizon
        weights = hour_weights(horizon)[knots]
        whole = np.isfinite(target[:, knots]).all(axis=1)
        for place, loss in enumerate((np.abs(target), np.abs(target - point), crps)):
            sums[3 * n + place] += by_market(np.where(whole, np.nan_to_num(loss[:, knots]) @ weights, 0.0))
    week += np.bincount(sample.market, weights=whole, minlength=markets).astype(np.int64)
    seen = np.isfinite(target) * hour_weights(HORIZONS[-1])
    for place, (low, high) in ((6, INSIDE_80), (7, INSIDE_95)):
        inside: Bools = (target >= quantiles[..., low] - _TOUCHING) & (target <= quantiles[..., high] + _TOUCHING)
        sums[place] += by_market((inside * seen).sum(axis=1))
    sums[8] += by_market(seen.sum(axis=1))


def _crps(quantiles: Singles, target: Singles) -> Singles:
    gap = target[..., None] - quantiles[..., 1:-1]
    return np.asarray(2 * np.maximum(_LEVELS * gap, (_LEVELS - 1) * gap).mean(axis=-1))
