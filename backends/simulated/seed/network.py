"""VPCs, subnets, gateways and security groups: one network per account and region, some of it badly kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backends.simulated import accounts
from backends.simulated.cloud import Cloud
from backends.simulated.hostile import HOSTILE, wire_safe

_SECOND_OCTET = {
    (accounts.PRODUCTION.id, "us-east-1"): 20,
    (accounts.PRODUCTION.id, "eu-west-1"): 30,
    (accounts.PRODUCTION.id, "ap-southeast-2"): 40,
    (accounts.SANDBOX.id, "us-east-1"): 120,
    (accounts.SANDBOX.id, "eu-west-1"): 130,
    (accounts.SANDBOX.id, "ap-southeast-2"): 140,
}
_ANYWHERE = "0.0.0.0/0"


@dataclass(slots=True)
class Network:
    """What the rest of the seed builds on: subnets by tier in zone order, route tables and security groups by name."""

    cloud: Cloud
    vpc: Any
    public: list[Any] = field(default_factory=list)
    private: list[Any] = field(default_factory=list)
    crowded: Any = None
    routes: dict[str, Any] = field(default_factory=dict)
    nat: Any = None
    groups: dict[str, Any] = field(default_factory=dict)

    @property
    def private_ids(self) -> list[str]:
        return [subnet.id for subnet in self.private]


def plant(cloud: Cloud) -> Network:
    """Make the network of one account in one region."""
    name = f"{accounts.BY_ID[cloud.account].alias}-{cloud.region}"
    octet = _SECOND_OCTET[cloud.account, cloud.region]
    vpc = cloud.ec2.create_vpc(f"10.{octet}.0.0/16", tags=_pairs(Name=name, env=_env(cloud), owner="platform"))
    network = Network(cloud, vpc)
    _subnets(network, octet, name)
    _gateways(network, name)
    _security_groups(network)
    return network


def _subnets(network: Network, octet: int, name: str) -> None:
    ec2 = network.cloud.ec2
    for index, zone in enumerate(accounts.zone_names(network.cloud.region)):
        for tier, block in (("public", f"10.{octet}.{index}.0/24"), ("private", f"10.{octet}.{16 * (index + 1)}.0/20")):
            tags = {"Name": f"{name}-{tier}-{zone[-1]}", "tier": tier, "kubernetes.io/role/elb": "1"}
            subnet = ec2.create_subnet(network.vpc.id, block, availability_zone=zone, tags={"subnet": tags})
            subnet.map_public_ip_on_launch = tier == "public"
            getattr(network, tier).append(subnet)
    zone = accounts.zone_names(network.cloud.region)[0]
    network.crowded = ec2.create_subnet(
        network.vpc.id,
        f"10.{octet}.250.0/28",
        availability_zone=zone,
        tags={"subnet": {"Name": f"{name}-legacy-{zone[-1]}", "tier": "legacy", "note": wire_safe(HOSTILE[5])}},
    )


def _gateways(network: Network, name: str) -> None:
    ec2 = network.cloud.ec2
    gateway = ec2.create_internet_gateway(tags=_pairs(Name=name))
    ec2.attach_internet_gateway(gateway.id, network.vpc.id)
    outward = ec2.create_route_table(network.vpc.id, tags=_pairs(Name=f"{name}-public"))
    ec2.create_route(outward.id, _ANYWHERE, gateway_id=gateway.id)
    for subnet in network.public:
        ec2.associate_route_table(outward.id, subnet_id=subnet.id)
    address = ec2.allocate_address("vpc")
    nat = ec2.create_nat_gateway(network.public[0].id, address.allocation_id, tags={"Name": f"{name}-nat"})
    ec2.allocate_address("vpc", tags={"Name": f"{name}-reserved"})  # nobody uses it, and AWS charges for that
    inward = ec2.create_route_table(network.vpc.id, tags=_pairs(Name=f"{name}-private"))
    ec2.create_route(inward.id, _ANYWHERE, nat_gateway_id=nat.id)
    for subnet in [*network.private, network.crowded]:
        ec2.associate_route_table(inward.id, subnet_id=subnet.id)
    network.nat, network.routes = nat, {"public": outward, "private": inward}


# short name → (description, rules: (protocol, from, to, source: a range or another group's short name))
_GROUPS: dict[str, tuple[str, tuple[tuple[str, int, int, str], ...]]] = {
    "lb": ("load balancers", (("tcp", 443, 443, _ANYWHERE), ("tcp", 80, 80, _ANYWHERE))),
    "web": ("web tier", (("tcp", 8080, 8080, "lb"), ("tcp", 22, 22, "10.0.0.0/8"))),
    "api": ("API tier", (("tcp", 8443, 8443, "lb"), ("tcp", 8443, 8443, "web"))),
    "workers": ("queue workers", (("tcp", 9100, 9100, "10.0.0.0/8"),)),
    "db": ("databases", (("tcp", 5432, 5432, "api"), ("tcp", 5432, 5432, "workers"))),
    "eks-nodes": ("cluster nodes", (("tcp", 1025, 65535, "10.0.0.0/8"), ("udp", 53, 53, "10.0.0.0/8"))),
    "bastion-open": ("ssh from anywhere, temporary since 2021", (("tcp", 22, 22, _ANYWHERE),)),
    "legacy-rdp": ("remote desktop, vendor access", (("tcp", 3389, 3389, _ANYWHERE), ("tcp", 5985, 5986, "0.0.0.0/0"))),
    "debug-all": ("opened during an incident", (("-1", -1, -1, _ANYWHERE),)),
    "unused": ("nobody remembers", ()),
}


def _security_groups(network: Network) -> None:
    ec2 = network.cloud.ec2
    for short, (description, _) in _GROUPS.items():
        tags = {"Name": short, "env": _env(network.cloud)}
        if short == "debug-all":
            tags["note"] = wire_safe(HOSTILE[4])
        group = ec2.create_security_group(f"{_env(network.cloud)}-{short}", description, network.vpc.id, tags=tags)
        network.groups[short] = group
    for short, (_, rules) in _GROUPS.items():
        for protocol, first, last, source in rules:
            ranges: list[dict[str, str]] = []
            sources: list[dict[str, str]] = []
            if source in network.groups:
                sources.append({"GroupId": network.groups[source].id, "UserId": network.cloud.account})
            else:
                ranges.append({"CidrIp": source, "Description": "seeded"})
            ec2.authorize_security_group_ingress(
                network.groups[short].id, protocol, str(first), str(last), ranges, source_groups=sources
            )


def _env(cloud: Cloud) -> str:
    return "prod" if cloud.account == accounts.PRODUCTION.id else "dev"


def _pairs(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
