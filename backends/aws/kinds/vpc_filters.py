"""VPC: what may pass, and what is written down of it: single rules of security groups, network ACLs and flow logs."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"

SECURITY_GROUP_RULE = Kind(
    name="vpc.security_group_rule",
    title="Security group rules",
    service="ec2",
    calls=(Call("DescribeSecurityGroupRules", "SecurityGroupRules", page=("MaxResults", 1000)),),
    key=("rule_id",),
    columns=(
        Column("rule_id", "SecurityGroupRuleId", help="The rule's id.", title="rule", narrow=True),
        Column("group_id", "GroupId", help="The security group that it belongs to.", title="group", narrow=True),
        Column("direction", "IsEgress && 'out' || 'in'", help="in or out.", narrow=True),
        Column("ports", "ports(@)", help="What it opens, as tcp/443.", narrow=True),
        Column(
            "peer",
            "CidrIpv4 || CidrIpv6 || PrefixListId || ReferencedGroupInfo.GroupId",
            help="Whom it lets in, or whom it lets be reached: a range, a prefix list or a security group.",
            narrow=True,
        ),
        Column("description", "Description", help="What it is said to be for."),
        Column("protocol", "IpProtocol", help="tcp, udp, icmp, a number, or -1 for all."),
        Column("from_port", "FromPort", "integer", help="The first port; an ICMP type."),
        Column("to_port", "ToPort", "integer", help="The last port; an ICMP code."),
        Column(
            "world",
            "CidrIpv4 == '0.0.0.0/0' || CidrIpv6 == '::/0'",
            "boolean",
            help="Whether the peer is the whole Internet.",
        ),
        Column(
            "sensitive",
            "reaches_sensitive(@)",
            "boolean",
            help="Whether the ports hold SSH, RDP, a database or an unprotected control port.",
        ),
        Column("referenced_group", "ReferencedGroupInfo.GroupId", help="The security group that is the peer."),
        Column("referenced_account", "ReferencedGroupInfo.UserId", help="The account of that group."),
        Column("peering_status", "ReferencedGroupInfo.PeeringStatus", help="How the peering to that group stands."),
        Column("prefix_list", "PrefixListId", help="The prefix list that is the peer."),
        Column("owner_id", "GroupOwnerId", help="The account that owns the group."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=600,
    relations=(
        Relation("group_id", "vpc.security_group", "group_id"),
        Relation("referenced_group", "vpc.security_group", "group_id"),
    ),
    health=(
        Rule(
            Health.BAD,
            "direction=in world=true sensitive=true",
            "a port that is never meant for everybody is open to the Internet",
        ),
        Rule(Health.WARN, "direction=in world=true", "open to the Internet"),
        Rule(Health.WARN, "peering_status=deleted", "names a group behind a peering that is gone"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:security-group-rule/{rule_id}",
    sort="group_id",
    help="Single rules of security groups, from DescribeSecurityGroupRules.",
)

NETWORK_ACL = Kind(
    name="vpc.network_acl",
    title="Network ACLs",
    service="ec2",
    calls=(Call("DescribeNetworkAcls", "NetworkAcls", page=("MaxResults", 1000)),),
    key=("acl_id",),
    columns=(
        Column("acl_id", "NetworkAclId", help="The network ACL's id.", title="acl", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc", narrow=True),
        Column(
            "is_default",
            "IsDefault",
            "boolean",
            help="Whether it guards every subnet that names no other.",
            title="default",
            narrow=True,
        ),
        Column(
            "open_admin",
            "acl_admin_open(Entries)",
            "list",
            help="Of SSH and RDP, those that the whole Internet is let through to; rules count in their order.",
            narrow=True,
        ),
        Column("subnets", "Associations[].SubnetId", "list", help="The subnets that it guards."),
        Column(
            "rules_in", "length(Entries[?!Egress] || `[]`)", "integer", help="Inbound rules, the last refusal included."
        ),
        Column("rules_out", "length(Entries[?Egress] || `[]`)", "integer", help="Outbound rules, likewise."),
        Column(
            "denied_in",
            "Entries[?!Egress && RuleAction=='deny' && RuleNumber < `32767`].[CidrBlock, Ipv6CidrBlock][]",
            "list",
            help="The ranges that inbound rules refuse by name.",
        ),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(
            Health.WARN,
            "is_default=false open_admin!=",
            "somebody wrote it, and it lets the Internet through to SSH or RDP",
        ),
        Rule(Health.WARN, "is_default=false subnets=", "it guards no subnet"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:network-acl/{acl_id}",
    sort="name",
    help="Firewalls around subnets, from DescribeNetworkAcls.",
)

FLOW_LOG = Kind(
    name="vpc.flow_log",
    title="Flow logs",
    service="ec2",
    calls=(Call("DescribeFlowLogs", "FlowLogs", page=("MaxResults", 1000)),),
    key=("flow_log_id",),
    columns=(
        Column("flow_log_id", "FlowLogId", help="The flow log's id.", title="flow log", narrow=True),
        Column("name", _NAME, help="Its tag Name."),
        Column(
            "resource_id",
            "ResourceId",
            help="The VPC, subnet or interface whose traffic it tells.",
            title="of",
            narrow=True,
        ),
        Column("delivery", "DeliverLogsStatus", help="SUCCESS or FAILED.", narrow=True),
        Column(
            "traffic", "TrafficType", help="ALL, or only what was let through (ACCEPT) or not (REJECT).", narrow=True
        ),
        Column(
            "destination_type",
            "LogDestinationType",
            help="cloud-watch-logs, s3 or kinesis-data-firehose.",
            title="to",
            narrow=True,
        ),
        Column("destination", "LogDestination", help="The ARN of the bucket, log group or stream."),
        Column("log_group", "LogGroupName", help="The log group."),
        Column("problem", "DeliverLogsErrorMessage", help="Why nothing is delivered, as AWS tells it."),
        Column("status", "FlowLogStatus", help="ACTIVE."),
        Column("role", "DeliverLogsPermissionArn", help="The role as which AWS delivers."),
        Column("interval", "MaxAggregationInterval", "integer", help="How long it gathers before it tells.", unit="s"),
        Column("format", "LogFormat", help="The fields of a record."),
        Column("file_format", "DestinationOptions.FileFormat", help="plain-text or parquet."),
        Column("created", "CreationTime", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(
        Relation("resource_id", "vpc.vpc", "vpc_id"),
        Relation("resource_id", "vpc.subnet", "subnet_id"),
        Relation("resource_id", "vpc.network_interface", "interface_id"),
        Relation("role", "iam.role", "arn"),
    ),
    health=(Rule(Health.BAD, "delivery=FAILED", "nothing is delivered: the traffic goes unrecorded"),),
    arn="arn:{partition}:ec2:{region}:{account}:vpc-flow-log/{flow_log_id}",
    sort="resource_id",
    help="Records of the traffic of VPCs, subnets and interfaces, from DescribeFlowLogs.",
)
