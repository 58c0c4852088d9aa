"""Auto Scaling: groups of instances kept at a size."""

from __future__ import annotations

from functools import partial

from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_MIXED = "MixedInstancesPolicy.InstancesDistribution"

_TOLD = "; only where the group's own metrics are enabled."
_LOAD = partial(Watched, statistic="Average", dimensions={"AutoScalingGroupName": "AutoScalingGroupName"})
_WATCHED = (
    _LOAD(
        "AWS/EC2",
        name="CPUUtilization",
        title="CPU",
        help="CPU used, on average over its instances.",
        unit="%",
        warn=">=80",
        bad=">=95",
    ),
    _LOAD("AWS/AutoScaling", name="GroupInServiceInstances", title="in service", help=f"Instances in service{_TOLD}"),
    _LOAD("AWS/AutoScaling", name="GroupDesiredCapacity", title="desired", help=f"Instances that it is to have{_TOLD}"),
)

GROUP = Kind(
    name="autoscaling.group",
    title="Auto Scaling groups",
    service="autoscaling",
    calls=(Call("DescribeAutoScalingGroups", "AutoScalingGroups", page=("MaxRecords", 100)),),
    key=("name",),
    columns=(
        Column("name", "AutoScalingGroupName", help="The group's name.", title="group", narrow=True),
        Column("desired", "DesiredCapacity", "integer", help="How many instances it is to have.", narrow=True),
        Column("min", "MinSize", "integer", help="The fewest it may have.", narrow=True),
        Column("max", "MaxSize", "integer", help="The most it may have.", narrow=True),
        Column(
            "in_service",
            "length(Instances[?LifecycleState=='InService'] || `[]`)",
            "integer",
            help="How many are in service.",
            narrow=True,
        ),
        Column(
            "unhealthy",
            "length(Instances[?HealthStatus!='Healthy'] || `[]`)",
            "integer",
            help="How many its health check calls unhealthy.",
            narrow=True,
        ),
        Column(
            "missing",
            "minus(DesiredCapacity, length(Instances[?LifecycleState=='InService'] || `[]`))",
            "integer",
            help="Desired less in service.",
        ),
        Column("instances", "Instances[].InstanceId", "list", help="Its instances."),
        Column("instance_types", "Instances[].InstanceType", "list", help="The types of its instances, one for each."),
        Column("zones", "AvailabilityZones", "list", help="The Availability Zones it may use."),
        Column("subnets", "split(VPCZoneIdentifier, ',')", "list", help="The subnets it may use."),
        Column(
            "launch_template",
            "LaunchTemplate.LaunchTemplateName || MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
            ".LaunchTemplateName || LaunchConfigurationName",
            help="The launch template, or launch configuration, that new instances follow.",
        ),
        Column(
            "template_version",
            "LaunchTemplate.Version || MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version",
            help="The launch template's version in use.",
        ),
        Column(
            "types_allowed",
            "MixedInstancesPolicy.LaunchTemplate.Overrides[].InstanceType",
            "list",
            help="The instance types that a mixed group may launch.",
        ),
        Column(
            "on_demand_base", f"{_MIXED}.OnDemandBaseCapacity", "integer", help="On-Demand instances before any Spot."
        ),
        Column(
            "on_demand_percent",
            f"{_MIXED}.OnDemandPercentageAboveBaseCapacity",
            "integer",
            help="On-Demand's share above the base.",
            unit="%",
        ),
        Column("spot_strategy", f"{_MIXED}.SpotAllocationStrategy", help="How Spot pools are chosen."),
        Column(
            "capacity_rebalance", "CapacityRebalance", "boolean", help="Whether Spot at risk is replaced beforehand."
        ),
        Column("health_check", "HealthCheckType", help="What calls an instance healthy: EC2, ELB or others."),
        Column("grace_period", "HealthCheckGracePeriod", "integer", help="How long a new one is not judged.", unit="s"),
        Column("target_groups", "TargetGroupARNs", "list", help="The target groups it registers its instances with."),
        Column(
            "load_balancers", "LoadBalancerNames", "list", help="The Classic Load Balancers it registers them with."
        ),
        Column("suspended", "SuspendedProcesses[].ProcessName", "list", help="What it does not do for the time being."),
        Column(
            "scale_in_protected",
            "NewInstancesProtectedFromScaleIn",
            "boolean",
            help="Whether new ones are protected from scale-in.",
        ),
        Column("termination_policies", "TerminationPolicies", "list", help="Which instance goes first."),
        Column("eks_cluster", "Tags[?Key=='eks:cluster-name'].Value | [0]", help="The EKS cluster it makes nodes for."),
        Column(
            "eks_nodegroup", "Tags[?Key=='eks:nodegroup-name'].Value | [0]", help="The EKS node group it belongs to."
        ),
        Column("status", "Status", help="Set while it is being deleted."),
        Column("created", "CreatedTime", "time", help="When it was created."),
        Column("arn", "AutoScalingGroupARN", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=60,
    relations=(
        Relation("instances", "ec2.instance", "instance_id"),
        Relation("target_groups", "elbv2.target_group", "arn"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("eks_cluster", "eks.cluster", "name"),
    ),
    health=(
        Rule(Health.UNKNOWN, "status!=", "being deleted"),
        Rule(Health.BAD, "unhealthy>0", "has unhealthy instances"),
        Rule(Health.BAD, "in_service=0 desired>0", "no instance is in service"),
        Rule(Health.WARN, "missing>0", "fewer instances in service than desired"),
        Rule(Health.WARN, "suspended=Launch", "launches nothing: the process Launch is suspended"),
        Rule(Health.WARN, "suspended=Terminate", "ends nothing: the process Terminate is suspended"),
    ),
    arn="{arn}",
    sort="name",
    help="Groups of instances kept at a size, from DescribeAutoScalingGroups.",
    watched=_WATCHED,
)
