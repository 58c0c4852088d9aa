"""How large a group needs to be, by the quarter of an hour, a week ahead: naive, two seasonal naives, and a profile.

A group's *need* at an instant is the work it had then, in instances at the target utilisation: in service × CPU ÷
target. That is what it would have needed, whatever size it had. Four forecasts of it stand beside each other:

naive      it stays as it is
day, week  it is what it was a day, a week before
profile    the mean of the last weeks at that time of that kind of day, scaled to how the last day compares with it,
           and drawn to the present value for the next hours
Each is scored on every rolling origin whose past and future are both known; the best at a horizon is the one shown
there. Where that is naive, naive is shown. Intervals are the 10 % and 90 % quantiles of its own misses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Literal["naive", "day", "week", "profile"]

STEPS_A_DAY = 96
WEEK = 7 * STEPS_A_DAY
HORIZONS = {"15 min": 1, "24 h": STEPS_A_DAY, "7 d": WEEK}
"""Steps ahead by name; a score is the mean error over all steps up to there."""
MODELS: tuple[Model, ...] = ("naive", "day", "week", "profile")
LEAST_STEPS = STEPS_A_DAY
_ORIGIN_STEP = 8
"""An origin every two hours: closer ones tell nearly the same."""
_MEMORY = 6.0
"""Steps after which the present's deviation from the profile has faded to a third."""
_LEVELS = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class Score:
    """Mean absolute error (instances) of a model up to a horizon over `origins`; None where there was no origin."""

    model: Model
    horizon: str
    error: float | None
    naive: float | None
    origins: int

    @property
    def skill(self) -> float | None:
        """1 - error ÷ naive's."""
        return None if self.error is None or not self.naive else 1 - self.error / self.naive


@dataclass(frozen=True, slots=True)
class Demand:
    """A week ahead: `paths` by model, `chosen` the path shown with its interval, `best` the model at each horizon."""

    paths: dict[Model, Floats]
    chosen: Floats
    low: Floats
    high: Floats
    best: dict[str, Model]
    scores: tuple[Score, ...]


def forecast(need: Floats, weekend: NDArray[np.bool_]) -> Demand | None:
    """Forecast a need.

    need     by the quarter of an hour, oldest first, NaN where unknown; the last value is the present
    weekend  whether each step is on a weekend, for the past and the WEEK steps ahead
    None where less than a day is known: there is nothing to score on.
    """
    if np.isfinite(need).sum() < LEAST_STEPS:
        return None
    filled = _filled(need)
    errors = _rolling(filled, np.isfinite(need), weekend)
    scores = tuple(_scores(errors))
    best = {name: _best(scores, name) for name in HORIZONS}
    paths = _paths(filled, len(filled), weekend)
    owner = _owners(best)
    chosen = np.array([paths[owner[step]][step] for step in range(WEEK)])
    low, high = _interval(errors, owner, chosen)
    return Demand(paths, chosen, low, high, best, scores)


def _filled(values: Floats) -> Floats:
    """Gaps hold the value before them; those at the start the first known one."""
    known = np.isfinite(values)
    index = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    filled = values[index]
    return np.where(np.isfinite(filled), filled, values[known][0])


def _paths(values: Floats, now: int, weekend: NDArray[np.bool_]) -> dict[Model, Floats]:
    """What each model says of the WEEK steps after `values[:now]`; a model without enough past has NaN."""
    past = values[:now]
    ahead = np.arange(WEEK)
    missing = np.full(WEEK, np.nan)
    day = past[-STEPS_A_DAY:][ahead % STEPS_A_DAY] if now >= STEPS_A_DAY else missing
    week = past[-WEEK:] if now >= WEEK else missing
    return {
        "naive": np.full(WEEK, past[-1]),
        "day": day,
        "week": week,
        "profile": _profile(past, now, weekend) if now >= 2 * STEPS_A_DAY else missing,
    }


