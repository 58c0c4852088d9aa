"""The names by which a view is opened: `quarterdeck fleets`. Data only: the entry point reads it first."""

from __future__ import annotations

VIEWS: dict[str, str] = {
    "home": "what needs attention now",
    "clusters": "EKS clusters and node groups",
    "fleets": "instances, volumes, Auto Scaling groups",
    "spot": "spot prices and their forecasts",
    "iam": "users, roles and policies",
    "networking": "VPCs, subnets, security groups, load balancers",
    "costs": "what it costs, by day and service",
    "advice": "what could be better, with its evidence",
    "coverage": "what is observed, how well, and every error",
}
