"""S3 buckets and secrets: one bucket open to everybody, old secrets that nobody rotates or reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.s3.models import s3_backends
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends

from backends.simulated import accounts
from backends.simulated.bend import bend
from backends.simulated.hostile import CANARIES

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class BucketSeed:
    """`policy` is "" for none, "public" or "private"."""

    account: str
    region: str
    name: str
    age: int
    blocked: bool | None = True
    encryption: str = "AES256"
    versioning: str | None = "Enabled"
    policy: str = ""


BUCKETS: tuple[BucketSeed, ...] = (
    BucketSeed(_PROD, _EAST, "example-artifacts", 1400, policy="private"),
    BucketSeed(_PROD, _EAST, "example-backups", 1380, encryption="aws:kms"),
    BucketSeed(_PROD, _EAST, "example-public-assets", 1600, blocked=None, versioning=None, policy="public"),
    BucketSeed(_PROD, _EAST, "example-old-uploads", 2200, blocked=False, encryption="", versioning="Suspended"),
    BucketSeed(_PROD, _WEST, "example-gdpr-exports", 400, encryption="aws:kms"),
    BucketSeed(_DEV, _EAST, "example-playground", 700, blocked=None, versioning=None),
)


@dataclass(frozen=True, slots=True)
class SecretSeed:
    """Ages in days; `rotates` is how many days pass between rotations, `rotated` how long ago it was."""

    account: str
    region: str
    name: str
    age: int
    used: int | None = 0
    rotates: int | None = None
    rotated: int = 0
    deleted: bool = False


SECRETS: tuple[SecretSeed, ...] = (
    SecretSeed(_PROD, _EAST, "prod/orders/database", 900, rotates=30, rotated=12),
    SecretSeed(_PROD, _EAST, "prod/reports/database", 800, rotates=30, rotated=74),
    SecretSeed(_PROD, _EAST, "prod/mail/api-key", 1300),
    SecretSeed(_PROD, _EAST, "legacy/ftp-password", 1900, used=700),
    SecretSeed(_PROD, _WEST, "prod/orders/database", 600, rotates=30, rotated=3),
    SecretSeed(_DEV, _EAST, "try/token", 220, used=None, deleted=True),
)


def install() -> None:
    """Let a secret tell the day on which it was last read."""
    told = FakeSecret.to_dict

    def to_dict(self: Any) -> dict[str, Any]:
        return told(self) | {"LastAccessedDate": getattr(self, "last_read", None)}

    bend(FakeSecret, "to_dict", to_dict)


def plant(now: datetime) -> None:
    """Make the buckets and the secrets."""
    for bucket in BUCKETS:
        _bucket(bucket, now)
    for secret in SECRETS:
        _secret(secret, now)


def _bucket(seed: BucketSeed, now: datetime) -> None:
    backend = s3_backends[seed.account][accounts.PARTITION]
    made = backend.create_bucket(seed.name, seed.region)
    made.creation_date = now - timedelta(days=seed.age)
    made.versioning_status = seed.versioning
    if seed.encryption:
        by_default = {"SSEAlgorithm": seed.encryption}
        if seed.encryption == "aws:kms":
            by_default["KMSMasterKeyID"] = f"arn:aws:kms:{seed.region}:{seed.account}:alias/buckets"
        rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
        made.encryption = {"Rule": rule}
    if seed.blocked is not None:
        backend.put_public_access_block(
            seed.name,
            {
                name: str(seed.blocked or name == "BlockPublicAcls").lower()
                for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
            },
        )
    if seed.policy:
        principal: Any = "*" if seed.policy == "public" else {"AWS": f"arn:aws:iam::{seed.account}:root"}
        statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject"}
        statement["Resource"] = f"arn:aws:s3:::{seed.name}/*"
        made.policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()


def _secret(seed: SecretSeed, now: datetime) -> None:
    backend = secretsmanager_backends[seed.account][seed.region]
    tags = [{"Key": "env", "Value": seed.name.partition("/")[0]}]
    backend.create_secret(seed.name, CANARIES[6], None, f"{seed.name} for the simulation", tags, None, None, [], False)
    made: Any = backend.secrets[seed.name]

    def ago(days: float) -> int:
        return int((now - timedelta(days=days)).replace(tzinfo=UTC).timestamp())

    made.created_date, made.last_changed_date = ago(seed.age), ago(seed.rotated if seed.rotates else seed.age)
    made.last_read = None if seed.used is None else ago(seed.used) // 86_400 * 86_400
    if seed.rotates:
        made.rotation_requested = made.rotation_enabled = True
        made.rotation_lambda_arn = f"arn:aws:lambda:{seed.region}:{seed.account}:function:rotate-db-password"
        made.auto_rotate_after_days, made.last_rotation_date = seed.rotates, ago(seed.rotated)
        made.next_rotation_date = ago(seed.rotated - seed.rotates)
    if seed.deleted:
        made.deleted_date = ago(5)
