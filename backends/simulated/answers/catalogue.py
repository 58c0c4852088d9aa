"""What EC2 offers where: moto knows offerings of other zones."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, catalog, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PLACES = ("region", "availability-zone", "availability-zone-id")


@answers("ec2", "DescribeInstanceTypeOfferings")
def describe_instance_type_offerings(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The catalogue's types, place by place; a region's newest zone has none of the previous generation."""
    given = wire.parameters(request)
    place = given.get("LocationType") or "region"
    if place not in _PLACES:
        raise wire.AwsError("InvalidParameterValue", f"Invalid location type: {place}")
    wanted = {f["Name"]: f.get("Values", []) for f in given.get("Filters") or []}
    found = [
        {"InstanceType": kind.name, "LocationType": place, "Location": where}
        for kind in catalog.TYPES.values()
        for where in _where(request, place, kind)
        if _passes(wanted, {"instance-type": kind.name, "location": where})
    ]
    return {"InstanceTypeOfferings": found}


def _where(request: wire.Request, place: str, kind: catalog.InstanceType) -> list[str]:
    if place == "region":
        return [request.region]
    zones = accounts.zone_ids(request.region)
    offered = zones if kind.market else zones[:-1]
    if place == "availability-zone-id":
        return list(offered)
    return [accounts.zone_name(request.account, zone) for zone in offered]


def _passes(wanted: dict[str, list[str]], fields: dict[str, str]) -> bool:
    return all(
        any(fnmatchcase(fields[name], pattern) for pattern in values)
        for name, values in wanted.items()
        if name in fields
    )
