"""EC2's copies: snapshots of volumes and the images (AMIs) that instances start from, the account's own only."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"

SNAPSHOT = Kind(
    name="ec2.snapshot",
    title="EBS snapshots",
    service="ec2",
    calls=(Call("DescribeSnapshots", "Snapshots", parameters={"OwnerIds": ["self"]}, page=("MaxResults", 1000)),),
    key=("snapshot_id",),
    columns=(
        Column("snapshot_id", "SnapshotId", help="The snapshot's id.", title="snapshot", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column("state", "State", help="pending, completed, error, recoverable or recovering.", narrow=True),
        Column("started", "StartTime", "time", help="The moment that it shows.", narrow=True),
        Column(
            "size", "VolumeSize", "integer", help="The size of the volume it was taken of.", unit="GiB", narrow=True
        ),
        Column(
            "full_size",
            "FullSnapshotSizeInBytes",
            "integer",
            help="What it holds in all; AWS bills only what differs from the snapshot before.",
            unit="B",
        ),
        Column(
            "volume_id",
            "VolumeId",
            help="The volume it was taken of, which may be gone; vol-ffffffff for a copied snapshot.",
            title="volume",
        ),
        Column("description", "Description", help="What it is said to be; AWS writes there which image it is part of."),
        Column("encrypted", "Encrypted", "boolean", help="Whether its data are encrypted."),
        Column("kms_key", "KmsKeyId", help="The KMS key that encrypts it."),
        Column("tier", "StorageTier", help="standard, or archive: cheaper, but restored in days."),
        Column(
            "restore_until", "RestoreExpiryTime", "time", help="When one restored from the archive goes back there."
        ),
        Column("progress", "Progress", help="How much of it is done.", volatile=True),
        Column("completed", "CompletionTime", "time", help="When it was done."),
        Column("problem", "StateMessage", help="Why it failed, as AWS tells it."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=1800,
    relations=(Relation("volume_id", "ec2.volume", "volume_id"),),
    health=(
        Rule(Health.BAD, "state=error", "it failed: nothing can be restored from it"),
        Rule(Health.WARN, "state=recoverable", "deleted, and for now in the recycle bin"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:snapshot/{snapshot_id}",
    sort="-started",
    help="Copies of volumes that this account owns, from DescribeSnapshots.",
)

PUBLIC_SNAPSHOT = Kind(
    name="ec2.public_snapshot",
    title="Public EBS snapshots",
    service="ec2",
    calls=(
        Call(
            "DescribeSnapshots",
            "Snapshots",
            parameters={"OwnerIds": ["self"], "RestorableByUserIds": ["all"]},
            page=("MaxResults", 1000),
        ),
    ),
    key=("snapshot_id",),
    columns=(
        Column("snapshot_id", "SnapshotId", help="The snapshot's id.", title="snapshot", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "size", "VolumeSize", "integer", help="The size of the volume it was taken of.", unit="GiB", narrow=True
        ),
        Column("started", "StartTime", "time", help="The moment that it shows.", narrow=True),
        Column("volume_id", "VolumeId", help="The volume it was taken of.", title="volume"),
        Column("description", "Description", help="What it is said to be."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
    ),
    cadence=600,
    relations=(Relation("snapshot_id", "ec2.snapshot", "snapshot_id"),),
    health=(Rule(Health.BAD, "snapshot_id!=", "anybody with an AWS account can copy these data"),),
    arn="arn:{partition}:ec2:{region}:{account}:snapshot/{snapshot_id}",
    sort="-started",
    help="Those of this account's snapshots that everybody may restore, from DescribeSnapshots; there should be none.",
)

IMAGE = Kind(
    name="ec2.image",
    title="Images (AMIs)",
    service="ec2",
    calls=(
        Call(
            "DescribeImages",
            "Images",
            parameters={"Owners": ["self"], "IncludeDeprecated": True, "IncludeDisabled": True},
            page=("MaxResults", 1000),
        ),
    ),
    key=("image_id",),
    columns=(
        Column("image_id", "ImageId", help="The image's id.", title="image", narrow=True),
        Column("name", "Name", help="Its name.", narrow=True),
        Column(
            "state",
            "State",
            help="pending, available, disabled, deregistered, transient, failed or error.",
            narrow=True,
        ),
        Column("created", "CreationDate", "time", help="When it was made.", narrow=True),
        Column("public", "Public", "boolean", help="Whether everybody may start instances from it.", narrow=True),
        Column("architecture", "Architecture", help="i386, x86_64, arm64 or a Mac's."),
        Column("platform", "PlatformDetails", help="What the operating system is billed as."),
        Column("description", "Description", help="What it is said to be."),
        Column("snapshots", "BlockDeviceMappings[].Ebs.SnapshotId", "list", help="The snapshots that it is made of."),
        Column("source_instance", "SourceInstanceId", help="The instance that it was made from."),
        Column("source_image", "SourceImageId", help="The image that it was copied or made from."),
        Column(
            "last_launched", "LastLaunchedTime", "time", help="When it was last started, a day late.", volatile=True
        ),
        Column("deprecated", "DeprecationTime", "time", help="From when on AWS hides it from others."),
        Column(
            "imds", "ImdsSupport", help="v2.0: instances started from it answer only IMDSv2, unless told otherwise."
        ),
        Column("boot_mode", "BootMode", help="legacy-bios, uefi or uefi-preferred."),
        Column("root_device", "RootDeviceType", help="ebs or instance-store."),
        Column("virtualization", "VirtualizationType", help="hvm, or paravirtual for the oldest."),
        Column("ena", "EnaSupport", "boolean", help="Whether it drives AWS's faster network."),
        Column("protection", "DeregistrationProtection", help="Whether it can be deregistered."),
        Column("problem", "StateReason.Message", help="Why it is in this state, as AWS tells it."),
        Column("owner_id", "OwnerId", help="The account that owns it."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=1800,
    relations=(
        Relation("snapshots", "ec2.snapshot", "snapshot_id"),
        Relation("source_instance", "ec2.instance", "instance_id"),
    ),
    health=(
        Rule(Health.BAD, "state=failed|error|invalid", "no instance can be started from it"),
        Rule(Health.BAD, "public=true", "anybody with an AWS account can start it and read its disks"),
        Rule(Health.WARN, "deprecated<now", "deprecated: what still starts it should move on"),
        Rule(Health.WARN, "virtualization=paravirtual", "only the oldest instance types run it"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:image/{image_id}",
    sort="-created",
    help="Machine images that this account owns, deprecated and disabled ones included, from DescribeImages.",
)
