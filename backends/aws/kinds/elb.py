"""Elastic Load Balancing as it first was: Classic Load Balancers and the instances behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

_MOST_NAMES = 20
_LISTENER = "[Protocol, to_string(LoadBalancerPort), '→', InstanceProtocol, to_string(InstancePort)]"


def _ask_tags(balancers: Sequence[Json]) -> Json:
    return {"LoadBalancerNames": [balancer["LoadBalancerName"] for balancer in balancers]}


def _with_tags(balancers: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """The load balancers, each with its tags beside it."""
    tags = {
        described.get("LoadBalancerName"): described.get("Tags")
        for page in pages
        for described in page.get("TagDescriptions", [])
    }
    return [{"Balancer": balancer, "Tags": tags.get(balancer["LoadBalancerName"])} for balancer in balancers]


def _count(state: str) -> str:
    return f"length(InstanceStates[?State=='{state}'])"


LOAD_BALANCER = Kind(
    name="elb.load_balancer",
    title="Classic Load Balancers",
    service="elb",
    calls=(
        Call("DescribeLoadBalancers", "LoadBalancerDescriptions", page=("PageSize", 400)),
        Call(
            "DescribeTags",
            "TagDescriptions",
            keep={"Balancer": "@"},
            batch=_MOST_NAMES,
            ask=_ask_tags,
            answer=_with_tags,
            optional=True,
        ),
        Call(
            "DescribeInstanceHealth",
            "@",
            arguments={"LoadBalancerName": "Balancer.LoadBalancerName"},
            keep={"Balancer": "Balancer", "Tags": "Tags"},
            optional=True,
        ),
    ),
    key=("name",),
    columns=(
        Column(
            "name", "Balancer.LoadBalancerName", help="The load balancer's name.", title="load balancer", narrow=True
        ),
        Column("scheme", "Balancer.Scheme", help="internet-facing or internal.", narrow=True),
        Column("in_service", _count("InService"), "integer", help="Instances that pass its check.", narrow=True),
        Column("out_of_service", _count("OutOfService"), "integer", help="Instances that fail it.", narrow=True),
        Column(
            "listeners",
            f"Balancer.ListenerDescriptions[].Listener.join(' ', {_LISTENER})",
            "list",
            help="Protocol and port outside → protocol and port of the instances.",
            narrow=True,
        ),
        Column("instances", "Balancer.Instances[].InstanceId", "list", help="Its registered instances."),
        Column(
            "reasons",
            "InstanceStates[?State!='InService'].Description",
            "list",
            help="Why instances are not in service, in AWS's words.",
        ),
        Column(
            "certificates",
            "Balancer.ListenerDescriptions[].Listener.SSLCertificateId",
            "list",
            help="The certificates of its listeners.",
        ),
        Column("check_target", "Balancer.HealthCheck.Target", help="What its health check asks for."),
        Column("check_interval", "Balancer.HealthCheck.Interval", "integer", help="How often it asks.", unit="s"),
        Column("check_timeout", "Balancer.HealthCheck.Timeout", "integer", help="How long it waits.", unit="s"),
        Column("healthy_after", "Balancer.HealthCheck.HealthyThreshold", "integer", help="Good answers until healthy."),
        Column(
            "unhealthy_after", "Balancer.HealthCheck.UnhealthyThreshold", "integer", help="Bad answers until unhealthy."
        ),
        Column("dns", "Balancer.DNSName", help="Its DNS name."),
        Column("zones", "Balancer.AvailabilityZones", "list", help="The Availability Zones it stands in."),
        Column("subnets", "Balancer.Subnets", "list", help="The subnets it stands in."),
        Column("security_groups", "Balancer.SecurityGroups", "list", help="Its security groups."),
        Column("vpc_id", "Balancer.VPCId", help="Its VPC.", title="vpc"),
        Column("created", "Balancer.CreatedTime", "time", help="When it was created."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=120,
    relations=(
        Relation("instances", "ec2.instance", "instance_id"),
        Relation("certificates", "acm.certificate", "arn"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(Health.WARN, "instances=", "no instance is registered, and it is paid for"),
        Rule(Health.BAD, "in_service=0", "no instance is in service"),
        Rule(Health.WARN, "out_of_service>0", "some instances are out of service"),
    ),
    arn="arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}",
    sort="name",
    help="Load balancers of the first kind, from DescribeLoadBalancers, DescribeTags and DescribeInstanceHealth.",
)
