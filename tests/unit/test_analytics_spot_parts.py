"""The parts of the spot forecast: the hourly grid, features, the fit, intervals and the hours between knots."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.spot import blending, intervals, lad, network
from analytics.spot.backtest import between
from analytics.spot.clean import clean
from analytics.spot.events import read
from analytics.spot.expand import expand, expand_quantiles
from analytics.spot.features import INPUTS, LINEAR, hour_of_week
from analytics.spot.grid import Grid, hourly
from analytics.spot.levels import KNOTS, LEVELS, level_name
from analytics.spot.peers import PEER_INPUTS, peers
from analytics.spot.sample import World
from tests.unit.analytics_staircase import SCHEMA, START, end, staircase


def grid_of(prices: pl.DataFrame, days: float) -> tuple[Grid, pl.DataFrame]:
    cleaned = clean(prices, end(days))
    return hourly(cleaned.events, cleaned.markets, end(days)), cleaned.markets


def test_the_grid_holds_at_each_hour_the_last_price_known_by_then() -> None:
    prices = staircase(6, 12, seed=1)
    grid, markets = grid_of(prices, 12)
    for row, market in enumerate(markets["market"]):
        own = prices.filter(pl.col("market") == market).sort("at")
        for column in range(int(grid.first[row]), grid.hours, 17):
            moment = end(12) - timedelta(hours=grid.hours - 1 - column)
            known = own.filter(pl.col("at") <= moment)["price"][-1]
            assert np.exp(grid.log_price[row, column]) == pytest.approx(known)


def world_of(prices: pl.DataFrame, days: float) -> World:
    cleaned = clean(prices, end(days))
    return World(read(cleaned.events, cleaned.markets, end(days)), peers(cleaned.markets), hour_of_week(end(days)))


def test_the_price_in_force_is_the_same_in_events_and_on_the_grid() -> None:
    prices = staircase(6, 12, seed=1)
    grid, _ = grid_of(prices, 12)
    events = world_of(prices, 12).events
    for hours_ago in (0, 5, 48, 150):
        level = events.level[events.at(np.arange(6), np.full(6, -float(hours_ago)))]
        np.testing.assert_allclose(level, grid.log_price[:, grid.hours - 1 - hours_ago])


def test_what_the_past_says_does_not_depend_on_what_came_later() -> None:
    prices = staircase(9, 30, seed=2)
    whole, known = world_of(prices, 30), world_of(prices.filter(pl.col("at") <= end(20)), 20)
    every = np.arange(9)
    then, now = whole.rows(-240.0, every), known.rows(0.0, every)
    assert then.past.inputs.shape == (9, len(INPUTS))
    assert then.past.linear.shape == (9, len(LINEAR))
    np.testing.assert_allclose(then.past.inputs, now.past.inputs, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(then.past.flat, now.past.flat)
    assert np.isnan(now.target).all()
    assert np.isfinite(then.target).all()


def test_a_short_window_sees_what_a_young_market_would_have_shown() -> None:
    prices = staircase(9, 30, seed=3, flat_share=0.0)
    start = end(30) - timedelta(hours=48)
    before = prices.filter(pl.col("at") <= start).sort("market", "at").group_by("market", maintain_order=True).last()
    young = pl.concat(
        [before.with_columns(at=pl.lit(start)).select(prices.columns), prices.filter(pl.col("at") > start)]
    )
    hidden = world_of(prices, 30).rows(0.0, np.arange(9), np.full(9, 48.0)).past
    fresh = world_of(young, 30).rows(0.0, np.arange(9)).past
    # The limit of a day's movement is the one thing that looks further back than the window.
    same = [place for place, name in enumerate(INPUTS) if not name.startswith("at the daily limit")]
    np.testing.assert_allclose(hidden.inputs[:, same], fresh.inputs[:, same], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(hidden.known, 48.0)


def test_returns_and_neighbours_are_what_their_names_say() -> None:
    prices = staircase(9, 30, seed=3, flat_share=0.0)
    world = world_of(prices, 30)
    events, every = world.events, np.arange(9)
    level, before = (events.level[events.at(every, np.full(9, time))] for time in (0.0, -24.0))
    seen = world.rows(0.0, every).past
    np.testing.assert_allclose(seen.linear[:, LINEAR.index("return 24 h")], level - before, rtol=1e-5)
    standing = world.peers.standing(events, 0.0)
    kinds, zones = ([m.split("/")[n] for m in sorted(prices["market"].unique())] for n in (2, 1))
    mates = [n for n in range(1, 9) if kinds[n] == kinds[0] and zones[n] != zones[0]]
    assert standing[0, PEER_INPUTS.index("level of the type in other zones")] == pytest.approx(
        level[mates].mean() - level[0]
    )
    assert standing[0, PEER_INPUTS.index("24 h return of the type in other zones")] == pytest.approx(
        (level - before)[mates].mean()
    )


def test_sizes_of_one_family_are_compared_per_unit() -> None:
    kinds = ["m5.large", "m5.2xlarge", "m5.metal"]
    rows = [
        (f"m{n}", "xx", "xxa", kind, "Linux/UNIX", START, price)
        for n, (kind, price) in enumerate(zip(kinds, [0.1, 0.5, 9.0], strict=True))
    ]
    standing = world_of(pl.DataFrame(rows, schema=SCHEMA, orient="row"), 3)
    found = standing.peers.standing(standing.events, 0.0)
    gap = PEER_INPUTS.index("level of the family in the zone")
    assert found[0, gap] == pytest.approx(np.log(0.5 / 4 / 0.1))
    assert found[1, gap] == pytest.approx(-found[0, gap])
    assert found[2, gap] == 0.0


def test_a_price_that_goes_as_far_as_a_day_allows_is_recognised() -> None:
    prices = [1.0, 1.04, 1.08, 1.0999, 1.05, 0.97]
    rows = [
        ("m", "xx", "xxa", "m5.large", "Linux/UNIX", START + timedelta(hours=5 * n), p) for n, p in enumerate(prices)
    ]
    events = world_of(pl.DataFrame(rows, schema=SCHEMA, orient="row"), 2).events
    assert events.limit.tolist() == [0, 0, 0, 1, 0, -1]


def test_a_network_learns_the_median_and_both_spreads() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(6000, 4)).astype(np.float32)
    wild = inputs[:, 1] > 0
    miss = random.laplace(size=(6000, 1)) * np.where(wild, 1.0, 0.25)[:, None]
    target = ((0.8 * inputs[:, :1] + miss) * network.GROWTH).astype(np.float32)
    start = network.fresh(inputs, 0)
    fitted = network.train(start, inputs, target, np.ones(6000, np.float32), epochs=15, rate=3e-3, seed=0)
    median, below, above = fitted.outlook(inputs)
    day = KNOTS.index(24)
    assert np.corrcoef(median[:, day], inputs[:, 0])[0, 1] > 0.97
    assert np.abs(target - median).mean() < 0.8 * np.abs(target).mean()
    assert below[wild, day].mean() > 2.0 * below[~wild, day].mean()
    assert above[wild, day].mean() > 2.0 * above[~wild, day].mean()
    again = network.train(start, inputs, target, np.ones(6000, np.float32), epochs=15, rate=3e-3, seed=0)
    np.testing.assert_array_equal(again.outlook(inputs)[0], median)


def test_the_fit_finds_the_median_line_under_wild_outliers() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 3))
    truth = np.array([0.02, -0.01, 0.0])
    noise = np.where(random.random(4000) < 0.1, random.normal(size=4000), random.laplace(size=4000) * 0.003)
    target = features @ truth + noise
    beta = lad.fit(features, target)
    np.testing.assert_allclose(beta, truth, atol=5e-4)
    least_squares = np.linalg.lstsq(features, target, rcond=None)[0]
    assert np.abs(target - features @ beta).sum() < np.abs(target - features @ least_squares).sum()


@given(st.lists(st.floats(-1, 1), min_size=intervals.MIN_ROWS, max_size=400))
def test_conformal_quantiles_cover_their_share_of_the_values_they_came_from(values: list[float]) -> None:
    numbers = np.array(values)
    table = intervals.by_bin(numbers, np.zeros(len(numbers), dtype=np.int64), 1)[0]
    assert (np.diff(table) >= 0).all()
    for level, edge in zip(LEVELS, table, strict=True):
        assert (numbers <= edge + 1e-12).mean() >= level - 1 / len(numbers) - 1e-9
        assert (numbers < edge - 1e-12).mean() <= level + 1 / len(numbers) + 1e-9


def test_calmer_markets_get_narrower_intervals_from_their_own_bin() -> None:
    random = np.random.default_rng(1)
    scale = np.repeat([0.001, 0.1], 2000)
    misses = random.normal(size=(4000, len(KNOTS))) * (scale * np.repeat([1.0, 3.0], 2000))[:, None]
    table = intervals.calibrate(misses.astype(np.float32), intervals.plain(scale), intervals.wide())
    calm, wild = table.at(intervals.plain(np.array([0.001, 0.1])))
    assert calm[0, -1] == pytest.approx(0.001 * 1.96, rel=0.15)
    assert wild[0, -1] == pytest.approx(0.3 * 1.96, rel=0.15)


def test_naive_is_kept_unless_a_model_has_clearly_been_better() -> None:
    random = np.random.default_rng(2)
    target = random.normal(size=(900, len(KNOTS))).astype(np.float32)
    scale = random.random(900)
    nothing, half = np.zeros_like(target), (0.5 * target).astype(np.float32)
    noise = random.normal(size=target.shape).astype(np.float32)
    unknown = blending.trusting(network=False)
    useless = blending.choose(blending.Points(noise, nothing), target, scale, scale < 0.1, 24.0, unknown)
    assert not useless.shares.any()
    useful = blending.choose(blending.Points(half, nothing), target, scale, scale < 0.1, 24.0, unknown)
    assert (useful.shares == blending.MIXES[blending.TRUSTED]).all()
    assert len(useful.shares) == blending.REGIMES + 1
    ratio = blending.record(np.arange(900) % 3, 3, half, target, 24.0)
    np.testing.assert_allclose(ratio, 0.5, atol=0.05)
    assert blending.believed(ratio).all()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=3, max_size=30))
def test_quantiles_are_made_sane_whatever_they_were(values: list[float]) -> None:
    out = intervals.sane(np.array(values))
    assert np.isfinite(out).all()
    assert (np.diff(out) >= 0).all()
    assert np.abs(out).max() <= intervals.WIDEST


@given(
    st.floats(0.001, 100),
    st.lists(st.floats(0.001, 100), min_size=len(KNOTS), max_size=len(KNOTS)),
    st.integers(1, 200),
)
def test_hours_between_knots_lie_on_straight_lines(last: float, values: list[float], horizon: int) -> None:
    hours = expand(last, values, horizon)
    assert len(hours) == horizon
    want = np.interp(np.arange(1, horizon + 1), [0, *KNOTS], [last, *values])
    np.testing.assert_allclose(hours, want)
    ours = between(np.array([last]), np.array(values)[None, :, None], min(horizon, 168))[0, :, 0]
    np.testing.assert_allclose(ours, want[:168])


def test_flattened_quantiles_come_back_by_level() -> None:
    flat = [knot + level for knot in KNOTS for level in LEVELS]
    fan = expand_quantiles(0.5, flat, 168)
    assert fan[0.025][0] == pytest.approx(1.025)
    assert fan[0.975][167] == pytest.approx(168.975)
    assert list(fan) == list(LEVELS)
    with pytest.raises(ValueError, match="do not match 15 knots"):
        expand_quantiles(0.5, flat[:-1])
    with pytest.raises(ValueError, match="do not match"):
        expand(0.5, [1.0])


def test_level_names_are_those_of_the_forecast_file() -> None:
    assert [level_name(level) for level in (0.025, 0.05, 0.1, 0.5, 0.975)] == [
        "q0.025",
        "q0.05",
        "q0.1",
        "q0.5",
        "q0.975",
    ]


def test_expanding_a_forecast_needs_no_library() -> None:
    code = (
        "import sys; import analytics.spot.expand;"
        "print(sorted({'numpy', 'polars', 'sklearn', 'statsforecast'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_cleaning_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from analytics.spot import clean as cleaning

    prices = staircase(12, 20, seed=4).with_columns(
        price=pl.when(pl.col("market").str.contains("m1")).then(-1.0).otherwise("price")
    )
    once = clean(prices, end(20))
    monkeypatch.setattr(cleaning, "ROWS_AT_ONCE", 100)
    parts = clean(prices, end(20))
    assert once.excluded.height == 3
    assert parts.events.equals(once.events)
    assert parts.markets.equals(once.markets)
    assert parts.excluded.equals(once.excluded)
