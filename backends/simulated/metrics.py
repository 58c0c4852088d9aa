"""CloudWatch metrics of instances: a formula of seed, instance and time, so that asking never changes the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from backends.simulated import ailments
from backends.simulated.randomness import fraction, number

PERIOD = 300
"""Basic monitoring: one sample every five minutes."""
_STRAIN = {"instance": 99.6, "ebs": 1.1, "system": 0.4, "": 0.0}
"""CPU used, in %, while a check fails."""

# profile → (CPU at rest %, swing of the day %, noise %, MB per five minutes, how far traffic swings)
_PROFILES = {
    "steady": (24.0, 9.0, 4.0, 60.0, 0.4),
    "heavy": (58.0, 14.0, 6.0, 240.0, 0.4),
    "office": (9.0, 34.0, 5.0, 35.0, 0.9),
    "batch": (46.0, 4.0, 22.0, 120.0, 0.3),
    "idle": (1.3, 0.3, 0.4, 0.006, 0.2),
}
_METRICS = ("CPUUtilization", "NetworkIn", "NetworkOut")
_CHECKS = {
    "StatusCheckFailed": ("system", "instance", "ebs"),
    "StatusCheckFailed_System": ("system",),
    "StatusCheckFailed_Instance": ("instance",),
    "StatusCheckFailed_AttachedEBS": ("ebs",),
}
"""Which failing checks make a metric 1."""
_SIZES = ("GroupInServiceInstances", "GroupDesiredCapacity")


class Metrics:
    """`profiles` by instance id; instances without one get theirs from what they are."""

    def __init__(self, seed: int, profiles: dict[str, str]) -> None:
        self.seed, self.profiles = seed, profiles
        self.sizes: dict[str, int] = {}

    def profile(self, instance: Any) -> str:
        """How busy an instance is: "steady", "heavy", "office", "batch" or "idle"."""
        known = self.profiles.get(instance.id)
        if known:
            return known
        if fraction(self.seed, "idle", instance.id) < 0.06:
            return "idle"
        return "batch" if instance.lifecycle == "spot" else "steady"

    def series(
        self, instance: Any, metric: str, statistic: str, period: int, start: datetime, end: datetime
    ) -> tuple[np.ndarray, np.ndarray]:
        """Times (epoch seconds, the begins of periods, rising) and values of a statistic over [start, end).

        Values exist only while the instance runs. KeyError for a metric that instances do not have.
        """
        if metric in _CHECKS:
            return _checks(instance, _CHECKS[metric], period, start, end)
        if metric not in _METRICS:
            raise KeyError(metric)
        period = max(period - period % PERIOD, PERIOD)
        first = max(start.timestamp(), instance.launch_time.timestamp())
        begin = int(-(-first // period)) * period
        times = np.arange(begin, int(end.timestamp()), period, dtype=np.int64)
        if not len(times):
            return times, np.empty(0)
        samples = times[:, None] + np.arange(0, period, PERIOD, dtype=np.int64)[None, :]
        values = self._samples(instance, metric, samples)
        reduce: dict[str, Any] = {"Average": np.mean, "Maximum": np.max, "Minimum": np.min, "Sum": np.sum}
        if statistic == "SampleCount":
            return times, np.full(len(times), float(samples.shape[1]))
        if statistic.startswith("p"):
            return times, np.round(np.percentile(values, float(statistic[1:]), axis=1), 4)
        return times, np.round(reduce[statistic](values, axis=1), 4)

    def group_series(
        self, group: Any, metric: str, period: int, start: datetime, end: datetime
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same for a group's average CPU and its instances in service. KeyError for another metric.

        Work comes and goes with the day and the week; the group's size follows it as far as it breathes.
        """
        name = f"{group.account_id}/{group.region}/{group.name}"
        # Old groups never had their own metrics enabled.
        if metric != "CPUUtilization" and (metric not in _SIZES or "legacy" in name):
            raise KeyError(metric)
        period = max(period - period % PERIOD, PERIOD)
        begin = int(-(-start.timestamp() // period)) * period
        times = np.arange(begin, int(end.timestamp()) - period + 1, period, dtype=np.int64)
        low, high = group.min_size or 0, group.max_size or 1
        usual = max(self.sizes.setdefault(name, group.desired_capacity or 0), 1)
        swing = getattr(group, "breathes", 0.0)
        day = np.sin(((times % 86400) / 3600 - 9) / 24 * 2 * np.pi)
        size = np.clip(np.round(usual * (1 + swing * day) + 0.3 * _noise(times // period, number(name))), low, high)
        if metric in _SIZES:
            return times, size
        weekend = np.where((times // 86400 + 3) % 7 >= 5, 0.7, 1.0)
        share = 0.35 + 0.2 * fraction(self.seed, "work", name)
        noise = np.exp(0.08 * _noise(times // period, number(self.seed, "work", name)))
        work = usual * share * (1 + max(1.3 * swing, 0.2) * day) * weekend * noise
        return times, np.round(np.clip(100 * work / np.maximum(size, 1), 0.5, 99.5), 4)

    def _samples(self, instance: Any, metric: str, at: np.ndarray) -> np.ndarray:
        rest, swing, noise, traffic, wave = _PROFILES[self.profile(instance)]
        key = number(self.seed, instance.id, metric)
        phase = fraction(self.seed, instance.autoscaling_group.name if _grouped(instance) else instance.id) * 1.5
        day = np.sin(((at % 86400) / 3600 - 9 + phase) / 24 * 2 * np.pi)
        weekend = np.where((at // 86400 + 3) % 7 >= 5, 0.6, 1.0)
        jitter = _noise(at // PERIOD, key)
        ailing = _ailing(instance, at)
        if metric == "CPUUtilization":
            usual = np.clip((rest + swing * day) * weekend + noise * jitter, 0.1, 99.8)
            return np.where(ailing, _STRAIN[_check(instance)], usual)
        share = 1.0 if metric == "NetworkIn" else 0.7
        bytes_ = traffic * share * 1e6 * (1 + wave * day) * weekend * np.exp(0.25 * jitter)
        return np.round(np.where(ailing, 0.01, 1.0) * np.maximum(bytes_, 0.0))


def _check(instance: Any) -> str:
    """Which check of an instance fails, "" for none."""
    found = ailments.impairment(instance)
    return found.check if found else ""


def _ailing(instance: Any, at: np.ndarray) -> np.ndarray:
    """At which moments an instance ailed: it hangs or has nothing to work on, and hardly anybody hears of it."""
    found = ailments.impairment(instance)
    return at >= (found.since.replace(tzinfo=UTC).timestamp() if found else float("inf"))


def _checks(
    instance: Any, checks: tuple[str, ...], period: int, start: datetime, end: datetime
) -> tuple[np.ndarray, np.ndarray]:
    """1 in each period in which one of those checks failed, else 0; told by the minute of every instance that runs."""
    first = max(start.timestamp(), instance.launch_time.replace(tzinfo=UTC).timestamp())
    times = np.arange(int(-(-first // period)) * period, int(end.timestamp()) - period + 1, period, dtype=np.int64)
    failed = _ailing(instance, times + period - 1) if _check(instance) in checks else np.zeros(len(times), bool)
    return times, failed.astype(np.float64)


def _grouped(instance: Any) -> bool:
    return getattr(instance, "autoscaling_group", None) is not None


def _noise(index: np.ndarray, key: int) -> np.ndarray:
    """Numbers around 0, at most about 2 away, that depend on index and key alone."""
    mixed = index.astype(np.uint64) + np.uint64(key)
    total = np.zeros(index.shape)
    for shift in (np.uint64(30), np.uint64(27), np.uint64(31)):
        mixed = (mixed ^ (mixed >> shift)) * np.uint64(0xBF58476D1CE4E5B9)
        total += (mixed >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5
    return total * 1.4
