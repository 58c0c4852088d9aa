"""The jobs that the worker runs by name: shapes, determinism, light imports."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.advice.advise import ADVICE_SCHEMA
from analytics.jobs import ANOMALY_SCHEMA, JOBS
from analytics.spot.forecast import FORECAST_SCHEMA, forecast
from analytics.spot.prior import shipped
from tests.unit.analytics_staircase import SCHEMA, end, staircase

SCHEMAS = {"forecasts": FORECAST_SCHEMA, "anomalies": ANOMALY_SCHEMA, "advice": ADVICE_SCHEMA}


def costs(spike: int | None = 60, days: int = 80) -> pl.DataFrame:
    random = np.random.default_rng(2)
    rows = []
    for account in ("111122223333", "444455556666"):
        for service in ("Amazon Elastic Compute Cloud", "Amazon S3"):
            for day in range(days):
                amount = 200.0 * (0.6 if day % 7 > 4 else 1.0) * float(np.exp(0.03 * random.normal()))
                if day == spike and account == "111122223333" and service == "Amazon S3":
                    amount *= 2.2
                when = datetime(2026, 8, 3) + timedelta(days=day)
                ref = f"cost.daily@{account}/global/{when:%Y-%m-%d}/{service}"
                rows.append((account, service, when, amount, ref))
    return pl.DataFrame(rows, schema=["account", "service", "day", "amount", "ref"], orient="row")


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_nothing_in_gives_an_empty_frame_of_the_documented_columns(name: str) -> None:
    for frames in ({}, {"prices": pl.DataFrame(schema=SCHEMA), "costs": costs().clear(), "ec2.volume": pl.DataFrame()}):
        out = JOBS[name](frames, {"now": "2026-11-23T14:00:00Z"})
        assert list(out) == [name]
        assert out[name].height == 0
        assert out[name].schema == pl.Schema(SCHEMAS[name])


def test_forecasts_carry_whose_market_it_is_and_start_from_the_price_in_force() -> None:
    prices = staircase(6, 30, seed=1).with_columns(
        account=pl.lit("111122223333"),
        zone_id=pl.lit("use1-az1"),
        ref=pl.format("spot.price@111122223333/{}", "market"),
    )
    frame = JOBS["forecasts"]({"prices": prices}, {"now": f"{end():%Y-%m-%dT%H:%M:%SZ}"})["forecasts"]
    assert frame.columns == [*FORECAST_SCHEMA, "ref", "account", "zone_id"]
    assert frame["ref"].to_list() == [f"spot.price@111122223333/{market}" for market in frame["market"]]
    newest = prices.sort("market", "at").group_by("market", maintain_order=True).last()
    assert frame["last_price"].to_list() == newest["price"].to_list()
    assert frame["as_of"].unique().to_list() == [end()]


def test_prices_known_by_ref_alone_are_forecast_too() -> None:
    prices = staircase(3, 20, seed=2).rename({"market": "ref"}).drop("zone")
    frame = JOBS["forecasts"]({"prices": prices}, {})["forecasts"]
    assert frame["market"].to_list() == frame["ref"].to_list()
    assert frame["excluded"].null_count() == 3


def test_a_cost_anomaly_names_the_service_its_row_and_its_account() -> None:
    frame = JOBS["anomalies"]({"costs": costs()}, {"now": "2026-10-25T06:00:00Z"})["anomalies"]
    assert frame.height == 1
    row = frame.row(0, named=True)
    assert row["ref"] == "cost.daily@111122223333/global/2026-10-02/Amazon S3"
    assert (row["series"], row["kind"], row["account"]) == ("Amazon S3 spend", "cost.daily", "111122223333")
    assert row["label"].startswith("Amazon S3 spend 2026-10-02: ")


def test_an_anomaly_is_told_in_the_currency_of_its_costs() -> None:
    def label(**more: str) -> str:
        found = JOBS["anomalies"]({"costs": costs()}, {"now": "2026-10-25T06:00:00Z", **more})["anomalies"]
        return str(found["label"][0])

    assert " USD, expected " in label()
    assert label(currency="CNY") == label().replace("USD", "CNY")


def test_days_that_aws_is_still_billing_are_not_judged() -> None:
    unfinished = costs(spike=79)
    day = datetime(2026, 8, 3) + timedelta(days=79)
    during = JOBS["anomalies"]({"costs": unfinished}, {"now": f"{day:%Y-%m-%d}T20:00:00Z"})["anomalies"]
    after = JOBS["anomalies"]({"costs": unfinished}, {"now": f"{day + timedelta(days=2):%Y-%m-%d}T20:00:00Z"})[
        "anomalies"
    ]
    assert during.height == 0
    assert after.height == 1


def test_a_price_anomaly_names_the_market_in_words() -> None:
    prices = staircase(3, 30, seed=3, flat_share=0.0, step=0.002)
    market = prices["market"].unique().sort()[0]
    jump = prices.filter(pl.col("market") == market).tail(1)
    moment = end() + timedelta(hours=1)
    prices = pl.concat(
        [prices, jump.with_columns(at=pl.lit(moment).cast(pl.Datetime("us")), price=pl.col("price") * 1.8)]
    )
    frame = JOBS["anomalies"]({"prices": prices}, {"now": f"{moment:%Y-%m-%dT%H:%M:%SZ}"})["anomalies"]
    row = frame.filter(pl.col("at") == moment).row(0, named=True)
    assert (row["series"], row["kind"], row["ref"]) == (market, "spot.price", None)
    assert row["label"].startswith("m0.large xx-test-1")


def test_the_same_input_gives_the_same_output() -> None:
    prices = staircase(12, 30, seed=4)
    runs = [JOBS["forecasts"]({"prices": prices}, {"now": "2026-01-30T00:00:00Z"})["forecasts"] for _ in range(2)]
    assert runs[0].equals(runs[1])


def test_between_two_learnings_new_prices_move_the_forecast() -> None:
    prices = staircase(12, 30, seed=6, flat_share=0.0)
    JOBS["forecasts"]({"prices": prices}, {"now": "2026-01-31T00:00:00Z"})
    moved = prices.sort("market", "at").group_by("market", maintain_order=True).last().head(1)
    news = moved.with_columns(
        at=pl.lit(datetime(2026, 1, 31, 0, 20)).cast(pl.Datetime("us")), price=pl.col("price") * 1.03
    )
    frame = JOBS["forecasts"](
        {"prices": pl.concat([prices, news.select(prices.columns)])}, {"now": "2026-01-31T00:30:00Z"}
    )["forecasts"]
    assert frame["as_of"].unique().to_list() == [datetime(2026, 1, 31, 0, 30)]
    row = frame.row(by_predicate=pl.col("market") == moved["market"][0], named=True)
    assert row["last_price"] == pytest.approx(moved["price"][0] * 1.03)
    other = JOBS["forecasts"]({"prices": staircase(12, 30, seed=7)}, {"now": "2026-01-31T00:40:00Z"})["forecasts"]
    alone = forecast(staircase(12, 30, seed=7), datetime(2026, 1, 31, 0, 40), prior=shipped()).frame
    assert other.select(alone.columns).equals(alone)


def test_new_prices_of_few_markets_are_forecast_by_themselves_for_ten_minutes() -> None:
    prices = staircase(60, 30, seed=6, flat_share=0.0)
    first = JOBS["forecasts"]({"prices": prices}, {"now": "2026-01-31T00:00:00Z"})["forecasts"]
    moved = first["market"][7]
    news = (
        prices.filter(pl.col("market") == moved)
        .tail(1)
        .with_columns(at=pl.lit(datetime(2026, 1, 31, 0, 2)).cast(pl.Datetime("us")), price=pl.col("price") * 1.03)
    )
    known = pl.concat([news, prices.filter(pl.col("at") > datetime(2026, 1, 1, 0, 30))])
    soon = JOBS["forecasts"]({"prices": known}, {"now": "2026-01-31T00:03:00Z"})["forecasts"]
    assert soon.schema == first.schema
    assert soon.filter(pl.col("market") != moved).equals(first.filter(pl.col("market") != moved))
    own = soon.row(by_predicate=pl.col("market") == moved, named=True)
    assert own["as_of"] == datetime(2026, 1, 31, 0, 3)
    assert own["last_price"] == news["price"][0]
    late = news.with_columns(at=pl.col("at") - pl.duration(hours=1))
    for frame, now in ((pl.concat([known, late]), datetime(2026, 1, 31, 0, 4)), (known, datetime(2026, 1, 31, 0, 20))):
        after = JOBS["forecasts"]({"prices": frame}, {"now": f"{now:%Y-%m-%dT%H:%M}:00Z"})["forecasts"]
        assert after["as_of"].unique().to_list() == [now]


def test_results_can_be_written_as_arrow(tmp_path: object) -> None:
    frame = JOBS["forecasts"]({"prices": staircase(3, 20, seed=5)}, {})["forecasts"]
    path = f"{tmp_path}/forecasts.arrow"
    frame.write_ipc(path, compat_level=pl.CompatLevel.oldest())
    assert pl.read_ipc(path).equals(frame)


def test_the_jobs_start_without_the_heavy_libraries() -> None:
    code = "import sys, analytics.jobs; print(sorted({'sklearn', 'statsforecast', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
