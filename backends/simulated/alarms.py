"""Alarms that look: on the targets of a target group, and on other alarms."""

from __future__ import annotations

from typing import Any

from backends.simulated.cloud import Cloud


def judge(cloud: Cloud) -> None:
    """Let the alarms of a region see what is: what `watches` a target group, then what follows from other alarms."""
    alarms: list[Any] = list(cloud.cloudwatch.alarms.values())
    for alarm in alarms:
        watched = cloud.elbv2.target_groups.get(getattr(alarm, "watches", ""))
        if watched is not None:
            ill = sum(target in getattr(watched, "ill", {}) for target in watched.targets)
            _turn(alarm, ill >= alarm.threshold, f"Threshold Crossed: 1 datapoint [{ill:.1f}] was judged.")
    for alarm in alarms:
        children = [cloud.cloudwatch.alarms[name] for name in getattr(alarm, "children", ())]
        if children:
            loud = [child.alarm_arn for child in children if child.state_value == "ALARM"]
            _turn(alarm, bool(loud), f"{', '.join(loud) or 'No alarm'} in ALARM.")


def _turn(alarm: Any, raised: bool, reason: str) -> None:
    state = "ALARM" if raised else "OK"
    if alarm.state_value != state:
        alarm.update_state(reason, "{}", state)
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
