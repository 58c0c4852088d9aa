"""Health: what AWS knows to be wrong, or plans to do, with what the account uses. Needs a support plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

_EVENTS_A_REQUEST = 10


def _arns(events: Sequence[Json]) -> list[str]:
    return [event["arn"] for event in events]


def _ask(events: Sequence[Json]) -> Json:
    return {"eventArns": _arns(events)}


def _ask_entities(found: Sequence[Json]) -> Json:
    return {"filter": {"eventArns": [event["Event"]["arn"] for event in found]}}


def _described(events: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    said = {
        detail["event"]["arn"]: detail.get("eventDescription", {}).get("latestDescription")
        for page in pages
        for detail in page.get("successfulSet", [])
    }
    return [{"Event": event, "Description": said.get(event["arn"])} for event in events]


def _affected(found: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    entities: dict[str, list[Json]] = {}
    for entity in (entity for page in pages for entity in page.get("entities", [])):
        entities.setdefault(entity["eventArn"], []).append(entity)
    return [event | {"Entities": entities.get(event["Event"]["arn"], [])} for event in found]


EVENT = Kind(
    name="health.event",
    title="AWS Health events",
    service="health",
    calls=(
        Call("DescribeEvents", "events", page=("maxResults", 100)),
        Call(
            "DescribeEventDetails",
            "successfulSet",
            keep={"Event": "@"},
            batch=_EVENTS_A_REQUEST,
            ask=_ask,
            answer=_described,
            optional=True,
        ),
        Call(
            "DescribeAffectedEntities",
            "entities",
            keep={"Event": "Event", "Description": "Description"},
            page=("maxResults", 100),
            batch=_EVENTS_A_REQUEST,
            ask=_ask_entities,
            answer=_affected,
            optional=True,
        ),
    ),
    key=("arn",),
    columns=(
        Column("name", "Event.eventTypeCode", help="What happens, in AWS's code.", title="event", narrow=True),
        Column("status", "Event.statusCode", help="open, upcoming or closed.", narrow=True),
        Column(
            "category", "Event.eventTypeCategory", help="issue, scheduledChange or accountNotification.", narrow=True
        ),
        Column("event_region", "Event.region", help="The region it is about; global for all.", narrow=True),
        Column("starts", "Event.startTime", "time", help="When it began or will begin.", narrow=True),
        Column("ends", "Event.endTime", "time", help="When it ended or will end."),
        Column("event_service", "Event.service", help="The AWS service it is about."),
        Column("zone", "Event.availabilityZone", help="The Availability Zone it is about."),
        Column("event_scope", "Event.eventScopeCode", help="PUBLIC, or ACCOUNT_SPECIFIC: about this account."),
        Column("updated", "Event.lastUpdatedTime", "time", help="When AWS last said something."),
        Column(
            "affected",
            "Entities[?statusCode!='RESOLVED' && statusCode!='UNIMPAIRED'].entityValue",
            "list",
            help="The resources affected.",
        ),
        Column("description", "Description", help="What AWS says."),
        Column("arn", "Event.arn", help="Its ARN."),
    ),
    regional=False,
    cadence=600,
    relations=(
        Relation("affected", "ec2.instance", "instance_id"),
        Relation("affected", "rds.instance", "name"),
    ),
    health=(
        Rule(Health.BAD, "status=open category=issue", "AWS has a problem"),
        Rule(Health.WARN, "status=upcoming category=scheduledChange", "AWS is going to change something"),
        Rule(Health.WARN, "status=open", "AWS has not closed it"),
    ),
    arn="{arn}",
    sort="-starts",
    help="Events that concern the account, from DescribeEvents, DescribeEventDetails and DescribeAffectedEntities: "
    "those of the last 90 days and those to come. Accounts without a business support plan may not ask.",
)
