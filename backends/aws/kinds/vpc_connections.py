"""VPC: what connects a network with others without the Internet: endpoints, peerings and transit gateways."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"

ENDPOINT = Kind(
    name="vpc.endpoint",
    title="VPC endpoints",
    service="ec2",
    calls=(Call("DescribeVpcEndpoints", "VpcEndpoints", page=("MaxResults", 1000)),),
    key=("endpoint_id",),
    columns=(
        Column("endpoint_id", "VpcEndpointId", help="The endpoint's id.", title="endpoint", narrow=True),
        Column("name", _NAME, help="Its tag Name."),
        Column("service", "ServiceName", help="What it leads to, as com.amazonaws.us-east-1.s3.", narrow=True),
        Column(
            "endpoint_type",
            "VpcEndpointType",
            help="Interface, Gateway, GatewayLoadBalancer, Resource or ServiceNetwork.",
            title="type",
            narrow=True,
        ),
        Column(
            "state",
            "State",
            help="pendingAcceptance, pending, available, partial, deleting, rejected, failed or expired.",
            narrow=True,
        ),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc", narrow=True),
        Column("subnets", "SubnetIds", "list", help="The subnets in which it has an address."),
        Column("route_tables", "RouteTableIds", "list", help="The route tables that lead to it."),
        Column("interfaces", "NetworkInterfaceIds", "list", help="Its network interfaces."),
        Column("security_groups", "Groups[].GroupId", "list", help="Its security groups."),
        Column("private_dns", "PrivateDnsEnabled", "boolean", help="Whether the service's own name leads to it."),
        Column("dns_names", "DnsEntries[].DnsName", "list", help="The names under which it is reached."),
        Column("policy", "PolicyDocument", help="Who may do what through it."),
        Column("requester_managed", "RequesterManaged", "boolean", help="Whether an AWS service manages it."),
        Column("problem", "LastError.Message", help="What went wrong last, as AWS tells it."),
        Column("failure", "FailureReason", help="Why it failed."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("created", "CreationTimestamp", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("route_tables", "vpc.route_table", "route_table_id"),
        Relation("interfaces", "vpc.network_interface", "interface_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
    ),
    health=(
        Rule(Health.BAD, "state=failed|rejected|expired", "not usable"),
        Rule(Health.WARN, "state=partial", "some of its parts are not usable"),
        Rule(Health.WARN, "state=pendingAcceptance", "the service's owner has not accepted it yet"),
        Rule(Health.WARN, "problem!=", "AWS reports a problem"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:vpc-endpoint/{endpoint_id}",
    sort="service",
    help="Private ways to AWS services and others', from DescribeVpcEndpoints.",
)

PEERING = Kind(
    name="vpc.peering",
    title="VPC peerings",
    service="ec2",
    calls=(Call("DescribeVpcPeeringConnections", "VpcPeeringConnections", page=("MaxResults", 1000)),),
    key=("peering_id",),
    columns=(
        Column("peering_id", "VpcPeeringConnectionId", help="The peering's id.", title="peering", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "status",
            "Status.Code",
            help="pending-acceptance, provisioning, active, rejected, failed, expired, deleting or deleted.",
            narrow=True,
        ),
        Column("status_text", "Status.Message", help="The status in AWS's words."),
        Column("requester_vpc", "RequesterVpcInfo.VpcId", help="The VPC that asked.", narrow=True),
        Column("requester_account", "RequesterVpcInfo.OwnerId", help="The account that asked."),
        Column("requester_region", "RequesterVpcInfo.Region", help="The region of the VPC that asked."),
        Column("requester_cidr", "RequesterVpcInfo.CidrBlock", help="Its IPv4 range."),
        Column("accepter_vpc", "AccepterVpcInfo.VpcId", help="The VPC that was asked.", narrow=True),
        Column("accepter_account", "AccepterVpcInfo.OwnerId", help="The account that was asked."),
        Column("accepter_region", "AccepterVpcInfo.Region", help="The region of the VPC that was asked."),
        Column("accepter_cidr", "AccepterVpcInfo.CidrBlock", help="Its IPv4 range; empty until it has been accepted."),
        Column(
            "requester_dns",
            "RequesterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc",
            "boolean",
            help="Whether the other side resolves the requester's names to private addresses.",
        ),
        Column(
            "accepter_dns",
            "AccepterVpcInfo.PeeringOptions.AllowDnsResolutionFromRemoteVpc",
            "boolean",
            help="Whether the requester resolves the other side's names to private addresses.",
        ),
        Column("expires", "ExpirationTime", "time", help="When an unanswered request ends."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(
        Relation("requester_vpc", "vpc.vpc", "vpc_id"),
        Relation("accepter_vpc", "vpc.vpc", "vpc_id"),
    ),
    health=(
        Rule(Health.BAD, "status=failed", "AWS could not make it"),
        Rule(Health.WARN, "status=pending-acceptance", "nobody has accepted it yet: no traffic passes"),
        Rule(Health.WARN, "status=provisioning|initiating-request", "not ready yet"),
        Rule(Health.UNKNOWN, "status=rejected|expired|deleted|deleting", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:vpc-peering-connection/{peering_id}",
    sort="name",
    help="Direct ways between two VPCs, from DescribeVpcPeeringConnections.",
)

TRANSIT_GATEWAY_ATTACHMENT = Kind(
    name="vpc.transit_gateway_attachment",
    title="Transit gateway attachments",
    service="ec2",
    calls=(Call("DescribeTransitGatewayAttachments", "TransitGatewayAttachments", page=("MaxResults", 1000)),),
    key=("attachment_id",),
    columns=(
        Column(
            "attachment_id", "TransitGatewayAttachmentId", help="The attachment's id.", title="attachment", narrow=True
        ),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "state",
            "State",
            help="pendingAcceptance, pending, available, modifying, deleting, deleted, failing, failed or rejected.",
            narrow=True,
        ),
        Column(
            "resource_type",
            "ResourceType",
            help="What is attached: vpc, vpn, direct-connect-gateway, connect, peering or network-function.",
            title="type",
            narrow=True,
        ),
        Column("resource_id", "ResourceId", help="The id of what is attached.", title="resource", narrow=True),
        Column("transit_gateway_id", "TransitGatewayId", help="The transit gateway.", title="transit gateway"),
        Column("transit_gateway_owner", "TransitGatewayOwnerId", help="The account that owns the transit gateway."),
        Column("resource_owner", "ResourceOwnerId", help="The account that owns what is attached."),
        Column("route_table", "Association.TransitGatewayRouteTableId", help="The gateway's route table that it uses."),
        Column("association", "Association.State", help="associating, associated, disassociating; empty for none."),
        Column("created", "CreationTime", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(Relation("resource_id", "vpc.vpc", "vpc_id"),),
    health=(
        Rule(Health.BAD, "state=failed|failing", "AWS could not make it"),
        Rule(Health.WARN, "state=pendingAcceptance|initiatingRequest", "the gateway's owner has not accepted it yet"),
        Rule(Health.WARN, "state=available association=", "it uses no route table: no traffic passes"),
        Rule(Health.UNKNOWN, "state=rejected|deleting|deleted", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:transit-gateway-attachment/{attachment_id}",
    sort="name",
    help="What is attached to transit gateways, from DescribeTransitGatewayAttachments.",
)
