"""What scales groups, what holds their instances on the way, and what they did in the last six weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from backends.simulated import accounts, refreshes
from backends.simulated.cloud import Cloud
from backends.simulated.fleets import Activity, Fleets
from backends.simulated.randomness import fraction, number
from backends.simulated.refreshes import Refresh

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
_TOLD_FOR = timedelta(days=42)

_NO_SPOT = (
    "Could not launch Spot Instances. InsufficientInstanceCapacity - We currently do not have sufficient g4dn.xlarge "
    "capacity in the Availability Zone you requested. Launching EC2 instance failed."
)
_NO_QUOTA = (
    "You have requested more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket that the "
    "specified instance type belongs to. VcpuLimitExceeded. Launching EC2 instance failed."
)
_NO_IMAGE = (
    "The image id '[ami-0dead0beef0000001]' does not exist. InvalidAMIID.NotFound. Launching EC2 instance failed."
)
# (account, region, group) → launches that failed: (how long ago in minutes, why)
_FAILED: dict[tuple[str, str, str], tuple[tuple[int, str], ...]] = {
    (_PROD, _EAST, "render-farm"): ((7400, _NO_SPOT), (610, _NO_SPOT), (24, _NO_SPOT)),
    (_DEV, _EAST, "ml-training"): ((3100, _NO_QUOTA), (190, _NO_QUOTA)),
    (_DEV, _SOUTH, "abandoned-poc"): ((21_000, _NO_IMAGE),),
}

# (account, region, group) → policies: (name, type, what else PutScalingPolicy is given)
_POLICIES: dict[tuple[str, str, str], tuple[tuple[str, str, dict[str, Any]], ...]] = {
    (_PROD, _EAST, "web-frontend"): (("web-cpu-55", "TargetTrackingScaling", {"target": 55.0}),),
    (_PROD, _EAST, "checkout-api"): (("checkout-cpu-45", "TargetTrackingScaling", {"target": 45.0, "enabled": False}),),
    (_PROD, _EAST, "queue-workers-spot"): (
        ("queue-depth", "StepScaling", {"steps": (2, 6, 12), "alarms": ("queue-workers-backlog",)}),
    ),
    (_PROD, _EAST, "legacy-monolith"): (("add-one", "SimpleScaling", {"adjustment": 1}),),
    (_PROD, _WEST, "web-frontend"): (("web-cpu-55", "TargetTrackingScaling", {"target": 55.0}),),
    (_DEV, _EAST, "dev-web"): (("dev-cpu-70", "TargetTrackingScaling", {"target": 70.0}),),
}

# (account, region, group) → scheduled actions: (name, cron, (min, desired, max), whether it has ended)
_SCHEDULE: dict[tuple[str, str, str], tuple[tuple[str, str, tuple[int, int, int], bool], ...]] = {
    (_PROD, _SOUTH, "reports-nightly"): (
        ("nightly-up", "0 20 * * *", (0, 6, 10), False),
        ("nightly-down", "0 4 * * *", (0, 0, 10), False),
    ),
    (_DEV, _EAST, "dev-web"): (
        ("evening-off", "0 20 * * 1-5", (0, 0, 0), False),
        ("morning-on", "0 7 * * 1-5", (1, 3, 4), False),
    ),
    (_DEV, _WEST, "load-generators"): (("campaign", "0 9 * * *", (0, 30, 40), True),),
}

# (account, region, group) → hooks: (name, launching?, heartbeat in seconds, default result)
_HOOKS: dict[tuple[str, str, str], tuple[tuple[str, bool, int, str], ...]] = {
    (_PROD, _EAST, "web-frontend"): (("warm-caches", True, 300, "ABANDON"),),
    (_PROD, _EAST, "queue-workers-spot"): (("finish-work", False, 7200, "CONTINUE"),),
    (_PROD, _WEST, "queue-workers-spot"): (("finish-work", False, 1800, "CONTINUE"),),
}
_NODE_HOOKS = (("Launch-LC-Hook", True, 1800, "CONTINUE"), ("Terminate-LC-Hook", False, 1800, "CONTINUE"))

# (account, region, group) → refreshes: (hours ago, minutes it took, status, % done, reason)
_REFRESHES: dict[tuple[str, str, str], tuple[tuple[int, int, str, int, str], ...]] = {
    (_PROD, _EAST, "web-frontend"): ((610, 55, "Successful", 100, ""),),
    (_PROD, _WEST, "checkout-api"): (
        (390, 41, "RollbackSuccessful", 100, "Rolled back: the alarm checkout-5xx is in ALARM."),
        (9, 64, "Failed", 40, "Instances failed to become healthy within the time allowed."),
    ),
}


def plant(cloud: Cloud, fleets: Fleets, now: datetime) -> None:
    """Equip every group of a region; `now` is naive UTC."""
    past: list[tuple[datetime, Any, dict[str, Any]]] = []
    for group in cloud.groups():
        place = cloud.account, cloud.region, group.name
        for name, kind, given in _POLICIES.get(place, ()):
            _policy(cloud, group.name, name, kind, given)
        for name, cron, sizes, ended in _SCHEDULE.get(place, ()):
            _action(cloud, group.name, name, cron, sizes, now - timedelta(days=60) if ended else now, ended)
        hooks = _NODE_HOOKS if group.name.startswith("eks-") else _HOOKS.get(place, ())
        for name, launching, heartbeat, result in hooks:
            _hook(cloud, group.name, name, launching, heartbeat, result)
        for hours, minutes, status, percent, reason in _REFRESHES.get(place, ()):
            _refresh(fleets, group, now - timedelta(hours=hours), minutes, status, percent, reason)
        past += _past(group, now, _FAILED.get(place, ()))
    for at, group, told in sorted(past, key=lambda line: (line[0], line[1].name)):
        cause = f"At {at:%Y-%m-%dT%H:%M:%SZ} the group was below its desired capacity of {group.desired_capacity}."
        fleets.tell(cloud, Activity(fleets.next_activity(), group.name, at, cause=cause, **told))


def _policy(cloud: Cloud, group: str, name: str, kind: str, given: dict[str, Any]) -> None:
    tracking = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": given.get("target"),
        "DisableScaleIn": False,
    }
    policy = cloud.autoscaling.put_scaling_policy(
        name=name,
        policy_type=kind,
        metric_aggregation_type="Average" if kind == "StepScaling" else None,
        adjustment_type=None if kind == "TargetTrackingScaling" else "ChangeInCapacity",
        as_name=group,
        min_adjustment_magnitude=None,
        scaling_adjustment=given.get("adjustment"),
        cooldown=300 if kind == "SimpleScaling" else None,
        target_tracking_config=tracking if kind == "TargetTrackingScaling" else None,
        step_adjustments=[
            {"MetricIntervalLowerBound": 100.0 * index, "ScalingAdjustment": step}
            for index, step in enumerate(given.get("steps", ()))
        ],
        estimated_instance_warmup=None if kind == "SimpleScaling" else 120,
        predictive_scaling_configuration=None,
    )
    policy.enabled = given.get("enabled", True)
    alarms = given.get("alarms", tracking_alarms(group) if kind == "TargetTrackingScaling" else ())
    policy.alarms = [{"AlarmName": alarm, "AlarmARN": cloud.arn("cloudwatch", f"alarm:{alarm}")} for alarm in alarms]


def tracking_alarms(group: str) -> tuple[str, str]:
    """The alarms that AWS makes for a group's target tracking."""
    tail = f"{number('alarm', group):016x}"
    return f"TargetTracking-{group}-AlarmHigh-{tail[:8]}", f"TargetTracking-{group}-AlarmLow-{tail[8:]}"


