"""Savings Plans: the rates of Compute plans without upfront payment, for the simulated types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, catalog, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_YEAR = 31_536_000
_TERMS = ((_YEAR, 0.73), (3 * _YEAR, 0.50))
"""How long a plan binds in seconds, and what of the On-Demand price is paid then."""
_USAGE = {"us-east-1": "", "eu-west-1": "EU-", "ap-southeast-2": "APS2-"}


@answers("savingsplans", "DescribeSavingsPlansOfferingRates")
def describe_savings_plans_offering_rates(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One rate for every type, region and term that the filters ask for."""
    given = wire.parameters(request)
    wanted = {f["name"]: f.get("values", []) for f in given.get("filters") or []}
    found = [
        _rate(region, kind.name, seconds, share)
        for region in accounts.REGIONS
        for kind in catalog.TYPES.values()
        for seconds, share in _TERMS
        if region in wanted.get("region", [region]) and kind.name in wanted.get("instanceType", [kind.name])
    ]
    offset, size = int(given.get("nextToken") or 0), int(given.get("maxResults") or 1000)
    output: dict[str, Any] = {"searchResults": found[offset : offset + size]}
    if offset + size < len(found):
        output["nextToken"] = str(offset + size)
    return output


def _rate(region: str, name: str, seconds: int, share: float) -> dict[str, Any]:
    properties = {
        "region": region,
        "instanceType": name,
        "instanceFamily": name.partition(".")[0],
        "productDescription": catalog.LINUX,
        "tenancy": "shared",
    }
    return {
        "savingsPlanOffering": {
            "offeringId": f"00000000-0000-4000-8000-{seconds:012d}",
            "paymentOption": "No Upfront",
            "planType": "Compute",
            "durationSeconds": seconds,
            "currency": "USD",
            "planDescription": f"{seconds // _YEAR} year No Upfront Compute Savings Plan",
        },
        "rate": f"{catalog.on_demand(name, region) * share:.5f}",
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"{_USAGE[region]}BoxUsage:{name}",
        "operation": "RunInstances",
        "properties": [{"name": key, "value": value} for key, value in properties.items()],
    }
