"""IAM: the credential report and the summary, with the root user, what keys were used for, and certificates."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backends.simulated import accounts, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_CERTIFICATE = ("active", "last_rotated")
_COLUMNS = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in _KEY),
    *(f"cert_{number}_{name}" for number in (1, 2) for name in _CERTIFICATE),
)
_NO_KEY = ("false", "N/A", "N/A", "N/A", "N/A")
_NO_CERTIFICATES = ("false", "N/A") * 2


@answers("iam", "GetCredentialReport")
def get_credential_report(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """A line for the root user and one for each user, as of now, once GenerateCredentialReport has been asked."""
    iam = Cloud(request.account, request.region).iam
    if not iam.report_generated():
        raise wire.AwsError("ReportNotPresent", "No report is present: call GenerateCredentialReport.", 410)
    now = simulation.clock.naive()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerow(_root(request.account, simulation.clock.start.replace(tzinfo=None)))
    writer.writerows(_user(user) for user in sorted(iam.users.values(), key=lambda user: str(user.name)))
    return {"Content": text.getvalue().encode(), "ReportFormat": "text/csv", "GeneratedTime": now}


@answers("iam", "GetAccountSummary")
def get_account_summary(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """moto's counts, and of the root user what the credential report tells."""
    counted = Cloud(request.account, request.region).iam.account_summary.summary_map
    kept = request.account == accounts.PRODUCTION.id
    root = {"AccountMFAEnabled": int(kept), "AccountAccessKeysPresent": int(not kept), "AccountPasswordPresent": 1}
    return {"SummaryMap": counted | root}


def _written(instant: datetime | None, otherwise: str = "N/A") -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S+00:00}" if instant else otherwise


def _root(account: str, start: datetime) -> tuple[str, ...]:
    """The sandbox's root user has no MFA device, an access key of its own, and was used before the world's start."""
    kept = account == accounts.PRODUCTION.id
    used = _written(start - timedelta(days=340 if kept else 2, hours=5))
    key = _NO_KEY if kept else ("true", _written(start - timedelta(days=1400)), "N/A", "N/A", "N/A")
    return (
        *("<root_account>", f"arn:{accounts.PARTITION}:iam::{account}:root"),
        *(_written(start - timedelta(days=2200)), "not_supported", used, "not_supported", "not_supported"),
        *("true" if kept else "false", *key, *_NO_KEY, *_NO_CERTIFICATES),
    )


def _user(user: Any) -> tuple[str, ...]:
    created = _written(user.create_date)
    password = (
        ("true", _written(user.password_last_used, "no_information"), created, "N/A")
        if user.password
        else ("false", "N/A", "N/A", "N/A")
    )
    keys = [part for key in (*user.access_keys, None, None)[:2] for part in (_key(key) if key else _NO_KEY)]
    has_device = "true" if user.mfa_devices else "false"
    return user.name, user.arn, created, *password, has_device, *keys, *_NO_CERTIFICATES


def _key(key: Any) -> tuple[str, ...]:
    active, made = "true" if key.status == "Active" else "false", _written(key.create_date)
    if key.last_used is None:
        return active, made, "N/A", "N/A", "N/A"
    return active, made, _written(key.last_used.timestamp), key.last_used.region, key.last_used.service
