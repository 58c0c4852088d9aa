"""Elastic Load Balancing v2: Application, Network and Gateway Load Balancers and their targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from backends.model import Call, Column, Health, Json, Kind, Relation, Rule, Watched

_MOST_ARNS = 20


def with_tags(field: str, arn: str) -> Call:
    """DescribeTags for up to twenty elements at once; gives {field: element, "Tags": […]}."""

    def ask(elements: Sequence[Json]) -> Json:
        return {"ResourceArns": [element[arn] for element in elements]}

    def answer(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
        tags: dict[str, Any] = {
            description.get("ResourceArn"): description.get("Tags")
            for page in pages
            for description in page.get("TagDescriptions", [])
        }
        return [{field: element, "Tags": tags.get(element[arn])} for element in elements]

    return Call(
        "DescribeTags",
        "TagDescriptions",
        keep={field: "@"},
        batch=_MOST_ARNS,
        ask=ask,
        answer=answer,
        optional=True,
    )


_BALANCER = {"LoadBalancer": "after(Balancer.LoadBalancerArn, ':loadbalancer/')"}
_ALB = partial(
    Watched, "AWS/ApplicationELB", dimensions=_BALANCER, when="Balancer.Type=='application'", statistic="Sum"
)
_NLB = partial(Watched, "AWS/NetworkELB", dimensions=_BALANCER, when="Balancer.Type=='network'", statistic="Sum")
_BALANCER_WATCHED = (
    _ALB(name="RequestCount", title="requests", help="Requests in the period.", sparse=True),
    _ALB(
        name="HTTPCode_ELB_5XX_Count",
        title="own 5xx",
        help="Answers 5xx that it gave itself, having no target that answered.",
        warn=">0",
        sparse=True,
    ),
    _ALB(
        name="HTTPCode_Target_5XX_Count",
        title="targets' 5xx",
        help="Answers 5xx that targets gave.",
        warn=">0",
        sparse=True,
    ),
    _ALB(
        name="TargetResponseTime",
        statistic="Average",
        title="response time",
        help="How long targets took to begin their answer, on average.",
        unit="s",
        warn=">=1",
        bad=">=5",
        sparse=True,
    ),
    _NLB(name="NewFlowCount", title="new flows", help="New connections in the period."),
    _NLB(name="ActiveFlowCount", statistic="Average", title="flows", help="Connections there were, on average."),
    _NLB(name="TCP_Client_Reset_Count", title="client resets", help="Connections that clients reset."),
    _NLB(name="TCP_Target_Reset_Count", title="target resets", help="Connections that targets reset."),
    _NLB(name="TCP_ELB_Reset_Count", title="own resets", help="Connections that it reset itself.", warn=">0"),
)

LOAD_BALANCER = Kind(
    name="elbv2.load_balancer",
    title="Load balancers",
    service="elbv2",
    calls=(
        Call("DescribeLoadBalancers", "LoadBalancers", page=("PageSize", 400)),
        with_tags("Balancer", "LoadBalancerArn"),
    ),
    key=("name",),
    columns=(
        Column(
            "name", "Balancer.LoadBalancerName", help="The load balancer's name.", title="load balancer", narrow=True
        ),
        Column("balancer_type", "Balancer.Type", help="application, network or gateway.", title="type", narrow=True),
        Column("scheme", "Balancer.Scheme", help="internet-facing or internal.", narrow=True),
        Column("state", "Balancer.State.Code", help="active, provisioning, active_impaired or failed.", narrow=True),
        Column("dns", "Balancer.DNSName", help="Its DNS name."),
        Column("zones", "Balancer.AvailabilityZones[].ZoneName", "list", help="The Availability Zones it stands in."),
        Column("subnets", "Balancer.AvailabilityZones[].SubnetId", "list", help="The subnets it stands in."),
        Column("security_groups", "Balancer.SecurityGroups", "list", help="Its security groups."),
        Column("vpc_id", "Balancer.VpcId", help="Its VPC.", title="vpc"),
        Column("ip_type", "Balancer.IpAddressType", help="ipv4, dualstack or dualstack-without-public-ipv4."),
        Column("state_reason", "Balancer.State.Reason", help="Why it is in this state."),
        Column("created", "Balancer.CreatedTime", "time", help="When it was created."),
        Column("arn", "Balancer.LoadBalancerArn", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    relations=(
        Relation("arn", "elbv2.target_group", "load_balancers"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(Health.BAD, "state=failed", "failed"),
        Rule(Health.BAD, "state=active_impaired", "works, but cannot grow"),
        Rule(Health.WARN, "state=provisioning", "being made"),
    ),
    arn="{arn}",
    sort="name",
    help="Load balancers, from DescribeLoadBalancers and DescribeTags.",
    watched=_BALANCER_WATCHED,
)


def _targets(state: str) -> str:
    return f"length(TargetHealthDescriptions[?TargetHealth.State=='{state}'])"


_GROUP = {
    "TargetGroup": "after(Group.TargetGroupArn, ':')",
    "LoadBalancer": "after(Group.LoadBalancerArns[0], ':loadbalancer/')",
}
_BEHIND_ALB, _BEHIND_NLB = (f"contains(Group.LoadBalancerArns[0] || '', '/{way}/')" for way in ("app", "net"))


def _hosts(namespace: str, when: str) -> tuple[Watched, Watched]:
    told = partial(Watched, namespace, dimensions=_GROUP, when=when)
    least, most = "The fewest targets that passed their check.", "The most targets that failed their check."
    return (
        told("HealthyHostCount", "Minimum", title="healthy", help=least, bad="<1"),
        told("UnHealthyHostCount", "Maximum", title="unhealthy", help=most, warn=">0"),
    )


_GROUP_WATCHED = (
    *_hosts("AWS/ApplicationELB", _BEHIND_ALB),
    Watched(
        *("AWS/ApplicationELB", "TargetResponseTime", "Average", _GROUP),
        title="response time",
        help="How long targets took to begin their answer, on average.",
        unit="s",
        warn=">=1",
        bad=">=5",
        when=_BEHIND_ALB,
        sparse=True,
    ),
    *_hosts("AWS/NetworkELB", _BEHIND_NLB),
)

TARGET_GROUP = Kind(
    name="elbv2.target_group",
    title="Target groups",
    service="elbv2",
    calls=(
        Call("DescribeTargetGroups", "TargetGroups", page=("PageSize", 400)),
        with_tags("Group", "TargetGroupArn"),
        Call(
            "DescribeTargetHealth",
            "@",
            arguments={"TargetGroupArn": "Group.TargetGroupArn"},
            keep={"Group": "Group", "Tags": "Tags"},
            optional=True,
        ),
    ),
    key=("name",),
    columns=(
        Column("name", "Group.TargetGroupName", help="The target group's name.", title="target group", narrow=True),
        Column("healthy", _targets("healthy"), "integer", help="Targets that pass their health check.", narrow=True),
        Column("unhealthy", _targets("unhealthy"), "integer", help="Targets that fail it.", narrow=True),
        Column("protocol", "Group.Protocol", help="How targets are spoken to.", narrow=True),
        Column("port", "Group.Port", "integer", help="The targets' port unless they say otherwise.", narrow=True),
        Column("target_type", "Group.TargetType", help="instance, ip, lambda or alb.", title="type", narrow=True),
        Column("targets", "TargetHealthDescriptions[].Target.Id", "list", help="Its registered targets."),
        Column("initial", _targets("initial"), "integer", help="Targets being registered."),
        Column("draining", _targets("draining"), "integer", help="Targets being taken out."),
        Column("unused", _targets("unused"), "integer", help="Targets that get no traffic."),
        Column(
            "reasons",
            "TargetHealthDescriptions[?TargetHealth.State!='healthy'].TargetHealth.Reason",
            "list",
            help="Why targets are not healthy.",
        ),
        Column("load_balancers", "Group.LoadBalancerArns", "list", help="The load balancers that route to it."),
        Column("vpc_id", "Group.VpcId", help="Its VPC.", title="vpc"),
        Column("check_path", "Group.HealthCheckPath", help="What the health check asks for."),
        Column("check_protocol", "Group.HealthCheckProtocol", help="How it asks."),
        Column("check_interval", "Group.HealthCheckIntervalSeconds", "integer", help="How often it asks.", unit="s"),
        Column("check_codes", "Group.Matcher.HttpCode", help="The answers that count as healthy."),
        Column("healthy_after", "Group.HealthyThresholdCount", "integer", help="Good answers until healthy."),
        Column("unhealthy_after", "Group.UnhealthyThresholdCount", "integer", help="Bad answers until unhealthy."),
        Column("arn", "Group.TargetGroupArn", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=60,
    relations=(
        Relation("targets", "ec2.instance", "instance_id"),
        Relation("load_balancers", "elbv2.load_balancer", "arn"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
    ),
    health=(
        Rule(Health.BAD, "unhealthy>0 healthy=0", "no target is healthy"),
        Rule(Health.WARN, "unhealthy>0", "some targets are unhealthy"),
        Rule(Health.WARN, "load_balancers=", "no load balancer routes to it"),
        Rule(Health.WARN, "healthy=0", "it has no healthy target"),
    ),
    arn="{arn}",
    sort="name",
    help="Groups of targets and their health, from DescribeTargetGroups, DescribeTags and DescribeTargetHealth.",
    watched=_GROUP_WATCHED,
)

TARGET_HEALTH = Kind(
    name="elbv2.target_health",
    title="Targets",
    service="elbv2",
    calls=(
        Call("DescribeTargetGroups", "TargetGroups", page=("PageSize", 400)),
        Call(
            "DescribeTargetHealth",
            "TargetHealthDescriptions",
            arguments={"TargetGroupArn": "TargetGroupArn"},
            keep={"Group": "@"},
        ),
    ),
    key=("target_group", "target", "port"),
    columns=(
        Column("target_group", "Group.TargetGroupName", help="The group that it is registered in.", narrow=True),
        Column("target", "Target.Id", help="The instance, address, function or load balancer.", narrow=True),
        Column("port", "Target.Port || `0`", "integer", help="The port it is spoken to on; 0 for none.", narrow=True),
        Column(
            "state",
            "TargetHealth.State",
            help="healthy, unhealthy, initial, draining, unused or unavailable.",
            narrow=True,
        ),
        Column("reason", "TargetHealth.Reason", help="Why it is not healthy, as AWS's code.", narrow=True),
        Column("description", "TargetHealth.Description", help="The same in AWS's words."),
        Column("zone", "Target.AvailabilityZone", help="The Availability Zone it counts to, where that is told."),
        Column("check_port", "HealthCheckPort", help="The port that the health check asks."),
        Column("override", "AdministrativeOverride.State", help="Whether a zonal shift overrides its health."),
        Column("anomaly", "AnomalyDetection.Result", help="Whether it answers otherwise than the others."),
        Column("target_type", "Group.TargetType", help="instance, ip, lambda or alb.", title="type"),
        Column("load_balancers", "Group.LoadBalancerArns", "list", help="The load balancers that route to it."),
        Column("target_group_arn", "Group.TargetGroupArn", help="The group's ARN."),
    ),
    cadence=120,
    relations=(
        Relation("target_group_arn", "elbv2.target_group", "arn"),
        Relation("target", "ec2.instance", "instance_id"),
        Relation("load_balancers", "elbv2.load_balancer", "arn"),
    ),
    health=(
        Rule(Health.BAD, "state=unhealthy|unhealthy.draining", "fails its health check"),
        Rule(Health.UNKNOWN, "state=unavailable", "its health is not checked"),
        Rule(Health.WARN, "state=draining", "being taken out"),
        Rule(Health.UNKNOWN, "state=unused", "gets no traffic"),
    ),
    sort="target_group",
    help="Every target of every target group, from DescribeTargetGroups and DescribeTargetHealth, one call a group.",
)
