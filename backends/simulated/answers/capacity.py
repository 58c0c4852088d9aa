"""EC2 capacity reservations, which moto does not know."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, catalog, wire
from backends.simulated.answers.registry import answers
from backends.simulated.seed.reservations import RESERVATIONS, Reservation, free, identity

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("ec2", "DescribeCapacityReservations")
def describe_capacity_reservations(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The reservations of an account in a region, all on one page."""
    given = wire.parameters(request)
    wanted = given.get("CapacityReservationIds") or []
    here = [row for row in RESERVATIONS if (row.account, row.region) == (request.account, request.region)]
    found = [_told(simulation, reservation) for reservation in here]
    return {"CapacityReservations": [r for r in found if not wanted or r["CapacityReservationId"] in wanted]}


def _told(simulation: Simulation, row: Reservation) -> dict[str, Any]:
    name = identity(simulation.seed, row)
    arn = f"arn:{accounts.PARTITION}:ec2:{row.region}:{row.account}:capacity-reservation/{name}"
    began = simulation.clock.start.astimezone(UTC).replace(microsecond=0) - timedelta(days=row.age)
    told: dict[str, Any] = {
        "CapacityReservationId": name,
        "CapacityReservationArn": arn,
        "OwnerId": row.account,
        "AvailabilityZone": row.region + row.zone,
        "AvailabilityZoneId": accounts.zone_id(row.account, row.region + row.zone),
        "InstanceType": row.kind,
        "InstancePlatform": catalog.LINUX,
        "Tenancy": "default",
        "TotalInstanceCount": row.total,
        "AvailableInstanceCount": free(simulation.seed, row),
        "EbsOptimized": True,
        "EphemeralStorage": False,
        "State": row.state,
        "StartDate": began,
        "CreateDate": began,
        "EndDateType": "limited" if row.state == "expired" else "unlimited",
        "InstanceMatchCriteria": "open" if row.open else "targeted",
        "ReservationType": "default",
        "Tags": [{"Key": "Name", "Value": row.name}],
    }
    if row.state == "expired":
        told["EndDate"] = began + timedelta(days=14)
    return told
