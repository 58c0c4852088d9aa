"""AWS Health: an issue that is open, retirements to come, and one that is over. moto does not know the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_EAST, _WEST, _SOUTH = accounts.REGIONS
_RETIRED = 2
"""How many instances are on hardware that is to be retired."""


@dataclass(frozen=True, slots=True)
class _Event:
    """`begins` and `ends` are hours from the simulation's start; `account` "" is everybody's."""

    code: str
    service: str
    category: str
    region: str
    status: str
    begins: int
    ends: int | None
    said: str
    account: str = ""
    number: int = 1

    @property
    def arn(self) -> str:
        return f"arn:aws:health:{self.region}::event/{self.service}/{self.code}/{self.code}_{self.number:04d}"


_EVENTS = (
    _Event(
        *("AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED", "EC2", "scheduledChange", _EAST, "upcoming", 24 * 9, 24 * 10),
        said="The hardware under these instances is to be retired. Stop and start them before.",
        account=accounts.PRODUCTION.id,
    ),
    _Event(
        *("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA", "issue", _WEST, "open", -2, None),
        said="We are investigating increased error rates of invocations in EU-WEST-1.",
    ),
    _Event(
        *("AWS_RDS_PLANNED_LIFECYCLE_EVENT", "RDS", "accountNotification", _EAST, "open", -24 * 20, None),
        said="MySQL 5.7 has reached the end of standard support: databases that run it are billed extended support.",
        account=accounts.PRODUCTION.id,
    ),
    _Event(
        *("AWS_S3_OPERATIONAL_ISSUE", "S3", "issue", _SOUTH, "closed", -24 * 12, -24 * 12 + 3),
        said="Between 02:10 and 05:04 PDT requests failed at increased rates. The issue is resolved.",
    ),
)


def _of(account: str) -> list[_Event]:
    return [event for event in _EVENTS if event.account in ("", account)]


def _told(simulation: Simulation, event: _Event) -> dict[str, Any]:
    began = simulation.clock.start + timedelta(hours=event.begins)
    given = {
        "arn": event.arn,
        "service": event.service,
        "eventTypeCode": event.code,
        "eventTypeCategory": event.category,
        "region": event.region,
        "startTime": began,
        "lastUpdatedTime": min(began + timedelta(minutes=40), simulation.clock.start),
        "statusCode": event.status,
        "eventScopeCode": "ACCOUNT_SPECIFIC" if event.account else "PUBLIC",
    }
    return given if event.ends is None else given | {"endTime": simulation.clock.start + timedelta(hours=event.ends)}


@answers("health", "DescribeEvents")
def describe_events(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """All that concerns the account, in one page; filters are not simulated."""
    return {"events": [_told(simulation, event) for event in _of(request.account)]}


@answers("health", "DescribeEventDetails")
def describe_event_details(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """What AWS says of up to ten events; those it does not know are in the failed set."""
    known = {event.arn: event for event in _of(request.account)}
    wanted = list(wire.parameters(request).get("eventArns") or [])
    found = [known[arn] for arn in wanted if arn in known]
    return {
        "successfulSet": [
            {"event": _told(simulation, event), "eventDescription": {"latestDescription": event.said}}
            for event in found
        ],
        "failedSet": [
            {"eventArn": arn, "errorName": "InvalidEventArn", "errorMessage": "No such event."}
            for arn in wanted
            if arn not in known
        ],
    }


@answers("health", "DescribeAffectedEntities")
def describe_affected_entities(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The resources that the events are about, in one page."""
    wanted = set((wire.parameters(request).get("filter") or {}).get("eventArns") or [])
    events = [event for event in _of(request.account) if event.arn in wanted and event.account]
    return {
        "entities": [
            {
                "entityArn": f"arn:aws:health:{event.region}:{request.account}:entity/{value}",
                "eventArn": event.arn,
                "entityValue": value,
                "awsAccountId": request.account,
                "lastUpdatedTime": simulation.clock.start,
                "statusCode": "IMPAIRED" if event.category == "issue" else "PENDING",
            }
            for event in events
            for value in _affected(request.account, event)
        ]
    }


def _affected(account: str, event: _Event) -> list[str]:
    if event.service == "RDS":
        return ["partner-feed"]
    running = (machine.id for machine in Cloud(account, event.region).instances() if machine.state == "running")
    return [next(running) for _ in range(_RETIRED)]
