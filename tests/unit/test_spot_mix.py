"""The mix over pools: it always sums to the need, stays under every cap, and nothing simpler is cheaper."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.spot.mix import CAPS, Group, cheapest, frontier, most_in_a_pool, why_not

costs_lists = st.lists(st.floats(0.001, 500), min_size=1, max_size=12).map(np.array)
caps = st.floats(0.02, 1.0)


def single_pool(costs: np.ndarray, count: int, most: np.ndarray) -> float:
    """The cheapest single pool that could carry all of the need; infinity where none may."""
    return min((cost * count for cost, room in zip(costs, most, strict=True) if room >= count), default=np.inf)


@settings(deadline=None, max_examples=50)
@given(costs_lists, st.integers(1, 60), caps, st.data())
def test_a_mix_is_the_whole_need_under_its_cap_and_in_the_room_there_is(
    costs: np.ndarray, count: int, cap: float, data: st.DataObject
) -> None:
    room = np.array(data.draw(st.lists(st.integers(0, 80), min_size=len(costs), max_size=len(costs))), dtype=float)
    most = np.minimum(room, most_in_a_pool(count, cap))
    mix = cheapest(costs, count, cap, room=room)
    if mix is None:
        assert most.sum() < count
        assert why_not(count, cap, room=room, groups=(), pools=len(costs)).endswith(".")
        return
    assert mix.instances.sum() == count
    assert (mix.instances >= 0).all() and (mix.instances <= most).all()
    assert mix.cost == pytest.approx(float(mix.instances @ costs))
    assert mix.cost <= single_pool(costs, count, most) * (1 + 1e-3)
    # Filling the cheapest pools first is the optimum where only caps limit.
    left, greedy = count, 0.0
    for index in np.argsort(costs):
        taken = min(left, int(most[index]))
        greedy, left = greedy + taken * costs[index], left - taken
    assert mix.cost == pytest.approx(greedy, rel=1e-3)


@settings(deadline=None, max_examples=50)
@given(costs_lists, st.integers(1, 60))
def test_a_tighter_cap_never_costs_less(costs: np.ndarray, count: int) -> None:
    mixes = frontier(costs, count, CAPS)
    assert mixes[0].cost == pytest.approx(costs.min() * count, rel=1e-3)
    assert all(a.cost <= b.cost * (1 + 2e-4) for a, b in pairwise(mixes))
    assert len({most_in_a_pool(count, mix.cap) for mix in mixes}) == len(mixes)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([1.0, 2.0, 4.0])), min_size=2, max_size=4),
    st.integers(1, 5),
    st.integers(0, 24),
)
def test_a_quota_that_pools_share_holds_and_the_mix_is_the_cheapest_of_all_there_are(
    pools: list[tuple[int, float]], count: int, limit: int
) -> None:
    costs, weights = np.array([float(c) for c, _ in pools]), np.array([w for _, w in pools])
    mix = cheapest(costs, count, 1.0, groups=[Group("quota", weights, float(limit))])
    ways = [
        float(np.array(way) @ costs)
        for way in product(range(count + 1), repeat=len(pools))
        if sum(way) == count and np.array(way) @ weights <= limit
    ]
    if mix is None:
        assert not ways
    else:
        assert mix.instances.sum() == count and mix.instances @ weights <= limit
        assert mix.cost == pytest.approx(min(ways), rel=1e-3)


def test_what_cannot_be_is_told_with_what_to_relax() -> None:
    room = np.array([np.inf, np.inf])
    assert "5 pools would be needed" in why_not(20, 0.2, room=room, groups=(), pools=2)
    assert "have a quota raised" in why_not(20, 1.0, room=np.array([4.0, 5.0]), groups=(), pools=2)
    tight = Group("us-east-1: Spot", np.array([4.0, 4.0]), 12.0)
    assert "us-east-1: Spot leaves 12 vCPU" in why_not(20, 1.0, room=room, groups=[tight], pools=2)
