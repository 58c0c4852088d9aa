"""Spot: prices, how likely AWS calls a request to be met, and how often it took instances back."""

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

_OVERRIDES = "MixedInstancesPolicy.LaunchTemplate.Overrides[].InstanceType"

PLACEMENT_SCORE = Kind(
    name="spot.placement_score",
    title="Spot placement scores",
    service="ec2",
    calls=(
        # What is asked about is fixed: AWS limits how many new configurations may be asked about in a day.
        Call(
            "DescribeAutoScalingGroups",
            f"AutoScalingGroups[?length({_OVERRIDES} || `[]`) >= `3` && MaxSize > `0`]",
            service="autoscaling",
            page=("MaxRecords", 100),
        ),
        Call(
            "GetSpotPlacementScores",
            "SpotPlacementScores",
            parameters={"SingleAvailabilityZone": True},
            arguments={
                "InstanceTypes": _OVERRIDES,
                "TargetCapacity": "MaxSize",
                "RegionNames": "[split(AutoScalingGroupARN, ':')[3]]",
            },
            keep={"InstanceTypes": f"sort({_OVERRIDES})", "TargetCapacity": "MaxSize"},
        ),
    ),
    key=("configuration", "zone_id"),
    columns=(
        Column(
            "configuration",
            "join(' ', [to_string(TargetCapacity), join(',', InstanceTypes)])",
            help="The request that is rated: how many instances, of which types.",
            narrow=True,
        ),
        Column("zone_id", "AvailabilityZoneId", help="The zone rated, by the shared id.", narrow=True),
        Column(
            "score",
            "Score",
            "integer",
            help="1 to 10: how likely AWS calls it to meet the whole request there now.",
            narrow=True,
        ),
        Column("capacity", "TargetCapacity", "integer", help="How many instances are asked for."),
        Column("types", "InstanceTypes", "list", help="The types that it may be met with."),
    ),
    cadence=3600,
    closes=False,
    sort="-score",
    help="How AWS rates whole Spot requests, from GetSpotPlacementScores: every Auto Scaling group of three types or "
    "more at its greatest size, and what `quarterdeck spot rank --score` asked about. Not a type's own score.",
)

ADVISOR = Kind(
    name="spot.advisor",
    title="Spot advisor bands",
    service="spot-advisor",
    calls=(),
    key=("instance_type", "os"),
    columns=(
        Column("instance_type", "type", help="The instance type.", title="type", narrow=True),
        Column("os", "os", help="Linux or Windows.", narrow=True),
        Column(
            "band",
            "band",
            "integer",
            help="How many were taken back in a month: 0 under 5 %, 1 to 10 %, 2 to 15 %, 3 to 20 %, 4 above.",
            volatile=True,
            narrow=True,
        ),
        Column("interruptions", "interruptions", help="The same in words.", volatile=True, narrow=True),
        Column("savings", "savings", "number", help="Below the On-Demand price.", unit="%", volatile=True),
        Column("as_of", "as_of", "time", help="When the file was true.", volatile=True, narrow=True),
    ),
    series=Series("spot_advisor", "as_of", "band", lookback_days=0),
    closes=False,
    sort="instance_type",
    help="How often AWS took Spot Instances of a type back, region by region, from the file that AWS's Spot advisor "
    "publishes: `quarterdeck import spot-advisor FILE`. Every import is kept with the day it is of.",
)
