"""Interruption risk comes from interruptions that were seen and from bands that were told, or is unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spot_known import ACCOUNT, NOW, REGION, advisor

from analytics.spot.questions import table
from analytics.spot.risk import BAND_SHARES, MONTH_HOURS, SIGHT_SCHEMA, bands, risks, sights

POOL = pl.DataFrame({"region": [REGION], "zone_id": ["use1-az1"], "instance_type": ["m5.xlarge"]})
NO_BANDS = bands(table({}, "advisor"), "Linux/UNIX")
SINCE = NOW - timedelta(days=10)


def sight(hours: float, *, taken: bool = False, times: int = 1, recent: float = 1.0) -> pl.DataFrame:
    row = {"instance_id": "i-1", "region": REGION, "zone_id": "use1-az1", "instance_type": "m5.xlarge"}
    row |= {"hours": hours, "recent_hours": hours * recent, "taken": taken, "recent_taken": float(taken) * recent}
    return pl.DataFrame([row] * times, schema=SIGHT_SCHEMA)


def risk(seen: pl.DataFrame, told: pl.DataFrame = NO_BANDS, hours: float = 24) -> dict[str, Any]:
    [row] = risks(POOL, seen, told, hours).iter_rows(named=True)
    return row


def test_with_neither_band_nor_sight_the_risk_is_unknown_and_says_so() -> None:
    row = risk(sight(1, times=0))
    assert row["probability"] is None and row["low"] is None
    assert row["basis"].startswith("no instance seen; no advisor band")


def test_a_band_alone_means_about_its_share_of_a_month() -> None:
    for band, share in enumerate(BAND_SHARES):
        told = bands(advisor(m5_xlarge=band), "Linux/UNIX", NOW)
        row = risk(sight(1, times=0), told, MONTH_HOURS)
        assert 0.6 * share < row["probability"] <= share
        assert row["band"] == band and "of 2026-11-25" in row["basis"]


def test_a_few_hours_seen_are_too_few_to_say_anything_and_many_are_not() -> None:
    assert risk(sight(10.0))["probability"] is None
    seen = risk(sight(100.0, times=10))
    assert 0 < seen["probability"] < 0.05 and "0 interruptions in 1,000 instance-hours of 10 instances" in seen["basis"]


def test_interruptions_seen_outweigh_a_good_band() -> None:
    told = bands(advisor(m5_xlarge=0), "Linux/UNIX", NOW)
    before = risk(sight(50.0, times=4), told)
    after = risk(pl.concat([sight(50.0, times=4), sight(10.0, taken=True, times=5)]), told)
    assert after["probability"] > 5 * before["probability"] and after["interruptions"] == 5


@given(st.integers(0, 20), st.floats(0, 5000), st.sampled_from([None, 0, 1, 2, 3, 4]), st.floats(1, 1000))
def test_a_risk_is_a_probability_inside_its_interval_and_grows_with_time_and_interruptions(
    events: int, hours: float, band: int | None, ahead: float
) -> None:
    told = NO_BANDS if band is None else bands(advisor(m5_xlarge=band), "Linux/UNIX", NOW)
    seen = pl.concat([sight(hours), sight(0.0, taken=True, times=events)])
    row = risk(seen, told, ahead)
    if row["probability"] is None:
        assert band is None and hours < 168
        return
    assert 0 < row["probability"] < 1 and 0 <= row["low"] <= row["high"] <= 1
    assert risk(seen, told, ahead * 2)["probability"] > row["probability"]
    worse = pl.concat([seen, sight(0.0, taken=True)])
    assert risk(worse, told, ahead)["probability"] > row["probability"]


def instance(identity: str, **more: Any) -> dict[str, Any]:
    return {
        **{"account": ACCOUNT, "region": REGION, "instance_id": identity, "zone": "us-east-1a"},
        **{"instance_type": "m5.xlarge", "state": "running", "lifecycle": "spot", "state_reason": None},
        **{"launched": SINCE - timedelta(days=5), "seen": NOW, "gone": None},
        **more,
    }


def request(identity: str, **more: Any) -> dict[str, Any]:
    return {
        **{"account": ACCOUNT, "region": REGION, "instance_id": identity, "zone": "us-east-1a"},
        **{"instance_type": "m5.xlarge", "state": "active", "status": "fulfilled", "seen": NOW, "gone": None},
        **{"created": SINCE - timedelta(days=5), "status_at": SINCE - timedelta(days=5)},
        **more,
    }


def seen_of(instances: list[dict[str, Any]], requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    frames = {
        "ec2.instance": pl.DataFrame(instances, infer_schema_length=None),
        "ec2.spot_request": pl.DataFrame(requests, infer_schema_length=None),
    }
    zones = pl.DataFrame({"account": [ACCOUNT], "zone": ["us-east-1a"], "zone_id": ["use1-az1"]})
    watched = pl.DataFrame({"account": [ACCOUNT], "region": [REGION], "since": [SINCE]}).cast(
        {"since": pl.Datetime("us")}
    )
    found = sights(table(frames, "ec2.instance"), table(frames, "ec2.spot_request"), zones, watched)
    return list(found.iter_rows(named=True))


def test_hours_count_from_when_the_store_began_to_look() -> None:
    [row] = seen_of([instance("i-1")], [request("i-1")])
    assert row["hours"] == pytest.approx(240) and not row["taken"] and row["zone_id"] == "use1-az1"
    assert row["recent_hours"] < row["hours"]


def test_an_interruption_is_told_by_the_request_or_by_the_instance_and_counted_once() -> None:
    at = NOW - timedelta(days=2)
    taken = {"state": "closed", "status": "instance-terminated-no-capacity", "status_at": at}
    reason = {"state": "terminated", "state_reason": "Server.SpotInstanceTermination: Spot instance termination"}
    [both] = seen_of([instance("i-1", **reason)], [request("i-1", **taken)])
    assert both["taken"] and both["reason"] == "instance-terminated-no-capacity" and both["hours"] == pytest.approx(192)
    [alone] = seen_of([instance("i-1", **reason)], [])
    assert alone["taken"] and alone["source"] == "DescribeInstances"


def test_what_somebody_ended_is_no_interruption() -> None:
    at = NOW - timedelta(days=2)
    ended = {"state": "closed", "status": "instance-terminated-by-user", "status_at": at}
    [row] = seen_of([instance("i-1", state="terminated", gone=at)], [request("i-1", **ended)])
    assert not row["taken"] and row["reason"] is None and row["hours"] == pytest.approx(192)


def test_interruptions_before_the_store_looked_do_not_count() -> None:
    early = {"state": "closed", "status": "instance-terminated-by-price", "status_at": SINCE - timedelta(days=1)}
    assert seen_of([], [request("i-1", **early)]) == []


def test_on_demand_instances_are_not_looked_at() -> None:
    assert seen_of([instance("i-1", lifecycle="on-demand")], []) == []


def test_the_newest_band_by_an_instant_is_shown_and_all_imports_are_counted() -> None:
    old = advisor(m5_xlarge=4).with_columns(as_of=pl.lit(datetime(2026, 10, 1)).cast(pl.Datetime("us")))
    both = pl.concat([advisor(m5_xlarge=0), old])
    [now] = bands(both, "Linux/UNIX", NOW).iter_rows(named=True)
    assert (now["band"], now["bands_kept"]) == (0, 2) and now["month_share"] == pytest.approx((0.025 + 0.30) / 2)
    [before] = bands(both, "Linux/UNIX", datetime(2026, 10, 5)).iter_rows(named=True)
    assert (before["band"], before["bands_kept"]) == (4, 1)
    assert bands(both, "Windows", NOW).height == 0
