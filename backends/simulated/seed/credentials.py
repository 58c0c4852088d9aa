"""IAM: MFA devices of each sort, the password policy, and what the root user has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import VirtualMfaDevice

from backends.simulated import accounts
from backends.simulated.accounts import SimulatedAccount
from backends.simulated.cloud import Cloud

_HARDWARE = {"dana.okafor": "GAHT00041177"}
_SECURITY_KEYS = {"alice.moreau": "u2f/user/alice.moreau/yubikey-7f3a"}
_FORGOTTEN = "spare-phone"
_ROOT_DEVICE = "root-account-mfa-device"


def plant(account: SimulatedAccount, now: datetime) -> None:
    """Give the people of one account, made before, their devices."""
    iam = Cloud(account.id, "us-east-1").iam
    for user in iam.users.values():
        for device in list(user.mfa_devices.values()):
            device.enable_date = user.create_date + timedelta(days=1)
            _sort(iam, account, user, device)
    if account is accounts.PRODUCTION:
        _virtual(iam, account, _FORGOTTEN, None)
        _virtual(iam, account, _ROOT_DEVICE, now - timedelta(days=2000))
        iam.update_account_password_policy(True, False, 0, 12, 5, True, True, False, True)


def _sort(iam: Any, account: SimulatedAccount, user: Any, device: Any) -> None:
    """Most are virtual; a few are tokens and security keys, which IAM tells by their serial numbers."""
    key = _SECURITY_KEYS.get(user.name) if account is accounts.PRODUCTION else None
    other = _HARDWARE.get(user.name) or (key and f"arn:{accounts.PARTITION}:iam::{account.id}:{key}")
    if other:
        del user.mfa_devices[device.serial_number]
        device.serial_number = other
        user.mfa_devices[other] = device
        return
    virtual = _virtual(iam, account, user.name, device.enable_date)
    virtual.user_attribute = {"Arn": user.arn, "UserName": user.name, "UserId": user.id, "Path": user.path}


def _virtual(iam: Any, account: SimulatedAccount, name: str, enabled: datetime | None) -> Any:
    device = VirtualMfaDevice(account.id, "us-east-1", f"/{name}")
    device.qr_code_png = b""
    device.enable_date = enabled
    iam.virtual_mfa_devices[device.serial_number] = device
    return device
