"""IAM: what people and machines log in with: the credential report, access keys and MFA devices.

AWS makes the report at most every four hours; a newer key is listed all the same, only its use is not told yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from backends.aws.convert import Unfit, time
from backends.aws.kinds.iam_report import NOT_YET, REPORT, ROOT, USERS, report_rows
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

_ROOT_DEVICE = ":mfa/root-account-mfa-device"
_KEYS = ("1", "2")


def _report(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    made = next((page.get("GeneratedTime") for page in pages), None)
    return [row | {"generated": made} for row in report_rows(pages)]


def _key_columns(number: str) -> tuple[Column, ...]:
    key = f"access_key_{number}"
    return (
        Column(f"key_{number}_active", f"{key}_active", "boolean", help=f"Whether access key {number} works."),
        Column(f"key_{number}_made", f"{key}_last_rotated", "time", help=f"When access key {number} was made."),
        Column(
            f"key_{number}_used",
            f"{key}_last_used_date",
            "time",
            help=f"When access key {number} was last used.",
            volatile=True,
        ),
        Column(
            f"key_{number}_service",
            f"{key}_last_used_service",
            help=f"For which service access key {number} was last used.",
            volatile=True,
        ),
        Column(
            f"key_{number}_region",
            f"{key}_last_used_region",
            help=f"In which region access key {number} was last used.",
            volatile=True,
        ),
    )


CREDENTIAL_REPORT = Kind(
    name="iam.credential_report",
    title="IAM credential report",
    service="iam",
    calls=(
        Call("GenerateCredentialReport", "@"),
        Call("GetCredentialReport", "@", answer=_report, not_yet=NOT_YET),
    ),
    key=("name",),
    columns=(
        Column("name", "user", help=f"The user's name; {ROOT} is the root user.", title="user", narrow=True),
        Column("password", "password_enabled", "boolean", help="Whether it has a password.", narrow=True),
        Column("mfa", "mfa_active", "boolean", help="Whether an MFA device is asked for.", title="MFA", narrow=True),
        Column(
            "password_used",
            "password_last_used",
            "time",
            help="When the password was last used.",
            volatile=True,
            narrow=True,
        ),
        *_key_columns("1"),
        *_key_columns("2"),
        Column("password_changed", "password_last_changed", "time", help="When the password was last changed."),
        Column("password_rotation", "password_next_rotation", "time", help="When it must be changed again."),
        Column("certificate_1_active", "cert_1_active", "boolean", help="Whether signing certificate 1 works."),
        Column("certificate_2_active", "cert_2_active", "boolean", help="Whether signing certificate 2 works."),
        Column("created", "user_creation_time", "time", help="When the user was created."),
        Column("arn", "arn", help="Its ARN."),
        Column("generated", "generated", "time", help="When AWS made the report.", volatile=True),
    ),
    regional=False,
    cadence=3600,
    relations=(Relation("name", "iam.user", "name"), Relation("name", "iam.access_key", "user")),
    health=(
        Rule(Health.BAD, f'name="{ROOT}" key_1_active=true', "the root user has an access key"),
        Rule(Health.BAD, f'name="{ROOT}" key_2_active=true', "the root user has an access key"),
        Rule(Health.BAD, f'name="{ROOT}" mfa=false', "the root user has no MFA device"),
        Rule(Health.WARN, f'name="{ROOT}" password_used>-7d', "the root user was used within a week"),
        Rule(Health.WARN, "password=true mfa=false", "a password alone lets it in"),
        Rule(Health.WARN, "key_1_active=true key_1_made<-90d", "an access key is older than 90 days"),
        Rule(Health.WARN, "key_2_active=true key_2_made<-90d", "an access key is older than 90 days"),
        Rule(Health.WARN, "password=true password_used<-45d", "its password was not used for 45 days"),
    ),
    arn="{arn}",
    sort="name",
    help="A line for each user and one for the root user, from GenerateCredentialReport and GetCredentialReport. AWS "
    "makes it anew at most every four hours.",
)


def _instant(value: Any) -> datetime | None:
    try:
        return time(value).replace(microsecond=0)
    except Unfit:
        return None


def _keys(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """The user's keys; the report, which knows no ids, tells of the one that was made at the same second."""
    report: Json = elements[0]["Report"]
    told = {_instant(report.get(f"access_key_{number}_last_rotated")): f"access_key_{number}" for number in _KEYS}
    for key in (key for page in pages for key in page.get("AccessKeyMetadata", [])):
        of = told.get(_instant(key.get("CreateDate"))) if key.get("CreateDate") else None
        use = {name: report.get(f"{of}_last_used_{name}") for name in ("date", "region", "service")} if of else {}
        yield key | {"LastUsed": use, "Used": bool(use["date"]) if of else None}


