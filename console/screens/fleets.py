"""Fleets: instances and the groups that keep them, their volumes, requests and checks, and what they start from."""

from __future__ import annotations

from typing import ClassVar

from console.screens.resources import ResourceScreen


class FleetsScreen(ResourceScreen):
    help_page = "fleets"
    mode_title = "fleets"
    kinds = (
        ("ec2.instance", "instances"),
        ("autoscaling.group", "groups"),
        ("ec2.volume", "volumes"),
        ("ec2.spot_request", "spot requests"),
        ("ec2.instance_status", "checks"),
        ("ec2.scheduled_event", "events"),
        ("ec2.fleet", "fleets"),
        ("ec2.launch_template", "templates"),
        ("ec2.image", "images"),
        ("ec2.snapshot", "snapshots"),
        ("autoscaling.activity", "activities"),
        ("autoscaling.policy", "policies"),
        ("autoscaling.scheduled_action", "schedules"),
        ("autoscaling.instance_refresh", "refreshes"),
    )
    drills: ClassVar[dict[str, str]] = {"autoscaling.group": "ec2.instance"}
