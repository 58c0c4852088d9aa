"""The prior: what is shipped, that it can be made again, and that it serves a region from its first days."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from analytics.spot import prior
from analytics.spot.clean import clean
from analytics.spot.forecast import forecast, teach
from analytics.spot.renewal import frame_of, refreshed, renewed
from tests.unit.analytics_staircase import end, staircase
from tests.unit.test_analytics_backtest import as_told


def test_the_shipped_prior_is_small_and_says_where_it_comes_from() -> None:
    shipped = prior.shipped()
    assert "python -m analytics.spot.prior" in shipped.told
    assert prior.SHIPPED.stat().st_size < 100_000
    numbers = [array for layer in shipped.networks[0].layers for array in layer]
    assert all(np.isfinite(array).all() for array in [*numbers, shipped.moving.quantiles, shipped.flat])
    assert (np.diff(shipped.moving.quantiles, axis=2) >= 0).all()


def test_a_prior_made_elsewhere_beats_naive_on_two_days_of_history(tmp_path: Path) -> None:
    made, path = tmp_path / "prior.json", tmp_path / "prices.parquet"
    as_told(staircase(60, 60, seed=1, momentum=0.95, flat_share=0.1)).write_parquet(path)
    assert prior.main(["--prices", str(path), "--out", str(made), "--without", "m0,m1"]) == 0
    assert "without m0,m1" in json.loads(made.read_text())["provenance"]
    new = staircase(60, 40, seed=2, momentum=0.95, flat_share=0.0)
    known = new.filter(pl.col("at").is_between(end(36), end(38)))
    frame = forecast(known, end(38), prior=prior.load(made)).frame.filter(pl.col("excluded").is_null())
    later = new.filter(pl.col("at") <= end(39)).sort("market", "at").group_by("market", maintain_order=True).last()
    joined = frame.join(later.select("market", "price"), on="market")
    day = joined["mean"].list.get(7).to_numpy()
    actual, last = joined["price"].to_numpy(), joined["last_price"].to_numpy()
    assert joined.height > 40
    assert np.abs(day - actual).mean() < 0.95 * np.abs(last - actual).mean()


def test_too_little_makes_no_prior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prices.parquet"
    as_told(staircase(3, 3, seed=1)).write_parquet(path)
    assert prior.main(["--prices", str(path), "--out", str(tmp_path / "p.json")]) == 2
    assert "too little history" in capsys.readouterr().err
    assert prior.main(["--prices", str(path), "--out", str(tmp_path / "p.json"), "--only", "x9"]) == 2
    assert "no prices" in capsys.readouterr().err


def test_new_prices_of_two_markets_give_the_forecasts_that_all_prices_together_would() -> None:
    prices = staircase(24, 30, seed=3, flat_share=0.0)
    taught = teach(clean(prices, end(30)), end(30), prior=prior.shipped())
    assert taught is not None
    at = end(30) + timedelta(minutes=40)
    moved = [taught.markets["market"][number] for number in (5, 6)]
    own = prices.filter(pl.col("market").is_in(moved))
    latest = own.sort("market", "at").group_by("market", maintain_order=True).last().select(prices.columns)
    news = [
        latest.with_columns(at=pl.lit(at - ago).cast(pl.Datetime("us")), price=pl.col("price") * factor)
        for ago, factor in ((timedelta(minutes=30), 1.02), (timedelta(), 0.97))
    ]
    alone = renewed(taught, pl.concat([own, *news]), at)
    after = refreshed(taught, clean(pl.concat([prices, *news]), at), at)
    assert alone is not None
    assert after is not None
    together = frame_of(after).filter(pl.col("market").is_in(moved))
    assert alone["market"].to_list() == together["market"].to_list() == moved
    assert alone["as_of"].unique().to_list() == [at]
    assert alone["last_price"].to_list() == together["last_price"].to_list()
    for name in ("mean", "quantiles"):
        np.testing.assert_allclose(
            alone[name].explode().to_numpy(), together[name].explode().to_numpy(), rtol=1e-5, err_msg=name
        )
    before = frame_of(taught).filter(pl.col("market").is_in(moved))
    assert alone["mean"].to_list() != before["mean"].to_list()


def test_a_market_that_was_not_learned_on_is_not_forecast_alone() -> None:
    prices = staircase(12, 30, seed=3)
    taught = teach(clean(prices, end(30)), end(30), prior=prior.shipped())
    assert taught is not None
    assert renewed(taught, prices.head(5).with_columns(market=pl.lit("new")), end(30)) is None
