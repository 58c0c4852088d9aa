"""Spot forecasts: valid whatever comes in, causal, better than naive where prices trend, naive where they do not."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.spot.forecast import FORECAST_SCHEMA, forecast
from analytics.spot.levels import KNOTS, LEVELS
from tests.unit.analytics_staircase import SCHEMA, START, end, staircase


def quantiles(frame: pl.DataFrame) -> np.ndarray:
    rows = frame.filter(pl.col("excluded").is_null())["quantiles"].to_list()
    return np.array(rows).reshape(len(rows), len(KNOTS), len(LEVELS))


def assert_valid(frame: pl.DataFrame) -> None:
    assert frame.schema == pl.Schema(FORECAST_SCHEMA)
    fan = quantiles(frame)
    assert np.isfinite(fan).all()
    assert (fan > 0).all()
    assert (np.diff(fan, axis=2) >= 0).all()
    forecasts = frame.filter(pl.col("excluded").is_null())
    for name in ("mean", "naive"):
        values = np.array(forecasts[name].to_list()).reshape(-1, len(KNOTS))
        assert np.isfinite(values).all()
        assert (values > 0).all()
    left_out = frame.filter(pl.col("excluded").is_not_null())
    assert (left_out["excluded"].str.len_chars() > 10).all()
    assert left_out["mean"].null_count() == left_out.height


@settings(max_examples=20, deadline=None)
@given(
    markets=st.integers(1, 12),
    days=st.floats(0.2, 40),
    seed=st.integers(0, 10_000),
    momentum=st.floats(0, 1),
    hours_between=st.floats(0.3, 60),
    step=st.floats(1e-5, 2.0),
    flat_share=st.floats(0, 1),
    base=st.sampled_from([1e-4, 0.1, 500.0]),
)
def test_a_forecast_is_finite_positive_and_ordered_for_any_staircase(markets: int, days: float, **shape: float) -> None:
    prices = staircase(markets, days, **shape)
    result = forecast(prices, end(days))
    assert result.frame.height == prices["market"].n_unique()
    assert_valid(result.frame)


wild = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.just(0.0), st.floats(-5, 5), st.floats(0.01, 0.5), st.none()
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-400_000, 60 * 24), wild), min_size=1, max_size=60))
def test_no_row_however_wrong_breaks_a_forecast(rows: list[tuple[int, int, float | None]]) -> None:
    frame = pl.DataFrame(
        [
            (f"xx/{market}", "xx", f"{market}", "m1.large", "Linux/UNIX", START + timedelta(hours=hour), price)
            for market, hour, price in rows
        ],
        schema=SCHEMA,
        orient="row",
    )
    result = forecast(frame, end(40))
    assert result.frame["market"].to_list() == sorted(frame["market"].unique().to_list())
    assert_valid(result.frame)


def test_rows_after_the_cutoff_change_nothing() -> None:
    prices = staircase(12, 40, seed=3)
    cutoff = end(30)
    known = prices.filter(pl.col("at") <= cutoff)
    assert forecast(prices, cutoff).frame.equals(forecast(known, cutoff).frame)


def test_order_and_repetition_of_rows_change_nothing() -> None:
    prices = staircase(9, 30, seed=4)
    shuffled = pl.concat([prices, prices.sample(fraction=0.3, seed=1)]).sample(fraction=1.0, shuffle=True, seed=2)
    assert forecast(prices, end()).frame.equals(forecast(shuffled, end()).frame)


def later(prices: pl.DataFrame, cutoff_days: float, hours: int) -> np.ndarray:
    """The price in force so many hours after the cutoff, in order of market."""
    seen = prices.filter(pl.col("at") <= end(cutoff_days) + timedelta(hours=hours)).sort("market", "at")
    return seen.group_by("market", maintain_order=True).last()["price"].to_numpy()


def test_trending_prices_are_forecast_better_than_naive_and_the_score_beside_says_so() -> None:
    prices = staircase(90, 42, seed=5, momentum=0.95, flat_share=0.1)
    frame = forecast(prices, end(35)).frame
    day = KNOTS.index(24)
    actual = later(prices, 35, 24)
    ours = np.abs(frame["mean"].list.get(day).to_numpy() - actual)
    naive = np.abs(frame["last_price"].to_numpy() - actual)
    assert ours.mean() < 0.93 * naive.mean()
    moving = frame.filter(pl.col("model") == "momentum")
    assert moving.height > 60
    assert moving["mae_skill_24"].median() > 0.03
    assert moving["origins"].min() >= 3


def test_intervals_hold_what_they_promise_on_markets_that_move() -> None:
    prices = staircase(150, 42, seed=6, flat_share=0.0)
    frame = forecast(prices, end(35)).frame
    fan = quantiles(frame)
    for knot in (KNOTS.index(24), KNOTS.index(72)):
        actual = later(prices, 35, KNOTS[knot])
        wide = ((actual >= fan[:, knot, 0]) & (actual <= fan[:, knot, -1])).mean()
        usual = ((actual >= fan[:, knot, 2]) & (actual <= fan[:, knot, -3])).mean()
        assert 0.88 <= wide <= 1.0
        assert 0.68 <= usual <= 0.92
    assert frame["coverage80"].mean() == pytest.approx(0.8, abs=0.1)
    assert frame["coverage95"].mean() == pytest.approx(0.95, abs=0.05)


def test_where_prices_wander_aimlessly_naive_is_chosen_and_said() -> None:
    frame = forecast(staircase(60, 40, seed=7, momentum=0.5, flat_share=0.0), end(40)).frame
    naive = frame.filter(pl.col("naive_better"))
    assert naive.height > 15
    assert (naive["model"] == "naive").all()
    assert naive["note"].str.starts_with("naive: momentum has not been better").all()
    assert naive.filter(pl.col("mean") != pl.col("naive")).height == 0


def test_a_market_that_rests_is_forecast_to_rest() -> None:
    prices = staircase(30, 35, seed=8, flat_share=0.5)
    frame = forecast(prices, end(35)).frame
    flat = frame.filter(pl.col("note").str.contains("has not moved for four weeks"))
    assert flat.height >= 8
    assert flat.filter(pl.col("mean") != pl.col("naive")).height == 0
    widths = (flat["quantiles"].list.max() - flat["quantiles"].list.min()) / flat["last_price"]
    moving = frame.filter(~pl.col("market").is_in(flat["market"].implode()))
    assert (
        widths.mean()
        < 0.1 * ((moving["quantiles"].list.max() - moving["quantiles"].list.min()) / moving["last_price"]).mean()
    )


def test_a_short_history_gets_naive_with_a_wide_interval_and_says_so() -> None:
    frame = forecast(staircase(12, 2.5, seed=9, flat_share=0.0), end(2.5)).frame
    assert frame["model"].unique().to_list() == ["naive"]
    assert frame["note"].str.contains("only 2.5 days of prices are known").all()
    fan = quantiles(frame)
    assert (fan[:, -1, -1] > fan[:, -1, 0]).all()
    assert frame["mae_skill_168"].null_count() == frame.height


def test_a_young_market_among_old_ones_says_so() -> None:
    prices = staircase(30, 35, seed=10, flat_share=0.0)
    young = prices["market"].unique().sort()[0]
    cut = prices.filter((pl.col("market") != young) | (pl.col("at") > end(27)))
    row = forecast(cut, end(35)).frame.row(by_predicate=pl.col("market") == young, named=True)
    assert (
        row["note"].endswith(f"only {row['hours_known'] / 24:.0f}.0 days of prices are known") or "only" in row["note"]
    )
    assert row["hours_known"] < 8 * 24 + 1


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: f.with_columns(price=pl.lit(0.0)), "prices are impossible"),
        (lambda f: f.with_columns(at=pl.lit(START + timedelta(days=90))), "no price is known up to the cutoff"),
        (lambda f: f.tail(1).with_columns(at=pl.lit(end(29.9))), "only 2 hours of prices are known"),
        (lambda f: f.with_columns(at=pl.lit(START.replace(year=1970))), "prices are impossible"),
    ],
)
def test_a_market_that_cannot_be_forecast_is_excluded_with_its_reason(spoil: object, reason: str) -> None:
    prices = staircase(6, 30, seed=11)
    victim = prices["market"].unique().sort()[2]
    own, rest = prices.filter(pl.col("market") == victim), prices.filter(pl.col("market") != victim)
    result = forecast(pl.concat([rest, spoil(own).select(rest.columns)]), end())  # type: ignore[operator]
    assert result.excluded["market"].to_list() == [victim]
    assert reason in result.excluded["reason"][0]
    assert (
        result.frame.row(by_predicate=pl.col("market") == victim, named=True)["excluded"]
        == result.excluded["reason"][0]
    )
    assert result.frame["excluded"].is_null().sum() == 5


def test_a_few_absurd_prices_are_dropped_and_the_forecast_says_so() -> None:
    prices = staircase(6, 30, seed=12, flat_share=0.0)
    victim = prices["market"].unique().sort()[0]
    own = prices.filter(pl.col("market") == victim)
    absurd = own.head(2).with_columns(price=pl.lit(1e6), at=pl.lit(end(29)) - pl.duration(hours=pl.int_range(pl.len())))
    spoilt = forecast(pl.concat([prices, absurd]), end()).frame.row(by_predicate=pl.col("market") == victim, named=True)
    assert "2 of" in spoilt["note"]
    assert "times off the median price" in spoilt["note"]
    assert spoilt["last_price"] == pytest.approx(own.sort("at")["price"][-1])


def test_no_market_at_all_gives_an_empty_frame_of_the_same_columns() -> None:
    result = forecast(pl.DataFrame(schema=SCHEMA), end())
    assert result.frame.height == 0
    assert result.frame.schema == pl.Schema(FORECAST_SCHEMA)
