"""Elastic Load Balancing v2: what listeners do with requests that are not for everybody, rule by rule."""

from __future__ import annotations

from backends.model import Call, Column, Kind, Relation

_CONFIGS = ("HostHeader", "PathPattern", "HttpHeader", "HttpRequestMethod", "SourceIp")
_QUERY = "QueryStringConfig.Values[].join('=', [Key || '*', Value])"
_VALUES = " || ".join(("Values", *(f"{config}Config.Values" for config in _CONFIGS), _QUERY, "`[]`"))

RULE = Kind(
    name="elbv2.rule",
    title="Listener rules",
    service="elbv2",
    calls=(
        Call("DescribeLoadBalancers", "LoadBalancers[?Type=='application']", page=("PageSize", 400)),
        Call(
            "DescribeListeners",
            "Listeners",
            arguments={"LoadBalancerArn": "LoadBalancerArn"},
            keep={"LoadBalancerName": "LoadBalancerName"},
            page=("PageSize", 400),
        ),
        Call(
            "DescribeRules",
            "Rules[?!IsDefault]",
            arguments={"ListenerArn": "ListenerArn"},
            keep={"LoadBalancerName": "LoadBalancerName", "ListenerArn": "ListenerArn", "Port": "Port"},
            page=("PageSize", 400),
        ),
    ),
    key=("load_balancer", "rule_id"),
    columns=(
        Column("load_balancer", "LoadBalancerName", help="The load balancer.", title="load balancer", narrow=True),
        Column("port", "Port", "integer", help="The port that it listens on.", narrow=True),
        Column("priority", "Priority", "integer", help="Its place: the lowest that fits decides.", narrow=True),
        Column(
            "conditions",
            f"Conditions[].join('=', [Field, join(' or ', {_VALUES})])",
            "list",
            help="What a request has to be like, all of it.",
            narrow=True,
        ),
        Column("actions", "Actions[].Type", "list", help="What is done with it: forward and others.", narrow=True),
        Column(
            "target_groups",
            "Actions[].[TargetGroupArn, ForwardConfig.TargetGroups[].TargetGroupArn][][]",
            "list",
            help="The target groups that it is forwarded to.",
        ),
        Column(
            "redirects_to",
            "Actions[].RedirectConfig | [].join(':', [Protocol, Port])",
            "list",
            help="Where it is redirected to.",
        ),
        Column("answers", "Actions[].FixedResponseConfig.StatusCode", "list", help="What it is answered at once."),
        Column("rule_id", "after(RuleArn, '/')", help="AWS's id of it.", title="rule"),
        Column("listener_arn", "ListenerArn", help="The listener's ARN.", title="listener"),
        Column("arn", "RuleArn", help="Its ARN."),
    ),
    cadence=1800,
    relations=(
        Relation("listener_arn", "elbv2.listener", "arn"),
        Relation("target_groups", "elbv2.target_group", "arn"),
    ),
    arn="{arn}",
    sort="load_balancer",
    help="What Application Load Balancers do with requests that a rule is for, from DescribeLoadBalancers, "
    "DescribeListeners and DescribeRules, one call a listener. What they do with all others, elbv2.listener tells.",
)
