"""Fleets: instances, the groups that keep them, their volumes and the spot requests behind them."""

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
    )
    drills: ClassVar[dict[str, str]] = {"autoscaling.group": "ec2.instance"}
