"""How each kind of series is watched: its season, how long it must be known, and when a deviation is worth a word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """season      points per season, 0 for none; 7 means the day of the week
    warm_up      points that must be known before anything is scored
    short, long  the level shift compares the mean of the last `short` points with the median of `long` before
    refractory   after a flag, only a higher score flags again within so many points
    info, warn, bad   record ratios from which on a point has that severity
    deviations   how many usual one-step errors off a flagged point must at least be
    relative     and by what share of what was expected; twice that to warn, four times that to be bad
    unit         shown behind values; USD stands for the money that they are in
    digits       decimals shown
    clip         errors beyond so many usual ones teach no more than that
    """

    name: str
    season: int
    warm_up: int
    short: int
    long: int
    refractory: int
    info: float
    warn: float
    bad: float
    deviations: float
    relative: float
    unit: str
    digits: int
    clip: float


COST = Profile("cost", 7, 21, 3, 28, 7, 1.0, 1.5, 2.5, 4.0, 0.15, "USD", 2, 4.0)
SPOT = Profile("spot", 0, 72, 12, 600, 48, 1.0, 1.5, 2.5, 4.0, 0.05, "USD/h", 4, 8.0)
METRIC = Profile("metric", 0, 50, 12, 600, 120, 1.0, 1.5, 2.5, 3.0, 0.0, "", 3, 8.0)
PROFILES = {profile.name: profile for profile in (COST, SPOT, METRIC)}
