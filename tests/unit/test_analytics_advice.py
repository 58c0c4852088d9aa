"""Advice: what it says about which resource, what it saves and by which prices, and what it must not say."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from analytics.advice import kinds, prices
from analytics.advice.advise import ADVICE_SCHEMA, advise, registry
from analytics.advice.base import ColumnTypes, Tables
from analytics.advice.kinds.gp2_to_gp3 import gp2_performance
from backends.aws.kinds import KINDS
from backends.daemon.analysis import ADVISED

NOW = datetime(2026, 11, 23, 14)


def table(kind: str, *rows: dict[str, object], region: str = "us-east-1") -> pl.DataFrame:
    """Rows as a kind's view gives them, with identity filled in."""
    filled = []
    for row in rows:
        own = {"account": "111122223333", "region": region, "seen": NOW, **row}
        filled.append({**own, "ref": f"{kind}@{own['account']}/{own['region']}/{own['id']}"})
    return pl.DataFrame(filled)


def volume(**fields: object) -> dict[str, object]:
    usual = {"id": "vol-1", "name": "data", "volume_type": "gp2", "size": 100, "state": "in-use", "iops": 300}
    return {**usual, "throughput": None, "created": NOW - timedelta(days=100), **fields}


def instance(**fields: object) -> dict[str, object]:
    usual = {"id": "i-1", "name": "web", "instance_type": "m5.large", "state": "running", "lifecycle": "on-demand"}
    return {**usual, "platform": "Linux/UNIX", "tenancy": "default", "auto_scaling_group": None, **fields}


def cpu(**fields: object) -> dict[str, object]:
    return {"id": "i-1", "cpu_avg": 1.5, "cpu_max": 3.0, "network_daily_mb": 2.0, "hours": 336, **fields}


def one(frame: pl.DataFrame) -> dict[str, object]:
    assert frame.height == 1, frame["title"].to_list()
    return frame.row(0, named=True)


@pytest.mark.parametrize(
    ("region", "gib", "saving"),
    [
        ("us-east-1", 100, 100 * 0.02 - 3 * 0.04),
        ("us-east-1", 1000, 1000 * 0.02 - 125 * 0.04),
        ("us-east-1", 2000, 2000 * 0.02 - 3000 * 0.005 - 125 * 0.04),
        ("eu-west-1", 500, 500 * 0.022 - 125 * 0.044),
        ("ap-southeast-2", 6000, 6000 * 0.024 - 13_000 * 0.006 - 125 * 0.048),
    ],
)
def test_gp3_saves_the_difference_less_what_equals_gp2s_performance(region: str, gib: int, saving: float) -> None:
    row = one(advise({"ec2.volume": table("ec2.volume", volume(size=gib), region=region)}, now=NOW))
    assert row["kind"] == "gp2-to-gp3"
    assert row["monthly_saving"] == pytest.approx(saving, abs=0.01)
    assert "AWS public list price" in str(row["price_source"])
    assert row["action"] is None


def test_gp3_is_not_advised_where_matching_gp2_would_cost_more() -> None:
    assert gp2_performance(171) == (513, 250)
    assert advise({"ec2.volume": table("ec2.volume", volume(size=200))}, now=NOW).height == 0


def test_gp2_performance_is_three_per_gib_within_its_bounds() -> None:
    assert [gp2_performance(gib)[0] for gib in (1, 33, 34, 1000, 5334, 16_000)] == [100, 100, 102, 3000, 16_000, 16_000]


def test_a_price_that_is_not_known_is_unpriced_and_never_zero() -> None:
    row = one(advise({"ec2.volume": table("ec2.volume", volume(), region="xx-nowhere-9")}, now=NOW))
    assert row["monthly_saving"] is None
    assert row["price_source"] == "unpriced"
    assert row["label"] == "gp2, unpriced"


def test_an_idle_instance_is_advised_to_stop_with_its_measurements() -> None:
    tables = {
        "ec2.instance": table("ec2.instance", instance()),
        "cloudwatch.instance_cpu": table("cloudwatch.instance_cpu", cpu()),
    }
    row = one(advise(tables, now=NOW))
    assert row["kind"] == "idle-instance"
    assert row["monthly_saving"] == pytest.approx(0.096 * 730, abs=0.01)
    assert row["label"] == "idle \N{MINUS SIGN}70.08 USD/mo"
    assert json.loads(str(row["action"])) == {"name": "ec2.stop_instance", "parameters": {}}
    evidence = {item["label"]: item for item in json.loads(str(row["evidence"]))}
    assert evidence["CPU, average"]["value"] == "1.5 %"
    assert evidence["hours measured"]["value"] == "336"
    assert evidence["network"]["as_of"] == "2026-11-23T14:00:00Z"
    assert row["confidence"] == "high"


