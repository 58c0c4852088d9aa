"""Which regions an account may use: three enabled ones, and some that nobody opted in to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("ec2", "DescribeRegions")
def describe_regions(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The enabled regions; with AllRegions, or asked for by name, the others too."""
    given = wire.parameters(request)
    names = given.get("RegionNames") or []
    for name in names:
        if name not in accounts.REGIONS + accounts.NOT_OPTED_IN:
            raise wire.AwsError("InvalidParameterValue", f"Invalid region: '{name}'")
    regions = [_region(name, "opt-in-not-required") for name in accounts.REGIONS]
    if given.get("AllRegions"):
        regions += [_region(name, "not-opted-in") for name in accounts.NOT_OPTED_IN]
    chosen = [region for region in regions if not names or region["RegionName"] in names]
    for wanted in given.get("Filters") or []:
        field = {"region-name": "RegionName", "opt-in-status": "OptInStatus", "endpoint": "Endpoint"}[wanted["Name"]]
        chosen = [region for region in chosen if region[field] in wanted.get("Values", [])]
    return {"Regions": chosen}


def _region(name: str, status: str) -> dict[str, str]:
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": status}
