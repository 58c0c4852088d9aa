"""CloudTrail: LookupEvents from the requests that changed something and from what the world did by itself."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.trail import Event

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("cloudtrail", "LookupEvents")
def lookup_events(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Newest first, fifty a page, at most one attribute, as in AWS."""
    given = wire.parameters(request)
    attributes = given.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise wire.AwsError("InvalidLookupAttributesException", "You can only provide one lookup attribute.")
    start, end = given.get("StartTime"), given.get("EndTime")
    chosen = [
        event
        for event in simulation.trail.of(request.account, request.region)
        if (start is None or event.at >= start.replace(tzinfo=UTC))
        and (end is None or event.at <= end.replace(tzinfo=UTC))
        and all(_matches(event, wanted) for wanted in attributes)
    ]
    offset = int(given.get("NextToken") or 0)
    size = min(given.get("MaxResults") or 50, 50)
    output: dict[str, Any] = {"Events": [_event(event) for event in chosen[offset : offset + size]]}
    if offset + size < len(chosen):
        output["NextToken"] = str(offset + size)
    return output


def _matches(event: Event, wanted: dict[str, str]) -> bool:
    values = {
        "EventId": [event.id],
        "EventName": [event.name],
        "ReadOnly": [str(event.read_only).lower()],
        "Username": [event.caller.name],
        "ResourceType": [kind for kind, _ in event.resources],
        "ResourceName": [name for _, name in event.resources],
        "EventSource": [event.source],
        "AccessKeyId": [event.caller.access_key],
    }
    return wanted["AttributeValue"] in values.get(wanted["AttributeKey"], [])


def _event(event: Event) -> dict[str, Any]:
    return {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": str(event.read_only).lower(),
        "AccessKeyId": event.caller.access_key,
        "EventTime": event.at,
        "EventSource": event.source,
        "Username": event.caller.name,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in event.resources],
        "CloudTrailEvent": json.dumps(_record(event)),
    }


def _record(event: Event) -> dict[str, Any]:
    by = event.caller.invoked_by or (event.caller.name if event.caller.service else "")
    record = {
        "eventVersion": "1.11",
        "userIdentity": event.caller.identity(event.account),
        "eventTime": f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": event.source,
        "eventName": event.name,
        "awsRegion": event.region,
        "sourceIPAddress": by or "127.0.0.1",
        "userAgent": by or event.agent,
        "requestParameters": event.request or None,
        "responseElements": event.response,
        "eventID": event.id,
        "readOnly": event.read_only,
        "eventType": "AwsServiceEvent" if event.caller.service else "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": event.account,
        "eventCategory": "Management",
    }
    return record | ({"errorCode": event.error, "errorMessage": "Refused."} if event.error else {})
