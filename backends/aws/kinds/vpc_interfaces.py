"""VPC: where packets come in and out: network interfaces and Elastic IP addresses."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

# Many accounts have tens of thousands of these: every column is one that a whole page is read for at once.
NETWORK_INTERFACE = Kind(
    name="vpc.network_interface",
    title="Network interfaces",
    service="ec2",
    calls=(Call("DescribeNetworkInterfaces", "NetworkInterfaces", page=("MaxResults", 1000)),),
    key=("interface_id",),
    columns=(
        Column("interface_id", "NetworkInterfaceId", help="The interface's id.", title="interface", narrow=True),
        Column("name", "TagSet[?Key=='Name'].Value | [0]", help="Its tag Name."),
        Column("status", "Status", help="available (attached to nothing), in-use, attaching, detaching.", narrow=True),
        Column(
            "interface_type",
            "InterfaceType",
            help="interface, nat_gateway, load_balancer, vpc_endpoint, lambda, efa, trunk and others.",
            title="type",
            narrow=True,
        ),
        Column("private_ip", "PrivateIpAddress", help="Its primary private IPv4 address.", narrow=True),
        Column("public_ip", "Association.PublicIp", help="The public IPv4 address that leads to it.", narrow=True),
        Column("instance_id", "Attachment.InstanceId", help="The instance it is attached to.", title="instance"),
        Column("description", "Description", help="What it is said to be for; AWS's services write there whose it is."),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column("subnet_id", "SubnetId", help="Its subnet.", title="subnet"),
        Column("security_groups", "Groups[].GroupId", "list", help="Its security groups."),
        Column("private_ips", "PrivateIpAddresses[].PrivateIpAddress", "list", help="All its private IPv4 addresses."),
        Column("ipv6", "Ipv6Addresses[].Ipv6Address", "list", help="Its IPv6 addresses."),
        Column("prefixes", "Ipv4Prefixes[].Ipv4Prefix", "list", help="IPv4 prefixes that it holds, as EKS's nodes do."),
        Column(
            "allocation_id", "Association.AllocationId", help="The Elastic IP address, if it is one.", title="address"
        ),
        Column("zone", "AvailabilityZone", help="Its Availability Zone by the account's own name."),
        Column("attachment", "Attachment.Status", help="attaching, attached, detaching or detached."),
        Column("attached_at", "Attachment.AttachTime", "time", help="When it was attached."),
        Column(
            "device_index",
            "Attachment.DeviceIndex",
            "integer",
            help="Which of the instance's interfaces; 0 is the first.",
        ),
        Column(
            "delete_on_termination",
            "Attachment.DeleteOnTermination",
            "boolean",
            help="Whether it is deleted with its instance.",
        ),
        Column(
            "source_dest_check",
            "SourceDestCheck",
            "boolean",
            help="Whether it refuses what is not from or for itself; a router's does not.",
        ),
        Column("requester_id", "RequesterId", help="Who made it: an account, a role's id or an AWS service."),
        Column("requester_managed", "RequesterManaged", "boolean", help="Whether an AWS service manages it."),
        Column("mac", "MacAddress", help="Its MAC address."),
        Column("private_dns", "PrivateDnsName", help="Its private DNS name."),
        Column("public_dns", "Association.PublicDnsName", help="Its public DNS name."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "TagSet", "tags", help="All its tags."),
    ),
    cadence=120,
    relations=(
        Relation("instance_id", "ec2.instance", "instance_id", ends_if="delete_on_termination"),
        Relation("subnet_id", "vpc.subnet", "subnet_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("allocation_id", "vpc.address", "allocation_id"),
    ),
    health=(
        Rule(Health.WARN, "status=available", "attached to nothing, and holds an address"),
        Rule(Health.WARN, "status=attaching|detaching", "being attached or detached"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:network-interface/{interface_id}",
    sort="private_ip",
    help="Everything that has an address in a VPC, from DescribeNetworkInterfaces.",
)

ADDRESS = Kind(
    name="vpc.address",
    title="Elastic IP addresses",
    service="ec2",
    calls=(Call("DescribeAddresses", "Addresses"),),
    key=("allocation_id",),
    columns=(
        Column("allocation_id", "AllocationId", help="The address's id.", title="address", narrow=True),
        Column("name", "Tags[?Key=='Name'].Value | [0]", help="Its tag Name.", narrow=True),
        Column("public_ip", "PublicIp", help="The public IPv4 address.", narrow=True),
        Column("private_ip", "PrivateIpAddress", help="The private address that it leads to.", narrow=True),
        Column("instance_id", "InstanceId", help="The instance that it leads to.", title="instance", narrow=True),
        Column("interface_id", "NetworkInterfaceId", help="The interface that it leads to.", title="interface"),
        Column("association_id", "AssociationId", help="The association; empty where it leads nowhere."),
        Column("interface_owner", "NetworkInterfaceOwnerId", help="The account that owns the interface."),
        Column("subnet_id", "SubnetId", help="The subnet of a service that manages it.", title="subnet"),
        Column("service_managed", "ServiceManaged", help="The AWS service that manages it: alb, nlb or rnat."),
        Column("pool", "PublicIpv4Pool", help="The pool it comes from: amazon, or an owner's own."),
        Column("border_group", "NetworkBorderGroup", help="From where it is announced: a region or a local zone."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=300,
    relations=(
        Relation("instance_id", "ec2.instance", "instance_id"),
        Relation("interface_id", "vpc.network_interface", "interface_id"),
    ),
    health=(Rule(Health.WARN, "association_id=", "leads nowhere, and is paid for"),),
    arn="arn:{partition}:ec2:{region}:{account}:elastic-ip/{allocation_id}",
    sort="public_ip",
    help="Public IPv4 addresses that stay the account's own, from DescribeAddresses.",
)
