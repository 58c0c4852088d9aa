"""Costs: what is asked for which days, by what, how often, and what AWS does not know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from backends.aws.kinds import KINDS
from backends.aws.kinds.cost_breakdown import ACCOUNT, TAG
from backends.aws.kinds.cost_commitments import RI_COVERAGE, SP_COVERAGE
from backends.aws.kinds.cost_outlook import BUDGET, FORECAST
from backends.aws.tasks import SweepTask
from backends.daemon.cadence import pace
from backends.model import CoverageState, Json, Kind
from tests.unit.aws_fakes import ACCOUNT as NUMBER
from tests.unit.aws_fakes import FakeClient, raising, refused, swept

DAILY = next(kind for kind in KINDS if kind.name == "cost.daily")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps begin at `NOON`: a test that runs over midnight asks for the same days."""
    monkeypatch.setattr("backends.aws.sweep.datetime", SimpleNamespace(now=NOON.astimezone))


def spent(*keys: str, amount: str = "1.5") -> Json:
    return {"Keys": list(keys), "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


async def test_costs_by_tag_are_asked_for_the_three_tags_used_last_and_tell_of_what_has_none() -> None:
    tags = [{"TagKey": f"t{n}", "LastUsedDate": f"2026-11-{n:02}T00:00:00Z"} for n in range(1, 6)]

    def usage(asked: Json) -> Json:
        [group] = asked["GroupBy"]
        groups = [spent(f"{group['Key']}$web"), spent(f"{group['Key']}$")]
        return {"ResultsByTime": [{"TimePeriod": {"Start": "2026-11-01"}, "Estimated": False, "Groups": groups}]}

    client = FakeClient(
        "ce", {"ListCostAllocationTags": lambda _: {"CostAllocationTags": tags}, "GetCostAndUsage": usage}
    )
    coverage, rows = await swept(TAG, {"ce": client})
    assert {row["tag"] for row in rows} == {"t3", "t4", "t5"} and len(rows) == 6
    assert sorted({row["value"] or "" for row in rows}) == ["", "web"]
    assert coverage.calls == 4 and coverage.cost == pytest.approx(0.04)


@pytest.mark.usefixtures("noon")
async def test_closed_days_are_not_paid_for_again() -> None:
    client = FakeClient("ce", {"GetCostAndUsage": lambda _: {"ResultsByTime": []}})
    for since, days in ((None, 30), (NOON - timedelta(hours=24), 4)):
        await swept(ACCOUNT, {"ce": client}, SweepTask(NUMBER, "global", ACCOUNT.name, since=since))
        period = client.asked[-1][1]["TimePeriod"]
        assert period == {"Start": str(TODAY - timedelta(days=days)), "End": str(TODAY + timedelta(days=1))}


@pytest.mark.usefixtures("noon")
async def test_the_forecast_begins_today_because_aws_takes_no_earlier_day() -> None:
    client = FakeClient("ce", {"GetCostForecast": lambda _: {"ForecastResultsByTime": []}})
    await swept(FORECAST, {"ce": client})
    assert client.asked[0][1]["TimePeriod"] == {"Start": str(TODAY), "End": str(TODAY + timedelta(days=31))}


@pytest.mark.parametrize("kind", [FORECAST, SP_COVERAGE, RI_COVERAGE], ids=lambda kind: kind.name)
async def test_what_aws_has_no_data_for_is_empty(kind: Kind) -> None:
    client = FakeClient("ce", {kind.calls[0].operation: raising(refused("DataUnavailableException"))})
    coverage, rows = await swept(kind, {"ce": client})
    assert (rows, coverage.state, coverage.problem) == ([], CoverageState.EMPTY, "")


async def test_budgets_are_those_of_the_account_and_cost_nothing() -> None:
    budget = {
        "BudgetName": "b",
        "BudgetLimit": {"Amount": "200.0", "Unit": "USD"},
        "CalculatedSpend": {"ActualSpend": {"Amount": "250", "Unit": "USD"}},
    }
    client = FakeClient("budgets", {"DescribeBudgets": lambda _: {"Budgets": [budget]}})
    coverage, [row] = await swept(BUDGET, {"budgets": client})
    assert client.asked[0][1]["AccountId"] == NUMBER and coverage.cost == 0
    assert (row["spent_percent"], row["forecast_percent"]) == (125.0, None)
    assert BUDGET.permissions == ("budgets:ViewBudget",)


def test_what_changes_once_a_day_is_paid_for_once_a_day_however_often_the_others_are() -> None:
    assert pace(DAILY) == 6 * 3600 and pace(ACCOUNT) == 24 * 3600
    assert pace(DAILY, 3600) == 3600 and pace(ACCOUNT, 3600) == 4 * 3600


def test_cost_explorer_takes_fifteen_cents_a_day_of_an_account() -> None:
    """A page each: cost.daily four times, anomalies twice, what changes once a day once, and tags in four requests."""
    requests = {kind.name: 4 if kind is TAG else 1 for kind in KINDS if kind.service == "ce"}
    a_day = sum(86_400 / pace(kind) * kind.paid * requests[kind.name] for kind in KINDS if kind.service == "ce")
    assert a_day == pytest.approx(0.15)
