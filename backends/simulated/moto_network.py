"""moto's networks, bent where AWS's are otherwise: routes die with their targets, interfaces have addresses of their
subnet, and NAT gateways come and go with theirs. Import nothing of moto before `moto_setup.prepare`."""

from __future__ import annotations

import ipaddress
from typing import Any

from backends.simulated.bend import bend


def prepare() -> None:
    """Bend what moto gets wrong."""
    _lose_routes()
    _address_interfaces()
    _show_nat_gateways()
    _tell_owners()


def _lose_routes() -> None:
    """A route whose target is gone is a blackhole; moto's are active for ever."""
    from moto.ec2.models.route_tables import Route

    def state(self: Any) -> str:
        return "blackhole" if _lost(self) else "active"

    bend(Route, "state", property(state))


def _lost(route: Any) -> bool:
    ec2 = route.route_table.ec2_backend
    if route.nat_gateway is not None:
        return bool(route.nat_gateway.state not in ("available", "pending"))
    if route.vpc_pcx is not None:
        return bool(route.vpc_pcx._status.code != "active")
    if route.instance is not None:
        return route.instance.state in ("terminated", "shutting-down")
    if route.interface is not None:
        return route.interface.id not in ec2.enis
    if route.transit_gateway is not None:
        return route.transit_gateway.id not in ec2.transit_gateways
    if route.gateway is not None and route.gateway.id.startswith("igw-"):
        known = ec2.internet_gateways.get(route.gateway.id)
        return known is None or known.vpc is None
    return False


def _address_interfaces() -> None:
    """An interface's address is a free one of its subnet; moto makes one up from all of 10.0.0.0/8."""
    from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend

    from backends.simulated.cloud import free_address

    create = NetworkInterfaceBackend.create_network_interface

    def create_network_interface(self: Any, subnet: Any, private_ip_address: Any, *args: Any, **kwargs: Any) -> Any:
        place = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        given = args[0] if args else kwargs.get("private_ip_addresses")
        own = None if given or _within(private_ip_address, place) else free_address(place)
        made = create(self, subnet, own or private_ip_address, *args, **kwargs)
        if own:
            place._subnet_ips[own] = made
        return made

    bend(NetworkInterfaceBackend, "create_network_interface", create_network_interface)


def _within(address: Any, subnet: Any) -> bool:
    first = address[0] if isinstance(address, list) and address else address
    return isinstance(first, str) and ipaddress.ip_address(first) in ipaddress.ip_network(subnet.cidr_block)


def _show_nat_gateways() -> None:
    """A NAT gateway's interface says whose it is, and goes with it."""
    from moto.core.utils import iso_8601_datetime_with_milliseconds, utcnow
    from moto.ec2.models import nat_gateways

    def delete_time(self: Any) -> str | None:
        at = getattr(self, "deleted_at", None)
        return iso_8601_datetime_with_milliseconds(at) if at is not None else None

    create = nat_gateways.NatGatewayBackend.create_nat_gateway
    delete = nat_gateways.NatGatewayBackend.delete_nat_gateway

    def create_nat_gateway(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = create(self, *args, **kwargs)
        own(made._eni, "nat_gateway", f"Interface for NAT Gateway {made.id}", "amazon-aws")
        return made

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        gone: Any = delete(self, nat_gateway_id)
        gone.deleted_at = utcnow()
        for address in self.addresses:
            if address.eni is gone._eni:
                address.eni = address.association_id = None
        if self.enis.pop(gone._eni.id, None) is not None:
            gone._eni.subnet.del_subnet_ip(gone._eni.private_ip_address)
        return gone

    bend(nat_gateways.NatGateway, "delete_time", property(delete_time))
    bend(nat_gateways.NatGatewayBackend, "create_nat_gateway", create_nat_gateway)
    bend(nat_gateways.NatGatewayBackend, "delete_nat_gateway", delete_nat_gateway)


def _tell_owners() -> None:
    """Whose a rule is, and where an address comes from and is announced; moto leaves both out."""
    from moto.ec2.models.elastic_ip_addresses import ElasticAddress
    from moto.ec2.models.security_groups import SecurityGroupRule

    bend(SecurityGroupRule, "group_owner_id", property(lambda self: self.ec2_backend.account_id))
    bend(ElasticAddress, "public_ipv4_pool", "amazon")
    bend(ElasticAddress, "network_border_group", property(lambda self: self.ec2_backend.region_name))


def own(interface: Any, kind: str, description: str, requester: str) -> None:
    """Let an interface be one that an AWS service made and uses."""
    interface.interface_type, interface.description = kind, description
    interface.requester_id, interface.requester_managed, interface.status = requester, True, "in-use"
