"""Service Quotas: moto knows no vCPU quota, and none with a metric of its use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_SERVICES = {
    "autoscaling": "Amazon EC2 Auto Scaling",
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "elasticloadbalancing": "Elastic Load Balancing (ELB)",
    "iam": "AWS Identity and Access Management (IAM)",
    "lambda": "AWS Lambda",
}
_BALANCERS = "Elastic Load Balancing/None"
# service, code, name, (value in an account that has been in use for a while, and in a new one), metric of its use
_QUOTAS = (
    (
        "ec2",
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        (640.0, 128.0),
        "EC2/Standard/OnDemand/vCPU",
    ),
    (
        "ec2",
        "L-34B43A08",
        "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        (512.0, 96.0),
        "EC2/Standard/Spot/vCPU",
    ),
    ("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", (64.0, 32.0), "EC2/G/OnDemand/vCPU"),
    ("ec2", "L-3819A6DF", "All G and VT Spot Instance Requests", (64.0, 32.0), "EC2/G/Spot/vCPU"),
    ("ec2", "L-417A185B", "Running On-Demand P instances", (0.0, 0.0), "EC2/P/OnDemand/vCPU"),
    ("ec2", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", (0.0, 0.0), ""),
    ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", (5.0, 5.0), ""),
    (
        "autoscaling",
        "L-CDE20ADC",
        "Auto Scaling groups per region",
        (500.0, 500.0),
        "AutoScaling/None/NumberOfAutoScalingGroup",
    ),
    (
        "elasticloadbalancing",
        "L-53DA6B97",
        "Application Load Balancers per Region",
        (50.0, 50.0),
        f"{_BALANCERS}/ApplicationLoadBalancersPerRegion",
    ),
    (
        "elasticloadbalancing",
        "L-B22855CB",
        "Target Groups per Region",
        (3000.0, 3000.0),
        f"{_BALANCERS}/TargetGroupsPerRegion",
    ),
    ("lambda", "L-B99A9384", "Concurrent executions", (1000.0, 10.0), "lambda"),
)


@answers("service-quotas", "ListServices")
def list_services(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The services that have quotas."""
    return {"Services": [{"ServiceCode": code, "ServiceName": name} for code, name in _SERVICES.items()]}


@answers("service-quotas", "ListServiceQuotas")
def list_service_quotas(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The quotas of a service in a region."""
    service = wire.parameters(request).get("ServiceCode", "")
    if service not in _SERVICES:
        raise wire.AwsError("NoSuchResourceException", f"The request failed because service {service} is unknown.")
    return {"Quotas": [_quota(request, *quota) for quota in _QUOTAS if quota[0] == service]}


def _quota(
    request: wire.Request, service: str, code: str, name: str, values: tuple[float, float], metric: str
) -> dict[str, Any]:
    region, account = request.region, request.account
    told: dict[str, Any] = {
        "ServiceCode": service,
        "ServiceName": _SERVICES[service],
        "QuotaArn": f"arn:{accounts.PARTITION}:servicequotas:{region}:{account}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": values[account != accounts.PRODUCTION.id],
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
    return told | ({"UsageMetric": _metric(metric)} if metric else {})


def _metric(named: str) -> dict[str, Any]:
    """`named` is service/class/resource, as `usage.subjects` has them."""
    if named == "lambda":
        namespace, name, dimensions = "AWS/Lambda", "ConcurrentExecutions", {}
    else:
        service, _, rest = named.partition("/")
        of, _, resource = rest.rpartition("/")
        namespace, name = "AWS/Usage", "ResourceCount"
        dimensions = {"Class": of, "Resource": resource, "Service": service, "Type": "Resource"}
    return {
        "MetricNamespace": namespace,
        "MetricName": name,
        "MetricDimensions": dimensions,
        "MetricStatisticRecommendation": "Maximum",
    }
