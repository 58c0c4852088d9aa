"""CloudWatch Logs: log groups, how long they keep and how much."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

GROUP = Kind(
    name="logs.group",
    title="Log groups",
    service="logs",
    calls=(Call("DescribeLogGroups", "logGroups", page=("limit", 50)),),
    key=("name",),
    columns=(
        Column("name", "logGroupName", help="The log group's name.", title="log group", narrow=True),
        Column(
            "retention",
            "retentionInDays",
            "integer",
            help="How long it keeps; not set: for ever.",
            unit="d",
            narrow=True,
        ),
        Column(
            "stored",
            "storedBytes",
            "integer",
            help="What it keeps, compressed; AWS counts it once a day.",
            unit="B",
            volatile=True,
            narrow=True,
        ),
        Column("group_class", "logGroupClass", help="STANDARD or INFREQUENT_ACCESS.", title="class", narrow=True),
        Column("metric_filters", "metricFilterCount", "integer", help="How many metrics are made of its lines."),
        Column("kms_key", "kmsKeyId", help="The KMS key that encrypts it; not set: AWS's own."),
        Column("data_protection", "dataProtectionStatus", help="Whether sensitive data is masked."),
        Column("created", "times(creationTime, `0.001`)", "time", help="When it was created."),
        Column("arn", "arn", help="Its ARN."),
    ),
    cadence=1800,
    health=(
        Rule(Health.WARN, "retention= stored>=1GiB", "keeps more than a GiB, and for ever"),
        Rule(Health.WARN, "retention= stored>0", "keeps for ever"),
    ),
    arn="{arn}",
    sort="name",
    help="Log groups, from DescribeLogGroups.",
)
