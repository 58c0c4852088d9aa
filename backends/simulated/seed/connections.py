"""What networks are connected with: endpoints, peerings, a transit gateway, more gateways, and records of the traffic.

Some of it is as it is found in grown networks: a route to a NAT gateway that is gone, one that nobody uses, a peering
that nobody accepted, an attachment without a route table, flow logs that do not arrive.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moto.ec2.models.flow_logs import FlowLogs
from moto.ec2.models.transit_gateway_attachments import TransitGatewayAttachment
from moto.ec2.utils import random_flow_log_id, random_vpn_connection_id

from backends.simulated import accounts
from backends.simulated.cloud import Cloud, name_of
from backends.simulated.moto_network import own
from backends.simulated.seed.network import Network

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
_ANYWHERE, _PRIVATE, _SYDNEY = "0.0.0.0/0", "10.0.0.0/8", "172.19.0.0/16"
_FlowLog: Any = FlowLogs  # moto's own base class asks for more than moto's classes have
_ROLE = f"arn:{accounts.PARTITION}:iam::{_PROD}:role/flow-logs"
Networks = dict[tuple[str, str], Network]


def plant(networks: Networks, now: datetime) -> None:
    """Connect the networks."""
    for network in networks.values():
        network.nat._created_at = now - timedelta(days=560)
    _endpoints(networks[_PROD, _EAST], now - timedelta(days=300))
    _peerings(networks)
    _transit(networks, now - timedelta(days=230))
    _dead_end(networks[_PROD, _EAST], now)
    _idle_gateway(networks[_DEV, _WEST], now - timedelta(days=77))
    spare = networks[_DEV, _SOUTH].cloud.ec2
    spare.create_internet_gateway(tags=[{"Key": "Name", "Value": "poc-old"}])
    _own_router(networks[_PROD, _SOUTH])
    _access_lists(networks[_PROD, _EAST])
    _records(networks, now)


def _endpoints(network: Network, made: datetime) -> None:
    """S3 by a gateway; secrets by interfaces; and nothing for what else is much used."""
    ec2, region = network.cloud.ec2, network.cloud.region
    gateway = ec2.create_vpc_endpoint(
        network.vpc.id,
        f"com.amazonaws.{region}.s3",
        "Gateway",
        None,
        [network.routes["private"].id],
        tags={"Name": "s3"},
    )
    secrets = ec2.create_vpc_endpoint(
        network.vpc.id,
        f"com.amazonaws.{region}.secretsmanager",
        "Interface",
        None,
        [],
        subnet_ids=[subnet.id for subnet in network.private[:2]],
        security_group_ids=[network.groups["api"].id],
        private_dns_enabled=True,
        tags={"Name": "secrets"},
    )
    vendor = ec2.create_vpc_endpoint(
        network.vpc.id, f"com.amazonaws.vpce.{region}.vpce-svc-0f3a9c1b2d4e5f607", "Interface", None, [],
        subnet_ids=[], security_group_ids=[network.groups["api"].id], tags={"Name": "vendor-billing"},
    )  # fmt: skip
    vendor.state = "pendingAcceptance"
    for endpoint in (gateway, secrets, vendor):
        endpoint.creation_timestamp = made
    for identity in secrets.network_interface_ids:
        interface = ec2.enis[identity]
        own(interface, "vpc_endpoint", f"VPC Endpoint Interface {secrets.id}", network.cloud.account)
        interface._group_set = [network.groups["api"]]


def _peerings(networks: Networks) -> None:
    """Production's regions with each other; the sandbox waits; and one that was taken down while routed to."""
    east, west, dev = networks[_PROD, _EAST], networks[_PROD, _WEST], networks[_DEV, _EAST]
    active = _peer(east, west, "east-west")
    active._status.accept()
    for here, there in ((east, west), (west, east)):
        here.cloud.ec2.create_route(
            here.routes["private"].id, there.vpc.cidr_block, vpc_peering_connection_id=active.id
        )
    _peer(dev, east, "sandbox-to-production")
    gone = _peer(networks[_PROD, _SOUTH], east, "apac-reports")
    gone._status.accept()
    south = networks[_PROD, _SOUTH]
    south.cloud.ec2.create_route(south.routes["private"].id, east.vpc.cidr_block, vpc_peering_connection_id=gone.id)
    gone._status.deleted(_PROD)


def _peer(requester: Network, accepter: Network, name: str) -> Any:
    return requester.cloud.ec2.create_vpc_peering_connection(requester.vpc, accepter.vpc, {"Name": name})


def _transit(networks: Networks, made: datetime) -> None:
    """A transit gateway for the offices; of its attachments one uses no route table, and one could not be made."""
    network = networks[_PROD, _EAST]
    ec2 = network.cloud.ec2
    gateway = ec2.create_transit_gateway("offices", tags=[{"Key": "Name", "Value": "offices"}])
    gateway._created_at = made
    ec2.create_transit_gateway_vpc_attachment(gateway.id, network.vpc.id, network.private_ids, {"Name": "production"})
    ec2.create_route(network.routes["private"].id, _PRIVATE, transit_gateway_id=gateway.id)
    for name, state, routed in (("vpn-berlin", "available", True), ("vpn-lisbon", "available", False)):
        _attach(network.cloud, gateway, name, state, routed)
    _attach(network.cloud, gateway, "vpn-sydney", "failed", False)
    for attachment in ec2.transit_gateway_attachments.values():
        attachment._created_at = made + timedelta(days=1)


