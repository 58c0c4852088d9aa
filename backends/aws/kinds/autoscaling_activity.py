"""Auto Scaling: what groups did, what they failed at, and how far the exchange of their instances has come."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule, Window

_KEPT_DAYS = 42
"""AWS tells of activities for six weeks."""

ACTIVITY = Kind(
    name="autoscaling.activity",
    title="Scaling activities",
    service="autoscaling",
    calls=(
        Call(
            "DescribeScalingActivities",
            "Activities",
            parameters={"IncludeDeletedGroups": True},
            page=("MaxRecords", 100),
            newest_first="StartTime",
        ),
    ),
    key=("group", "activity_id"),
    columns=(
        Column("started", "StartTime", "time", help="When it began.", narrow=True),
        Column("group", "AutoScalingGroupName", help="The group that did it.", narrow=True),
        Column("status", "StatusCode", help="Successful, Failed, Cancelled or what it waits for.", narrow=True),
        Column("description", "Description", help="What was done.", narrow=True),
        Column(
            "error",
            r"found(StatusMessage, '\b[A-Z][a-z]+(?:[A-Z][a-z]*)+\b')",
            help="The error's code in AWS's reason, as InsufficientInstanceCapacity.",
        ),
        Column("reason", "StatusMessage", help="Why it failed, in AWS's words."),
        Column("cause", "Cause", help="Why it was begun, in AWS's words."),
        Column("instance", "found(Description, 'i-[0-9a-f]+')", help="The instance that came or went."),
        Column("zone", 'parsed(Details)."Availability Zone"', help="The Availability Zone it was done in."),
        Column("subnet", 'parsed(Details)."Subnet ID"', help="The subnet it was done in."),
        Column("ended", "EndTime", "time", help="When it ended."),
        Column("progress", "Progress", "integer", help="How far it has come.", unit="%", volatile=True),
        Column("group_state", "AutoScalingGroupState", help="Deleted where the group is no more."),
        Column("group_arn", "AutoScalingGroupARN", help="The group's ARN."),
        Column("activity_id", "ActivityId", help="AWS's id of it.", title="activity"),
    ),
    cadence=120,
    closes=False,
    window=Window(first_days=_KEPT_DAYS, again_days=1),
    relations=(
        Relation("group", "autoscaling.group", "name"),
        Relation("instance", "ec2.instance", "instance_id"),
        Relation("subnet", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(Health.BAD, "status=Failed started>-1h", "failed within the last hour"),
        Rule(Health.WARN, "status=Failed started>-1d", "failed within the last day"),
        Rule(Health.UNKNOWN, "status=Failed", "failed, more than a day ago"),
        Rule(Health.WARN, "status=Cancelled started>-1d", "cancelled within the last day"),
        Rule(Health.WARN, "status=MidLifecycleAction started<-1h", "a lifecycle hook has held it for over an hour"),
        Rule(Health.WARN, "ended= progress<100 started<-1h", "has not ended within an hour"),
    ),
    sort="-started",
    help="What groups did and why, from DescribeScalingActivities: six weeks at the first poll, then what is new.",
)

REFRESH = Kind(
    name="autoscaling.instance_refresh",
    title="Instance refreshes",
    service="autoscaling",
    calls=(
        Call("DescribeAutoScalingGroups", "AutoScalingGroups[].AutoScalingGroupName", page=("MaxRecords", 100)),
        Call(
            "DescribeInstanceRefreshes",
            "InstanceRefreshes",
            arguments={"AutoScalingGroupName": "value"},
            page=("MaxRecords", 100),
        ),
    ),
    key=("group", "refresh_id"),
    columns=(
        Column("group", "AutoScalingGroupName", help="The group whose instances are exchanged.", narrow=True),
        Column("status", "Status", help="Pending, InProgress, Baking, Successful, Failed and others.", narrow=True),
        Column(
            "percent", "PercentageComplete", "integer", help="How much is done.", unit="%", volatile=True, narrow=True
        ),
        Column(
            "left",
            "InstancesToUpdate",
            "integer",
            help="Instances that are still to be exchanged.",
            volatile=True,
            narrow=True,
        ),
        Column("started", "StartTime", "time", help="When it began.", narrow=True),
        Column("ended", "EndTime", "time", help="When it ended."),
        Column("reason", "StatusReason", help="What it waits for or why it failed, in AWS's words."),
        Column("rollback_reason", "RollbackDetails.RollbackReason", help="Why it is rolled back."),
        Column("rollback_started", "RollbackDetails.RollbackStartTime", "time", help="When the roll-back began."),
        Column(
            "launch_template",
            "DesiredConfiguration.LaunchTemplate.LaunchTemplateName"
            " || DesiredConfiguration.LaunchTemplate.LaunchTemplateId"
            " || DesiredConfiguration.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
            ".LaunchTemplateName",
            help="The launch template that it brings in, where it names one.",
        ),
        Column(
            "template_version",
            "DesiredConfiguration.LaunchTemplate.Version"
            " || DesiredConfiguration.MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version",
            help="The version of it.",
        ),
        Column(
            "min_healthy",
            "Preferences.MinHealthyPercentage",
            "integer",
            help="How much of the group stays in service.",
            unit="%",
        ),
        Column(
            "max_healthy",
            "Preferences.MaxHealthyPercentage",
            "integer",
            help="How far the group may exceed its size.",
            unit="%",
        ),
        Column("warmup", "Preferences.InstanceWarmup", "integer", help="How long a new one warms up.", unit="s"),
        Column("bake_time", "Preferences.BakeTime", "integer", help="How long it watches at the end.", unit="s"),
        Column("auto_rollback", "Preferences.AutoRollback", "boolean", help="Whether a failure takes it back."),
        Column("skip_matching", "Preferences.SkipMatching", "boolean", help="Whether those that fit already stay."),
        Column("checkpoints", "Preferences.CheckpointPercentages", "list", help="Where it pauses, in %."),
        Column("alarms", "Preferences.AlarmSpecification.Alarms", "list", help="The alarms that make it fail."),
        Column("refresh_id", "InstanceRefreshId", help="AWS's id of it.", title="refresh"),
    ),
    cadence=600,
    relations=(
        Relation("group", "autoscaling.group", "name"),
        Relation("launch_template", "ec2.launch_template", "name"),
        Relation("alarms", "cloudwatch.alarm", "name"),
    ),
    health=(
        Rule(Health.BAD, "status=RollbackFailed started>-7d", "failed, and so did taking it back"),
        Rule(Health.BAD, "status=Failed started>-1d", "failed within the last day: the group runs two configurations"),
        Rule(Health.WARN, "status=Failed|RollbackFailed", "failed"),
        Rule(Health.WARN, "status=RollbackInProgress|RollbackSuccessful started>-1d", "taken back"),
        Rule(Health.WARN, "status=InProgress|Pending|Baking|Cancelling started<-6h", "has taken more than six hours"),
    ),
    sort="-started",
    help="Exchanges of all instances of a group, from DescribeInstanceRefreshes, one call a group. "
    "AWS tells of them for six weeks.",
)
