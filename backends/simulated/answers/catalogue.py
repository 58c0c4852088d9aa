"""What EC2 offers where, and the quotas on it: moto knows offerings of other zones and no vCPU quota."""

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


# code, name, value: what AWS gives an account that has been in use for a while, and a new one
_QUOTAS = (
    ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 640.0, 128.0),
    ("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 512.0, 96.0),
    ("L-DB2E81BA", "Running On-Demand G and VT instances", 64.0, 32.0),
    ("L-3819A6DF", "All G and VT Spot Instance Requests", 64.0, 32.0),
    ("L-417A185B", "Running On-Demand P instances", 0.0, 0.0),
    ("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", 0.0, 0.0),
    ("L-0263D0A3", "EC2-VPC Elastic IPs", 5.0, 5.0),
)


@answers("service-quotas", "ListServiceQuotas")
def list_service_quotas(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Quotas of EC2; other services have none here."""
    given = wire.parameters(request)
    service = given.get("ServiceCode", "")
    if service != "ec2":
        raise wire.AwsError("NoSuchResourceException", f"The request failed because service {service} is unknown.")
    used = request.account == accounts.PRODUCTION.id
    return {"Quotas": [_quota(request, code, name, value if used else new) for code, name, value, new in _QUOTAS]}


def _quota(request: wire.Request, code: str, name: str, value: float) -> dict[str, Any]:
    return {
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "QuotaArn": f"arn:aws:servicequotas:{request.region}:{request.account}:ec2/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
