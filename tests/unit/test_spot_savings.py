"""What a fleet would cost another way: sums over what is priced, intervals from forecasts, unpriced stays unpriced."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from spot_known import ACCOUNT, REGION, forecast_row, known

from analytics.spot.questions import table
from analytics.spot.savings import YEAR, Savings, savings

PRICES = {("m5.xlarge", "use1-az1"): 0.06, ("c5.xlarge", "use1-az1"): 0.07}


def fleet(*rows: tuple[str, str, str]) -> pl.DataFrame:
    names = ("instance_type", "zone_id", "lifecycle")
    head = {"account": ACCOUNT, "region": REGION, "product": "Linux/UNIX"}
    return pl.DataFrame([head | dict(zip(names, row, strict=True)) for row in rows])


def plans(**rates: float) -> pl.DataFrame:
    rows = [
        {"account": ACCOUNT, "region": REGION, "instance_type": name.replace("_", "."), "term": YEAR, "rate": rate}
        for name, rate in rates.items()
    ]
    return table({"savingsplans.rate": pl.DataFrame(rows)} if rows else {}, "savingsplans.rate")


def compared(running: pl.DataFrame, rates: pl.DataFrame | None = None) -> Savings:
    facts = known(PRICES)
    return savings(running, facts.forecasts, facts.markets, plans() if rates is None else rates, facts.prices, 24)


def way(found: Savings, name: str) -> dict[str, Any]:
    return next(row for row in found.totals.iter_rows(named=True) if row["way"] == name)


def test_spot_pays_its_price_and_on_demand_the_list_s() -> None:
    found = compared(fleet(("m5.xlarge", "use1-az1", "spot"), ("m5.xlarge", "use1-az1", "on-demand")))
    runs = way(found, "as it runs")
    assert runs["hourly"] == pytest.approx(0.06 + 0.192) and runs["on_demand"] == pytest.approx(2 * 0.192)
    spot = way(found, "spot")
    assert spot["hourly"] == pytest.approx(0.12) and spot["hourly_low"] < 0.12 < spot["hourly_high"]
    assert spot["saving_low"] < spot["saving"] < spot["saving_high"]


def test_two_figures_are_compared_over_the_instances_that_have_both() -> None:
    found = compared(
        fleet(("m5.xlarge", "use1-az1", "on-demand"), ("m5.large", "use1-az1", "on-demand")), plans(m5_xlarge=0.14)
    )
    assert way(found, "spot")["instances"] == 1
    plan = way(found, "savings plan, 1 year")
    assert plan["instances"] == 1 and plan["saving"] == pytest.approx(1 - 0.14 / 0.192)
    assert way(found, "savings plan, 3 years")["hourly"] is None


def test_an_instance_without_any_price_is_counted_as_unpriced_and_in_no_sum() -> None:
    found = compared(fleet(("m6g.xlarge", "use1-az1", "spot"), ("m5.xlarge", "use1-az1", "spot")))
    assert found.running == 2 and "m6g.xlarge" in found.unpriced_types
    assert way(found, "as it runs")["instances"] == 1
    [line] = found.lines.filter(pl.col("instance_type") == "m6g.xlarge").iter_rows(named=True)
    assert line["runs_at"] is None and line["unpriced"] == "on demand, spot, plan 1y, plan 3y"


def test_what_lacks_a_price_for_any_way_is_unpriced_and_its_type_is_named() -> None:
    running = fleet(
        *[("m5.large", "use1-az1", "on-demand")] * 2,
        *[(name, "use1-az1", "spot") for name in ("m6g.xlarge", "m5.xlarge")],
    )
    rates = pl.concat([plans(m5_xlarge=0.14), plans(m5_xlarge=0.1).with_columns(term=pl.lit(3 * YEAR, pl.Int64))])
    found = compared(running, rates)
    assert (found.unpriced, found.unpriced_types) == (3, ("m5.large", "m6g.xlarge"))


def test_a_line_with_one_unpriced_instance_has_no_sum_that_leaves_it_out() -> None:
    found = compared(fleet(("m5.xlarge", "use1-az1", "spot"), ("m5.xlarge", "use1-az9", "spot")))
    [line] = found.lines.iter_rows(named=True)
    assert line["instances"] == 2 and line["runs_at"] is None and line["on_demand"] == pytest.approx(2 * 0.192)


def test_no_fleet_costs_nothing_and_saves_nothing() -> None:
    found = compared(fleet(("m5.xlarge", "use1-az1", "spot")).clear())
    assert found.running == 0 and found.totals.get_column("hourly").null_count() == found.totals.height


def test_the_expectation_is_over_the_hours_asked_for() -> None:
    rising = [0.06 + knot / 1000 for knot in forecast_row("m5.xlarge", "use1-az1", 0.06)["knots"]]
    facts = known(PRICES)
    frame = pl.DataFrame([forecast_row("m5.xlarge", "use1-az1", 0.06, mean=rising)], schema=facts.forecasts.schema)
    running = fleet(("m5.xlarge", "use1-az1", "spot"))
    day, week = (
        savings(running, frame, facts.markets, plans(), facts.prices, hours).lines.get_column("spot")[0]
        for hours in (24, 168)
    )
    assert 0.06 < day < week
