"""What AWS/Usage and AWS/Lambda tell of quotas: vCPUs that run, load balancers and groups there are, executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backends.simulated import accounts, catalog
from backends.simulated.cloud import Cloud

NAMESPACES = ("AWS/Usage", "AWS/Lambda")
_EVER = 1 << 40
_EXECUTIONS = {accounts.PRODUCTION.id: 310.0, accounts.SANDBOX.id: 9.0}
_BUSY = {"us-east-1": 1.0, "eu-west-1": 0.6, "ap-southeast-2": 0.3}


@dataclass(frozen=True, slots=True)
class Usage:
    """`spans` are (from, until, how many) in epoch seconds; `wave` is the top of what rises and falls with the day."""

    spans: tuple[tuple[float, float, float], ...] = ()
    wave: float = 0.0

    def series(self, period: int, start: datetime, end: datetime) -> tuple[np.ndarray, np.ndarray]:
        """Times (epoch seconds, the begins of periods, the last not over yet) and the most in each.

        None where nothing was used.
        """
        begin = -int(-start.timestamp() // period) * period
        times = np.arange(begin, int(end.timestamp()), period, dtype=np.int64)
        values = np.ceil(self.wave * (0.95 + 0.05 * np.sin((times % 86_400 / 3600 - 9) / 24 * 2 * np.pi)))
        for first, last, count in self.spans:
            values += np.where((times + period > first) & (times < last), count, 0.0)
        return times[values > 0], values[values > 0]


def key(metric: dict[str, Any]) -> str:
    """What `subjects` has the use under that a metric measures."""
    told = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions") or []}
    of = [told[name] for name in ("Service", "Class", "Resource") if name in told]
    return "/".join(("usage", metric["Namespace"], *of))


def subjects(cloud: Cloud) -> dict[str, Usage]:
    """What is used of the quotas of a region, by `key`."""
    spans: dict[str, list[tuple[float, float, float]]] = {}
    for instance in cloud.instances():
        kind = catalog.TYPES[instance.instance_type]
        family = "G" if kind.family.startswith("g") else "Standard"
        market = "Spot" if instance.lifecycle == "spot" else "OnDemand"
        spans.setdefault(f"EC2/{family}/{market}/vCPU", []).append((*_ran(instance), kind.vcpus))
    balancers = sum("/app/" in balancer.arn for balancer in cloud.elbv2.load_balancers.values())
    there = {
        "AutoScaling/None/NumberOfAutoScalingGroup": len(cloud.groups()),
        "Elastic Load Balancing/None/ApplicationLoadBalancersPerRegion": balancers,
        "Elastic Load Balancing/None/TargetGroupsPerRegion": len(cloud.elbv2.target_groups),
    }
    found = {f"usage/AWS/Usage/{name}": Usage(tuple(told)) for name, told in spans.items()}
    found |= {f"usage/AWS/Usage/{name}": Usage(((0.0, _EVER, count),)) for name, count in there.items()}
    executions = _EXECUTIONS.get(cloud.account, 0.0) * _BUSY[cloud.region]
    return found | {"usage/AWS/Lambda": Usage(wave=executions)}


def _ran(instance: Any) -> tuple[float, float]:
    """From when until when an instance ran, in epoch seconds."""
    began = instance.launch_time.replace(tzinfo=UTC).timestamp()
    if instance.state == "running":
        return began, float(_EVER)
    ended = getattr(instance, "ended_at", None) or instance.launch_time
    return began, ended.replace(tzinfo=UTC).timestamp()
