"""Metrics of load balancers, targets, NAT gateways, volumes and queues: formulas of seed, resource and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from backends.simulated.cloud import Cloud
from backends.simulated.randomness import fraction, number

NAMESPACES = ("AWS/ApplicationELB", "AWS/NATGateway", "AWS/EBS", "AWS/SQS")
DIMENSIONS = ("TargetGroup", "LoadBalancer", "NatGatewayId", "VolumeId")
"""The dimensions that say whose metric it is; of a target group's two the first counts."""

_FORGOTTEN = ("dev-", "legacy", "idle", "old", "forgotten")
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose metrics they are: `rates` are per second by metric's name, `levels` those that are no sums."""

    key: int
    rates: dict[str, float]
    levels: dict[str, float]


def subjects(seed: int, cloud: Cloud) -> dict[str, Subject]:
    """Everything in a region that has metrics, by the value of its dimension."""
    found: dict[str, Subject] = {}
    for balancer in cloud.elbv2.load_balancers.values():
        key = balancer.arn.rpartition(":loadbalancer/")[2]
        found[key] = _balancer(number(seed, "balancer", balancer.arn), _idle(balancer.name))
    for group in cloud.elbv2.target_groups.values():
        found[group.arn.rpartition(":")[2]] = _targets(number(seed, "targets", group.arn), group)
    for gateway in cloud.ec2.nat_gateways.values():
        name = next((tag["value"] for tag in gateway.get_tags() if tag["key"] == "Name"), "")
        quiet = _idle(name) or cloud.region == "ap-southeast-2"
        found[gateway.id] = _gateway(number(seed, "gateway", gateway.id), quiet)
    for volume in cloud.ec2.volumes.values():
        found[volume.id] = _volume(number(seed, "volume", volume.id), fraction(seed, "busy", volume.id), volume)
    for queue in cloud.sqs.queues.values():
        found[f"queue {queue.name}"] = _queue(number(seed, "queue", queue.queue_arn), queue)
    return found


def series(
    of: Subject, metric: str, statistic: str, period: int, start: datetime, end: datetime
) -> tuple[np.ndarray, np.ndarray]:
    """Times (epoch seconds, the begins of whole periods) and values. KeyError for a metric that it does not have."""
    begin = int(start.timestamp()) // period * period
    times = np.arange(begin, int(end.timestamp()) - period + 1, period, dtype=np.int64)
    if metric in of.levels:
        return times, _level(of, metric, statistic, times)
    day = np.sin((((times + period / 2) % 86400) / _HOUR - 9) / 24 * 2 * np.pi) if period < 86400 else 0.0
    weekend = np.where((times // 86400 + 3) % 7 >= 5, 0.6, 1.0)
    values = of.rates[metric] * period * (1 + 0.4 * day) * weekend * (1 + 0.15 * _noise(times // period, of.key))
    return times, np.round(np.maximum(values, 0.0))


def _level(of: Subject, metric: str, statistic: str, times: np.ndarray) -> np.ndarray:
    base, noise = of.levels[metric], _noise(times // _HOUR, of.key)
    if metric == "UnHealthyHostCount":
        return np.where(noise > 0.8, np.ceil(base), 0.0) if statistic == "Maximum" else np.zeros(len(times))
    if metric == "HealthyHostCount":
        return np.where(noise > 0.8, max(base - 1, 0), base) if statistic == "Minimum" else np.full(len(times), base)
    decimals = 0 if metric == "ApproximateAgeOfOldestMessage" else 4
    return np.round(np.clip(base * (1 + 0.1 * noise), 0.0, 100.0 if metric == "BurstBalance" else None), decimals)


def _idle(name: str) -> bool:
    return any(part in name for part in _FORGOTTEN)


def _balancer(key: int, idle: bool) -> Subject:
    requests = 0.0004 if idle else 20 + key % 60
    rates = {
        "RequestCount": requests,
        "ProcessedBytes": 9_000.0 * requests,
        "HTTPCode_ELB_5XX_Count": 0.0 if idle else requests * 4e-6,
        "HTTPCode_Target_5XX_Count": 0.0 if idle else requests * 3e-4,
    }
    return Subject(key, rates, {})


def _targets(key: int, group: Any) -> Subject:
    levels = {"UnHealthyHostCount": min(len(group.targets), 2), "HealthyHostCount": len(group.targets)}
    return Subject(key, {}, {**levels, "TargetResponseTime": 0.04 + key % 100 / 600})


def _gateway(key: int, idle: bool) -> Subject:
    sent = 0.0 if idle else 4e4 + key % 200_000
    rates = {"BytesOutToDestination": sent, "BytesInFromDestination": 6.0 * sent, "PacketsDropCount": 0.0}
    return Subject(key, {**rates, "ErrorPortAllocation": 0.0}, {})


def _volume(key: int, busy: float, volume: Any) -> Subject:
    if not volume.attachment:
        return Subject(key, {}, {})
    rate = 0.00002 if busy < 0.06 else 40 * busy
    levels = {"BurstBalance": 4.0 if busy > 0.92 else 70 + 25 * busy} if volume.volume_type == "gp2" else {}
    return Subject(key, {"VolumeReadOps": rate, "VolumeWriteOps": 1.7 * rate}, levels)


def _queue(key: int, queue: Any) -> Subject:
    """What is given up waits for days, and a backlog for as long as its work takes."""
    waiting = queue.approximate_number_of_messages
    seconds = 200_000.0 if waiting and queue.name.endswith("dlq") else 20.0 + waiting
    return Subject(key, {}, {"ApproximateAgeOfOldestMessage": seconds if waiting else 0.0})


def _noise(index: np.ndarray, key: int) -> np.ndarray:
    """Numbers between -1 and 1 that depend on index and key alone."""
    mixed = (index.astype(np.uint64) + np.uint64(key)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(40)).astype(np.float64) / 2**23 - 1
