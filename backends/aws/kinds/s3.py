"""S3: buckets of a region and who can get at them.

ListBuckets asked for one region lets each bucket be asked about where it is.
"""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Rule

_KEPT = ("Bucket", "Denied", "Block", "Encryption", "Versioning", "Public")


def _about(operation: str, member: str, *absent: str) -> Call:
    """One question about each bucket, whose answer is kept under `member`. A bucket's own policy may deny it."""
    before = _KEPT[: _KEPT.index(member)]
    return Call(
        operation,
        f"@.{{{member}: @}}",
        arguments={"Bucket": "Bucket.Name"},
        keep={name: name for name in before},
        optional=True,
        singly=True,
        absent=absent,
    )


_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_BLOCK = "Block.PublicAccessBlockConfiguration"
_ENCRYPTION = "Encryption.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault"

BUCKET = Kind(
    name="s3.bucket",
    title="S3 buckets",
    service="s3",
    calls=(
        Call(
            "ListBuckets",
            "Buckets[].{Bucket: @}",
            parameters={"BucketRegion": "{region}"},
            page=("MaxBuckets", 1000),
        ),
        _about("GetPublicAccessBlock", "Block", "NoSuchPublicAccessBlockConfiguration"),
        _about("GetBucketEncryption", "Encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        _about("GetBucketVersioning", "Versioning"),
        _about("GetBucketPolicyStatus", "Public", "NoSuchBucketPolicy"),
    ),
    key=("name",),
    columns=(
        Column("name", "Bucket.Name", help="The bucket's name.", title="bucket", narrow=True),
        Column(
            "public",
            "Public.PolicyStatus.IsPublic",
            "boolean",
            help="Whether its policy lets everybody in; not set where it has none.",
            narrow=True,
        ),
        Column(
            "blocked",
            " && ".join(f"{_BLOCK}.{name}" for name in _BLOCKS),
            "boolean",
            help="Whether it blocks all public access by itself; the account may do so as well.",
            narrow=True,
        ),
        Column("encryption", f"{_ENCRYPTION}.SSEAlgorithm", help="AES256, aws:kms or aws:kms:dsse.", narrow=True),
        Column("versioning", "Versioning.Status", help="Enabled or Suspended; not set: never enabled.", narrow=True),
        Column("mfa_delete", "Versioning.MFADelete", help="Whether deleting a version needs an MFA device."),
        Column("kms_key", f"{_ENCRYPTION}.KMSMasterKeyID", help="The KMS key that encrypts it."),
        Column(
            "bucket_key",
            "Encryption.ServerSideEncryptionConfiguration.Rules[0].BucketKeyEnabled",
            "boolean",
            help="Whether a key of the bucket saves calls to KMS.",
        ),
        Column("denied", "Denied", "list", help="What may not be asked about it, as its own policy may have it."),
        Column("created", "Bucket.CreationDate", "time", help="When it was created, or its policy last changed."),
    ),
    cadence=3600,
    health=(
        Rule(Health.BAD, "public=true blocked=false", "its policy lets everybody in"),
        Rule(Health.BAD, "public=true blocked= denied=", "its policy lets everybody in"),
        Rule(Health.WARN, "blocked=false", "does not block all public access"),
        Rule(Health.UNKNOWN, "denied!=", "who can get at it may not be asked"),
        Rule(Health.WARN, "blocked=", "does not block public access"),
        Rule(Health.WARN, "versioning=", "what is deleted in it is gone: it keeps no versions"),
    ),
    arn="arn:{partition}:s3:::{name}",
    sort="name",
    help="Buckets by region, from ListBuckets, GetPublicAccessBlock, GetBucketEncryption, GetBucketVersioning and "
    "GetBucketPolicyStatus: four requests a bucket.",
)
