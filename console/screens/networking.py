"""Networking: VPCs, what is in them, and what balances load."""

from __future__ import annotations

from typing import ClassVar

from console.screens.resources import ResourceScreen


class NetworkingScreen(ResourceScreen):
    help_page = "networking"
    mode_title = "networking"
    kinds = (
        ("vpc.vpc", "VPCs"),
        ("vpc.subnet", "subnets"),
        ("vpc.security_group", "security groups"),
        ("elbv2.load_balancer", "load balancers"),
        ("elbv2.target_group", "target groups"),
        ("elbv2.target_health", "targets"),
        ("elbv2.listener", "listeners"),
        ("elb.load_balancer", "classic load balancers"),
        ("acm.certificate", "certificates"),
        ("route53.zone", "zones"),
        ("route53.record", "records"),
        ("vpc.route_table", "route tables"),
        ("vpc.nat_gateway", "NAT gateways"),
        ("vpc.network_interface", "interfaces"),
        ("vpc.address", "addresses"),
        ("vpc.endpoint", "endpoints"),
        ("vpc.peering", "peerings"),
        ("vpc.transit_gateway_attachment", "attachments"),
        ("vpc.flow_log", "flow logs"),
        ("elbv2.rule", "listener rules"),
    )
    drills: ClassVar[dict[str, str]] = {"vpc.vpc": "vpc.subnet", "elbv2.load_balancer": "elbv2.target_group"}