@pytest.mark.parametrize(
    ("machine", "measured"),
    [
        ({}, {"cpu_avg": 30.0, "cpu_max": 80.0}),
        ({}, {"cpu_avg": 8.0, "cpu_max": 60.0, "network_daily_mb": 900.0}),
        ({}, {"hours": 40}),
        ({}, {"cpu_avg": None, "cpu_max": None, "network_daily_mb": None}),
        ({"state": "stopped"}, {}),
        ({}, {"id": "i-2"}),
        ({}, {"account": "999988887777"}),
    ],
)
def test_a_busy_stopped_or_unmeasured_instance_is_left_alone(
    machine: dict[str, object], measured: dict[str, object]
) -> None:
    tables = {
        "ec2.instance": table("ec2.instance", instance(**machine)),
        "cloudwatch.instance_cpu": table("cloudwatch.instance_cpu", cpu(**measured)),
    }
    assert advise(tables, now=NOW).height == 0


@pytest.mark.parametrize(
    ("fields", "priced", "stoppable"),
    [
        ({"lifecycle": "spot"}, False, False),
        ({"auto_scaling_group": "web"}, True, False),
        ({"platform": "Windows"}, False, True),
        ({"tenancy": "dedicated"}, False, True),
        ({"instance_type": "u-24tb1.metal"}, False, True),
    ],
)
def test_an_idle_instance_that_cannot_be_stopped_or_priced_says_so(
    fields: dict[str, object], priced: bool, stoppable: bool
) -> None:
    tables = {
        "ec2.instance": table("ec2.instance", instance(**fields)),
        "cloudwatch.instance_cpu": table("cloudwatch.instance_cpu", cpu()),
    }
    row = one(advise(tables, now=NOW))
    assert (row["monthly_saving"] is not None) == priced
    assert (row["action"] is not None) == stoppable


def test_an_old_unattached_volume_is_billed_for_all_that_was_bought() -> None:
    fields = {"state": "available", "volume_type": "gp3", "size": 200, "iops": 5000, "throughput": 225}
    row = one(advise({"ec2.volume": table("ec2.volume", volume(**fields))}, now=NOW))
    assert row["kind"] == "unattached-volume"
    assert row["monthly_saving"] == pytest.approx(200 * 0.08 + 2000 * 0.005 + 100 * 0.04)
    assert "does not say since when" in str(row["assumptions"])
    young = volume(**fields, created=NOW - timedelta(days=3))
    assert advise({"ec2.volume": table("ec2.volume", young)}, now=NOW).height == 0


def test_a_provisioned_volume_without_a_price_for_its_iops_is_unpriced() -> None:
    row = one(
        advise({"ec2.volume": table("ec2.volume", volume(state="available", volume_type="io2", iops=4000))}, now=NOW)
    )
    assert row["monthly_saving"] is None


def test_two_ways_to_save_the_same_money_are_given_as_one() -> None:
    tables = {
        "ec2.volume": table("ec2.volume", volume(state="available", size=100)),
        "ec2.instance": table("ec2.instance", instance(instance_type="m4.large")),
        "cloudwatch.instance_cpu": table("cloudwatch.instance_cpu", cpu()),
    }
    found = advise(tables, now=NOW)
    assert sorted(found["kind"]) == ["idle-instance", "unattached-volume"]
    assert found["monthly_saving"].sum() == pytest.approx(100 * 0.10 + 0.10 * 730)
    others = " ".join(found["assumptions"])
    assert "instead of: Change data (vol-1) from gp2 to gp3" in others
    assert "instead of: Move web (i-1) from m4.large to m5.large" in others


def test_a_previous_generation_is_advised_only_where_the_next_is_cheaper() -> None:
    old = [
        instance(id=f"i-{n}", instance_type=kind)
        for n, kind in enumerate(("m4.large", "c4.large", "t2.micro", "m5.large"))
    ]
    found = advise({"ec2.instance": table("ec2.instance", *old)}, now=NOW)
    savings = dict(zip(found["ref"].str.split("/").list.last(), found["monthly_saving"], strict=True))
    assert savings == {"i-0": pytest.approx(2.92), "i-1": pytest.approx(10.95), "i-2": pytest.approx(0.876, abs=0.01)}


