"""Clusters: EKS clusters, their node groups, their instances; enter goes one step down."""

from __future__ import annotations

from typing import ClassVar

from console.screens.resources import ResourceScreen


class ClustersScreen(ResourceScreen):
    help_page = "clusters"
    mode_title = "clusters"
    kinds = (
        ("eks.cluster", "clusters"),
        ("eks.nodegroup", "node groups"),
        ("eks.addon", "add-ons"),
        ("eks.insight", "insights"),
        ("eks.update", "updates"),
        ("eks.access_entry", "access"),
        ("eks.fargate_profile", "Fargate"),
        ("eks.cluster_version", "versions"),
    )
    drills: ClassVar[dict[str, str]] = {
        "eks.cluster": "eks.nodegroup",
        "eks.nodegroup": "autoscaling.group",
        "autoscaling.group": "ec2.instance",
    }
