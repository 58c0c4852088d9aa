"""CloudTrail: who changed something, when and how."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Log, Rule, Window

EVENT = Kind(
    name="cloudtrail.event",
    title="CloudTrail events",
    service="cloudtrail",
    calls=(
        Call(
            "LookupEvents",
            "Events",
            parameters={
                "LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
                "StartTime": "{since}",
            },
            page=("MaxResults", 50),
            texts=("CloudTrailEvent",),
        ),
    ),
    key=("event_id",),
    columns=(
        Column("time", "EventTime", "time", help="When it was asked for, by AWS's clock.", narrow=True),
        Column("name", "EventName", help="The operation.", title="event", narrow=True),
        Column(
            "user",
            "actor(CloudTrailEvent.userIdentity) || Username",
            help="Who asked: a user's name, a role and its session, or the AWS service.",
            narrow=True,
        ),
        Column("user_type", "CloudTrailEvent.userIdentity.type", help="What that is: IAMUser, AssumedRole, Root, …."),
        Column(
            "resources",
            "Resources[].ResourceName",
            "list",
            help="The resources that CloudTrail says it was about.",
            narrow=True,
        ),
        Column("resource_types", "Resources[].ResourceType", "list", help="What those are."),
        Column(
            "error", "CloudTrailEvent.errorCode", help="Why it failed; empty where it was carried out.", narrow=True
        ),
        Column("source", "EventSource", help="The service that was asked."),
        Column("source_ip", "CloudTrailEvent.sourceIPAddress", help="Where the request came from."),
        Column("user_agent", "CloudTrailEvent.userAgent", help="The program that sent it."),
        Column("access_key", "AccessKeyId", help="The access key that signed it."),
        Column(
            "session_mfa",
            "CloudTrailEvent.userIdentity.sessionContext.attributes.mfaAuthenticated == 'true'",
            "boolean",
            help="Whether its session was begun with an MFA device.",
        ),
        Column("read_only", "ReadOnly == 'true'", "boolean", help="Whether it changes nothing; only others are read."),
        Column(
            "mentions",
            "mentions(Resources, CloudTrailEvent.requestParameters, CloudTrailEvent.responseElements)",
            "list",
            help="Every id, name and ARN that its resources, its request and its answer name.",
        ),
        Column("event_id", "EventId", help="CloudTrail's id of it."),
    ),
    cadence=300,
    health=(
        Rule(Health.WARN, "user_type=Root", "the root user did it"),
        Rule(Health.WARN, "error~denied", "was refused"),
        Rule(Health.WARN, "error~unauthorized", "was refused"),
    ),
    closes=False,
    window=Window(first_days=1, again_minutes=20),
    log=Log("time", days=180, pages=120, late=15),
    sort="-time",
    help="What changed something, from LookupEvents: a day back at the first poll, at most 6,000 events, then what is "
    "new, with twenty minutes again because AWS tells of some late. IAM's and other global services' are in "
    "us-east-1. Secrets in requests and answers are blanked before anything is kept. Kept for 180 days; AWS shows 90.",
)
