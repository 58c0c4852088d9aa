"""A forecast that was shown is kept, shown again with what came since, and judged by it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from analytics.spot.forecast import FORECAST_SCHEMA
from analytics.spot.levels import KNOTS, LEVELS
from backends.aws.kinds.spot import PRICE
from backends.daemon import meaning
from backends.daemon.record import record
from backends.model import Scope
from backends.store import Run, Store

MARKET = "us-east-1/use1-az1/m5.large/Linux/UNIX"
SCOPE = Scope.of([("111122223333", "us-east-1")])
# With more digits than an instant on the wire has.
FIRST = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
PRICES = {0: 0.10, 5: 0.11, 30: 0.12, 50: 0.12}
"""Hours after FIRST → the price from then on."""


def made(hours: float, said: float, spread: float = 0.02) -> tuple[Run, bytes]:
    """A run at so many hours after FIRST whose forecast is `said` all week, naive being the price then."""
    at = FIRST + timedelta(hours=hours)
    price = next(price for hour, price in reversed(PRICES.items()) if hour <= hours)
    quantiles = [said + spread * (level - 0.5) for _ in KNOTS for level in LEVELS]
    row = dict.fromkeys(FORECAST_SCHEMA) | {
        **{"market": MARKET, "region": "us-east-1", "instance_type": "m5.large", "product": "Linux/UNIX"},
        **{"model": "momentum", "as_of": at.replace(tzinfo=None), "last_price": price, "quantiles": quantiles},
        **{"knots": list(KNOTS), "levels": list(LEVELS), "mean": [said] * len(KNOTS), "naive": [price] * len(KNOTS)},
    }
    sink = io.BytesIO()
    pl.DataFrame([row], schema=FORECAST_SCHEMA).write_ipc_stream(sink, compat_level=pl.CompatLevel.oldest())
    return Run("forecasts", "forecasts", at), sink.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "store.duckdb", [PRICE], identity=("aws", ""))
    points = pa.table(
        {
            **{"region": ["us-east-1"] * 4, "zone": ["us-east-1a"] * 4, "zone_id": ["use1-az1"] * 4},
            **{"instance_type": ["m5.large"] * 4, "product": ["Linux/UNIX"] * 4},
            "changed": pa.array(
                [(FIRST + timedelta(hours=h)).replace(tzinfo=None) for h in PRICES], pa.timestamp("us")
            ),
            "price": list(PRICES.values()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, points.schema) as writer:
        writer.write_table(points)
    store.ingest_points("spot_price", sink.getvalue().to_pybytes())
    yield store
    store.close()


def test_the_newest_forecast_is_shown_and_one_of_a_day_before_with_what_came_since(store: Store) -> None:
    for hours, said in ((0.0, 0.1), (26.0, 0.12), (52.0, 0.13)):
        store.save_run(*made(hours, said))
    reader = store.reader()
    newest = meaning.forecast(reader, SCOPE, MARKET)
    assert newest["mean"][0] == pytest.approx(0.12, abs=0.011) and newest["actual"] == []
    before = meaning.forecast(reader, SCOPE, MARKET, back=24)
    assert before["as_of"].startswith("2026-11-21T14:00")
    assert [price for _, price in before["actual"]] == [0.12, 0.12]
    oldest = meaning.forecast(reader, SCOPE, MARKET, back=24 * 20)
    assert oldest["as_of"].startswith("2026-11-20T12:00") and len(oldest["actual"]) == 3


def test_at_an_instant_the_forecast_of_then_is_shown(store: Store) -> None:
    for hours, said in ((0.0, 0.1), (26.0, 0.12)):
        store.save_run(*made(hours, said))
    found = meaning.forecast(store.reader(), SCOPE, MARKET, at=FIRST + timedelta(hours=25))
    assert found["as_of"].startswith("2026-11-20T12:00") and found["actual"]
    assert meaning.forecast(store.reader(), SCOPE, MARKET, at=FIRST - timedelta(hours=1))["horizon"] == []


def test_every_kept_forecast_is_judged_by_the_price_that_came_and_only_where_its_hour_has_passed(store: Store) -> None:
    store.save_run(*made(0.0, 0.12))
    store.save_run(*made(26.0, 0.12, spread=0.0))
    by_hours = {row["hours"]: row for row in record(store.reader(), "spot_price", MARKET)}
    assert set(by_hours) == {1, 6, 12, 24}
    assert by_hours[24]["forecasts"] == 1
    # The price a day on was 0.11: said 0.12, naive 0.10.
    assert by_hours[24]["error"] == pytest.approx(0.01) and by_hours[24]["naive"] == pytest.approx(0.01)
    assert by_hours[24]["skill"] == pytest.approx(0.0)
    assert by_hours[1]["naive"] == 0.0 and by_hours[1]["skill"] is None
    assert by_hours[6]["inside95"] == 0.0


def test_a_forecast_that_a_later_run_kept_counts_once(store: Store) -> None:
    run, rows = made(0.0, 0.12)
    store.save_run(run, rows)
    store.save_run(Run(run.what, run.model, run.as_of + timedelta(minutes=4)), rows)
    store.save_run(*made(26.0, 0.12))
    assert [row["forecasts"] for row in record(store.reader(), "spot_price", MARKET) if row["hours"] == 24] == [1]


def test_without_any_forecast_there_is_no_record(store: Store) -> None:
    assert record(store.reader(), "spot_price", MARKET) == []
    assert "not been forecast yet" in meaning.forecast(store.reader(), SCOPE, MARKET)["reason"]
