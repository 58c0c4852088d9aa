"""EC2 capacity reservations, which moto does not know: one in full use, one in part, one that nobody uses any more."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, catalog, wire
from backends.simulated.answers.registry import answers
from backends.simulated.randomness import number

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
# account, region, zone by its letter, type, (instances held, of them free), state, days old, name
_RESERVATIONS = (
    (_PROD, _EAST, "a", "r5.xlarge", (3, 0), "active", 200, "postgres"),
    (_PROD, _EAST, "b", "g4dn.xlarge", (4, 3), "active", 65, "render-peak"),
    (_PROD, _WEST, "a", "m6i.xlarge", (6, 6), "active", 120, "checkout-launch-2025"),
    (_DEV, _EAST, "c", "g4dn.xlarge", (1, 0), "expired", 30, "ml-demo"),
)


@answers("ec2", "DescribeCapacityReservations")
def describe_capacity_reservations(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The reservations of an account in a region, all on one page."""
    given = wire.parameters(request)
    wanted = given.get("CapacityReservationIds") or []
    found = [_told(simulation, row) for row in _RESERVATIONS if (row[0], row[1]) == (request.account, request.region)]
    return {"CapacityReservations": [r for r in found if not wanted or r["CapacityReservationId"] in wanted]}


def _told(simulation: Simulation, row: Any) -> dict[str, Any]:
    account, region, letter, kind, (total, free), state, age, name = row
    identity = f"cr-{number(simulation.seed, 'capacity', account, region, name):016x}0"
    began = simulation.clock.start.astimezone(UTC).replace(microsecond=0) - timedelta(days=age)
    told: dict[str, Any] = {
        "CapacityReservationId": identity,
        "CapacityReservationArn": f"arn:{accounts.PARTITION}:ec2:{region}:{account}:capacity-reservation/{identity}",
        "OwnerId": account,
        "AvailabilityZone": region + letter,
        "AvailabilityZoneId": accounts.zone_id(account, region + letter),
        "InstanceType": kind,
        "InstancePlatform": catalog.LINUX,
        "Tenancy": "default",
        "TotalInstanceCount": total,
        "AvailableInstanceCount": free,
        "EbsOptimized": True,
        "EphemeralStorage": False,
        "State": state,
        "StartDate": began,
        "CreateDate": began,
        "EndDateType": "limited" if state == "expired" else "unlimited",
        "InstanceMatchCriteria": "open",
        "ReservationType": "default",
        "Tags": [{"Key": "Name", "Value": name}],
    }
    if state == "expired":
        told["EndDate"] = began + timedelta(days=14)
    return told
