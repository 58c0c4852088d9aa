"""Cost Explorer: daily costs by more than the service, each read once a day: account, usage type and tag."""

from __future__ import annotations

from backends.model import Call, Column, Kind, Relation, Window

_DAY = 86_400
_WINDOW = Window(first_days=30, again_days=3)
_TAGS = 3


def _usage(*dimensions: str) -> Call:
    return Call(
        "GetCostAndUsage",
        within="ResultsByTime",
        items="Groups",
        inherit={"Day": "TimePeriod.Start", "Estimated": "Estimated"},
        parameters={
            "TimePeriod": {"Start": "{since:day}", "End": "{today+1d}"},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost", "UsageQuantity"],
            "GroupBy": [{"Type": "DIMENSION", "Key": dimension} for dimension in dimensions],
        },
    )


_DATE = Column("day", "Day", "time", help="The day, in UTC.", narrow=True)
_AMOUNT = (
    Column("amount", "Metrics.UnblendedCost.Amount", "number", help="Unblended cost.", unit="USD", narrow=True),
    Column("currency", "Metrics.UnblendedCost.Unit", help="The currency it is billed in."),
    Column("estimated", "Estimated", "boolean", help="Whether the day may still change."),
)
_ONCE = "Read once a day, at 0.01 USD a page; days older than three are not read again."

ACCOUNT = Kind(
    name="cost.account",
    title="Daily costs by account",
    service="ce",
    calls=(_usage("LINKED_ACCOUNT", "SERVICE"),),
    key=("day", "linked_account", "service"),
    columns=(
        _DATE,
        Column("linked_account", "Keys[0]", help="The account that spent it.", title="account", narrow=True),
        Column("service", "Keys[1]", help="The AWS service as Cost Explorer names it.", narrow=True),
        *_AMOUNT,
    ),
    regional=False,
    cadence=_DAY,
    closes=False,
    window=_WINDOW,
    paid=0.01,
    relations=(Relation("linked_account", "organizations.account", "account_id"),),
    sort="-day",
    help=f"Cost by day, account and service, from GetCostAndUsage: the management account sees all. {_ONCE}",
)

USAGE = Kind(
    name="cost.usage",
    title="Daily costs by usage type",
    service="ce",
    calls=(_usage("SERVICE", "USAGE_TYPE"),),
    key=("day", "service", "usage_type"),
    columns=(
        _DATE,
        Column("service", "Keys[0]", help="The AWS service as Cost Explorer names it.", narrow=True),
        Column("usage_type", "Keys[1]", help="What was used, as the bill calls it.", narrow=True),
        *_AMOUNT,
        Column("quantity", "Metrics.UsageQuantity.Amount", "number", help="How much of it was used."),
        Column("unit", "Metrics.UsageQuantity.Unit", help="In what that is counted."),
    ),
    regional=False,
    cadence=_DAY,
    closes=False,
    window=_WINDOW,
    paid=0.01,
    sort="-day",
    help=f"Cost by day, service and usage type, from GetCostAndUsage. {_ONCE}",
)

TAG = Kind(
    name="cost.tag",
    title="Daily costs by tag",
    service="ce",
    calls=(
        Call(
            "ListCostAllocationTags",
            f"reverse(sort_by(CostAllocationTags, &to_string(LastUsedDate)))[:{_TAGS}]",
            parameters={"Status": "Active"},
            page=("MaxResults", 1000),
        ),
        Call(
            "GetCostAndUsage",
            within="ResultsByTime",
            items="Groups",
            inherit={"Day": "TimePeriod.Start", "Estimated": "Estimated"},
            parameters={
                "TimePeriod": {"Start": "{since:day}", "End": "{today+1d}"},
                "Granularity": "DAILY",
                "Metrics": ["UnblendedCost"],
            },
            arguments={"GroupBy": "[{Type: 'TAG', Key: TagKey}]"},
            keep={"TagKey": "TagKey"},
        ),
    ),
    key=("day", "tagged"),
    columns=(
        _DATE,
        Column("tag", "TagKey", help="The tag's name.", narrow=True),
        Column("value", "after(Keys[0], '$')", help="The tag's value; not set for what does not have it.", narrow=True),
        Column("tagged", "Keys[0]", help="Name and value as Cost Explorer writes them, with $ between."),
        *_AMOUNT,
    ),
    regional=False,
    cadence=_DAY,
    closes=False,
    window=_WINDOW,
    paid=0.01,
    sort="-day",
    help="Cost by day and cost allocation tag, from ListCostAllocationTags and GetCostAndUsage, for the "
    f"{_TAGS} tags used last. {_ONCE}",
)
