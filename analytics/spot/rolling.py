"""Momentum forecasts, made again at past checkpoints as they would have been made then, and then for now.

At each checkpoint the pooled model is fitted on what was known, gates and intervals are set from the misses of the
checkpoints before, and the origins up to the next checkpoint are forecast. So one pass yields the residuals that
calibrate the intervals (never rows of the fit), the evidence for the gates, the measured skill of every market, and,
at the last checkpoint, the forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from analytics.spot import intervals, lad
from analytics.spot.features import Panel, Past
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.intervals import Table
from analytics.spot.levels import INSIDE_80, INSIDE_95, KNOTS, LEVELS

EVERY = 12
"""Hours between origins."""
FOLD = 84
"""Hours between checkpoints."""
BACKTEST = 504
MIN_KNOWN = 96
"""Hours of a market that must be known before momentum is believed."""
SHORT_HISTORY, SHORT_WIDER = 336, 1.25
MIN_FIT_ROWS = 300
MAX_FIT_ROWS = 20_000
SHRINK = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
HURDLE = 0.99
"""Momentum must have missed less than this share of what naive missed: a tie is naive's."""
REGIMES = 3
WEEK = 168 // EVERY
CALM_SHARE = 0.8
"""How much of the measured weekly rhythm of misses is believed."""
PATIENCE = 40.0
"""How many windows of its own a market needs before its record outweighs that of its regime."""
SHORT = np.asarray(KNOTS) <= 24
HORIZON = np.asarray(KNOTS)


Fit = Callable[[Floats, Floats, Floats | None], Floats]


@dataclass(frozen=True, slots=True)
class Model:
    """What one checkpoint knows: coefficients (features × knots), regime gates (regimes × knots), market gates
    (markets × knots, False where naive has been better), interval tables with and without momentum, and the weekly
    rhythm of misses (half-days of the week, the last origin's first × knots)."""

    beta: Floats
    regime_edges: Floats
    regime_gate: Floats
    market_gate: Bools
    moving: Table
    naive: Table
    flat: Floats
    rhythm: Floats

    def regime(self, scale: Floats) -> Floats:
        return self.regime_gate[np.searchsorted(self.regime_edges, scale)]


@dataclass(slots=True)
class Rolling:
    """Losses of delivered forecasts at past origins (origins × markets × knots, NaN where the outcome is unknown),
    and the forecast from the last hour as log returns: `point` (markets × knots), `quantiles` (… × levels)."""

    error: Floats
    crps: Floats
    naive_error: Floats
    inside_80: Floats
    inside_95: Floats
    point: Floats = field(default_factory=lambda: np.empty(0))
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    model: Model | None = None
    candidate: Floats = field(default_factory=lambda: np.empty(0))
    past: Past | None = None


