"""EC2's own fleets: those that CreateFleet makes, and the older Spot Fleet requests."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"
_CONFIG = "SpotFleetRequestConfig"
_LOWEST = "buys from the cheapest pools, which are interrupted most: price-capacity-optimized is what AWS recommends"

FLEET = Kind(
    name="ec2.fleet",
    title="EC2 fleets",
    service="ec2",
    calls=(Call("DescribeFleets", "Fleets", page=("MaxResults", 1000)),),
    key=("fleet_id",),
    columns=(
        Column("fleet_id", "FleetId", help="The fleet's id.", title="fleet"),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "state", "FleetState", help="submitted, active, modifying, failed, deleted or deleted_running.", narrow=True
        ),
        Column(
            "activity",
            "ActivityStatus",
            help="fulfilled, pending_fulfillment, pending_termination or error.",
            narrow=True,
        ),
        Column(
            "target",
            "TargetCapacitySpecification.TotalTargetCapacity",
            "integer",
            help="The capacity wanted, in the unit of its weights.",
            narrow=True,
        ),
        Column("fulfilled", "FulfilledCapacity", "number", help="The capacity that it has.", narrow=True),
        Column(
            "missing",
            "minus(TargetCapacitySpecification.TotalTargetCapacity, FulfilledCapacity)",
            "number",
            help="What it lacks.",
        ),
        Column("fleet_type", "Type", help="maintain: lost capacity is replaced; request: it is not.", title="type"),
        Column("spot_target", "TargetCapacitySpecification.SpotTargetCapacity", "integer", help="Of it to be Spot."),
        Column(
            "on_demand_target",
            "TargetCapacitySpecification.OnDemandTargetCapacity",
            "integer",
            help="Of it to be on demand.",
        ),
        Column("on_demand_fulfilled", "FulfilledOnDemandCapacity", "number", help="On-demand capacity that it has."),
        Column(
            "bought_as", "TargetCapacitySpecification.DefaultTargetCapacityType", help="What the rest is bought as."
        ),
        Column(
            "spot_strategy",
            "SpotOptions.AllocationStrategy",
            help="How Spot pools are chosen, as price-capacity-optimized.",
            title="strategy",
            narrow=True,
        ),
        Column("on_demand_strategy", "OnDemandOptions.AllocationStrategy", help="How on-demand types are chosen."),
        Column(
            "rebalance",
            "SpotOptions.MaintenanceStrategies.CapacityRebalance.ReplacementStrategy",
            help="What is done when AWS says that a Spot Instance is at risk.",
        ),
        Column("interruption", "SpotOptions.InstanceInterruptionBehavior", help="terminate, stop or hibernate."),
        Column(
            "instance_types",
            "LaunchTemplateConfigs[].Overrides[].InstanceType",
            "list",
            help="The types that it may use.",
        ),
        Column("subnets", "LaunchTemplateConfigs[].Overrides[].SubnetId", "list", help="The subnets that it may use."),
        Column(
            "launch_templates",
            "LaunchTemplateConfigs[].LaunchTemplateSpecification.LaunchTemplateId",
            "list",
            help="The launch templates that it starts from.",
        ),
        Column("errors", "Errors[].ErrorCode", "list", help="Why instances could not be launched."),
        Column("error", "Errors[0].ErrorMessage", help="The first of these in AWS's words."),
        Column("excess", "ExcessCapacityTerminationPolicy", help="Whether what is too much is terminated."),
        Column(
            "replace_unhealthy", "ReplaceUnhealthyInstances", "boolean", help="Whether unhealthy ones are replaced."
        ),
        Column("valid_until", "ValidUntil", "time", help="When it ends by itself."),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=120,
    relations=(
        Relation("fleet_id", "ec2.instance", "fleet_id"),
        Relation("launch_templates", "ec2.launch_template", "template_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(Health.BAD, "state=failed", "failed"),
        Rule(Health.BAD, "state=active activity=error", "AWS cannot launch what it wants"),
        Rule(Health.WARN, "state=active missing>0", "has less than it wants"),
        Rule(Health.WARN, "state=active spot_strategy=lowest-price|lowestPrice", _LOWEST),
        Rule(Health.WARN, "state=deleted_running", "deleted, but its instances run on"),
        Rule(Health.UNKNOWN, "state=deleted|deleted_terminating", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:fleet/{fleet_id}",
    sort="-created",
    help="Fleets of type maintain and request, from DescribeFleets; AWS does not list instant ones.",
)

SPOT_FLEET = Kind(
    name="ec2.spot_fleet",
    title="Spot Fleet requests",
    service="ec2",
    calls=(Call("DescribeSpotFleetRequests", "SpotFleetRequestConfigs", page=("MaxResults", 1000)),),
    key=("request_id",),
    columns=(
        Column("request_id", "SpotFleetRequestId", help="The request's id.", title="fleet"),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "state",
            "SpotFleetRequestState",
            help="submitted, active, modifying, failed, cancelled, cancelled_running or cancelled_terminating.",
            narrow=True,
        ),
        Column(
            "activity",
            "ActivityStatus",
            help="fulfilled, pending_fulfillment, pending_termination or error.",
            narrow=True,
        ),
        Column("target", f"{_CONFIG}.TargetCapacity", "integer", help="The capacity wanted.", narrow=True),
        Column("fulfilled", f"{_CONFIG}.FulfilledCapacity", "number", help="The capacity that it has.", narrow=True),
        Column(
            "missing", f"minus({_CONFIG}.TargetCapacity, {_CONFIG}.FulfilledCapacity)", "number", help="What it lacks."
        ),
        Column(
            "fleet_type",
            f"{_CONFIG}.Type",
            help="maintain: lost capacity is replaced; request: it is not.",
            title="type",
        ),
        Column(
            "strategy",
            f"{_CONFIG}.AllocationStrategy",
            help="How Spot pools are chosen, as priceCapacityOptimized; lowestPrice where nothing was said.",
            narrow=True,
        ),
        Column("on_demand_target", f"{_CONFIG}.OnDemandTargetCapacity", "integer", help="Of it to be on demand."),
        Column(
            "on_demand_fulfilled", f"{_CONFIG}.OnDemandFulfilledCapacity", "number", help="On-demand capacity it has."
        ),
        Column("max_price", f"{_CONFIG}.SpotPrice", "number", help="The most that is paid for a unit.", unit="USD/h"),
        Column(
            "instance_types",
            f"[{_CONFIG}.LaunchSpecifications[].InstanceType, "
            f"{_CONFIG}.LaunchTemplateConfigs[].Overrides[].InstanceType][]",
            "list",
            help="The types that it may use.",
        ),
        Column(
            "launch_templates",
            f"{_CONFIG}.LaunchTemplateConfigs[].LaunchTemplateSpecification.LaunchTemplateId",
            "list",
            help="The launch templates that it starts from.",
        ),
        Column("role", f"{_CONFIG}.IamFleetRole", help="The role as which AWS launches for it."),
        Column("interruption", f"{_CONFIG}.InstanceInterruptionBehavior", help="terminate, stop or hibernate."),
        Column("excess", f"{_CONFIG}.ExcessCapacityTerminationPolicy", help="Whether what is too much is terminated."),
        Column(
            "replace_unhealthy",
            f"{_CONFIG}.ReplaceUnhealthyInstances",
            "boolean",
            help="Whether unhealthy ones are replaced.",
        ),
        Column("valid_until", f"{_CONFIG}.ValidUntil", "time", help="When it ends by itself."),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=120,
    redact=(f"{_CONFIG}.LaunchSpecifications[].UserData",),
    relations=(
        Relation("request_id", "ec2.instance", "spot_fleet_id"),
        Relation("launch_templates", "ec2.launch_template", "template_id"),
        Relation("role", "iam.role", "arn"),
    ),
    health=(
        Rule(Health.BAD, "state=failed", "failed"),
        Rule(Health.BAD, "state=active activity=error", "AWS cannot launch what it wants"),
        Rule(Health.WARN, "state=active missing>0", "has less than it wants"),
        Rule(Health.WARN, "state=active strategy=lowestPrice", _LOWEST),
        Rule(Health.WARN, "state=cancelled_running", "cancelled, but its instances run on"),
        Rule(Health.UNKNOWN, "state=cancelled|cancelled_terminating", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:spot-fleet-request/{request_id}",
    sort="-created",
    help="Requests for fleets of Spot Instances in the older API, from DescribeSpotFleetRequests.",
)