def _attach(cloud: Cloud, gateway: Any, name: str, state: str, routed: bool) -> None:
    attachment = TransitGatewayAttachment(cloud.ec2, random_vpn_connection_id(), "vpn", gateway, {"Name": name})
    attachment.state = state
    if not routed:
        attachment.transit_gateway_route_table = None
    cloud.ec2.transit_gateway_attachments[attachment.id] = attachment


def _dead_end(network: Network, now: datetime) -> None:
    """The legacy subnet's way out was a NAT gateway of its own, which somebody has just deleted to save money."""
    ec2 = network.cloud.ec2
    address = ec2.allocate_address("vpc", tags={"Name": "legacy-nat"})
    nat = ec2.create_nat_gateway(network.public[0].id, address.allocation_id, tags={"Name": "legacy-nat"})
    nat._created_at = now - timedelta(days=900)
    table = ec2.create_route_table(network.vpc.id, tags=[{"Key": "Name", "Value": "legacy-private"}])
    ec2.create_route(table.id, _ANYWHERE, nat_gateway_id=nat.id)
    private = network.routes["private"]
    association = next(key for key, subnet in private._associations.items() if subnet == network.crowded.id)
    ec2.replace_route_table_association(association, table.id)
    ec2.delete_nat_gateway(nat.id).deleted_at = now - timedelta(minutes=25)


def _idle_gateway(network: Network, made: datetime) -> None:
    """A second NAT gateway that no route leads to."""
    ec2 = network.cloud.ec2
    address = ec2.allocate_address("vpc", tags={"Name": "poc-nat"})
    nat = ec2.create_nat_gateway(network.public[1].id, address.allocation_id, tags={"Name": "poc-nat"})
    nat._created_at = made


def _own_router(network: Network) -> None:
    """The office in Sydney is reached by way of the bastion, which forwards: a route to a network interface."""
    bastion = next(i for i in network.cloud.instances() if name_of(i) == "bastion")
    network.cloud.ec2.create_route(network.routes["private"].id, _SYDNEY, interface_id=bastion.nics[0].id)


def _access_lists(network: Network) -> None:
    """An ACL of one's own that lets everybody in, and one that guards nothing any more."""
    ec2 = network.cloud.ec2
    for name, rules, guards in (
        ("public-tier", ((90, "deny", "198.51.100.0/24", None), (100, "allow", _ANYWHERE, None)), True),
        ("pci-2018", ((100, "allow", _PRIVATE, (443, 443)),), False),
    ):
        acl = ec2.create_network_acl(network.vpc.id, tags=[{"Key": "Name", "Value": name}])
        for outward in (False, True):
            for number, action, cidr, ports in (*rules, (32767, "deny", _ANYWHERE, None)):
                first, last = ports or (None, None)
                ec2.create_network_acl_entry(
                    acl.id, number, "6" if ports else "-1", action, outward, cidr, None, None, first, last, None
                )
        if guards:
            _guard(ec2, acl, network.public[2].id)


def _guard(ec2: Any, acl: Any, subnet: str) -> None:
    for other in ec2.network_acls.values():
        for identity, association in other._associations.items():
            if association.subnet_id == subnet:
                ec2.replace_network_acl_association(identity, acl.id)
                return


def _records(networks: Networks, now: datetime) -> None:
    """Flow logs: they arrive in the east; in the west the role was taken away; elsewhere nobody asked for any."""
    east, west = networks[_PROD, _EAST], networks[_PROD, _WEST]
    _record(east, east.vpc.id, "ALL", _ROLE, ("SUCCESS", None), now - timedelta(days=500))
    _record(west, west.vpc.id, "REJECT", f"{_ROLE}-west", ("FAILED", "Access error"), now - timedelta(days=400))


def look_closer(networks: Networks, now: datetime) -> None:
    """Flow logs of less than a network: of the legacy subnet, and of the one interface of the bastion."""
    east = networks[_PROD, _EAST]
    bastion = next(i for i in east.cloud.instances() if name_of(i) == "bastion")
    for resource, age in ((east.crowded.id, 90), (bastion.nics[0].id, 14)):
        _record(east, resource, "ALL", _ROLE, ("SUCCESS", None), now - timedelta(days=age))


def _record(
    network: Network, resource: str, traffic: str, role: str, delivery: tuple[str, str | None], made: datetime
) -> None:
    """`delivery` is how it ended the last time, and AWS's word for what was wrong."""
    cloud = network.cloud
    group = f"/vpc/production-{cloud.region}"
    log = _FlowLog(
        cloud.ec2,
        random_flow_log_id(),
        resource,
        traffic,
        cloud.arn("logs", f"log-group:{group}"),
        group,
        role,
        600,
        "cloud-watch-logs",
        "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
        "${bytes} ${start} ${end} ${action} ${log-status}",
        *delivery,
    )
    log.creation_time = made
    log.add_tags({"Name": f"{group.rpartition('/')[2]}-flows"})
    cloud.ec2.flow_logs[log.id] = log
