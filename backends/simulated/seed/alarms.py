"""Alarms: on the health of targets, on what scales groups, and some that nobody would hear or that hear nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backends.simulated import accounts, alarms
from backends.simulated.cloud import Cloud
from backends.simulated.seed import scaling

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class AlarmSeed:
    """`for_hours` is how long it has been in its state; `told` whom it tells, "" for nobody.

    An alarm that a scaling policy names calls that policy instead.
    """

    account: str
    region: str
    name: str
    metric: tuple[str, str]
    threshold: float
    state: str = "OK"
    for_hours: float = 200
    told: str = "on-call"
    enabled: bool = True
    dimensions: tuple[tuple[str, str], ...] = ()


_ALARMS = (
    AlarmSeed(_PROD, _EAST, "queue-workers-backlog", ("AWS/SQS", "ApproximateNumberOfMessagesVisible"), 5000),
    AlarmSeed(_PROD, _WEST, "checkout-5xx", ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"), 50),
    AlarmSeed(
        _PROD, _EAST, "nightly-export-failed", ("Exports", "Failures"), 1, "INSUFFICIENT_DATA", for_hours=960
    ),
    AlarmSeed(_PROD, _EAST, "legacy-disk-full", ("CWAgent", "disk_used_percent"), 90, enabled=False, for_hours=4100),
    AlarmSeed(_PROD, _EAST, "spend-today", ("AWS/Billing", "EstimatedCharges"), 900, told="", for_hours=9000),
    AlarmSeed(_PROD, _SOUTH, "replica-lag", ("AWS/RDS", "ReplicaLag"), 60, "ALARM", for_hours=3),
    AlarmSeed(_DEV, _EAST, "gpu-idle", ("Training", "GpuUtilization"), 5, "ALARM", for_hours=70, told=""),
)  # fmt: skip


def plant(cloud: Cloud, now: datetime) -> None:
    """Make the alarms of a region, and let them look. `now` is naive UTC."""
    for seed in _ALARMS:
        if (seed.account, seed.region) == (cloud.account, cloud.region):
            _alarm(cloud, seed, now)
    for account, region, group, target in scaling.tracked():
        if (account, region) == (cloud.account, cloud.region):
            _tracking(cloud, group, target, now)
    if cloud.account == _PROD:
        _targets(cloud, now)
    alarms.judge(cloud)


def _alarm(cloud: Cloud, seed: AlarmSeed, now: datetime) -> Any:
    namespace, metric = seed.metric
    policies = cloud.autoscaling.policies.values()
    calls = [policy.arn for policy in policies if seed.name in (alarm["AlarmName"] for alarm in policy.alarms)]
    made = cloud.cloudwatch.put_metric_alarm(
        name=seed.name,
        namespace=namespace,
        metric_name=metric,
        comparison_operator="GreaterThanOrEqualToThreshold",
        evaluation_periods=3,
        datapoints_to_alarm=2,
        period=60,
        threshold=seed.threshold,
        statistic="Maximum",
        description=f"Somebody looks after {seed.name}.",
        dimensions=[{"Name": name, "Value": value} for name, value in seed.dimensions],
        alarm_actions=calls or ([cloud.arn("sns", seed.told)] if seed.told else []),
        treat_missing_data="missing",
        actions_enabled=seed.enabled,
    )
    made.state_value = seed.state
    made.state_reason = {
        "OK": "Threshold Crossed: no datapoints were outside of the threshold.",
        "ALARM": f"Threshold Crossed: 2 datapoints were greater than or equal to the threshold ({seed.threshold}).",
    }.get(seed.state, "Insufficient Data: 3 datapoints were unknown.")
    made.state_updated_timestamp = made.state_transitioned_timestamp = now - timedelta(hours=seed.for_hours)
    made.configuration_updated_timestamp = now - timedelta(hours=seed.for_hours + 2000)
    return made


def _tracking(cloud: Cloud, group: str, target: float, now: datetime) -> None:
    """The two alarms of a target tracking policy; the lower one is in ALARM whenever there is little to do."""
    high, low = scaling.tracking_alarms(group)
    for name, threshold, state, comparison in (
        (high, target, "OK", "GreaterThanThreshold"),
        (low, 0.7 * target, "ALARM", "LessThanThreshold"),
    ):
        seed = AlarmSeed(
            cloud.account, cloud.region, name, ("AWS/EC2", "CPUUtilization"), threshold, state, for_hours=1.5,
            dimensions=(("AutoScalingGroupName", group),),
        )  # fmt: skip
        _alarm(cloud, seed, now).comparison_operator = comparison


def _targets(cloud: Cloud, now: datetime) -> None:
    """One alarm for each target group, and one for all of them."""
    names = []
    for group in cloud.elbv2.target_groups.values():
        balancer = next(iter(group.load_balancer_arns), "")
        dimensions = (
            ("TargetGroup", group.arn.rpartition(":")[2]),
            ("LoadBalancer", balancer.rpartition(":loadbalancer/")[2]),
        )
        seed = AlarmSeed(
            cloud.account, cloud.region, f"{group.name}-unhealthy-hosts",
            ("AWS/ApplicationELB", "UnHealthyHostCount"), 1.0, for_hours=0.6, dimensions=dimensions,
        )  # fmt: skip
        _alarm(cloud, seed, now).watches = group.arn
        names.append(seed.name)
    made = cloud.cloudwatch.put_metric_alarm(
        name="edge-is-sick",
        namespace=None,
        metric_name=None,
        comparison_operator=None,
        evaluation_periods=None,
        period=None,
        threshold=None,
        statistic=None,
        description="Any target group has unhealthy targets.",
        dimensions=[],
        alarm_actions=[cloud.arn("sns", "on-call")],
        rule=" OR ".join(f'ALARM("{name}")' for name in names),
    )
    made.children = tuple(names)
    made.state_reason = "No alarm in ALARM."
    made.state_updated_timestamp = made.state_transitioned_timestamp = now - timedelta(hours=30)
    made.configuration_updated_timestamp = now - timedelta(hours=4000)
