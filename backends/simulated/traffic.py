"""Metrics of load balancers, targets, NAT gateways, volumes and queues: formulas of seed, resource and time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backends.simulated import ailments
from backends.simulated.cloud import Cloud
from backends.simulated.randomness import fraction, number

NAMESPACES = ("AWS/ApplicationELB", "AWS/NetworkELB", "AWS/NATGateway", "AWS/EBS", "AWS/SQS")
DIMENSIONS = ("TargetGroup", "LoadBalancer", "NatGatewayId", "VolumeId")
"""The dimensions that say whose metric it is; of a target group's two the first counts."""

_FORGOTTEN = ("dev-", "legacy", "idle", "old", "forgotten")
_HOUR = 3600
_WHOLE = ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "ActiveConnectionCount")
_OPERATIONS = ("VolumeReadOps", "VolumeWriteOps")
_FAILURES = frozenset({"HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"})


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose metrics they are: `rates` are per second by metric's name, `levels` those that are no sums.

    sparse   metrics of which nothing is told where there was nothing
    stalled  since when it does nothing any more, in epoch seconds
    spells   (from, until) of each time that one of its parts was ill
    """

    key: int
    rates: dict[str, float]
    levels: dict[str, float]
    sparse: frozenset[str] = frozenset()
    stalled: float = float("inf")
    spells: tuple[tuple[float, float], ...] = ()


def subjects(seed: int, cloud: Cloud) -> dict[str, Subject]:
    """Everything in a region that has metrics, by the value of its dimension."""
    found: dict[str, Subject] = {}
    for balancer in cloud.elbv2.load_balancers.values():
        key = balancer.arn.rpartition(":loadbalancer/")[2]
        found[key] = _balancer(number(seed, "balancer", balancer.arn), quiet(balancer.name))
    for group in cloud.elbv2.target_groups.values():
        found[group.arn.rpartition(":")[2]] = _targets(number(seed, "targets", group.arn), group)
    for gateway in cloud.ec2.nat_gateways.values():
        name = next((tag["value"] for tag in gateway.get_tags() if tag["key"] == "Name"), "")
        idle = quiet(name) or cloud.region == "ap-southeast-2"
        found[gateway.id] = _gateway(number(seed, "gateway", gateway.id), idle)
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
        return times, _level(of, metric, statistic, times, period)
    day = np.sin((((times + period / 2) % 86400) / _HOUR - 9) / 24 * 2 * np.pi) if period < 86400 else 0.0
    weekend = np.where((times // 86400 + 3) % 7 >= 5, 0.6, 1.0)
    values = of.rates[metric] * period * (1 + 0.4 * day) * weekend * (1 + 0.15 * _noise(times // period, of.key))
    values = np.where(times >= of.stalled, 0.0, np.round(np.maximum(values, 0.0)))
    return (times[values > 0], values[values > 0]) if metric in of.sparse else (times, values)


def _level(of: Subject, metric: str, statistic: str, times: np.ndarray, period: int) -> np.ndarray:
    base: float | np.ndarray = of.levels[metric]
    noise = _noise(times // _HOUR, of.key)
    if metric in ("UnHealthyHostCount", "HealthyHostCount"):
        return _hosts(of, metric, statistic, times, period)
    if period < _HOUR:
        noise = 0.5 * noise + 0.5 * _noise(times // period, of.key + 7919 * len(metric))
    if statistic == "Maximum" and metric == "Duration":
        base *= 3
    if metric == "VolumeQueueLength":
        base = np.where(times >= of.stalled, 32.0, base)
    decimals = 0 if metric in _WHOLE else 4
    return np.round(np.clip(base * (1 + 0.1 * noise), 0.0, 100.0 if metric == "BurstBalance" else None), decimals)


def _hosts(of: Subject, metric: str, statistic: str, times: np.ndarray, period: int) -> np.ndarray:
    """Targets that are ill, those that have been, and for some minutes of a bad hour some more; or the others."""
    base, bad = of.levels[metric], _noise(times // _HOUR, of.key) > 0.8
    if period < _HOUR:
        bad &= times % _HOUR < 600
    ill = np.zeros(len(times))
    for begin, end in of.spells:
        ill += (times + period > begin) & (times < end)
    if metric == "UnHealthyHostCount":
        return np.maximum(ill, np.where(bad, np.ceil(base), 0.0)) if statistic == "Maximum" else np.zeros(len(times))
    if statistic != "Minimum":
        return np.full(len(times), base)
    return np.maximum(np.minimum(base - ill, np.where(bad, max(base - 1, 0), base)), 0.0)


def quiet(name: str) -> bool:
    """Whether something of that name has hardly anything to do."""
    return any(part in name for part in _FORGOTTEN)


def _balancer(key: int, idle: bool) -> Subject:
    requests = 0.0004 if idle else 20 + key % 60
    rates = {
        "RequestCount": requests,
        "ProcessedBytes": 9_000.0 * requests,
        "HTTPCode_ELB_5XX_Count": 0.0 if idle else requests * 4e-6,
        "HTTPCode_Target_5XX_Count": 0.0 if idle else requests * 3e-4,
    }
    levels = {} if idle else {"TargetResponseTime": 0.04 + key % 100 / 600}
    return Subject(key, rates, levels, sparse=_FAILURES)


def _targets(key: int, group: Any) -> Subject:
    levels = {"UnHealthyHostCount": min(len(group.targets), 2), "HealthyHostCount": len(group.targets)}
    spells = tuple(span for spans in getattr(group, "spells", {}).values() for span in spans)
    return Subject(key, {}, {**levels, "TargetResponseTime": 0.04 + key % 100 / 600}, spells=spells)


def _gateway(key: int, idle: bool) -> Subject:
    sent = 0.0 if idle else 4e4 + key % 200_000
    rates = {"BytesOutToDestination": sent, "BytesInFromDestination": 6.0 * sent, "PacketsDropCount": 0.0}
    return Subject(key, {**rates, "ErrorPortAllocation": 0.0}, {"ActiveConnectionCount": float(round(sent / 900))})


def _volume(key: int, busy: float, volume: Any) -> Subject:
    if not volume.attachment:
        return Subject(key, {}, {})
    rate = 0.00002 if busy < 0.06 else 40 * busy
    levels = {"BurstBalance": 4.0 if busy > 0.92 else 70 + 25 * busy} if volume.volume_type == "gp2" else {}
    levels["VolumeQueueLength"] = rate / 20
    return Subject(key, dict(zip(_OPERATIONS, (rate, 1.7 * rate), strict=True)), levels, stalled=_stalled(volume))


def _stalled(volume: Any) -> float:
    """Since when a volume answers nothing: where its instance's check of its volumes fails."""
    found = ailments.impairment(volume.attachment.instance)
    return found.since.replace(tzinfo=UTC).timestamp() if found and found.check == "ebs" else float("inf")


def _queue(key: int, queue: Any) -> Subject:
    """What is given up waits for days, and a backlog for as long as its work takes."""
    waiting = queue.approximate_number_of_messages
    seconds = 200_000.0 if waiting and queue.name.endswith("dlq") else 20.0 + waiting
    levels = {
        "ApproximateAgeOfOldestMessage": seconds if waiting else 0.0,
        "ApproximateNumberOfMessagesVisible": float(waiting),
    }
    sent = 0.0 if queue.name.endswith("dlq") else (0.02 + key % 100 / 40) * (1 if waiting else 0.1)
    # What has a backlog is not taken as fast as it comes.
    return Subject(key, {"NumberOfMessagesSent": sent, "NumberOfMessagesReceived": 0.8 * sent}, levels)


def _noise(index: np.ndarray, key: int) -> np.ndarray:
    """Numbers between -1 and 1 that depend on index and key alone."""
    mixed = (index.astype(np.uint64) + np.uint64(key)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(40)).astype(np.float64) / 2**23 - 1
