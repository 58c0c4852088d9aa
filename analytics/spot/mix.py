"""How to spread a need over pools: the cheapest mix under caps, an integer linear programme (HiGHS), and the frontier.

A pool's loss takes all of its instances at once, so what a mix risks is the share of its greatest pool: every point of
the frontier is the cheapest mix under another cap on that share. No probability enters the programme, for a pool's is
often unknown; where it is known, what it comes to stands beside the mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CAPS = (1.0, 0.5, 0.34, 0.25, 0.2, 0.15, 0.1, 0.05)
"""The caps whose cheapest mixes make the frontier."""
_GAP = 1e-4
"""How far above the cheapest a mix may be, as a share of its cost, where proving more would take long."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pools that share a limit, such as a quota: Σ weight × instances ≤ limit."""

    name: str
    weights: Floats
    limit: float


@dataclass(frozen=True, slots=True)
class Mix:
    """Instances of each pool, in the order of the costs; `cost` is their sum of costs."""

    cap: float
    instances: Ints
    cost: float


def most_in_a_pool(count: int, cap: float) -> int:
    """How many instances of a need one pool may carry: the share rounded down, but one at least."""
    return max(1, int(np.floor(count * cap + 1e-9)))


def cheapest(
    costs: Floats, count: int, cap: float, *, room: Floats | None = None, groups: Sequence[Group] = ()
) -> Mix | None:
    """The cheapest way to have `count` instances with no pool above the cap; None where there is no way.

    costs  USD of one instance in each pool, finite
    room   the most instances that each pool takes, where something limits it; infinity where not
    """
    if not len(costs):
        return None
    most = np.full(len(costs), float(most_in_a_pool(count, cap)))
    if room is not None:
        most = np.minimum(most, np.floor(np.maximum(room, 0.0) + 1e-9))
    if most.sum() < count:
        return None
    chosen = _candidates(costs, most, count, groups)
    # Numbers near one: HiGHS's tolerances are absolute.
    scale = float(np.max(np.abs(costs[chosen]))) or 1.0
    rows = [LinearConstraint(np.ones((1, len(chosen))), count, count)]
    rows += [LinearConstraint(group.weights[None, chosen], -np.inf, group.limit) for group in groups]
    found = milp(
        costs[chosen] / scale,
        integrality=np.ones(len(chosen)),
        bounds=Bounds(np.zeros(len(chosen)), most[chosen]),
        constraints=rows,
        options={"mip_rel_gap": _GAP},
    )
    if found.x is None:
        return None
    instances = np.zeros(len(costs), dtype=np.int64)
    instances[chosen] = np.rint(found.x)
    return Mix(cap, instances, float(instances @ costs))


def _candidates(costs: Floats, most: Floats, count: int, groups: Sequence[Group]) -> Ints:
    """The pools that a cheapest mix needs: of pools that are alike to every limit, the cheapest that carry the need.

    An instance in any other of them can move to one of these that has room, at no greater cost and no other weight.
    Ten thousand pools become some hundreds, which is the difference between a minute and a moment.
    """
    alike: dict[tuple[float, ...], list[int]] = {}
    weights = np.stack([group.weights for group in groups], axis=1) if groups else np.zeros((len(costs), 0))
    for pool in np.argsort(costs, kind="stable"):
        if most[pool] < 1:
            continue
        members = alike.setdefault((float(most[pool]), *weights[pool].tolist()), [])
        if len(members) * most[pool] < count:
            members.append(int(pool))
    return np.array(sorted(pool for members in alike.values() for pool in members), dtype=np.int64)


def frontier(
    costs: Floats, count: int, caps: Sequence[float], *, room: Floats | None = None, groups: Sequence[Group] = ()
) -> list[Mix]:
    """The cheapest mix under each cap that allows one, the loosest cap first; caps that mean the same are one point."""
    found: list[Mix] = []
    seen: set[int] = set()
    for cap in sorted(set(caps), reverse=True):
        most = most_in_a_pool(count, cap)
        if most in seen:
            continue
        seen.add(most)
        mix = cheapest(costs, count, cap, room=room, groups=groups)
        if mix is None:
            break
        found.append(mix)
    return found


def why_not(count: int, cap: float, *, room: Floats, groups: Sequence[Group], pools: int) -> str:
    """One sentence: why there is no mix, and what to relax. Call it where `cheapest` gave None."""
    most = most_in_a_pool(count, cap)
    free = np.minimum(np.full(pools, float(most)), np.floor(np.maximum(room, 0.0)))
    if not pools:
        return "No pool fits."
    if most * pools < count:
        needed = int(np.ceil(count / most))
        return (
            f"{pools} pools fit, and a cap of {cap:.0%} a pool means {most} of {count} instances at most: "
            f"{needed} pools would be needed; ask for fewer instances, more types or regions, or a higher tolerance."
        )
    if free.sum() < count:
        return (
            f"The pools that fit have room for {int(free.sum())} of {count} instances under a cap of {cap:.0%}; "
            "ask for fewer, or for more types or regions, or have a quota raised."
        )
    tight = min(groups, key=lambda group: group.limit, default=None)
    named = f" ({tight.name} leaves {tight.limit:g} vCPU)" if tight is not None else ""
    return (
        f"The vCPU quotas have no room for {count} instances{named}; have one raised, or ask for fewer or smaller ones."
    )
