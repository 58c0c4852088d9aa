"""VPC: where packets go: route tables, and the gateways to the Internet that they lead to."""

from __future__ import annotations

from functools import partial

from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_NAME = "Tags[?Key=='Name'].Value | [0]"
_TARGETS = (
    "GatewayId, NatGatewayId, TransitGatewayId, VpcPeeringConnectionId, EgressOnlyInternetGatewayId, "
    "NetworkInterfaceId, InstanceId, LocalGatewayId, CarrierGatewayId, CoreNetworkArn"
)
_LOST = "Routes[?State=='blackhole']"

ROUTE_TABLE = Kind(
    name="vpc.route_table",
    title="Route tables",
    service="ec2",
    calls=(Call("DescribeRouteTables", "RouteTables", page=("MaxResults", 100)),),
    key=("route_table_id",),
    columns=(
        Column("route_table_id", "RouteTableId", help="The route table's id.", title="route table", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "blackholes",
            f"length({_LOST} || `[]`)",
            "integer",
            help="Routes that lead nowhere because their target is gone.",
            narrow=True,
        ),
        Column(
            "default_route",
            f"Routes[?DestinationCidrBlock=='0.0.0.0/0'].[{_TARGETS}][] | [0]",
            help="Where it sends what is for the Internet over IPv4.",
            narrow=True,
        ),
        Column(
            "public",
            "length(Routes[?starts_with(GatewayId || '', 'igw-') && State=='active'] || `[]`) > `0`",
            "boolean",
            help="Whether a route leads to an Internet gateway: its subnets are public.",
            narrow=True,
        ),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column(
            "main",
            "length(Associations[?Main] || `[]`) > `0`",
            "boolean",
            help="Whether it serves every subnet that names no other.",
        ),
        Column("subnets", "Associations[].SubnetId", "list", help="The subnets that name it."),
        Column("routes", "length(Routes || `[]`)", "integer", help="How many routes it has."),
        Column(
            "lost_destinations",
            f"{_LOST}.[DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId][]",
            "list",
            help="What the routes that lead nowhere were for.",
        ),
        Column("lost_targets", f"{_LOST}.[{_TARGETS}][]", "list", help="The targets that are gone."),
        Column("gateways", "Routes[].GatewayId", "list", help="Internet, VPN and endpoint gateways that it routes to."),
        Column("nat_gateways", "Routes[].NatGatewayId", "list", help="NAT gateways that it routes to."),
        Column("peerings", "Routes[].VpcPeeringConnectionId", "list", help="Peerings that it routes to."),
        Column("transit_gateways", "Routes[].TransitGatewayId", "list", help="Transit gateways that it routes to."),
        Column("interfaces", "Routes[].NetworkInterfaceId", "list", help="Interfaces that it routes to."),
        Column(
            "propagating", "PropagatingVgws[].GatewayId", "list", help="VPN gateways that may write routes into it."
        ),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=300,
    relations=(
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("nat_gateways", "vpc.nat_gateway", "nat_gateway_id"),
        Relation("gateways", "vpc.internet_gateway", "gateway_id"),
        Relation("gateways", "vpc.endpoint", "endpoint_id"),
        Relation("peerings", "vpc.peering", "peering_id"),
        Relation("transit_gateways", "vpc.transit_gateway_attachment", "transit_gateway_id"),
        Relation("interfaces", "vpc.network_interface", "interface_id"),
    ),
    health=(Rule(Health.BAD, "blackholes>0", "a route leads nowhere: its target is gone, and its traffic is lost"),),
    arn="arn:{partition}:ec2:{region}:{owner_id}:route-table/{route_table_id}",
    sort="-blackholes",
    help="Where subnets send their traffic, from DescribeRouteTables.",
)

INTERNET_GATEWAY = Kind(
    name="vpc.internet_gateway",
    title="Internet gateways",
    service="ec2",
    calls=(Call("DescribeInternetGateways", "InternetGateways", page=("MaxResults", 1000)),),
    key=("gateway_id",),
    columns=(
        Column("gateway_id", "InternetGatewayId", help="The gateway's id.", title="gateway", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("vpc_id", "Attachments[0].VpcId", help="The VPC it is attached to.", title="vpc", narrow=True),
        Column("state", "Attachments[0].State", help="How far the attachment is; available when done.", narrow=True),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(Relation("vpc_id", "vpc.vpc", "vpc_id"),),
    health=(
        Rule(Health.WARN, "vpc_id=", "attached to no VPC"),
        Rule(Health.WARN, "state=attaching|detaching", "being attached or detached"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:internet-gateway/{gateway_id}",
    sort="name",
    help="Doors of VPCs to the Internet, from DescribeInternetGateways.",
)

_PASSED = partial(Watched, "AWS/NATGateway", statistic="Sum", dimensions={"NatGatewayId": "NatGatewayId"})
_WATCHED = (
    _PASSED(name="BytesOutToDestination", title="out", help="What went out in the period.", unit="B"),
    _PASSED(name="BytesInFromDestination", title="in", help="What came in during the period.", unit="B"),
    _PASSED(name="ActiveConnectionCount", statistic="Maximum", title="connections", help="The most at a time."),
    _PASSED(name="ErrorPortAllocation", title="no port", help="Connections that failed, no port being free.", bad=">0"),
    _PASSED(name="PacketsDropCount", title="dropped", help="Packets that it dropped.", warn=">0"),
)

NAT_GATEWAY = Kind(
    name="vpc.nat_gateway",
    title="NAT gateways",
    service="ec2",
    calls=(Call("DescribeNatGateways", "NatGateways", page=("MaxResults", 1000)),),
    key=("nat_gateway_id",),
    columns=(
        Column("nat_gateway_id", "NatGatewayId", help="The NAT gateway's id.", title="nat gateway", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("state", "State", help="pending, available, deleting, deleted or failed.", narrow=True),
        Column(
            "public_ips",
            "NatGatewayAddresses[].PublicIp",
            "list",
            help="The addresses behind which it hides others.",
            narrow=True,
        ),
        Column("connectivity", "ConnectivityType", help="public, or private for other networks only.", narrow=True),
        Column(
            "subnet_id",
            "SubnetId",
            help="The subnet it stands in: traffic from other zones is charged.",
            title="subnet",
        ),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column("private_ips", "NatGatewayAddresses[].PrivateIp", "list", help="Its private addresses."),
        Column("allocations", "NatGatewayAddresses[].AllocationId", "list", help="The Elastic IP addresses it uses."),
        Column("interfaces", "NatGatewayAddresses[].NetworkInterfaceId", "list", help="Its network interfaces."),
        Column("failure", "FailureCode", help="Why it could not be made."),
        Column("failure_text", "FailureMessage", help="The same in AWS's words."),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("deleted", "DeleteTime", "time", help="When it was deleted; AWS shows it for about an hour more."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=300,
    relations=(
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnet_id", "vpc.subnet", "subnet_id"),
        Relation("allocations", "vpc.address", "allocation_id"),
        Relation("interfaces", "vpc.network_interface", "interface_id"),
    ),
    health=(
        Rule(Health.BAD, "state=failed", "AWS could not make it"),
        Rule(Health.WARN, "state=pending", "not ready yet"),
        Rule(Health.UNKNOWN, "state=deleting|deleted", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:natgateway/{nat_gateway_id}",
    sort="name",
    help="What lets private subnets reach the Internet, from DescribeNatGateways.",
    watched=_WATCHED,
)
