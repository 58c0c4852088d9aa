"""The size that a group will need: four forecasts scored on the past, the best one shown, naive where naive is best."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.demand.forecast import HORIZONS, STEPS_A_DAY, WEEK, forecast
from analytics.demand.question import GROUP_SCHEMA, demand

START = datetime(2026, 11, 2)
ARN = "arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:x:autoScalingGroupName/web"


def weekend(steps: int) -> np.ndarray:
    days = np.arange(steps) // STEPS_A_DAY
    return np.asarray(days % 7 >= 5)


def daily(days: int, noise: float = 0.0) -> np.ndarray:
    steps = np.arange(days * STEPS_A_DAY)
    wave = 10 + 5 * np.sin(2 * np.pi * steps / STEPS_A_DAY)
    week = np.where(weekend(len(steps)), 0.6, 1.0)
    return np.asarray(wave * week + noise * np.random.default_rng(5).normal(size=len(steps)))


def test_what_follows_the_day_is_foreseen_and_naive_is_beaten() -> None:
    need = daily(14, noise=0.2)
    found = forecast(need[:-STEPS_A_DAY], weekend(14 * STEPS_A_DAY + WEEK))
    assert found is not None
    truth = need[-STEPS_A_DAY:]
    said, naive = found.chosen[:STEPS_A_DAY], found.paths["naive"][:STEPS_A_DAY]
    assert np.abs(said - truth).mean() < 0.3 * np.abs(naive - truth).mean()
    assert found.best["24 h"] != "naive"
    inside = (found.low[:STEPS_A_DAY] <= truth) & (truth <= found.high[:STEPS_A_DAY])
    assert inside.mean() > 0.6


def test_where_the_past_tells_nothing_naive_is_shown() -> None:
    walk = 50 + np.cumsum(np.random.default_rng(3).normal(size=12 * STEPS_A_DAY))
    found = forecast(walk, weekend(len(walk) + WEEK))
    assert found is not None and found.best["15 min"] == "naive"
    assert found.chosen[0] == walk[-1]


def test_nothing_is_foreseen_of_less_than_a_day() -> None:
    assert forecast(np.ones(STEPS_A_DAY - 1), weekend(STEPS_A_DAY + WEEK)) is None


def test_a_forecast_knows_nothing_of_what_comes_after_it() -> None:
    need = daily(10, noise=0.3)
    cut = 8 * STEPS_A_DAY
    marks = weekend(10 * STEPS_A_DAY + WEEK)
    before, after = need[:cut], need.copy()
    after[cut:] += 1000
    one, other = forecast(before, marks), forecast(after[:cut], marks)
    assert one is not None and other is not None and np.array_equal(one.chosen, other.chosen)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.one_of(st.floats(0, 1e4), st.just(float("nan"))), min_size=1, max_size=300), st.integers(1, 3))
def test_any_past_gives_a_whole_week_or_nothing(values: list[float], times: int) -> None:
    need = np.array(values * times)
    found = forecast(need, weekend(len(need) + WEEK))
    if found is None:
        assert np.isfinite(need).sum() < STEPS_A_DAY
        return
    assert found.chosen.shape == (WEEK,) and np.isfinite(found.chosen).all() and (found.chosen >= 0).all()
    known = np.isfinite(found.low)
    assert (found.low[known] <= found.chosen[known]).all() and (found.chosen[known] <= found.high[known]).all()
    for score in found.scores:
        assert score.origins > 0 or score.error is None


def frames(days: int = 9, size: float | None = 10.0, **group: Any) -> dict[str, pl.DataFrame]:
    steps = days * STEPS_A_DAY
    load = pl.DataFrame(
        {
            "arn": [ARN] * steps,
            "at": [START + timedelta(minutes=15 * step) for step in range(steps)],
            "cpu": daily(days) * 3,
            "in_service": pl.Series([size] * steps, dtype=pl.Float64),
        }
    )
    row = {"account": "1", "region": "us-east-1", "name": "web", "arn": ARN, "desired": 10, "min": 1, "max": 20}
    row |= {"eks_cluster": None, "eks_nodegroup": None} | group
    return {"load": load, "autoscaling.group": pl.DataFrame([row])}


def test_the_need_is_the_work_in_instances_at_the_target() -> None:
    out = demand(frames(days=16), {"target": 60, "group": ""})
    assert out["groups"].schema == pl.Schema(GROUP_SCHEMA) and out["path"].height == 0
    [row] = out["groups"].iter_rows(named=True)
    assert row["now"] == pytest.approx(float(daily(16)[-1]) * 3 * 10 / 60)
    for steps in HORIZONS.values():
        assert row[f"low_{steps}"] <= row[f"need_{steps}"] <= row[f"high_{steps}"] <= row[f"size_{steps}"] + 1e-6
        assert row[f"naive_{steps}"] == pytest.approx(row["now"])


def test_of_one_group_the_week_is_told_by_the_hour_with_every_model_s_score() -> None:
    out = demand(frames(), {"target": 60, "group": "us-east-1/web"})
    assert out["path"].height == 168 and out["scores"].height == 12
    assert out["scores"].group_by("horizon").agg(pl.col("shown").sum()).get_column("shown").to_list() == [1, 1, 1]


def test_the_week_is_of_one_group_and_a_name_of_several_tells_of_none() -> None:
    one = frames()
    other = one["autoscaling.group"].with_columns(account=pl.lit("2"))
    both = one | {"autoscaling.group": pl.concat([one["autoscaling.group"], other])}
    for name, groups, hours in (("web", 2, 0), ("us-east-1/web", 2, 0), ("2/us-east-1/web", 1, 168)):
        out = demand(both, {"target": 60, "group": name})
        assert (out["groups"].height, out["path"].height) == (groups, hours), name


def test_a_size_beyond_the_group_s_maximum_is_said() -> None:
    [row] = demand(frames(max=3), {"target": 60, "group": ""})["groups"].iter_rows(named=True)
    assert row["size_96"] == 3 and "above its maximum of 3" in row["beyond"]


@pytest.mark.parametrize(
    ("given_frames", "told"),
    [
        (frames(size=None), "group metrics are not enabled"),
        ({**frames(), "load": pl.DataFrame()}, "told nothing"),
        ({**frames(), "load": frames()["load"].head(20)}, "less than a day"),
    ],
)
def test_what_cannot_be_known_says_why(given_frames: dict[str, pl.DataFrame], told: str) -> None:
    [row] = demand(given_frames, {"target": 60, "group": ""})["groups"].iter_rows(named=True)
    assert told in row["unknown"] and row["need_96"] is None