class Backtester:
    """Rolls over one panel. Deterministic for a seed (it draws the rows of a fit that has more than enough).

    `fit` makes coefficients from features, target and a former solution.
    """

    def __init__(self, panel: Panel, seed: int = 0, fit: Fit = lad.fit) -> None:
        self.fit = fit
        hours = panel.log_price.shape[1]
        self.last = hours - 1
        self.origins = np.arange(self.last % EVERY, hours, EVERY, dtype=np.int64)
        self.phase = (self.last - self.origins) // EVERY % WEEK
        self.past = panel.past(self.origins)
        ahead = self.origins[:, None] + HORIZON[None, :]
        outcome = panel.log_price[:, np.minimum(ahead, self.last)].transpose(1, 0, 2)
        now = panel.log_price[:, self.origins].T
        self.target = np.where((ahead <= self.last)[:, None, :], outcome - now[:, :, None], np.nan)
        self.ahead = ahead
        self.believable = (self.past.known >= MIN_KNOWN) & ~self.past.flat
        spread = self.past.features[self.believable]
        self.unit = np.maximum(spread.std(axis=0), 1e-9) if len(spread) else np.ones(self.past.features.shape[2])
        rows = np.flatnonzero(self.believable.ravel())
        self.shuffled = np.random.default_rng(seed).permutation(rows)
        self.guess = np.full_like(self.target, np.nan)

    def run(self) -> Rolling:
        """Every checkpoint from three weeks (at most half of what is known) ago until now."""
        shape = self.target.shape
        error, crps, naive, low, high = (np.full(shape, np.nan) for _ in range(5))
        out = Rolling(error, crps, naive, low, high)
        out.naive_error = np.abs(self.target)
        start = self.last - min(BACKTEST, self.last // 2)
        beta: Floats | None = None
        for checkpoint in [*range(self.last - (self.last - start) // FOLD * FOLD, self.last, FOLD), self.last]:
            final = checkpoint == self.last
            model = self._learn(checkpoint, beta, out)
            beta = model.beta
            chosen = np.flatnonzero((self.origins >= checkpoint) & (self.origins < checkpoint + FOLD))
            point, quantiles = self._forecast(model, chosen)
            if final:
                out.point, out.quantiles, out.model = point[-1], quantiles[-1], model
            else:
                self._score(out, chosen, point, quantiles)
        out.candidate, out.past = self._record(self.last, self._shrunk(out.model)), self.past
        return out

    def _learn(self, checkpoint: int, start: Floats | None, out: Rolling) -> Model:
        beta = self._fit(checkpoint, start)
        seen = (self.ahead <= checkpoint)[:, None, :]
        guess = np.where(np.isfinite(self.guess), self.guess, np.nan)
        judged = np.isfinite(guess) & seen
        if judged[:, :, SHORT].any(axis=2).sum() < MIN_FIT_ROWS:
            guess = self._raw(beta, np.arange(len(self.origins)))
        target = np.where(seen, self.target, np.nan)
        residual = np.where(np.isfinite(guess), target, np.nan)
        edges, gate = self._regimes(guess, residual)
        model = Model(
            beta, edges, gate, np.ones(self.target.shape[1:], dtype=np.bool_), *self._tables(guess, target, edges, gate)
        )
        record = self._record(checkpoint, self._shrunk(model))
        better = record < HURDLE
        return replace(model, market_gate=better)

    def _fit(self, checkpoint: int, start: Floats | None) -> Floats:
        """Coefficients per knot from rows whose outcome was known at the checkpoint; zero where there are too few."""
        markets, width = self.target.shape[1], self.past.features.shape[2]
        beta = np.zeros((width, len(KNOTS)))
        features = self.past.features.reshape(-1, width)
        target = self.target.reshape(-1, len(KNOTS))
        for knot, hours in enumerate(KNOTS):
            rows = self.shuffled[self.origins[self.shuffled // markets] + hours <= checkpoint][:MAX_FIT_ROWS]
            if len(rows) < MIN_FIT_ROWS:
                continue
            former = None if start is None or not start[:, knot].any() else start[:, knot]
            beta[:, knot] = self.fit(features[rows] / self.unit, target[rows, knot], former)
        return beta

    def _raw(self, beta: Floats, chosen: Ints) -> Floats:
        guess = (self.past.features[chosen] / self.unit) @ beta
        return np.where(self.believable[chosen][:, :, None], guess, np.nan)

    def _regimes(self, guess: Floats, target: Floats) -> tuple[Floats, Floats]:
        """How much of the momentum to believe, by volatility tercile and knot: the share that has missed least."""
        scale = self.past.scale[self.believable]
        if not len(scale):
            return np.empty(0), np.ones((1, len(KNOTS)))
        edges = np.quantile(scale, np.linspace(0, 1, REGIMES + 1)[1:-1])
        place = np.searchsorted(edges, scale)
        guessed, followed = guess[self.believable], target[self.believable]
        gate = np.ones((REGIMES, len(KNOTS)))
        for regime in range(REGIMES):
            g, t = guessed[place == regime], followed[place == regime]
            known = np.isfinite(g) & np.isfinite(t)
            g, t = np.where(known, g, 0.0), np.where(known, t, 0.0)
            miss = np.stack([np.abs(t - share * g).sum(axis=0) for share in SHRINK])
            miss[0] *= HURDLE
            gate[regime] = np.where(known.sum(axis=0) >= intervals.MIN_ROWS, SHRINK[miss.argmin(axis=0)], 1.0)
        return edges, gate

    def _rhythm(self, residual: Floats) -> Floats:
        """How large misses have been by half-day of the week, each with its neighbours, over their mean: prices rest
        at weekends. Needs two weeks of judged origins; 1 where there are fewer."""
        ratio = np.where(self.believable[:, :, None], np.abs(residual) / self.past.scale[:, :, None], np.nan)
        rhythm = np.ones((WEEK, len(KNOTS)))
        judged = np.isfinite(ratio)
        ceiling = [
            np.quantile(ratio[:, :, k][judged[:, :, k]], 0.95) if judged[:, :, k].any() else 0.0
            for k in range(len(KNOTS))
        ]
        clipped = np.where(judged, np.minimum(ratio, ceiling), 0.0).sum(axis=1)
        count = judged.sum(axis=1)
        for phase in range(WEEK):
            near = np.isin((self.phase - phase) % WEEK, (0, 1, WEEK - 1))
            weeks = (count[near] > 0).sum(axis=0) / 3
            with np.errstate(invalid="ignore", divide="ignore"):
                share = (clipped[near].sum(axis=0) / count[near].sum(axis=0)) / (
                    clipped.sum(axis=0) / count.sum(axis=0)
                )
            rhythm[phase] = np.where((weeks >= 2) & np.isfinite(share), 1 + CALM_SHARE * (share - 1), 1.0)
        return np.clip(rhythm, 0.5, 2.0)

    def _tables(
        self, guess: Floats, target: Floats, edges: Floats, gate: Floats
    ) -> tuple[Table, Table, Floats, Floats]:
        shrunk = gate[np.searchsorted(edges, self.past.scale)] * guess
        flat_table, all_rows = np.zeros((len(KNOTS), len(LEVELS))), target.reshape(-1, len(KNOTS))
        scale, usable = self.past.scale.ravel(), self.believable.ravel()
        still = self.past.flat.ravel()
        for knot in range(len(KNOTS)):
            moved = all_rows[still, knot]
            moved = moved[np.isfinite(moved)]
            if len(moved) >= intervals.MIN_ROWS:
                flat_table[knot] = intervals.by_bin(moved, np.zeros(len(moved), dtype=np.int64), 1)[0]
            else:
                flat_table[knot] = intervals.prior().quantiles[0, knot] * 1e-3
        rhythm = self._rhythm(target - shrunk)
        calm = rhythm[self.phase][:, None, :]
        moving = intervals.calibrate(((target - shrunk) / calm).reshape(-1, len(KNOTS)), scale, usable)
        judged = np.where(np.isfinite(guess), target / calm, np.nan).reshape(-1, len(KNOTS))
        return moving, intervals.calibrate(judged, scale, usable), flat_table, rhythm

    def _shrunk(self, model: Model | None) -> Floats:
        assert model is not None
        return model.regime(self.past.scale) * self.guess

    def _record(self, checkpoint: int, shrunk: Floats) -> Floats:
        """Each market's error with momentum over naive's, for knots to a day and beyond, drawn to its regime's."""
        seen = np.isfinite(shrunk) & (self.ahead <= checkpoint)[:, None, :]
        miss = np.where(seen, np.abs(self.target - shrunk), 0.0)
        naive = np.where(seen, np.abs(self.target), 0.0)
        ratio = np.ones(self.target.shape[1:])
        for knots, window in ((SHORT, 24), (~SHORT, 168)):
            own, base = miss[:, :, knots].sum(axis=(0, 2)), naive[:, :, knots].sum(axis=(0, 2))
            windows = seen[:, :, knots].any(axis=2).sum(axis=0) * EVERY / window
            pooled = own.sum() / base.sum() if base.sum() > 0 else 0.999
            own_ratio = np.where(base > 0, own / np.maximum(base, 1e-12), pooled)
            ratio[:, knots] = ((own_ratio * windows + PATIENCE * pooled) / (windows + PATIENCE))[:, None]
        return ratio

    def _forecast(self, model: Model, chosen: Ints) -> tuple[Floats, Floats]:
        """Point and quantiles, as log returns, from each chosen origin; remembers the guess before any gate."""
        self.guess[chosen] = self._raw(model.beta, chosen)
        scale, flat, known = self.past.scale[chosen], self.past.flat[chosen], self.past.known[chosen]
        believed = self.believable[chosen][:, :, None] & model.market_gate[None]
        point = np.where(believed, model.regime(scale) * np.nan_to_num(self.guess[chosen]), 0.0)
        stretch = (
            np.where(known < SHORT_HISTORY, SHORT_WIDER, 1.0)[:, :, None] * model.rhythm[self.phase[chosen]][:, None, :]
        )
        miss = np.where(believed[..., None], model.moving.at(scale, stretch), model.naive.at(scale, stretch))
        quantiles = np.where(flat[:, :, None, None], model.flat, point[..., None] + miss)
        return np.clip(point, -intervals.WIDEST, intervals.WIDEST), intervals.sane(quantiles)

    def _score(self, out: Rolling, chosen: Ints, point: Floats, quantiles: Floats) -> None:
        target = self.target[chosen]
        levels = np.asarray(LEVELS)[1:-1]
        gap = target[..., None] - quantiles[..., 1:-1]
        out.error[chosen] = np.abs(target - point)
        out.crps[chosen] = 2 * np.maximum(levels * gap, (levels - 1) * gap).mean(axis=-1)
        for kept, (low, high) in ((out.inside_80, INSIDE_80), (out.inside_95, INSIDE_95)):
            inside = (target >= quantiles[..., low] - 1e-6) & (target <= quantiles[..., high] + 1e-6)
            kept[chosen] = np.where(np.isfinite(target), inside, np.nan)