def tracked() -> list[tuple[str, str, str, float]]:
    """(account, region, group, target) of every group whose size follows its CPU."""
    return [
        (*place, given["target"])
        for place, policies in _POLICIES.items()
        for _, kind, given in policies
        if kind == "TargetTrackingScaling"
    ]


def _next(cron: str, after: datetime) -> datetime:
    """When a line of cron with an hour, and perhaps "1-5" for the days, comes next."""
    at = after.replace(hour=int(cron.split()[1]), minute=0, second=0, microsecond=0)
    while at <= after or (cron.endswith("1-5") and at.weekday() > 4):
        at += timedelta(days=1)
    return at


def _action(
    cloud: Cloud, group: str, name: str, cron: str, sizes: tuple[int, int, int], since: datetime, ended: bool
) -> None:
    low, desired, high = sizes
    start = _next(cron, since)
    action = cloud.autoscaling.put_scheduled_update_group_action(
        name=group,
        desired_capacity=desired,
        max_size=high,
        min_size=low,
        scheduled_action_name=name,
        start_time=f"{start:%Y-%m-%dT%H:%M:%SZ}",
        end_time=f"{start + timedelta(days=14):%Y-%m-%dT%H:%M:%SZ}" if ended else None,
        recurrence=cron,
        timezone="Etc/UTC",
    )
    action.scheduled_action_arn = cloud.arn(
        "autoscaling",
        f"scheduledUpdateGroupAction:{number('action', cloud.account, cloud.region, name):016x}"
        f":autoScalingGroupName/{group}:scheduledActionName/{name}",
    )


