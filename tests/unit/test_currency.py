"""Money is in the currency of the store's partition, and prices of two currencies never meet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from analytics.advice.advise import advise
from analytics.advice.prices import bundled
from analytics.jobs import JOBS
from backends.aws.kinds import KINDS
from backends.currency import currency_of, hourly, in_currency, is_money
from backends.daemon.home import attention
from backends.daemon.money import told_in
from backends.daemon.problems import Refusal
from backends.daemon.routes_data import refuse_other_money
from console.cli_commands import spending
from console.reports.text import money
from console.screens.coverage import status_lines
from console.widgets.format import value


@pytest.mark.parametrize(
    ("partition", "currency"),
    [("aws", "USD"), ("aws-us-gov", "USD"), ("aws-cn", "CNY"), ("aws-eusc", "EUR"), ("", "USD")],
)
def test_a_partition_is_billed_in_one_currency_whose_units_are_all_money(partition: str, currency: str) -> None:
    assert currency_of(partition) == currency
    hour, month = in_currency("USD/h", currency), in_currency("USD", currency)
    assert (hour, month) == (f"{currency}/h", currency)
    assert (hourly(hour), is_money(hour), hourly(month), is_money(month)) == (True, True, False, True)
    assert (value(0.5, "number", hour), value(0.5, "number", month), value(None, "number", month)) == (
        "0.5000",
        "0.50",
        "unpriced",
    )


def test_no_declaration_tells_of_usd_in_china_but_for_what_asking_costs_elsewhere() -> None:
    paid = 0
    for kind in KINDS:
        told = told_in(kind, "aws-cn")
        assert [column.unit for column in told.columns] == [c.unit.replace("USD", "CNY") for c in kind.columns]
        assert not any("USD" in rule.why for rule in told.health)
        whose = told.help.endswith("(USD: prices of the partition aws, not of aws-cn.)")
        assert whose is ("USD" in kind.help)
        paid += whose
        assert told_in(kind, "aws") is kind
    assert paid


def volumes(region: str) -> dict[str, pl.DataFrame]:
    row = {"ref": f"ec2.volume@1/{region}/v", "account": "1", "region": region, "id": "v", "volume_type": "gp3"}
    row |= {"state": "available", "size": 100, "created": datetime(2026, 1, 1)}
    return {"ec2.volume": pl.DataFrame([row])}


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
def test_a_list_price_of_another_currency_prices_nothing(region: str) -> None:
    assert bundled("CNY").prices == {} and bundled("USD") == bundled()
    [advice] = JOBS["advice"](volumes(region), {"now": "2026-11-23T00:00:00Z", "currency": "CNY"})["advice"].to_dicts()
    assert (advice["monthly_saving"], advice["price_source"], advice["currency"]) == (None, "unpriced", "CNY")
    assert advice["label"] == "unattached, unpriced"
    [listed] = advise(volumes("us-east-1"), now=datetime(2026, 11, 23)).to_dicts()
    assert listed["monthly_saving"] > 0 and listed["label"].endswith("USD/mo")


def test_savings_leave_out_a_plan_whose_rate_is_in_another_currency() -> None:
    here = {"account": ["1", "1"], "region": ["cn-north-1"] * 2, "instance_type": ["m5.large"] * 2}
    rates = pl.DataFrame(here | {"term": [31_536_000, 94_608_000], "rate": [0.5, 0.4], "currency": ["USD", "CNY"]})
    instance = {"account": ["1"], "region": ["cn-north-1"], "instance_type": ["m5.large"], "state": ["running"]}
    frames = {"savingsplans.rate": rates, "ec2.instance": pl.DataFrame(instance)}
    answer = JOBS["savings"](frames, {"now": "2026-11-23T00:00:00Z", "hours": 24, "currency": "CNY"})
    [line] = answer["lines"].to_dicts()
    assert (line["on_demand"], line["plan_1y"], line["plan_3y"]) == (None, None, 0.4)


def test_what_needs_attention_names_the_currency() -> None:
    rise = {"change_24": 0.4, "ref": "r", "instance_type": "m5.large", "zone": "cn-north-1a", "now": 0.9}
    advice = [{"monthly_saving": 70.0, "title": "Idle"}]
    nothing: dict[str, Any] = {"accounts": [], "home": {}, "coverage": [], "anomalies": [], "titles": {}}
    told = str(attention(**nothing, advice=advice, forecasts=[rise], currency="CNY"))
    assert "0.9000 CNY/h now" in told and "70 CNY a month" in told and "USD" not in told


@pytest.mark.parametrize(("region", "partition"), [("us-east-1", "aws-cn"), ("cn-north-1", "aws")])
def test_prices_of_another_currency_are_not_imported(tmp_path: Path, region: str, partition: str) -> None:
    part = tmp_path / "part-00000.arrow"
    points = pa.table({"region": [region]})
    with pa.ipc.new_file(str(part), points.schema) as writer:
        writer.write_table(points)
    with pytest.raises(Refusal, match=f"AWS_REGION={region}"):
        refuse_other_money([part], partition)
    refuse_other_money([part], "aws-us-gov" if partition == "aws-cn" else "aws-cn")


@pytest.mark.parametrize(("partition", "said"), [("aws", False), ("aws-cn", True), ("aws-us-gov", True)])
def test_what_asking_costs_stays_usd_and_says_whose_prices_that_is(partition: str, said: bool) -> None:
    price = {"service": "ce", "operation": "*", "usd": 0.01, "per": "request", "source": "a page", "as_of": "2026-11"}
    costs = {"per_day": 1.0, "spent": [{"account": "1", "today": 0.5, "month": 2.0}], "prices": [price]}
    status = {"partition": partition, "costs": costs}
    shown = "".join(text for line in status_lines(status, 160) for text, _ in line)
    for told in ("\n".join(spending.lines(costs, partition)), shown):
        assert "USD" in told and "CNY" not in told
        assert ("prices of the partition aws" in told) is said


def test_an_amount_that_is_not_usd_is_written_with_its_code() -> None:
    assert [money(amount, "CNY") for amount in (12, -1234.5, None)] == ["CNY 12.00", "-CNY 1,234.50", "unpriced"]
    assert money(12) == "$12.00"
