"""CloudWatch: alarms on metrics, and those made of other alarms."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

ALARM = Kind(
    name="cloudwatch.alarm",
    title="Alarms",
    service="cloudwatch",
    calls=(
        Call(
            "DescribeAlarms",
            "[MetricAlarms, CompositeAlarms][]",
            parameters={"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]},
            page=("MaxRecords", 100),
        ),
    ),
    key=("name",),
    columns=(
        Column("name", "AlarmName", help="The alarm's name.", title="alarm", narrow=True),
        Column("state", "StateValue", help="OK, ALARM or INSUFFICIENT_DATA.", narrow=True),
        Column(
            "changed",
            "StateTransitionedTimestamp || StateUpdatedTimestamp",
            "time",
            help="Since when it has been in this state.",
            narrow=True,
        ),
        Column(
            "metric", "MetricName || Metrics[0].Label || Metrics[0].Expression", help="What it watches.", narrow=True
        ),
        Column("reason", "StateReason", help="Why it is in this state, in AWS's words."),
        Column("alarm_type", "AlarmRule && 'composite' || 'metric'", help="metric, or composite.", title="type"),
        Column("namespace", "Namespace", help="The metric's namespace."),
        Column("dimensions", "Dimensions[].join('=', [Name, Value])", "list", help="Whose metric it is."),
        Column("statistic", "Statistic || ExtendedStatistic", help="What is taken of the metric."),
        Column("comparison", "ComparisonOperator", help="How it is compared with the threshold."),
        Column("threshold", "Threshold", "number", help="The value that it must not cross."),
        Column("period", "Period", "integer", help="Over how long the metric is taken.", unit="s"),
        Column("evaluated", "EvaluationPeriods", "integer", help="How many periods are looked at."),
        Column("datapoints", "DatapointsToAlarm", "integer", help="How many of them must cross it; all where empty."),
        Column("missing_data", "TreatMissingData", help="What a missing value counts as."),
        Column("rule", "AlarmRule", help="The rule of a composite alarm."),
        Column("actions_enabled", "ActionsEnabled", "boolean", help="Whether it does what it is to do."),
        Column("alarm_actions", "AlarmActions", "list", help="What it does in ALARM."),
        Column("ok_actions", "OKActions", "list", help="What it does when it is OK again."),
        Column("no_data_actions", "InsufficientDataActions", "list", help="What it does without data."),
        Column("suppressed_by", "ActionsSuppressedBy", help="What keeps a composite alarm from acting."),
        Column(
            "scales", "AlarmActions[?contains(@, ':scalingPolicy:')] | [0]", help="The scaling policy that it calls."
        ),
        Column("description", "AlarmDescription", help="What it is said to be for."),
        Column("configured", "AlarmConfigurationUpdatedTimestamp", "time", help="When it was last configured."),
        Column("arn", "AlarmArn", help="Its ARN."),
    ),
    cadence=60,
    relations=(Relation("scales", "autoscaling.policy", "arn"),),
    health=(
        # An alarm that scales a group is in ALARM whenever there is less to do.
        Rule(Health.OK, "state=ALARM alarm_actions~:scalingPolicy:", "scales a group"),
        Rule(Health.BAD, "state=ALARM", "in alarm"),
        Rule(Health.WARN, "actions_enabled=false", "its actions are disabled: nobody would be told"),
        Rule(Health.WARN, "alarm_actions=", "it does nothing in ALARM: nobody would be told"),
        Rule(Health.WARN, "state=INSUFFICIENT_DATA changed<-1d", "has had no data for more than a day"),
    ),
    arn="{arn}",
    sort="name",
    help="Alarms on metrics and on other alarms, from DescribeAlarms.",
)
