"""Pools for a need: the cheapest first, what is not known left unknown, and a mix that is the need, under its caps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spot_known import TYPES, advisor, forecast_row, known, offerings, quota, scores

from analytics.spot.costs import expected_prices, hour_weights
from analytics.spot.levels import KNOTS
from analytics.spot.need import parse
from analytics.spot.pools import FRONTIER_SCHEMA, POOL_SCHEMA, Ranking, rank
from analytics.spot.quotas import counts_to, families_of

PRICES = {("m5.xlarge", "use1-az1"): 0.08, ("m5.xlarge", "use1-az2"): 0.06, ("c5.xlarge", "use1-az1"): 0.07}


def rows(ranking: Ranking) -> dict[str, dict[str, Any]]:
    return {row["pool"].partition("/")[2]: row for row in ranking.pools.iter_rows(named=True)}


def test_pools_are_ranked_by_what_they_are_expected_to_cost_over_the_need_s_hours() -> None:
    found = rank(parse("vcpu>=4 hours=48 count=3 tolerance=high"), known(PRICES))
    pools = rows(found)
    assert list(pools) == ["use1-az2/m5.xlarge", "use1-az1/c5.xlarge", "use1-az1/m5.xlarge"]
    cheapest = pools["use1-az2/m5.xlarge"]
    assert cheapest["cost"] == pytest.approx(0.06 * 48) and cheapest["instances"] == 3
    assert cheapest["price_low"] < cheapest["price"] < cheapest["price_high"]
    assert cheapest["saving"] == pytest.approx(1 - 0.06 / 0.192)


def test_what_nobody_told_is_null_and_limits_nothing() -> None:
    pool = rows(rank(parse("vcpu>=4"), known(PRICES)))["use1-az2/m5.xlarge"]
    for name in ("probability", "score", "quota", "quota_left", "band", "offered"):
        assert pool[name] is None, name
    assert pool["why_not"] == ""


def test_a_missing_on_demand_price_is_no_price() -> None:
    pool = rows(rank(parse("arch=arm64"), known({("m6g.xlarge", "use1-az1"): 0.05})))["use1-az1/m6g.xlarge"]
    assert pool["on_demand"] is None and pool["saving"] is None


def test_a_pool_that_is_not_offered_is_named_with_its_reason_where_all_offerings_are_known() -> None:
    told = offerings(("m5.xlarge", "use1-az1"))
    pools = rows(rank(parse("vcpu>=4"), known(PRICES, offerings=told, offering_regions=("us-east-1",))))
    assert pools["use1-az2/m5.xlarge"]["why_not"] == "not offered in this zone"
    assert pools["use1-az1/m5.xlarge"]["offered"] is True
    partly = rows(rank(parse("vcpu>=4"), known(PRICES, offerings=told)))
    assert partly["use1-az2/m5.xlarge"]["offered"] is None and partly["use1-az2/m5.xlarge"]["why_not"] == ""


def test_a_market_that_was_left_out_of_the_forecasts_says_why() -> None:
    left_out = forecast_row("m5.xlarge", "use1-az1", 0.08, mean=None, quantiles=None, excluded="one price only")
    frame = pl.DataFrame([left_out], schema=known(PRICES).forecasts.schema)
    pools = rows(rank(parse("vcpu>=4"), known(PRICES, forecasts=frame)))
    assert pools["use1-az1/m5.xlarge"]["why_not"] == "no forecast: one price only"
    assert pools["use1-az2/m5.xlarge"]["why_not"] == "no forecast yet"
    assert all(row["price"] is None and row["cost"] is None for row in pools.values())


def test_a_limit_of_risk_leaves_out_what_is_above_it_and_what_is_unknown() -> None:
    facts = known(PRICES, advisor=advisor(m5_xlarge=4))
    pools = rows(rank(parse("vcpu>=4 risk<=0.5%"), facts))
    assert pools["use1-az1/m5.xlarge"]["why_not"] == "above the need's limit of interruption risk"
    assert pools["use1-az1/c5.xlarge"]["why_not"].startswith("interruption risk unknown")
    assert rows(rank(parse("vcpu>=4"), facts))["use1-az1/c5.xlarge"]["why_not"] == ""


def test_a_placement_score_counts_for_just_the_request_that_was_rated_and_for_a_day() -> None:
    types = ["c5.xlarge", "m5.xlarge"]
    for given_scores, expected in (
        (scores(types, 20, 7), 7),
        (scores(types, 21, 7), None),
        (scores([*types, "m5.large"], 20, 7), None),
        (scores(types, 20, 7, hours_ago=25), None),
    ):
        pools = rows(rank(parse("vcpu>=4 count=20"), known(PRICES, scores=given_scores)))
        assert pools["use1-az1/m5.xlarge"]["score"] == expected
        assert pools["use1-az2/m5.xlarge"]["score"] is None


def test_a_quota_bounds_all_pools_of_its_families_together() -> None:
    running = pl.DataFrame({"region": ["us-east-1"], "instance_type": ["m5.large"], "vcpus": [2]})
    found = rank(parse("vcpu>=4 count=3 tolerance=high"), known(PRICES, quotas=quota(14.0), running=running))
    assert found.problem == "" and {row["quota_left"] for row in rows(found).values()} == {12.0}
    short = rank(parse("vcpu>=4 count=4 tolerance=high"), known(PRICES, quotas=quota(14.0), running=running))
    assert "12 vCPU" in short.problem or "have room for" in short.problem
    assert short.pools.get_column("instances").sum() == 0
    unknown = running.with_columns(vcpus=pl.lit(None, pl.Int64))
    assert (
        rows(rank(parse("vcpu>=4"), known(PRICES, quotas=quota(14.0), running=unknown)))["use1-az1/m5.xlarge"][
            "quota_left"
        ]
        is None
    )


@pytest.mark.parametrize(
    ("need", "told"),
    [
        ("vcpu>=64", "without its vcpu 4 would"),
        ("vcpu>=4 memory>=512", "without its memory"),
        ("vcpu>=4 arch=arm64 type=c5.*", "would: relax that"),
        ("vcpu>=64 memory>=999", "ask for less"),
        ("vcpu>=4 count=20 tolerance=low", "5 pools would be needed"),
    ],
)
def test_what_cannot_be_met_is_told_in_one_sentence_with_what_to_relax(need: str, told: str) -> None:
    found = rank(parse(need), known(PRICES))
    assert told in found.problem and found.problem.count(". ") == 0 and found.problem.endswith(".")


pools_of = st.dictionaries(
    st.tuples(st.sampled_from(sorted(TYPES)), st.sampled_from(["use1-az1", "use1-az2", "use1-az4"])),
    st.floats(0.001, 5.0),
    max_size=12,
)
needs = st.builds(
    "vcpu>={} count={} tolerance={} hours={} gpu>=0".format,
    st.integers(1, 6),
    st.integers(1, 40),
    st.sampled_from(["low", "medium", "high"]),
    st.integers(1, 168),
)


@settings(deadline=None, max_examples=40)
@given(pools_of, needs, st.none() | st.floats(0, 200))
def test_the_mix_is_the_need_under_its_cap_and_no_single_pool_is_cheaper(
    prices: dict[tuple[str, str], float], text: str, limit: float | None
) -> None:
    need = parse(text)
    more = {} if limit is None else {"quotas": quota(limit)}
    found = rank(need, known(prices, **more) if prices else known({("m5.large", "use1-az1"): 1.0}, **more))
    assert found.pools.schema == pl.Schema(POOL_SCHEMA) and found.frontier.schema == pl.Schema(FRONTIER_SCHEMA)
    taken = found.pools.filter(pl.col("instances") > 0)
    assert taken.filter(pl.col("why_not") != "").height == 0
    costs = found.frontier.get_column("cost").to_list()
    assert all(a <= b * (1 + 3e-4) for a, b in pairwise(costs))
    if found.problem:
        assert taken.height == 0 and not found.frontier.get_column("chosen").any()
        return
    most = max(1, int(need.count * need.share + 1e-9))
    assert taken.get_column("instances").sum() == need.count
    assert taken.get_column("instances").max() <= most
    cost = float((taken.get_column("instances") * taken.get_column("cost")).sum())
    [chosen] = found.frontier.filter("chosen").iter_rows(named=True)
    assert cost == pytest.approx(chosen["cost"]) and chosen["cost_low"] <= cost <= chosen["cost_high"] * (1 + 1e-9)
    if most >= need.count and limit is None:
        usable = found.pools.filter(pl.col("why_not") == "").get_column("cost")
        assert cost <= float(usable.min()) * need.count * (1 + 1e-3)  # type: ignore[arg-type]


@given(st.integers(1, 168))
def test_the_weights_of_an_average_are_an_average(hours: int) -> None:
    weights = hour_weights(list(KNOTS), hours)
    assert weights.sum() == pytest.approx(1.0) and (weights >= 0).all()


def test_an_expected_price_is_the_mean_of_the_hours_drawn() -> None:
    from analytics.spot.expand import expand

    mean = [0.1 + knot / 1000 for knot in KNOTS]
    frame = pl.DataFrame([forecast_row("m5.xlarge", "use1-az1", 0.1, mean=mean)])
    [found] = expected_prices(frame, 37).iter_rows(named=True)
    assert found["price"] == pytest.approx(sum(expand(0.1, mean, 37)) / 37)


@pytest.mark.parametrize(
    ("name", "kind", "counts"),
    [
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "m6gd.large", True),
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "im4gn.large", True),
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "mac1.metal", False),
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "inf1.xlarge", False),
        ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "g4dn.xlarge", False),
        ("All G and VT Spot Instance Requests", "g4dn.xlarge", True),
        ("All G and VT Spot Instance Requests", "vt1.3xlarge", True),
        ("All P4, P3 and P2 Spot Instance Requests", "p4d.24xlarge", True),
        ("All P4, P3 and P2 Spot Instance Requests", "p5.48xlarge", False),
        ("Running On-Demand P instances", "p5.48xlarge", True),
        ("Running Dedicated u-6tb1 Hosts", "u-6tb1.metal", False),
    ],
)
def test_a_type_counts_to_the_quota_that_names_its_family(name: str, kind: str, counts: bool) -> None:
    assert counts_to(kind, families_of(name)) is counts