def test_a_cluster_past_standard_support_costs_365_dollars_more_a_month_unless_aws_upgrades_it() -> None:
    clusters = table(
        "eks.cluster",
        *(
            {"id": name, "name": name, "version": version, "support": support}
            for name, version, support in (
                ("old", "1.29", "EXTENDED"),
                ("moved", "1.29", "STANDARD"),
                ("untold", "1.29", None),
                ("new", "1.99", "EXTENDED"),
            )
        ),
    )
    told = {"standard_end": datetime(2025, 3, 23), "support": "EXTENDED_SUPPORT"}
    versions = table(
        "eks.cluster_version",
        {"id": "1.29", "version": "1.29", **told},
        {"id": "1.99", "version": "1.99", "support": "STANDARD_SUPPORT", "standard_end": datetime(2099, 1, 1)},
    )
    found = advise({"eks.cluster": clusters, "eks.cluster_version": versions}, now=NOW).sort("ref")
    assert [ref.rpartition("/")[2] for ref in found["ref"]] == ["old", "untold"]
    assert found["monthly_saving"].to_list() == pytest.approx([365, 365])
    assert found["confidence"].to_list() == ["high", "medium"]
    assert "ended on 2025-03-23" in found["why"][0]
    assert advise({"eks.cluster": clusters}, now=NOW).height == 0


def test_advice_is_given_all_the_columns_that_it_reads_and_no_others() -> None:
    read: dict[str, set[str]] = {}

    class Watched(Tables):
        def get(self, kind: str, columns: ColumnTypes) -> pl.DataFrame:
            read.setdefault(kind, set()).update(columns)
            return super().get(kind, columns)

    for advice in registry():
        assert list(advice.find(Watched({}), prices.bundled(), NOW)) == []
    assert read == {kind: set(columns) for kind, columns in ADVISED.items()}
    declared = {kind.name: {column.name for column in kind.columns} for kind in KINDS}
    assert all(columns <= declared[kind] for kind, columns in read.items())


def test_ids_are_stable_and_order_of_rows_does_not_matter() -> None:
    volumes = table("ec2.volume", *(volume(id=f"vol-{n}", size=100 + n) for n in range(8)))
    first = advise({"ec2.volume": volumes}, now=NOW)
    again = advise({"ec2.volume": volumes.sample(fraction=1.0, shuffle=True, seed=1)}, now=NOW + timedelta(days=1))
    assert first["id"].to_list() == again["id"].to_list()
    assert first["id"].is_unique().all()
    assert first["monthly_saving"].is_sorted(descending=True)


def test_hostile_names_stay_text() -> None:
    row = one(advise({"ec2.volume": table("ec2.volume", volume(name='[red]"\x1b[31m\n{}</script>'))}, now=NOW))
    assert '[red]"\x1b[31m\n{}</script>' in str(row["title"])
    assert json.loads(str(row["evidence"]))


def test_empty_and_missing_tables_give_no_advice_with_every_column() -> None:
    for tables in ({}, {"ec2.volume": pl.DataFrame()}, {"ec2.instance": pl.DataFrame(schema={"id": pl.String})}):
        frame = advise(tables, now=NOW)
        assert frame.height == 0
        assert frame.schema == pl.Schema(ADVICE_SCHEMA)


def test_every_file_of_the_package_is_one_kind_of_advice() -> None:
    files = {path.stem for path in Path(kinds.__path__[0]).glob("*.py")} - {"__init__"}
    names = [advice.kind for advice in registry()]
    assert len(names) == len(set(names)) == len(files)
    assert {"gp2-to-gp3", "idle-instance", "unattached-volume"} <= set(names)


def test_every_bundled_price_is_above_zero_with_a_source_and_a_date() -> None:
    listed = prices.bundled().prices
    assert {region for _, region, _ in listed} == {"us-east-1", "eu-west-1", "ap-southeast-2"}
    for price in listed.values():
        assert price.value > 0
        assert price.source.startswith("AWS public list price")
        datetime.fromisoformat(price.as_of)
    with pytest.raises(ValueError, match="must be above zero"):
        prices.read(
            '{"tables": [{"table": "t", "region": "r", "unit": "u", "source": "s", "as_of": "d", "prices": {"x": 0}}]}'
        )
