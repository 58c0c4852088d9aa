"""Load balancers and target groups; which targets are ill is written on the group as `ill`."""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import Any

from moto.elbv2.models import FakeTargetGroup

from backends.simulated.bend import bend
from backends.simulated.seed import certificates
from backends.simulated.seed.network import Network

_TO_HTTPS = {
    "Type": "redirect",
    "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
}
_REASONS = (
    ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
    ("Target.Timeout", "Request timed out"),
    ("Target.FailedHealthChecks", "Health checks failed"),
)
_REMEMBERED_SECONDS = 86_400.0


def plant(
    network: Network,
    name: str,
    services: tuple[tuple[str, int], ...],
    scheme: str,
    created: datetime,
    tls: tuple[str, str] | None = None,
) -> dict[str, str]:
    """One application load balancer with a target group per (service, port); the groups' ARNs by service.

    With `tls`, a certificate's domain and a policy, the first service is only met encrypted.
    """
    elbv2 = network.cloud.elbv2
    tiers = network.public if scheme == "internet-facing" else network.private
    balancer = elbv2.create_load_balancer(
        name,
        [network.groups["lb"].id],
        [subnet.id for subnet in tiers],
        scheme=scheme,
        subnet_mappings=[],
        loadbalancer_type="application",
        tags=[{"Key": "Name", "Value": name}, {"Key": "owner", "Value": "platform"}],
    )
    balancer.activate()
    balancer.created_time = f"{created:%Y-%m-%dT%H:%M:%S}.000Z"
    arns = {}
    for index, (service, port) in enumerate(services):
        group = elbv2.create_target_group(
            f"{name}-{service}"[:32],
            vpc_id=network.vpc.id,
            protocol="HTTP",
            port=port,
            healthcheck_path="/healthz",
            healthcheck_protocol="HTTP",
            target_type="instance",
        )
        group.ill = {}
        arns[service] = group.arn
        action = [{"Type": "forward", "TargetGroupArn": group.arn}]
        if tls and index == 0:
            certificate = certificates.of(network.cloud, tls[0])
            listener = elbv2.create_listener(balancer.arn, "HTTPS", "443", tls[1], certificate.arn, action)
            _rules(network, listener.arn, group.arn)
            certificate.in_use_by = [balancer.arn]  # moto names the listener
            action = [_TO_HTTPS]
        elbv2.create_listener(balancer.arn, "HTTP", str(80 + index), None, None, action)
    return arns


def _rules(network: Network, listener: str, group: str) -> None:
    """Two rules beside the default: one host and path of its own, and a way in that is shut."""
    elbv2 = network.cloud.elbv2
    beta = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["beta.example.com"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v2/*", "/next/*"]}},
    ]
    elbv2.create_rule(listener, beta, 10, [{"Type": "forward", "TargetGroupArn": group}])
    shut = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain"}}
    elbv2.create_rule(listener, [{"Field": "path-pattern", "Values": ["/admin/*"]}], 20, [shut])


def fall_ill(group: Any, target: str, reason: int, at: float) -> None:
    """Make a registered target unhealthy from a moment on, in epoch seconds."""
    if not hasattr(group, "ill"):
        group.ill = {}
    group.ill[target] = _REASONS[reason % len(_REASONS)]
    _spells(group, target).append((at, inf))


def recover(group: Any, target: str, at: float) -> None:
    """Make a target healthy again; its metrics remember for a day that it was not."""
    if getattr(group, "ill", {}).pop(target, None) is not None:
        spells = _spells(group, target)
        spells[-1] = spells[-1][0], at
        spells[:] = [spell for spell in spells if spell[1] > at - _REMEMBERED_SECONDS]


def _spells(group: Any, target: str) -> list[tuple[float, float]]:
    """(from, until) of each time that a target was ill, the last perhaps not over."""
    if not hasattr(group, "spells"):
        group.spells = {}
    found: list[tuple[float, float]] = group.spells.setdefault(target, [])
    return found


def install() -> None:
    """Let DescribeTargetHealth tell of ill targets."""
    well = FakeTargetGroup.health_for

    def health_for(self: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
        status = well(self, target, ec2_backend)
        ill = getattr(self, "ill", {}).get(target["Id"])
        if ill and status.status == "healthy":
            status.status, (status.reason, status.description) = "unhealthy", ill
        return status

    bend(FakeTargetGroup, "health_for", health_for)
