"""The backtest command: the file it writes, what it may look at, what it prints and how it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.spot import backtest
from analytics.spot.levels import LEVELS, level_name
from tests.unit.analytics_staircase import end, staircase


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.parquet"
    as_told(staircase(9, 44, seed=1)).write_parquet(path)
    return path


def as_told(prices: pl.DataFrame) -> pl.DataFrame:
    """Events under the names of a spot price history."""
    return prices.select(
        pl.col("at").dt.replace_time_zone("UTC").alias("timestamp"),
        "region",
        pl.col("zone").alias("availability_zone"),
        "instance_type",
        "product",
        "price",
    )


def run(prices: Path, out: Path, *more: str, days: tuple[float, ...] = (30.0, 37.0)) -> int:
    cutoffs = ",".join(f"{end(day):%Y-%m-%dT%H:%MZ}" for day in days)
    return backtest.main(["--prices", str(prices), "--cutoffs", cutoffs, "--out", str(out), *more])


def test_every_market_cutoff_and_hour_has_a_row_in_the_format_of_forecasts(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "forecasts.parquet"
    assert run(prices, out) == 0
    frame = pl.read_parquet(out)
    assert frame.columns == ["unique_id", "cutoff", "ds", "mean", *map(level_name, LEVELS)]
    assert frame.height == 9 * 2 * 168
    assert frame.select("unique_id", "cutoff", "ds").is_unique().all()
    steps = (frame["ds"] - frame["cutoff"]).dt.total_hours()
    assert (steps.min(), steps.max()) == (1, 168)
    assert frame["cutoff"].unique().sort().to_list() == [end(day).replace(tzinfo=UTC) for day in (30, 37)]
    fan = frame.select(map(level_name, LEVELS)).to_numpy()
    assert np.isfinite(fan).all()
    assert (np.diff(fan, axis=1) >= 0).all()
    table = capsys.readouterr().out
    assert "MAE skill" in table
    assert "peak memory" in table
    assert next(line.split()[:3] for line in table.splitlines() if line.startswith("momentum ")) == [
        "momentum",
        "24",
        "all",
    ]


def test_nothing_after_a_cutoff_reaches_its_forecast(prices: Path, tmp_path: Path) -> None:
    known = pl.read_parquet(prices).filter(pl.col("timestamp") <= end(30).replace(tzinfo=UTC))
    known.write_parquet(tmp_path / "known.parquet")
    assert run(prices, tmp_path / "a.parquet", days=(30.0,)) == 0
    assert run(tmp_path / "known.parquet", tmp_path / "b.parquet", days=(30.0,)) == 0
    assert pl.read_parquet(tmp_path / "a.parquet").equals(pl.read_parquet(tmp_path / "b.parquet"))


def test_a_short_history_is_what_aws_would_have_answered_then(prices: Path, tmp_path: Path) -> None:
    short = ("--history", "48h", "--horizon", "24")
    assert run(prices, tmp_path / "short.parquet", *short, "--prior", "none") == 0
    frame = pl.read_parquet(tmp_path / "short.parquet")
    assert frame.height == 9 * 2 * 24
    assert frame.filter(pl.col("mean") != pl.col("mean").first().over("unique_id", "cutoff")).height == 0
    assert run(prices, tmp_path / "prior.parquet", *short) == 0
    known_elsewhere = pl.read_parquet(tmp_path / "prior.parquet")
    assert known_elsewhere.filter(pl.col("mean") != pl.col("mean").first().over("unique_id", "cutoff")).height > 0
    events = backtest.read_prices(prices)
    recent = backtest.recent(events, end(30), 48)
    start = end(30) - timedelta(hours=48)
    assert recent["at"].min() == start
    assert recent.group_by("market").agg(pl.col("at").min() == start)["at"].all()


def test_classic_models_are_written_and_scored_beside_ours(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "forecasts.parquet"
    assert run(prices, out, "--models", "momentum,ridge,naive,holt", days=(30.0,)) == 0
    table = capsys.readouterr().out.split("\n\n")[0].splitlines()[1:]
    rows = {tuple(line.split()[:3]): line.split()[4] for line in table}
    assert float(rows["naive", "24", "all"]) == 0.0
    assert {name for name, _, _ in rows} == {"momentum", "ridge", "naive", "holt"}
    for name in ("ridge", "naive", "holt"):
        frame = pl.read_parquet(tmp_path / f"forecasts.{name}.parquet")
        fan = frame.select(map(level_name, LEVELS)).to_numpy()
        assert np.isfinite(fan).all()
        assert (fan > 0).all()
        assert (np.diff(fan, axis=1) >= 0).all()


def test_calibration_is_told_by_day_cutoff_and_family(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(prices, tmp_path / "f.parquet", "--prior", "none") == 0
    lines = capsys.readouterr().out.split("\n\n")[1].splitlines()
    labels = [line[:31].strip() for line in lines[1:]]
    assert labels[:7] == [f"day {day}" for day in range(1, 8)]
    assert labels[7:9] == ["2026-01-31T00:00Z to 24 h", "2026-01-31T00:00Z to 168 h"]
    assert {label.split()[0] for label in labels[11:]} <= {"m0", "m1", "m2"}
    day = [float(value) for value in lines[1].split()[-2:]]
    assert 0 <= day[0] <= day[1] <= 1


def test_a_market_that_the_models_exclude_gets_naive_with_an_interval(prices: Path, tmp_path: Path) -> None:
    events = pl.read_parquet(prices)
    newcomer = events.head(1).with_columns(
        timestamp=pl.lit(end(29.9).replace(tzinfo=UTC)), instance_type=pl.lit("m9.large"), price=pl.lit(0.5)
    )
    hopeless = newcomer.with_columns(instance_type=pl.lit("m8.large"), price=pl.lit(-1.0))
    path = tmp_path / "more.parquet"
    pl.concat([events, newcomer.select(events.columns), hopeless.select(events.columns)]).write_parquet(path)
    assert run(path, tmp_path / "f.parquet", "--models", "momentum,naive", days=(30.0,)) == 0
    for name in ("f", "f.naive"):
        frame = pl.read_parquet(tmp_path / f"{name}.parquet")
        found = frame.filter(pl.col("unique_id").str.contains("m9.large"))
        assert found.height == 168
        assert (found["mean"] == 0.5).all()
        assert (found["q0.9"] > 0.5).all()
        assert (found["q0.1"] < 0.5).all()
        assert frame["unique_id"].n_unique() == 10


def test_a_prior_that_is_none_is_refused(prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.json").write_text('{"inputs": []}')
    for path in (tmp_path / "p.json", tmp_path / "nowhere.json"):
        assert run(prices, tmp_path / "f.parquet", "--prior", str(path)) == 2
        assert str(path) in capsys.readouterr().err


def test_the_score_is_one_for_a_perfect_forecast_and_zero_for_naive() -> None:
    from analytics.spot.score import losses, summary

    actual = np.array([[1.1, 1.2, 1.3], [2.0, 1.9, 1.8]])
    last, scale = np.array([1.0, 2.1]), np.array([1.0, 2.0])
    perfect = losses(actual, np.repeat(actual[..., None], 21, axis=2), actual, last, scale, 3)
    flat = np.repeat(last[:, None], 3, axis=1)
    naive = losses(flat, np.repeat(flat[..., None], 21, axis=2), actual, last, scale, 3)
    every = np.ones(2, dtype=bool)
    assert summary([perfect], [every]) == (2, pytest.approx(1), pytest.approx(1), 1.0, 1.0)
    assert summary([naive], [every]) == (2, pytest.approx(0), pytest.approx(0), 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--prices", "nowhere.parquet", "--cutoffs", "2026-01-30"], "nowhere.parquet cannot be read as Parquet"),
        (["--cutoffs", "yesterday"], "'yesterday' is not a time"),
        (["--cutoffs", "2026-01-30", "--models", "oracle"], "there is no model 'oracle'"),
        (["--cutoffs", "2026-01-30", "--history", "48"], "'48' is not a length of time"),
        (["--cutoffs", "2020-01-30"], "no market has prices up to 2020-01-30"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    prices: Path, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest.main(["--prices", str(prices), "--out", str(tmp_path / "o.parquet"), *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "o.parquet").exists()


def test_a_file_without_a_needed_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    pl.DataFrame({"timestamp": [datetime(2026, 1, 1)], "price": [1.0]}).write_parquet(path)
    with pytest.raises(backtest.BacktestError, match="has no column 'region'"):
        backtest.read_prices(path)
