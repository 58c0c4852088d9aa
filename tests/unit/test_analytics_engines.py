"""Challengers on a cluster: the same forecasts as here, one sentence where there is no cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from distributed import LocalCluster

from analytics.spot import backtest
from analytics.spot.challengers import CHALLENGERS, challenge
from analytics.spot.clean import clean
from analytics.spot.engines import EngineError, opened
from analytics.spot.grid import Grid, hourly
from analytics.spot.levels import LEVELS, MEDIAN
from tests.unit.analytics_staircase import end, staircase
from tests.unit.test_analytics_backtest import as_told

pytestmark = pytest.mark.filterwarnings("ignore:DataFrameGroupBy.apply:FutureWarning")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a Dask scheduler with one worker, in this process."""
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        yield str(cluster.scheduler_address)


def grid_of(days: float, markets: int = 4) -> Grid:
    cleaned = clean(staircase(markets, 12, seed=2), end(days))
    return hourly(cleaned.events, cleaned.markets, end(days))


@pytest.mark.parametrize("name", sorted(CHALLENGERS))
def test_dask_forecasts_what_this_process_forecasts(scheduler: str, name: str) -> None:
    grid = grid_of(10)
    with opened(f"dask:{scheduler}") as engine:
        there = challenge(name, grid, 12, engine)
    here = challenge(name, grid, 12)
    assert here[1].shape == (4, 12, len(LEVELS))
    np.testing.assert_allclose(there[0], here[0], rtol=1e-5)
    np.testing.assert_allclose(there[1], here[1], rtol=1e-5)


def test_a_backtest_on_dask_writes_what_a_local_one_writes(scheduler: str, tmp_path: Path) -> None:
    prices = tmp_path / "prices.parquet"
    as_told(staircase(3, 12, seed=4)).write_parquet(prices)
    written = []
    for engine in ("local", f"dask:{scheduler}"):
        out = tmp_path / f"{len(written)}.parquet"
        asked = ["--prices", str(prices), "--cutoffs", f"{end(9):%Y-%m-%d}", "--out", str(out), "--models", "holt"]
        assert backtest.main([*asked, "--horizon", "6", "--engine", engine]) == 0
        written.append(pl.read_parquet(out))
    assert written[0].height == 3 * 6
    assert written[0].select("unique_id", "cutoff", "ds").equals(written[1].select("unique_id", "cutoff", "ds"))
    np.testing.assert_allclose(written[1]["mean"].to_numpy(), written[0]["mean"].to_numpy(), rtol=1e-5)


def test_a_challenger_at_a_cutoff_is_what_statsforecasts_own_cross_validation_gives_there() -> None:
    from statsforecast import StatsForecast
    from statsforecast.models import Holt

    whole = grid_of(12).log_price
    markets, hours = whole.shape
    frame = pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(markets), hours),
            "ds": np.tile(np.arange(hours), markets),
            "y": whole.ravel(),
        }
    )
    with np.errstate(all="ignore"):
        windows = StatsForecast(models=[Holt()], freq=1).cross_validation(df=frame, h=24, n_windows=2, step_size=24)
    for days, cutoff in ((10, hours - 49), (11, hours - 25)):
        _, quantiles = challenge("holt", grid_of(days), 24)
        theirs = windows.filter(pl.col("cutoff") == cutoff).sort("unique_id", "ds")["Holt"].to_numpy()
        np.testing.assert_allclose(np.log(quantiles[:, :, MEDIAN]).ravel(), theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("text", ["spark", "local:8786", ""])
def test_an_engine_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="is no engine; write local, dask"), opened(text):
        pass


def test_an_engine_that_is_not_installed_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"pip install 'quarterdeck\[ray\]'"), opened("ray"):
        pass


def test_a_cluster_that_cannot_be_reached_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.spot.engines.WAIT", "50ms")
    said = r"the engine dask:tcp://127\.0\.0\.1:1 cannot be reached"
    with pytest.raises(EngineError, match=said), opened("dask:tcp://127.0.0.1:1"):
        pass
