"""Classic Load Balancers: one that still serves, with an instance that does not, and one that everybody forgot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backends.simulated import accounts
from backends.simulated.seed import certificates
from backends.simulated.seed.network import Network

_HOME = (accounts.PRODUCTION.id, "us-east-1")


def plant(network: Network, now: datetime) -> None:
    """Make those of one network. `now` is naive UTC."""
    cloud = network.cloud
    if (cloud.account, cloud.region) != _HOME:
        return
    certificate = certificates.of(cloud, "shop.example.com")
    outer = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 443, "SSLCertificateId": certificate.arn}
    shop = _balancer(network, "legacy-shop", outer, now - timedelta(days=2900))
    certificate.in_use_by = [cloud.arn("elasticloadbalancing", "loadbalancer/legacy-shop")]
    members = [state.instance.id for state in cloud.autoscaling.autoscaling_groups["legacy-monolith"].instance_states]
    stopped = next((instance.id for instance in cloud.instances() if instance.state == "stopped"), None)
    shop.instance_sparse_ids = [*members, *([stopped] if stopped else [])]
    plain = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 8080}
    _balancer(network, "forgotten-2016", plain, now - timedelta(days=3700))


def _balancer(network: Network, name: str, port: dict[str, Any], created: datetime) -> Any:
    cloud = network.cloud
    made = cloud.elb.create_load_balancer(
        name,
        list(accounts.zone_names(cloud.region)),
        [port],
        "internet-facing",
        [subnet.id for subnet in network.public],
        [network.groups["lb"].id],
    )
    made.created_time = created
    made.dns_name = f"{name}-1234567890.{cloud.region}.elb.amazonaws.com"
    cloud.elb.configure_health_check(
        name, timeout=5, healthy_threshold=3, unhealthy_threshold=2, interval=30, target="HTTP:80/healthz"
    )
    made.add_tag("owner", "unknown")
    return made
