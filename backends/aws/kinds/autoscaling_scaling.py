"""Auto Scaling: what makes a group grow and shrink, and what may hold an instance on its way."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_OF_A_GROUP = Relation("group", "autoscaling.group", "name")
_TRACKED = "TargetTrackingConfiguration"
_PREDICTED = "PredictiveScalingConfiguration"

POLICY = Kind(
    name="autoscaling.policy",
    title="Scaling policies",
    service="autoscaling",
    calls=(Call("DescribePolicies", "ScalingPolicies", page=("MaxRecords", 100)),),
    key=("group", "name"),
    columns=(
        Column("group", "AutoScalingGroupName", help="The group that it scales.", narrow=True),
        Column("name", "PolicyName", help="The policy's name.", title="policy", narrow=True),
        Column(
            "policy_type",
            "PolicyType",
            help="TargetTrackingScaling, StepScaling, SimpleScaling or PredictiveScaling.",
            title="type",
            narrow=True,
        ),
        Column(
            "metric",
            f"{_TRACKED}.PredefinedMetricSpecification.PredefinedMetricType"
            f" || {_TRACKED}.CustomizedMetricSpecification.MetricName"
            f" || {_PREDICTED}.MetricSpecifications[0].PredefinedMetricPairSpecification.PredefinedMetricType",
            help="The metric that it keeps at its target.",
            narrow=True,
        ),
        Column(
            "target",
            f"{_TRACKED}.TargetValue || {_PREDICTED}.MetricSpecifications[0].TargetValue",
            "number",
            help="The value that it keeps the metric at.",
            narrow=True,
        ),
        Column("enabled", "Enabled", "boolean", help="Whether it acts."),
        Column("scale_in_disabled", f"{_TRACKED}.DisableScaleIn", "boolean", help="Whether it only ever adds."),
        Column("adjustment_type", "AdjustmentType", help="What its adjustments count in."),
        Column("adjustment", "ScalingAdjustment", "integer", help="By how much a simple policy changes the size."),
        Column("steps", "StepAdjustments[].ScalingAdjustment", "list", help="The adjustments of its steps."),
        Column("mode", f"{_PREDICTED}.Mode", help="ForecastAndScale, or ForecastOnly."),
        Column("cooldown", "Cooldown", "integer", help="How long a simple policy rests afterwards.", unit="s"),
        Column("warmup", "EstimatedInstanceWarmup", "integer", help="How long a new instance warms up.", unit="s"),
        Column("alarms", "Alarms[].AlarmName", "list", help="The alarms that call it."),
        Column("arn", "PolicyARN", help="Its ARN."),
    ),
    cadence=600,
    relations=(_OF_A_GROUP, Relation("alarms", "cloudwatch.alarm", "name")),
    health=(
        Rule(Health.WARN, "enabled=false", "disabled: the group is not scaled by it"),
        Rule(Health.WARN, "policy_type=StepScaling|SimpleScaling alarms=", "no alarm calls it"),
    ),
    arn="{arn}",
    sort="group",
    help="What scales groups, from DescribePolicies.",
)

SCHEDULED_ACTION = Kind(
    name="autoscaling.scheduled_action",
    title="Scheduled actions",
    service="autoscaling",
    calls=(Call("DescribeScheduledActions", "ScheduledUpdateGroupActions", page=("MaxRecords", 100)),),
    key=("group", "name"),
    columns=(
        Column("group", "AutoScalingGroupName", help="The group whose size it sets.", narrow=True),
        Column("name", "ScheduledActionName", help="The action's name.", title="action", narrow=True),
        Column("recurrence", "Recurrence", help="When it recurs, as cron writes it.", narrow=True),
        Column("start", "StartTime", "time", help="When it next runs, or first did.", narrow=True),
        Column("desired", "DesiredCapacity", "integer", help="The size that it sets.", narrow=True),
        Column("min", "MinSize", "integer", help="The fewest instances that it allows."),
        Column("max", "MaxSize", "integer", help="The most instances that it allows."),
        Column("end", "EndTime", "time", help="When it stops to recur."),
        Column("time_zone", "TimeZone", help="The zone that its times are in; UTC where none is named."),
        Column("arn", "ScheduledActionARN", help="Its ARN."),
    ),
    cadence=600,
    relations=(_OF_A_GROUP,),
    health=(
        Rule(Health.WARN, "end<now", "it has ended and sets nothing any more"),
        Rule(Health.WARN, "max=0", "it empties the group and keeps it empty"),
    ),
    arn="{arn}",
    sort="group",
    help="Sizes that groups get at set times, from DescribeScheduledActions.",
)

LIFECYCLE_HOOK = Kind(
    name="autoscaling.lifecycle_hook",
    title="Lifecycle hooks",
    service="autoscaling",
    calls=(
        Call("DescribeAutoScalingGroups", "AutoScalingGroups[].AutoScalingGroupName", page=("MaxRecords", 100)),
        Call("DescribeLifecycleHooks", "LifecycleHooks", arguments={"AutoScalingGroupName": "value"}),
    ),
    key=("group", "name"),
    columns=(
        Column("group", "AutoScalingGroupName", help="The group whose instances it holds.", narrow=True),
        Column("name", "LifecycleHookName", help="The hook's name.", title="hook", narrow=True),
        Column("transition", "after(LifecycleTransition, ':')", help="On which way it holds them.", narrow=True),
        Column(
            "heartbeat",
            "HeartbeatTimeout",
            "integer",
            help="How long it waits for an answer or a sign of life.",
            unit="s",
            narrow=True,
        ),
        Column("default_result", "DefaultResult", help="What happens without an answer: CONTINUE or ABANDON."),
        Column("longest", "GlobalTimeout", "integer", help="How long signs of life may hold an instance.", unit="s"),
        Column("notifies", "NotificationTargetARN", help="The topic or queue that it tells."),
        Column("role", "RoleARN", help="The role that it tells it as."),
        Column("metadata", "NotificationMetadata", help="What it says besides."),
    ),
    cadence=3600,
    relations=(_OF_A_GROUP, Relation("role", "iam.role", "arn"), Relation("notifies", "sqs.queue", "arn")),
    health=(Rule(Health.WARN, "heartbeat>3600", "without an answer an instance is held for more than an hour"),),
    sort="group",
    help="What holds instances while they come or go, from DescribeLifecycleHooks, one call a group.",
)
