"""Cost Explorer and Budgets: what AWS expects to be spent, what it finds unusual, and what was meant to be spent."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

FORECAST = Kind(
    name="cost.forecast",
    title="Cost forecast",
    service="ce",
    calls=(
        Call(
            "GetCostForecast",
            "ForecastResultsByTime",
            parameters={
                "TimePeriod": {"Start": "{today}", "End": "{today+31d}"},
                "Metric": "UNBLENDED_COST",
                "Granularity": "DAILY",
                "PredictionIntervalLevel": 80,
            },
            absent=("DataUnavailableException",),
        ),
    ),
    key=("day",),
    columns=(
        Column("day", "TimePeriod.Start", "time", help="The day, in UTC.", narrow=True),
        Column("mean", "MeanValue", "number", help="What AWS expects to be spent.", unit="USD", narrow=True),
        Column(
            "low",
            "PredictionIntervalLowerBound",
            "number",
            help="In nine of ten cases more is spent.",
            unit="USD",
            narrow=True,
        ),
        Column(
            "high",
            "PredictionIntervalUpperBound",
            "number",
            help="In nine of ten cases less is spent.",
            unit="USD",
            narrow=True,
        ),
    ),
    regional=False,
    cadence=86_400,
    closes=False,
    paid=0.01,
    sort="day",
    help="AWS's own forecast of the month to come, by day, from GetCostForecast, with the interval that holds four "
    "days in five. Read once a day, at 0.01 USD; of days that are over, what was said last stays. AWS makes none for a "
    "new account.",
)

ANOMALY = Kind(
    name="cost.anomaly",
    title="Cost anomalies of AWS",
    service="ce",
    calls=(
        Call(
            "GetAnomalies",
            "Anomalies",
            parameters={"DateInterval": {"StartDate": "{now-90d:day}"}},
            page=("MaxResults", 100),
        ),
    ),
    key=("anomaly_id",),
    columns=(
        Column("anomaly_id", "AnomalyId", help="The anomaly's id.", title="anomaly"),
        Column("name", "DimensionValue || RootCauses[0].Service", help="Where it is.", title="where", narrow=True),
        Column("began", "AnomalyStartDate", "time", help="When it began.", narrow=True),
        Column("ended", "AnomalyEndDate", "time", help="When it was last seen.", narrow=True),
        Column("impact", "Impact.TotalImpact", "number", help="Spent above what is usual.", unit="USD", narrow=True),
        Column("percent", "Impact.TotalImpactPercentage", "number", help="The same in percent of it.", unit="%"),
        Column("spent", "Impact.TotalActualSpend", "number", help="What was spent.", unit="USD"),
        Column("expected", "Impact.TotalExpectedSpend", "number", help="What is usual.", unit="USD"),
        Column("worst_day", "Impact.MaxImpact", "number", help="Its worst day.", unit="USD"),
        Column("score", "AnomalyScore.CurrentScore", "number", help="How unusual AWS finds it."),
        Column("cause_service", "RootCauses[0].Service", help="The service that caused most of it."),
        Column("cause_region", "RootCauses[0].Region", help="The region that caused most of it."),
        Column("cause_account", "RootCauses[0].LinkedAccount", help="The account that caused most of it."),
        Column("cause_usage", "RootCauses[0].UsageType", help="The usage type that caused most of it."),
        Column("feedback", "Feedback", help="Whether somebody said that it was one: YES, NO or PLANNED_ACTIVITY."),
        Column("monitor", "MonitorArn", help="The ARN of the monitor that found it."),
    ),
    regional=False,
    cadence=43_200,
    closes=False,
    paid=0.01,
    health=(
        Rule(Health.OK, "feedback=NO|PLANNED_ACTIVITY", "somebody said that it is none"),
        Rule(Health.BAD, "ended>-3d impact>=100", "goes on and costs more than 100 USD"),
        Rule(Health.WARN, "ended>-3d", "goes on"),
    ),
    sort="-began",
    help="What AWS Cost Anomaly Detection found in the last 90 days, from GetAnomalies: nothing where no monitor is "
    "set up. Read twice a day, at 0.01 USD a page.",
)

BUDGET = Kind(
    name="cost.budget",
    title="Budgets",
    service="budgets",
    calls=(Call("DescribeBudgets", "Budgets", parameters={"AccountId": "{account}"}, page=("MaxResults", 1000)),),
    key=("name",),
    columns=(
        Column("name", "BudgetName", help="The budget's name.", title="budget", narrow=True),
        Column("amount", "BudgetLimit.Amount", "number", help="What may be spent in its time.", narrow=True),
        Column(
            "spent", "CalculatedSpend.ActualSpend.Amount", "number", help="What was spent.", volatile=True, narrow=True
        ),
        Column(
            "spent_percent",
            "percent(CalculatedSpend.ActualSpend.Amount, BudgetLimit.Amount)",
            "number",
            help="How much of the limit that is.",
            unit="%",
            volatile=True,
            narrow=True,
        ),
        Column(
            "forecast",
            "CalculatedSpend.ForecastedSpend.Amount",
            "number",
            help="What AWS expects to be spent by the end of its time.",
            volatile=True,
        ),
        Column(
            "forecast_percent",
            "percent(CalculatedSpend.ForecastedSpend.Amount, BudgetLimit.Amount)",
            "number",
            help="How much of the limit that is.",
            unit="%",
            volatile=True,
            narrow=True,
        ),
        Column("unit", "BudgetLimit.Unit", help="What the limit counts: a currency such as USD, or hours or percent."),
        Column("period", "TimeUnit", help="DAILY, MONTHLY, QUARTERLY, ANNUALLY or CUSTOM."),
        Column("budget_type", "BudgetType", help="COST, USAGE, or use and coverage of commitments.", title="type"),
        Column("begins", "TimePeriod.Start", "time", help="Since when it counts."),
        Column("ends", "TimePeriod.End", "time", help="Until when it counts."),
        Column("updated", "LastUpdatedTime", "time", help="When it was last changed."),
    ),
    regional=False,
    cadence=21_600,
    health=(
        Rule(Health.BAD, "budget_type=COST|USAGE spent_percent>100", "overspent"),
        Rule(Health.WARN, "budget_type=COST|USAGE forecast_percent>100", "AWS expects it to be overspent"),
        Rule(Health.WARN, "budget_type=COST|USAGE spent_percent>=80", "more than four fifths are spent"),
    ),
    arn="arn:{partition}:budgets::{account}:budget/{name}",
    sort="name",
    help="Budgets and how much of them is spent, from DescribeBudgets, which costs nothing. AWS counts anew up to "
    "three times a day.",
)
