"""Elastic Load Balancing v2: where load balancers listen, and what they do with what they hear."""

from __future__ import annotations

from backends.aws.kinds.elbv2 import with_tags
from backends.model import Call, Column, Health, Kind, Relation, Rule

_OLD_TLS = "|".join(
    f"ELBSecurityPolicy-{name}"
    for name in (
        *("2015-05", "2016-08", "FS-2018-06", "TLS-1-0-2015-04", "TLS-1-1-2017-01", "FS-1-1-2019-08"),
        *("TLS13-1-0-2021-06", "TLS13-1-1-2021-06"),
    )
)
"""Policies that still accept TLS 1.0 or 1.1."""

LISTENER = Kind(
    name="elbv2.listener",
    title="Listeners",
    service="elbv2",
    calls=(
        Call("DescribeLoadBalancers", "LoadBalancers", page=("PageSize", 400)),
        Call(
            "DescribeListeners",
            "Listeners",
            arguments={"LoadBalancerArn": "LoadBalancerArn"},
            keep={"LoadBalancerName": "LoadBalancerName", "Scheme": "Scheme"},
            page=("PageSize", 400),
        ),
        with_tags("Listener", "ListenerArn"),
    ),
    key=("load_balancer", "listener_id"),
    columns=(
        Column("load_balancer", "Listener.LoadBalancerName", help="The load balancer that listens.", narrow=True),
        Column("port", "Listener.Port", "integer", help="The port it listens on.", narrow=True),
        Column("protocol", "Listener.Protocol", help="HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP or GENEVE.", narrow=True),
        Column(
            "actions",
            "Listener.DefaultActions[].Type",
            "list",
            help="What it does by default: forward and others.",
            narrow=True,
        ),
        Column(
            "target_groups",
            "Listener.DefaultActions[].[TargetGroupArn, ForwardConfig.TargetGroups[].TargetGroupArn][][]",
            "list",
            help="The target groups that it forwards to by default.",
        ),
        Column(
            "redirects_to",
            "Listener.DefaultActions[].RedirectConfig | [].join(':', [Protocol, Port])",
            "list",
            help="Where it redirects to.",
        ),
        Column("certificates", "Listener.Certificates[].CertificateArn", "list", help="Its default certificate."),
        Column("tls_policy", "Listener.SslPolicy", help="Which versions and ciphers of TLS it accepts.", title="TLS"),
        Column("client_certificates", "Listener.MutualAuthentication.Mode", help="Whether clients show certificates."),
        Column("scheme", "Listener.Scheme", help="internet-facing or internal."),
        Column("listener_id", "after(Listener.ListenerArn, '/')", help="AWS's id of it.", title="listener"),
        Column("load_balancer_arn", "Listener.LoadBalancerArn", help="The load balancer's ARN."),
        Column("arn", "Listener.ListenerArn", help="Its ARN."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=600,
    relations=(
        Relation("load_balancer_arn", "elbv2.load_balancer", "arn"),
        Relation("target_groups", "elbv2.target_group", "arn"),
        Relation("certificates", "acm.certificate", "arn"),
    ),
    health=(
        Rule(Health.WARN, f"tls_policy={_OLD_TLS}", "accepts TLS 1.0 or 1.1, which are broken"),
        Rule(Health.WARN, "protocol=HTTP scheme=internet-facing actions=forward", "serves the Internet unencrypted"),
    ),
    arn="{arn}",
    sort="load_balancer",
    help="Where load balancers listen, from DescribeLoadBalancers, DescribeListeners and DescribeTags, one call a load "
    "balancer. Rules beside the default action, elbv2.rule tells.",
)
