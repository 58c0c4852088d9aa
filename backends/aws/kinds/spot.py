"""Spot prices: one row a market, and every change of its price as a point."""

from __future__ import annotations

from backends.model import Call, Column, Kind, Relation, Series

PRICE = Kind(
    name="spot.price",
    title="Spot prices",
    service="ec2",
    calls=(
        Call(
            "DescribeAvailabilityZones",
            "AvailabilityZones",
            parameters={"Filters": [{"Name": "zone-type", "Values": ["availability-zone"]}]},
        ),
        Call(
            "DescribeSpotPriceHistory",
            "SpotPriceHistory",
            parameters={
                "StartTime": "{since}",
                "ProductDescriptions": ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
            },
            arguments={"AvailabilityZone": "ZoneName"},
            keep={"ZoneId": "ZoneId"},
            page=("MaxResults", 1000),
        ),
    ),
    # The zone's id, because its name stands for another zone in another account.
    key=("zone_id", "instance_type", "product"),
    columns=(
        Column("instance_type", "InstanceType", help="The instance type.", title="type", narrow=True),
        Column("zone_id", "ZoneId", help="The Availability Zone by the id that all accounts share.", narrow=True),
        Column("zone", "AvailabilityZone", help="The same zone by this account's name."),
        Column("product", "ProductDescription", help="What the operating system is billed as.", narrow=True),
        Column("price", "SpotPrice", "number", help="The price in force.", unit="USD/h", volatile=True, narrow=True),
        Column("changed", "Timestamp", "time", help="Since when it is in force.", volatile=True, narrow=True),
    ),
    cadence=900,
    relations=(Relation("instance_type", "ec2.instance", "instance_type"),),
    series=Series("spot_price", "changed", "price", lookback_days=30),
    closes=False,
    sort="instance_type",
    help="Spot prices of Linux markets, from DescribeSpotPriceHistory zone by zone: thirty days at the first poll, "
    "then what changed.",
)
