"""When each (account, region, kind) is polled again: pure rules, no clock of their own."""

from __future__ import annotations

from random import Random

from backends.model import CoverageState, Kind

PAID_SECONDS = 6 * 3600.0
"""Kinds whose calls cost money are swept at most four times a day in each account, unless the daemon is told else;
those whose calls cost less than DEAR as much more often, so that each kind may cost the same a day."""
PER_DAY = 5.0
"""USD that polls may cost in an account in a day, unless the daemon is told else."""
DEAR = 0.01
"""USD a request: what Cost Explorer asks."""

_FIRST = (
    "ec2.instance",
    "autoscaling.group",
    "eks.cluster",
    "eks.nodegroup",
    "cost.daily",
    "ec2.volume",
    "ec2.spot_request",
    "elbv2.target_group",
    "vpc.security_group",
)
_LAST = (
    "cloudwatch.load_balancer_use",
    "cloudwatch.target_group_use",
    "cloudwatch.nat_gateway_use",
    "cloudwatch.volume_use",
    "spot.price",
    "cloudwatch.instance_cpu",
    "cloudwatch.group_load",
)
_FOCUS_FLOOR = 15.0
_FOCUS_MOST = 60.0
_FOCUS_FACTOR = 4.0
_LONGEST = 6 * 3600.0
_CALM, _CALM_STEP, _CALM_MOST = 3, 0.25, 1.75
"""Less than two cadences, jitter included: within two the store vouches for what it saw last."""
_LIVELY, _LIVELY_FACTOR = 2, 2 / 3


def rank(kind: str) -> int:
    """The order of a first poll: what screens show first comes first, bulk comes last."""
    if kind in _FIRST:
        return _FIRST.index(kind)
    if kind in _LAST:
        return 100 + _LAST.index(kind)
    return 50


def pace(kind: Kind, paid: float = PAID_SECONDS) -> float:
    """Seconds that at least pass between two sweeps of a kind that costs money; `paid` where a request costs DEAR.

    A kind of which a day is cadence enough is polled once while others are four times, whatever `paid` is.
    """
    slower = max(1.0, kind.cadence / PAID_SECONDS)
    return slower * max(min(float(kind.cadence), paid), paid * min(1.0, kind.paid / DEAR))


def streak(kind: Kind, before: int, news: bool) -> int:
    """How many good sweeps in a row brought something, or below 0 brought nothing; 0 for series, which always do."""
    if kind.series is not None or kind.window is not None or kind.log is not None:
        return 0
    return max(before, 0) + 1 if news else min(before, 0) - 1


def temper(streak: int) -> float:
    """The factor to a cadence: what changes at every look is looked at sooner, what has long been calm more seldom."""
    if streak >= _LIVELY:
        return _LIVELY_FACTOR
    return min(_CALM_MOST, 1 + max(0, -streak - _CALM) * _CALM_STEP)


def delay(
    kind: Kind,
    state: CoverageState,
    failures: int,
    focused: bool,
    chance: Random,
    paid: float = PAID_SECONDS,
    streak: int = 0,
) -> float:
    """Seconds until the next sweep after one that ended in `state`, the `failures`-th bad one in a row.

    `paid`: see `pace`; `streak`: see there.
    Jitter of a tenth keeps the triples of many regions apart. What was denied or does not exist is asked for seldom,
    what was throttled later each time; what is on screen more often, unless it costs money.
    """
    cadence = float(kind.cadence)
    least = pace(kind, paid) if kind.paid else 0.0
    if kind.paid:
        cadence = least
    elif focused and state.good:
        cadence = min(cadence, max(_FOCUS_FLOOR, cadence / _FOCUS_FACTOR), _FOCUS_MOST)
    elif state.good:
        cadence *= temper(streak)
    match state:
        case CoverageState.DENIED:
            cadence *= 4
        case CoverageState.UNSUPPORTED | CoverageState.DISABLED:
            cadence *= 12
        case CoverageState.THROTTLED:
            cadence *= min(8, 2**failures)
        case CoverageState.ERROR | CoverageState.PENDING if not kind.paid:
            cadence = min(cadence, 15.0 * 2 ** min(failures, 6))
    if kind.paid:
        return max(cadence, least) * chance.uniform(1.0, 1.1)
    return min(cadence, _LONGEST) * chance.uniform(0.9, 1.1)
