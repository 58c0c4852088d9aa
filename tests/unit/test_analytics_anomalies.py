"""Anomalies: found when they happen, in words, without looking ahead, and not where there are none."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.anomalies.detect import DECAY, SCORED_SCHEMA, detect, record_ratio
from analytics.anomalies.hours import by_hour
from analytics.anomalies.profiles import COST, SPOT
from analytics.anomalies.smoothing import one_step

MONDAY = datetime(2026, 8, 3)


def daily(values: np.ndarray, name: str = "EC2 spend") -> pl.DataFrame:
    days = [MONDAY + timedelta(days=day) for day in range(len(values))]
    return pl.DataFrame({"series": [name] * len(values), "at": days, "value": values})


def bills(seed: int, days: int = 90, noise: float = 0.04) -> np.ndarray:
    """Daily costs with a weekly season, a trend and noise."""
    random = np.random.default_rng(seed)
    week = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.55])
    day = np.arange(days)
    return 300 * (1 + 0.002 * day) * week[day % 7] * np.exp(noise * random.normal(size=days))


def flagged(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("severity") != "")


@pytest.mark.parametrize("seed", range(6))
def test_a_spike_in_daily_costs_is_flagged_on_its_day_and_not_again(seed: int) -> None:
    values = bills(seed)
    values[70] *= 1.9
    found = flagged(detect(daily(values), profile="cost"))
    assert MONDAY + timedelta(days=70) in found["at"].to_list()
    assert found.filter(pl.col("at").is_between(MONDAY + timedelta(71), MONDAY + timedelta(77))).height == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_step_in_daily_costs_is_flagged_once_and_then_becomes_what_is_expected(seed: int) -> None:
    values = bills(seed, days=110)
    values[60:] *= 1.7
    scored = detect(daily(values), profile="cost")
    found = flagged(scored)
    assert MONDAY + timedelta(days=60) in found["at"].to_list()
    assert found.filter(pl.col("at") > MONDAY + timedelta(days=67)).height == 0
    late = scored.filter(pl.col("at") > MONDAY + timedelta(days=95))
    assert ((late["value"] - late["expected"]).abs() / late["value"]).median() < 0.15


def test_a_weekly_season_with_noise_is_no_anomaly() -> None:
    quiet = pl.concat([daily(bills(seed), f"service {seed:02}") for seed in range(40)])
    assert flagged(detect(quiet, profile="cost")).height <= 2


def test_an_anomaly_is_said_in_words_with_what_was_expected() -> None:
    values = bills(1)
    values[70] *= 2.5
    row = (
        flagged(detect(daily(values), profile="cost")).filter(pl.col("at") == MONDAY + timedelta(70)).row(0, named=True)
    )
    low, high = math.ceil(row["expected_low"]), math.floor(row["expected_high"])
    assert row["label"] == f"EC2 spend 2026-10-12: {row['value']:.0f} USD, expected {low}–{high}"
    assert row["expected_low"] < row["expected"] < row["expected_high"] < row["value"]
    assert row["severity"] in ("warn", "bad")


def test_severity_grows_with_the_size_of_what_is_unusual_not_with_its_rarity_alone() -> None:
    steady = np.full(90, 100.0) + np.random.default_rng(3).normal(size=90) * 0.01
    found = {}
    for factor in (1.2, 1.4, 2.0):
        values = steady.copy()
        values[70] *= factor
        found[factor] = flagged(detect(daily(values), profile="cost"))["severity"].to_list()
    assert found == {1.2: ["info"], 1.4: ["warn"], 2.0: ["bad"]}


def test_a_series_too_short_to_judge_says_so_instead_of_guessing() -> None:
    scored = detect(daily(np.array([1.0, 500.0, 1.0, 900.0])), profile="cost")
    assert scored["label"].to_list() == [f"warming up: {n} of {COST.warm_up} points" for n in (1, 2, 3, 4)]
    assert scored["score"].null_count() == 4
    assert flagged(scored).height == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(25, 120), st.sampled_from(["cost", "spot", "metric"]))
def test_cutting_the_future_off_changes_no_earlier_point(seed: int, cut: int, profile: str) -> None:
    random = np.random.default_rng(seed)
    values = np.abs(np.cumsum(random.standard_t(2, size=130)) + 50)
    whole = detect(daily(values), profile=profile)
    part = detect(daily(values[:cut]), profile=profile)
    assert whole.head(cut).equals(part)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 200), st.floats(allow_nan=True, allow_infinity=True)),
        max_size=80,
    ),
    st.sampled_from(["cost", "spot", "metric"]),
)
def test_no_value_however_wild_breaks_the_detector(rows: list[tuple[str, int, float]], profile: str) -> None:
    frame = pl.DataFrame(
        [(name, MONDAY + timedelta(hours=hour), min(max(value, -1e300), 1e300)) for name, hour, value in rows],
        schema={"series": pl.String, "at": pl.Datetime("us"), "value": pl.Float64},
        orient="row",
    )
    scored = detect(frame, profile=profile)
    assert scored.schema == pl.Schema(SCORED_SCHEMA)
    assert scored.select("series", "at").is_unique().all()
    assert set(scored["severity"]) <= {"", "info", "warn", "bad"}


def hourly_prices(jump_at: int | None, hours: int = 600) -> pl.DataFrame:
    """A staircase of small steps every six hours, told as events, with one jump of a half."""
    random = np.random.default_rng(5)
    price, rows = 0.1, []
    for hour in range(0, hours, 6):
        price *= float(np.exp(random.normal() * 0.004))
        if jump_at is not None and hour == jump_at:
            price *= 1.5
        rows.append(("xx/1/m5.large", MONDAY + timedelta(hours=hour, minutes=20), price))
    return pl.DataFrame(rows, schema={"market": pl.String, "at": pl.Datetime("us"), "price": pl.Float64}, orient="row")


def test_a_jump_of_a_spot_price_is_flagged_in_the_hour_it_shows() -> None:
    until = MONDAY + timedelta(hours=600)
    found = flagged(detect(by_hour(hourly_prices(420), until), profile="spot"))
    assert found["at"].to_list() == [MONDAY + timedelta(hours=421)]
    assert "USD/h, expected 0." in found["label"][0]
    assert flagged(detect(by_hour(hourly_prices(None), until), profile="spot")).height == 0


def test_prices_by_hour_carry_the_last_one_forward_and_nothing_back() -> None:
    events = pl.DataFrame(
        {
            "market": ["a", "a", "a", "b"],
            "at": [MONDAY + timedelta(minutes=m) for m in (60, 130, 130, 200)],
            "price": [1.0, 2, 0, 5],
        }
    )
    hours = by_hour(events, MONDAY + timedelta(hours=5, minutes=30))
    assert hours.filter(pl.col("series") == "a").select("at", "value").rows() == [
        (MONDAY + timedelta(hours=hour), value) for hour, value in ((1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0), (5, 2.0))
    ]
    assert hours.filter(pl.col("series") == "b")["at"].min() == MONDAY + timedelta(hours=4)


def test_a_record_ratio_is_the_deviation_over_the_faded_largest_before() -> None:
    deviation = np.array([[*([1.0] * 11), 3.0, 3.0, 6.0]])
    ratio = record_ratio(deviation)[0]
    assert np.isnan(ratio[:10]).all()
    assert ratio[11] == pytest.approx(3 / DECAY)
    assert ratio[12] == pytest.approx(1 / DECAY)
    assert ratio[13] == pytest.approx(2 / DECAY)


def test_one_step_expectations_follow_a_steady_series_and_its_weekdays() -> None:
    week = np.tile([10.0, 10, 10, 10, 10, 4, 4], 16)[None, :]
    phase = np.tile(np.arange(7), 16)[None, :]
    late = slice(-14, None)
    with_season = np.abs(one_step(week, phase, 7).expected - week)[0, late].mean()
    without = np.abs(one_step(week).expected - week)[0, late].mean()
    assert with_season < 0.25 * without


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match="there are cost, spot, metric"):
        detect(daily(bills(0)), profile="weather")


def test_profiles_wait_for_more_than_a_season_before_they_judge() -> None:
    assert COST.warm_up >= 3 * COST.season
    assert SPOT.warm_up >= 72
