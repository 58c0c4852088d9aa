"""Savings Plans: what an hour of the instance types in use would cost under a plan."""

from __future__ import annotations

from collections.abc import Sequence

from backends.model import Call, Column, Json, Kind, Relation

_INSTANCES_A_REQUEST = 1000


def _property(name: str) -> str:
    return f"properties[?name=='{name}'].value | [0]"


def _ask(instances: Sequence[Json]) -> Json:
    return {
        "filters": [
            {"name": "region", "values": sorted({str(instance["Zone"])[:-1] for instance in instances})},
            {"name": "instanceType", "values": sorted({str(instance["InstanceType"]) for instance in instances})},
            {"name": "productDescription", "values": ["Linux/UNIX"]},
            {"name": "tenancy", "values": ["shared"]},
        ]
    }


RATE = Kind(
    name="savingsplans.rate",
    title="Savings Plans rates",
    service="savingsplans",
    calls=(
        Call(
            "DescribeInstances",
            "Reservations[].Instances[].{InstanceType: InstanceType, Zone: Placement.AvailabilityZone}",
            service="ec2",
            parameters={"Filters": [{"Name": "instance-state-name", "Values": ["running"]}]},
            page=("MaxResults", 1000),
        ),
        Call(
            "DescribeSavingsPlansOfferingRates",
            "searchResults",
            parameters={
                "savingsPlanPaymentOptions": ["No Upfront"],
                "savingsPlanTypes": ["Compute"],
                "products": ["EC2"],
                "serviceCodes": ["AmazonEC2"],
            },
            page=("maxResults", 1000),
            batch=_INSTANCES_A_REQUEST,
            ask=_ask,
        ),
    ),
    key=("instance_type", "term"),
    columns=(
        Column("instance_type", _property("instanceType"), help="The instance type.", title="type", narrow=True),
        Column(
            "term",
            "savingsPlanOffering.durationSeconds",
            "integer",
            help="For how long the plan binds; a year has 31,536,000 seconds.",
            unit="s",
            narrow=True,
        ),
        Column("rate", "rate", "number", help="What an hour costs under the plan.", unit="USD/h", narrow=True),
        Column("plan", "savingsPlanOffering.planType", help="Compute: any family, size and region."),
        Column("payment", "savingsPlanOffering.paymentOption", help="No Upfront: paid by the hour."),
        Column("product", _property("productDescription"), help="What the operating system is billed as."),
        Column("currency", "savingsPlanOffering.currency", help="The rate's currency."),
        Column("usage_type", "usageType", help="What the bill calls it."),
    ),
    cadence=21_600,
    relations=(Relation("instance_type", "ec2.instance", "instance_type"),),
    sort="instance_type",
    help="What the instance types in use would cost by the hour under a Compute Savings Plan without upfront payment, "
    "from DescribeSavingsPlansOfferingRates.",
)
