"""IAM: users, roles and policies."""

from __future__ import annotations

from console.screens.resources import ResourceScreen


class IamScreen(ResourceScreen):
    help_page = "iam"
    mode_title = "IAM"
    kinds = (("iam.user", "users"), ("iam.role", "roles"), ("iam.policy", "policies"))
