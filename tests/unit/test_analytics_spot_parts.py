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

from analytics.spot import intervals, lad
from analytics.spot.backtest import between
from analytics.spot.clean import clean
from analytics.spot.expand import expand, expand_quantiles
from analytics.spot.features import FEATURES, Panel
from analytics.spot.grid import Grid, hourly
from analytics.spot.levels import KNOTS, LEVELS, level_name
from tests.unit.analytics_staircase import end, staircase


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


def test_features_at_an_hour_do_not_see_the_hours_after_it() -> None:
    grid, markets = grid_of(staircase(9, 30, seed=2), 30)
    cut = Grid(grid.log_price[:, :500], grid.first, grid.end)
    at = np.array([300, 420, 499])
    whole, short = Panel(grid, markets).past(at), Panel(cut, markets).past(at)
    assert whole.features.shape == (3, 9, len(FEATURES))
    np.testing.assert_array_equal(whole.features, short.features)
    np.testing.assert_array_equal(whole.scale, short.scale)
    np.testing.assert_array_equal(whole.flat, short.flat)


def test_returns_and_neighbours_are_what_their_names_say() -> None:
    grid, markets = grid_of(staircase(9, 30, seed=3, flat_share=0.0), 30)
    last = np.array([grid.hours - 1])
    features = Panel(grid, markets).past(last).features[0]
    change = grid.log_price[:, -1] - grid.log_price[:, -25]
    np.testing.assert_allclose(features[:, FEATURES.index("return 24 h")], change)
    kinds = markets["instance_type"].to_list()
    mates = [other for other in range(1, 9) if kinds[other] == kinds[0]]
    assert features[0, FEATURES.index("24 h return of the type in other zones")] == pytest.approx(change[mates].mean())


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
    residuals = random.normal(size=(4000, len(KNOTS))) * (scale * np.repeat([1.0, 3.0], 2000))[:, None]
    table = intervals.calibrate(residuals, scale, np.ones(4000, dtype=bool))
    calm, wild = table.at(np.array([0.001, 0.1]), np.ones((2, len(KNOTS))))
    assert calm[0, -1] == pytest.approx(0.001 * 1.96, rel=0.15)
    assert wild[0, -1] == pytest.approx(0.3 * 1.96, rel=0.15)


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