def _hook(cloud: Cloud, group: str, name: str, launching: bool, heartbeat: int, result: str) -> None:
    transition = f"autoscaling:EC2_INSTANCE_{'LAUNCHING' if launching else 'TERMINATING'}"
    hook = cloud.autoscaling.create_lifecycle_hook(name, group, transition, heartbeat, result)
    hook.lifecycle_hook_name = name
    hook.global_timeout = min(100 * heartbeat, 172_800)
    hook.role_arn = f"arn:{accounts.PARTITION}:iam::{cloud.account}:role/worker-instance"
    hook.notification_target_arn = cloud.arn("sqs", "lifecycle")


def _refresh(
    fleets: Fleets, group: Any, started: datetime, minutes: int, status: str, percent: int, reason: str
) -> None:
    left = round(len(group.instance_states) * (100 - percent) / 100)
    preferences: dict[str, Any] = {
        "MinHealthyPercentage": 90,
        "MaxHealthyPercentage": 110,
        "InstanceWarmup": 120,
        "BakeTime": 300,
    }
    preferences |= {"AutoRollback": status.startswith("Rollback"), "SkipMatching": True}
    preferences |= {"AlarmSpecification": {"Alarms": ["checkout-5xx"]}} if reason else {}
    wanted = {"LaunchTemplate": {"LaunchTemplateName": group.name, "Version": "2"}}
    made = Refresh(fleets.next_activity(), started, left, preferences, wanted, percent=percent)
    made.end(status, started + timedelta(minutes=minutes), reason)
    if status.startswith("Rollback"):
        made.rollback = {
            "RollbackReason": reason,
            "RollbackStartTime": (started + timedelta(minutes=12)).replace(tzinfo=UTC),
        }
    refreshes.of(group).append(made)


def _past(group: Any, now: datetime, failed: tuple[tuple[int, str], ...]) -> list[tuple[datetime, Any, dict[str, Any]]]:
    """What a group did: the launches of the members that it still has, and those that failed."""
    found: list[tuple[datetime, Any, dict[str, Any]]] = []
    for state in group.instance_states:
        instance = state.instance
        if now - instance.launch_time < _TOLD_FOR:
            told = {"description": f"Launching a new EC2 instance: {instance.id}", "status": "Successful"}
            place = (instance.subnet_id, instance.placement.zone)
            found.append((instance.launch_time, group, {**told, "place": place}))
    for minutes, why in failed:
        at = now - timedelta(minutes=minutes, seconds=int(60 * fraction("failed", group.name, minutes)))
        description = f"Launching a new EC2 instance.  Status Reason: {why}"
        found.append((at, group, {"description": description, "status": "Failed", "message": why}))
    return found
