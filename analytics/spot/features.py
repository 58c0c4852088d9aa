"""What a market's recent past says at any moment, for the pooled models: everything in units of its own movement.

Dividing by that movement (the *scale*) makes a market that moves by 0.1 % a step and one that moves by 5 % comparable,
which is why what is learned on some markets, zones and regions holds on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from analytics.spot.events import Events
from analytics.spot.grid import Bools, Floats, Ints
from analytics.spot.peers import PEER_INPUTS

Singles = npt.NDArray[np.float32]

STEPS = 6
RETURNS = (6, 12, 24, 48, 72, 168, 336, 672)
DAY, WEEK, MONTH = 24, 168, 672
TICK = 1e-4
FLAT_AFTER = WEEK
"""So long a market must be known before it is called flat for never having moved."""
RARE = 8
"""A market that moves less often than so many times in four weeks seldom moves."""
WIDEST_INPUT = 4.0

INPUTS = (
    *(f"step {n} back" for n in range(STEPS)),
    *(f"age of step {n} back" for n in (0, 1, 2, 4)),
    *(f"fresh step {n} back" for n in range(3)),
    *(f"return {hours} h" for hours in RETURNS),
    *(f"movement {hours} h" for hours in (DAY, WEEK, MONTH)),
    *(f"changes {hours} h" for hours in (DAY, WEEK, MONTH)),
    *(f"distance from the mean of {hours} h" for hours in (WEEK, MONTH)),
    *(f"at the daily limit {n} back" for n in range(4)),
    "tick",
    "scale",
    "known",
    *(f"{wave} of the week, {n}" for n in (1, 2, 3) for wave in ("sine", "cosine")),
    *(f"{wave} of the day" for wave in ("sine", "cosine")),
    *PEER_INPUTS,
    *(f"{name}, in units of movement" for name in PEER_INPUTS[:5]),
)
LINEAR = (
    *(f"fresh step {n} back" for n in range(3)),
    "stale step 0 back",
    *(f"return {hours} h" for hours in RETURNS[:-1]),
    "distance from the mean of 672 h",
)


@dataclass(frozen=True, slots=True)
class Past:
    """Row by row: `inputs` (rows × INPUTS), `linear` (rows × LINEAR, log returns), `scale` (mean absolute log movement
    a day), `known` (hours), `flat`: the market has not moved for four weeks, nor as long as it is known;
    `rare`: it seldom moves."""

    inputs: Singles
    linear: Singles
    scale: Floats
    known: Floats
    flat: Bools
    rare: Bools


def hour_of_week(moment: datetime) -> float:
    """Hours since Monday 00:00."""
    return moment.weekday() * 24 + moment.hour + moment.minute / 60


def past(
    events: Events, market: Ints, time: Floats, clock: float, standing: Floats, window: Floats | None = None
) -> Past:
    """The past of each (`market`, `time`), from nothing later than that time.

    `clock` is the hour of the week at time 0 (0 is Monday 00:00 UTC). `standing` holds each row's
    PEER_INPUTS, and `window` hides what is older than so many hours.
    """
    now = events.at(market, time)
    begin = events.start[market]
    since = events.first[market]
    if window is not None:
        begin = np.maximum(begin, events.at(market, time - window))
        since = np.maximum(since, time - window)
    look = _Look(events, market, time, now, begin, since)
    known = np.maximum(time - since, 0.0)
    ages = [look.age(back) for back in range(STEPS)]
    steps = [look.step(back) for back in range(STEPS)]
    moved = {hours: look.moved(hours) for hours in (DAY, WEEK, MONTH)}
    tick = TICK / np.exp(events.level[now])
    scale = 2e-4 + sum(
        weight * moved[hours] / (np.clip(known, DAY, hours) / DAY)
        for weight, hours in ((0.5, DAY), (0.3, WEEK), (0.2, MONTH))
    )
    fresh = np.exp(-np.minimum(ages[0], 48) / 12)
    returns = [look.back(hours) for hours in RETURNS]
    from_week, from_month = look.from_mean(WEEK), look.from_mean(MONTH)

    def unit(values: Floats) -> Floats:
        return np.arcsinh(2 * values / scale)

    week = 2 * np.pi * (clock + time) / WEEK
    columns = [
        *map(unit, steps),
        *(np.log1p(np.minimum(ages[back], 100)) for back in (0, 1, 2, 4)),
        *(2 * step * fresh / scale for step in steps[:3]),
        *map(unit, returns),
        *(np.log(value / scale + 0.02) for value in moved.values()),
        *(np.log1p(look.changes(hours)) for hours in (DAY, WEEK, MONTH)),
        unit(from_week),
        unit(from_month),
        *(look.limit(back) for back in range(4)),
        np.log(tick / scale + 1e-3),
        np.log(scale),
        np.log(np.clip(known, 6, MONTH) / MONTH),
        *(wave(n * week) for n in (1, 2, 3) for wave in (np.sin, np.cos)),
        np.sin(7 * week),
        np.cos(7 * week),
        *np.clip(standing[:, :5], -2, 2).T,
        *(unit(returned) for returned in standing[:, 5:].T),
        *(unit(gap) for gap in standing[:, :5].T),
    ]
    linear = [*(step * fresh for step in steps[:3]), steps[0] * (1 - fresh), *returns[:-1], from_month]
    quiet = np.where(now > begin, ages[0], np.where(known >= FLAT_AFTER, MONTH, 0.0))
    return Past(
        np.stack(columns, axis=1, dtype=np.float32, casting="same_kind"),
        np.stack(linear, axis=1, dtype=np.float32, casting="same_kind"),
        np.asarray(scale),
        known,
        quiet >= MONTH,
        look.changes(MONTH) < RARE * np.minimum(known / MONTH, 1.0),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """Looking back from `now`, the event in force at each row's time, no farther than `begin`."""

    events: Events
    market: Ints
    time: Floats
    now: Ints
    begin: Ints
    since: Floats

    def then(self, hours: float) -> Ints:
        return np.maximum(self.events.at(self.market, self.time - hours), self.begin)

    def age(self, back: int) -> Floats:
        """Hours since that change; 999 where there was none."""
        event = self.now - back
        return np.where(event > self.begin, self.time - self.events.time[np.maximum(event, 0)], 999.0)

    def step(self, back: int) -> Floats:
        event = self.now - back
        return np.where(event > self.begin, self.events.step[np.maximum(event, 0)], 0.0)

    def limit(self, back: int) -> Floats:
        event = self.now - back
        return np.where(event > self.begin, self.events.limit[np.maximum(event, 0)], 0).astype(np.float64)

    def back(self, hours: float) -> Floats:
        return np.asarray(self.events.level[self.now] - self.events.level[self.then(hours)])

    def moved(self, hours: float) -> Floats:
        return np.asarray(self.events.moved[self.now] - self.events.moved[self.then(hours)])

    def changes(self, hours: float) -> Floats:
        return (self.now - self.then(hours)).astype(np.float64)

    def from_mean(self, hours: float) -> Floats:
        """Log price less its mean over the last `hours`, or over what is known of them."""
        then, events = self.then(hours), self.events
        opening = np.maximum(self.time - hours, self.since)
        until = events.area[self.now] + (self.time - events.time[self.now]) * events.level[self.now]
        before = events.area[then] + np.maximum(opening - events.time[then], 0.0) * events.level[then]
        known = self.time - opening
        mean = (until - before) / np.maximum(known, 1e-9)
        return np.where(known > 1, events.level[self.now] - mean, 0.0)
