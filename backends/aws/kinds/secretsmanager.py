"""Secrets Manager: which secrets there are and when they were rotated. Their values are never asked for."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

SECRET = Kind(
    name="secretsmanager.secret",
    title="Secrets",
    service="secretsmanager",
    calls=(Call("ListSecrets", "SecretList", parameters={"IncludePlannedDeletion": True}, page=("MaxResults", 100)),),
    key=("name",),
    columns=(
        Column("name", "Name", help="The secret's name.", title="secret", narrow=True),
        Column(
            "rotates", "RotationEnabled || `false`", "boolean", help="Whether it is rotated by itself.", narrow=True
        ),
        Column("last_rotated", "LastRotatedDate", "time", help="When it was last rotated by itself.", narrow=True),
        Column("changed", "LastChangedDate", "time", help="When it was last changed in any way.", narrow=True),
        Column(
            "last_used",
            "LastAccessedDate",
            "time",
            help="The day on which it was last read; AWS tells no more.",
            volatile=True,
            narrow=True,
        ),
        Column(
            "rotates_every",
            "RotationRules.AutomaticallyAfterDays",
            "integer",
            help="How many days pass between rotations.",
            unit="d",
        ),
        Column("next_rotation", "NextRotationDate", "time", help="When it is rotated next."),
        Column("rotator", "RotationLambdaARN", help="The function that rotates it."),
        Column(
            "deleted", "DeletedDate", "time", help="When its deletion was asked for; it can be restored for a while."
        ),
        Column("owner", "OwningService", help="The AWS service that made it and looks after it."),
        Column("kms_key", "KmsKeyId", help="The KMS key that encrypts it; not set: AWS's own."),
        Column("primary_region", "PrimaryRegion", help="Where it is replicated from."),
        Column("description", "Description", help="What it is said to be for."),
        Column("created", "CreatedDate", "time", help="When it was created."),
        Column("arn", "ARN", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=1800,
    health=(
        Rule(Health.WARN, "deleted!=", "is being deleted"),
        Rule(Health.BAD, "rotates=true next_rotation<-1d", "its rotation is overdue"),
        Rule(Health.WARN, "rotates=false changed<-365d", "was not changed for a year and is not rotated"),
        Rule(Health.WARN, "last_used<-90d", "was not read for 90 days, and is paid for"),
    ),
    arn="{arn}",
    sort="name",
    help="Names and rotation of secrets, from ListSecrets alone: no value is ever asked for.",
)
