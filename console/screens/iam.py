"""IAM: users, roles and policies, and what people and machines log in with."""

from __future__ import annotations

from console.screens.resources import ResourceScreen


class IamScreen(ResourceScreen):
    help_page = "iam"
    mode_title = "IAM"
    kinds = (
        ("iam.user", "users"),
        ("iam.role", "roles"),
        ("iam.policy", "policies"),
        ("iam.group", "groups"),
        ("iam.access_key", "access keys"),
        ("iam.mfa_device", "MFA devices"),
        ("iam.credential_report", "report"),
    )
