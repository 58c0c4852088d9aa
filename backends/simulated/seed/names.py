"""DNS: what is public, what only the VPC sees, a zone that holds nothing and records that nobody thought through."""

from __future__ import annotations

from typing import Any

from backends.simulated import accounts
from backends.simulated.cloud import Cloud, name_of
from backends.simulated.hostile import HOSTILE, wire_safe
from backends.simulated.seed.network import Network

Networks = dict[tuple[str, str], Network]


def plant(networks: Networks) -> None:
    """Make the zones of both accounts."""
    production = networks[accounts.PRODUCTION.id, "us-east-1"]
    public = _zone(production.cloud, "example.com.", "the shop")
    edges = {region: _edge(networks[accounts.PRODUCTION.id, region].cloud) for region in accounts.REGIONS}
    for region, weight in (("us-east-1", 80), ("eu-west-1", 20)):
        _record(
            public,
            "www.example.com.",
            "A",
            SetIdentifier=region,
            Weight=weight,
            AliasTarget=_alias(edges[region], True),
        )
    _record(public, "example.com.", "MX", ["10 mail.example.com."], TTL=3600)
    _record(public, "example.com.", "TXT", ['"v=spf1 include:example.org -all"', f'"{HOSTILE[4]}"'], TTL=3600)
    _record(public, "mail.example.com.", "A", ["203.0.113.25"], TTL=300)
    _record(public, "old.example.com.", "A", ["203.0.113.99"], TTL=172_800)
    _record(public, "bastion.example.com.", "A", [_bastion(production.cloud)], TTL=300)
    _record(public, "shop.example.com.", "A", AliasTarget=_alias(_classic(production.cloud), False))
    # Nothing looks at the primary, so the secondary is never used.
    _record(
        public, "api.example.com.", "CNAME", [edges["us-east-1"]], TTL=60, SetIdentifier="first", Failover="PRIMARY"
    )
    _record(
        public, "api.example.com.", "CNAME", [edges["eu-west-1"]], TTL=60, SetIdentifier="second", Failover="SECONDARY"
    )
    _zone(production.cloud, "example.org.", "bought in 2019")
    inside = _zone(production.cloud, "corp.internal.", wire_safe(HOSTILE[10]), production)
    for index, name in enumerate(("db", "cache", "queue")):
        _record(inside, f"{name}.corp.internal.", "A", [f"10.20.16.{20 + index}"], TTL=30)
    sandbox = networks[accounts.SANDBOX.id, "us-east-1"].cloud
    dev = _zone(sandbox, "dev.example.com.", "")
    _record(dev, "*.dev.example.com.".replace("*", "\\052"), "CNAME", [_edge(sandbox)], TTL=60)


def _zone(cloud: Cloud, name: str, comment: str, network: Network | None = None) -> Any:
    zone = cloud.route53.create_hosted_zone(
        name,
        private_zone=network is not None,
        caller_reference=f"seed-{name}",
        vpcid=network.vpc.id if network else None,
        vpcregion=network.cloud.region if network else None,
        comment=comment or None,
    )
    for record in zone.rrsets:
        if record.type == "SOA":
            record.records = [value["Value"] for value in record.records]  # moto wraps it twice
    return zone


def _record(zone: Any, name: str, kind: str, values: list[str] | None = None, **more: Any) -> None:
    zone.add_rrset({"Name": name, "Type": kind, "ResourceRecords": values or [], **more})


def _alias(target: str, follow: bool) -> dict[str, Any]:
    return {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": f"dualstack.{target}.", "EvaluateTargetHealth": follow}


def _edge(cloud: Cloud) -> str:
    """The name of the load balancer that the Internet meets."""
    return str(next(b.dns_name for b in cloud.elbv2.load_balancers.values() if b.scheme == "internet-facing"))


def _bastion(cloud: Cloud) -> str:
    """The address by which the bastion is reached."""
    return str(next(i.public_ip for i in cloud.instances() if name_of(i) == "bastion"))


def _classic(cloud: Cloud) -> str:
    return str(cloud.elb.load_balancers["legacy-shop"].dns_name)