def _profile(past: Floats, now: int, weekend: NDArray[np.bool_]) -> Floats:
    times = np.arange(now + WEEK) % STEPS_A_DAY
    kind = weekend[: now + WEEK].astype(int)
    slot = times + STEPS_A_DAY * kind
    sums = np.bincount(slot[:now], past, 2 * STEPS_A_DAY)
    counts = np.bincount(slot[:now], minlength=2 * STEPS_A_DAY)
    # A kind of day that was not seen yet is taken to be like the other.
    both = (sums[:STEPS_A_DAY] + sums[STEPS_A_DAY:]) / np.maximum(counts[:STEPS_A_DAY] + counts[STEPS_A_DAY:], 1)
    usual = np.where(counts > 0, sums / np.maximum(counts, 1), np.tile(both, 2))
    expected = usual[slot]
    # No week is quite like another: the last day says how this one compares.
    level = past[-STEPS_A_DAY:].sum() / max(expected[now - STEPS_A_DAY : now].sum(), 1e-9)
    level = float(np.clip(level, 0.5, 2.0))
    away = past[-1] - expected[now - 1] * level
    return np.asarray(np.maximum(expected[now:] * level + away * np.exp(-np.arange(1, WEEK + 1) / _MEMORY), 0.0))


def _rolling(values: Floats, known: NDArray[np.bool_], weekend: NDArray[np.bool_]) -> dict[Model, Floats]:
    """Signed misses (actual - said) of each model: origins × WEEK, NaN where the model or the actual is not known."""
    size = len(values)
    origins = range(size - 1, STEPS_A_DAY - 1, -_ORIGIN_STEP)
    misses: dict[Model, list[Floats]] = {model: [] for model in MODELS}
    for origin in origins:
        actual = np.full(WEEK, np.nan)
        after = np.where(known[origin:], values[origin:], np.nan)[:WEEK]
        actual[: len(after)] = after
        for model, path in _paths(values, origin, weekend).items():
            misses[model].append(actual - path)
    return {model: np.array(rows).reshape(-1, WEEK) for model, rows in misses.items()}


def _scores(errors: dict[Model, Floats]) -> list[Score]:
    found = []
    for name, steps in HORIZONS.items():
        # Only origins from which it and naive could both be judged to the end: a fair comparison, or none.
        whole = {model: np.isfinite(rows[:, :steps]).mean(axis=1) > 0.9 for model, rows in errors.items()}
        for model in MODELS:
            fair = whole["naive"] & whole[model]
            both = [np.nanmean(np.abs(errors[of][fair, :steps])) if fair.any() else None for of in (model, "naive")]
            found.append(Score(model, name, _number(both[0]), _number(both[1]), int(fair.sum())))
    return found


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _best(scores: tuple[Score, ...], horizon: str) -> Model:
    """The model with the highest skill there; naive where none is better."""
    skills = {score.model: score.skill or 0.0 for score in scores if score.horizon == horizon}
    best = max(MODELS, key=lambda model: skills.get(model, 0.0))
    return best if skills.get(best, 0.0) > 0 else "naive"


def _owners(best: dict[str, Model]) -> list[Model]:
    """The model of each step: the best of the shortest horizon that reaches it."""
    reach = sorted((steps, best[name]) for name, steps in HORIZONS.items())
    return [next(model for steps, model in reach if step < steps) for step in range(WEEK)]


def _interval(errors: dict[Model, Floats], owner: list[Model], chosen: Floats) -> tuple[Floats, Floats]:
    """The quantiles of the owner's misses at each step, smoothed over an hour; NaN where there were under ten."""
    low, high = np.full(WEEK, np.nan), np.full(WEEK, np.nan)
    for step in range(WEEK):
        around = errors[owner[step]][:, max(0, step - 2) : step + 3]
        known = around[np.isfinite(around)]
        if len(known) >= 10:
            low[step], high[step] = np.maximum(chosen[step] + np.quantile(known, _LEVELS), 0.0)
    return np.minimum(low, chosen), np.maximum(high, chosen)
