"""VPC: networks, subnets and security groups."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"

VPC = Kind(
    name="vpc.vpc",
    title="VPCs",
    service="ec2",
    calls=(Call("DescribeVpcs", "Vpcs", page=("MaxResults", 1000)),),
    key=("vpc_id",),
    columns=(
        Column("vpc_id", "VpcId", help="The VPC's id.", title="vpc", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("cidr", "CidrBlock", help="Its primary IPv4 range.", narrow=True),
        Column("state", "State", help="pending or available.", narrow=True),
        Column(
            "is_default",
            "IsDefault",
            "boolean",
            help="Whether it is the region's default VPC.",
            title="default",
            narrow=True,
        ),
        Column("cidrs", "CidrBlockAssociationSet[].CidrBlock", "list", help="All its IPv4 ranges."),
        Column("ipv6_cidrs", "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock", "list", help="Its IPv6 ranges."),
        Column("tenancy", "InstanceTenancy", help="Where its instances run: default or dedicated."),
        Column("dhcp_options", "DhcpOptionsId", help="Its DHCP options set."),
        Column(
            "public_access_block",
            "BlockPublicAccessStates.InternetGatewayBlockMode",
            help="Which way to the Internet is blocked.",
        ),
        Column("owner_id", "OwnerId", help="The account that owns it; another one's is shared with this."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=600,
    health=(Rule(Health.WARN, "state!=available", "not available yet"),),
    arn="arn:{partition}:ec2:{region}:{owner_id}:vpc/{vpc_id}",
    sort="name",
    help="Virtual networks, from DescribeVpcs.",
)

SUBNET = Kind(
    name="vpc.subnet",
    title="Subnets",
    service="ec2",
    calls=(Call("DescribeSubnets", "Subnets", page=("MaxResults", 1000)),),
    key=("subnet_id",),
    columns=(
        Column("subnet_id", "SubnetId", help="The subnet's id.", title="subnet", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("cidr", "CidrBlock", help="Its IPv4 range.", narrow=True),
        Column(
            "free", "AvailableIpAddressCount", "integer", help="IPv4 addresses still free.", volatile=True, narrow=True
        ),
        Column(
            "used_percent",
            "used_percent(CidrBlock, AvailableIpAddressCount)",
            "number",
            help="How much of its IPv4 addresses is used; the five that AWS keeps are not counted.",
            unit="%",
            title="used",
            volatile=True,
            narrow=True,
        ),
        Column("size", "addresses(CidrBlock)", "integer", help="IPv4 addresses for use in all."),
        Column("zone", "AvailabilityZone", help="Its Availability Zone by the account's own name."),
        Column("zone_id", "AvailabilityZoneId", help="Its Availability Zone by the id that all accounts share."),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column("public", "MapPublicIpOnLaunch", "boolean", help="Whether instances get a public address by default."),
        Column("ipv6_cidrs", "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock", "list", help="Its IPv6 ranges."),
        Column("default_for_zone", "DefaultForAz", "boolean", help="Whether it is the zone's default subnet."),
        Column("state", "State", help="pending, available, unavailable or failed."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=300,
    relations=(Relation("vpc_id", "vpc.vpc", "vpc_id"),),
    health=(
        Rule(Health.BAD, "free=0 size>0", "no free address is left"),
        Rule(Health.BAD, "state=failed|unavailable", "not usable"),
        Rule(Health.WARN, "used_percent>=85", "few free addresses are left"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:subnet/{subnet_id}",
    sort="-used_percent",
    help="Parts of VPCs in one zone each, from DescribeSubnets.",
)

SECURITY_GROUP = Kind(
    name="vpc.security_group",
    title="Security groups",
    service="ec2",
    calls=(Call("DescribeSecurityGroups", "SecurityGroups", page=("MaxResults", 1000)),),
    key=("group_id",),
    columns=(
        Column("group_id", "GroupId", help="The group's id.", title="group", narrow=True),
        Column("name", "GroupName", help="Its name.", narrow=True),
        Column(
            "open_ports", "open_ports(IpPermissions)", "list", help="Ports open to the whole Internet.", narrow=True
        ),
        Column("rules_in", "rules(IpPermissions)", "integer", help="Inbound rules, each source counted.", narrow=True),
        Column("rules_out", "rules(IpPermissionsEgress)", "integer", help="Outbound rules, each target counted."),
        Column(
            "open_sensitive",
            "open_sensitive(IpPermissions)",
            "list",
            help="Those of the open ports that reach SSH, RDP, a database or an unprotected control port.",
        ),
        Column(
            "open_out",
            "open_ports(IpPermissionsEgress)",
            "list",
            help="Ports that may be reached anywhere in the Internet.",
        ),
        Column("ports_in", "IpPermissions[].ports(@)", "list", help="Ports open to anybody at all."),
        Column("sources", "IpPermissions[].IpRanges[].CidrIp", "list", help="The IPv4 ranges that may come in."),
        Column(
            "referenced_groups",
            "IpPermissions[].UserIdGroupPairs[].GroupId",
            "list",
            help="The groups that may come in.",
        ),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column("description", "Description", help="What it is said to be for."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=300,
    relations=(
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("referenced_groups", "vpc.security_group", "group_id"),
        Relation("group_id", "ec2.instance", "security_groups"),
    ),
    health=(
        Rule(Health.BAD, "open_sensitive!=", "a port that is never meant for everybody is open to the Internet"),
        Rule(Health.WARN, "open_ports!=", "open to the Internet"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:security-group/{group_id}",
    sort="name",
    help="Firewalls around interfaces, from DescribeSecurityGroups.",
)