ACCESS_KEY = Kind(
    name="iam.access_key",
    title="IAM access keys",
    service="iam",
    calls=(
        *REPORT,
        USERS,
        Call("ListAccessKeys", "AccessKeyMetadata", arguments={"UserName": "Detail.UserName"}, answer=_keys),
    ),
    key=("access_key_id",),
    columns=(
        Column("access_key_id", "AccessKeyId", help="The key's id.", title="access key", narrow=True),
        Column("user", "UserName", help="Whose it is.", narrow=True),
        Column("status", "Status", help="Active or Inactive.", narrow=True),
        Column("created", "CreateDate", "time", help="When it was made.", narrow=True),
        Column("last_used", "LastUsed.date", "time", help="When it was last used.", volatile=True, narrow=True),
        Column(
            "used",
            "Used",
            "boolean",
            help="Whether it was ever used, by the credential report; not set where that does not know it yet.",
        ),
        Column("last_used_service", "LastUsed.service", help="For which service it was last used.", volatile=True),
        Column("last_used_region", "LastUsed.region", help="In which region it was last used.", volatile=True),
    ),
    regional=False,
    cadence=3600,
    relations=(Relation("user", "iam.user", "name"),),
    health=(
        Rule(Health.WARN, "status=Active created<-90d", "works and is older than 90 days"),
        Rule(Health.WARN, "status=Active last_used<-45d", "works and was not used for 45 days"),
        Rule(Health.WARN, "status=Active used=false created<-7d", "works and was never used"),
    ),
    sort="user",
    help="Access keys, never their secrets: ids and states from ListAccessKeys, their use from the credential report, "
    "which AWS makes at most every four hours. Those of the root user only the report tells.",
)


def _devices(elements: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """Users that the report says to have a device, to be asked about; and virtual devices that are not a user's."""
    report = elements[0].get("Report") or {}
    for user, row in report.items():
        if row.get("mfa_active") == "true" and user != ROOT:
            yield {"Ask": user}
    virtual = [device for page in pages for device in page.get("VirtualMFADevices", [])]
    for device in virtual:
        owner = device.get("User", {}).get("UserName")
        root = ROOT if str(device.get("SerialNumber")).endswith(_ROOT_DEVICE) else None
        if root or owner is None or report.get(owner, {}).get("mfa_active") != "true":
            told = {name: device.get(name) for name in ("SerialNumber", "EnableDate")}
            yield {"Virtual": told | {"UserName": root or owner}}


_DEVICE = "(Own || Virtual)"

MFA_DEVICE = Kind(
    name="iam.mfa_device",
    title="IAM MFA devices",
    service="iam",
    calls=(
        *REPORT,
        Call(
            "ListVirtualMFADevices",
            "VirtualMFADevices",
            parameters={"AssignmentStatus": "Any"},
            page=("MaxItems", 1000),
            answer=_devices,
        ),
        Call(
            "ListMFADevices",
            "MFADevices[].{Own: @}",
            arguments={"UserName": "Ask"},
            keep={"Virtual": "Virtual"},
            where="Ask",
            optional=True,
        ),
    ),
    key=("serial",),
    columns=(
        Column(
            "serial", f"{_DEVICE}.SerialNumber", help="The device's serial number or ARN.", title="device", narrow=True
        ),
        Column("user", f"{_DEVICE}.UserName", help="Whose it is; not set where it is nobody's.", narrow=True),
        Column(
            "device_type",
            f"starts_with({_DEVICE}.SerialNumber, 'arn:') && "
            f"(contains({_DEVICE}.SerialNumber, ':u2f/') && 'security key' || 'virtual') || 'hardware'",
            help="virtual (an app), security key (FIDO) or hardware (a token).",
            title="type",
            narrow=True,
        ),
        Column("enabled", f"{_DEVICE}.EnableDate", "time", help="Since when it is asked for.", narrow=True),
    ),
    regional=False,
    cadence=3600,
    relations=(Relation("user", "iam.user", "name"),),
    health=(Rule(Health.WARN, "user=", "made, but nobody's"),),
    sort="user",
    help="MFA devices and whose they are, from ListVirtualMFADevices, and ListMFADevices of the users that have one by "
    "the credential report.",
)
