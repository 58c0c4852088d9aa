"""What the VPC's kinds make of AWS's elements where that is more than a field of them."""

from __future__ import annotations

from typing import Any

import pytest

from backends.aws.kinds import KINDS
from backends.aws.parsers import PageMaker
from backends.model import Json
from tests.unit.aws_fakes import rows_of

BY_NAME = {kind.name: kind for kind in KINDS}
WORLD = "0.0.0.0/0"


def row(kind: str, **element: Any) -> Json:
    maker = PageMaker(BY_NAME[kind])
    [found] = rows_of(maker.page([element])[0])
    assert not maker.unfit
    return found


def table(*routes: Json, **more: Any) -> Json:
    return row("vpc.route_table", RouteTableId="rtb-1", Routes=list(routes), **more)


def test_a_route_table_counts_the_routes_that_lead_nowhere_and_names_what_is_gone() -> None:
    found = table(
        {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
        {"DestinationCidrBlock": WORLD, "NatGatewayId": "nat-1", "State": "blackhole"},
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "blackhole"},
        {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"},
    )
    assert (found["blackholes"], found["routes"], found["default_route"]) == (2, 4, "nat-1")
    assert found["lost_destinations"] == [WORLD, "::/0"] and found["lost_targets"] == ["nat-1", "eigw-1"]
    assert found["gateways"] == ["local", "vpce-1"] and found["nat_gateways"] == ["nat-1"]


def test_a_table_without_routes_is_empty_and_not_unknown() -> None:
    found = row("vpc.route_table", RouteTableId="rtb-1")
    assert (found["blackholes"], found["routes"], found["public"], found["main"]) == (0, 0, False, False)
    assert found["default_route"] is None


def test_only_a_living_route_to_an_internet_gateway_makes_subnets_public() -> None:
    way = {"DestinationCidrBlock": WORLD, "GatewayId": "igw-1"}
    assert table(way | {"State": "active"})["public"] is True
    assert table(way | {"State": "blackhole"})["public"] is False
    assert table({"DestinationCidrBlock": WORLD, "GatewayId": "vgw-1", "State": "active"})["public"] is False


def test_the_main_table_is_told_from_those_that_subnets_name() -> None:
    main = {"Main": True, "RouteTableAssociationId": "rtbassoc-1"}
    named = {"Main": False, "SubnetId": "subnet-1"}
    found = table(Associations=[main, named])
    assert (found["main"], found["subnets"]) == (True, ["subnet-1"])
    assert table(Associations=[named])["main"] is False


def entry(number: int, action: str, cidr: str = WORLD, protocol: str = "-1", **more: Any) -> Json:
    return {"RuleNumber": number, "RuleAction": action, "CidrBlock": cidr, "Protocol": protocol, "Egress": False} | more


LAST = entry(32767, "deny")
SSH = {"PortRange": {"From": 22, "To": 22}}


@pytest.mark.parametrize(
    ("entries", "open_to"),
    [
        ([LAST], None),
        ([entry(100, "allow"), LAST], ["ssh", "rdp"]),
        ([LAST, entry(100, "allow")], ["ssh", "rdp"]),
        ([entry(90, "deny", protocol="6", **SSH), entry(100, "allow"), LAST], ["rdp"]),
        ([entry(110, "deny", protocol="6", **SSH), entry(100, "allow"), LAST], ["ssh", "rdp"]),
        ([entry(90, "deny", "203.0.113.0/24"), entry(100, "allow"), LAST], ["ssh", "rdp"]),
        ([entry(100, "allow", "10.0.0.0/8"), LAST], None),
        ([entry(100, "allow", protocol="17"), LAST], None),
        ([entry(100, "allow", protocol="6", **SSH), LAST], ["ssh"]),
        ([entry(100, "allow", Egress=True), LAST], None),
        ([entry(101, "allow", "", CidrBlock=None, Ipv6CidrBlock="::/0"), LAST], ["ssh", "rdp"]),
    ],
)
def test_of_a_network_acl_the_first_rule_for_the_world_decides(entries: list[Json], open_to: list[str] | None) -> None:
    found = row("vpc.network_acl", NetworkAclId="acl-1", Entries=entries)
    assert found["open_admin"] == open_to


def test_rules_of_a_network_acl_are_counted_by_direction() -> None:
    entries = [entry(90, "deny", "203.0.113.0/24"), entry(100, "allow"), LAST, entry(100, "allow", Egress=True)]
    found = row("vpc.network_acl", NetworkAclId="acl-1", Entries=entries)
    assert (found["rules_in"], found["rules_out"], found["denied_in"]) == (3, 1, ["203.0.113.0/24"])


def rule(**element: Any) -> Json:
    tcp = {"SecurityGroupRuleId": "sgr-1", "IsEgress": False, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    return row("vpc.security_group_rule", **(tcp | element))


def test_a_rule_tells_direction_ports_and_peer() -> None:
    found = rule(CidrIpv4=WORLD)
    assert (found["direction"], found["ports"], found["peer"]) == ("in", "tcp/22", WORLD)
    assert (found["world"], found["sensitive"]) == (True, True)
    found = rule(CidrIpv6="::/0", FromPort=443, ToPort=443, IsEgress=True)
    assert (found["direction"], found["ports"], found["world"], found["sensitive"]) == ("out", "tcp/443", True, False)
    found = rule(ReferencedGroupInfo={"GroupId": "sg-2", "UserId": "1"}, IpProtocol="-1", FromPort=-1, ToPort=-1)
    assert (found["ports"], found["peer"], found["world"], found["sensitive"]) == ("all", "sg-2", False, True)
