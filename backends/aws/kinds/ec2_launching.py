"""What EC2 starts instances from: launch templates and their versions, key pairs and reserved capacity."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

_NAME = "Tags[?Key=='Name'].Value | [0]"
_DATA = "LaunchTemplateData"

LAUNCH_TEMPLATE = Kind(
    name="ec2.launch_template",
    title="Launch templates",
    service="ec2",
    calls=(Call("DescribeLaunchTemplates", "LaunchTemplates", page=("MaxResults", 200)),),
    key=("template_id",),
    columns=(
        Column("template_id", "LaunchTemplateId", help="The template's id.", title="template", narrow=True),
        Column("name", "LaunchTemplateName", help="Its name.", narrow=True),
        Column(
            "default_version",
            "DefaultVersionNumber",
            "integer",
            help="The version that is used where none is named.",
            title="default",
            narrow=True,
        ),
        Column(
            "latest_version", "LatestVersionNumber", "integer", help="The newest version.", title="latest", narrow=True
        ),
        Column(
            "behind",
            "minus(LatestVersionNumber, DefaultVersionNumber)",
            "integer",
            help="How many versions the default lies behind the newest.",
            narrow=True,
        ),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("created_by", "CreatedBy", help="Who made it."),
        Column("managed_by", "Operator.Principal", help="The AWS service that manages it, if one does."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=600,
    arn="arn:{partition}:ec2:{region}:{account}:launch-template/{template_id}",
    sort="name",
    help="What instances are started with, from DescribeLaunchTemplates.",
)

LAUNCH_TEMPLATE_VERSION = Kind(
    name="ec2.launch_template_version",
    title="Launch template versions",
    service="ec2",
    calls=(
        Call(
            "DescribeLaunchTemplateVersions",
            "LaunchTemplateVersions",
            parameters={"Versions": ["$Latest", "$Default"]},
            page=("MaxResults", 200),
        ),
    ),
    key=("template_id", "version"),
    columns=(
        Column("template_id", "LaunchTemplateId", help="The template's id.", title="template"),
        Column("name", "LaunchTemplateName", help="The template's name.", narrow=True),
        Column("version", "VersionNumber", "integer", help="The version.", narrow=True),
        Column(
            "is_default",
            "DefaultVersion",
            "boolean",
            help="Whether it is used where no version is named.",
            title="default",
            narrow=True,
        ),
        Column("instance_type", f"{_DATA}.InstanceType", help="The type that it starts.", title="type", narrow=True),
        Column("image_id", f"{_DATA}.ImageId", help="The AMI, or the SSM parameter that names it.", title="image"),
        Column("imds", f"{_DATA}.MetadataOptions.HttpTokens", help="required: only IMDSv2 is answered.", narrow=True),
        Column(
            "imds_hops",
            f"{_DATA}.MetadataOptions.HttpPutResponseHopLimit",
            "integer",
            help="How far metadata answers travel.",
        ),
        Column(
            "security_groups",
            f"[{_DATA}.SecurityGroupIds, {_DATA}.NetworkInterfaces[].Groups[]][]",
            "list",
            help="The security groups that it gives, those of its interfaces included.",
        ),
        Column("key_name", f"{_DATA}.KeyName", help="The key pair.", title="key"),
        Column(
            "profile",
            f"{_DATA}.IamInstanceProfile.Arn || {_DATA}.IamInstanceProfile.Name",
            help="The instance profile that gives a role.",
        ),
        Column("market", f"{_DATA}.InstanceMarketOptions.MarketType", help="spot or capacity-block; else on demand."),
        Column(
            "public_ip",
            f"{_DATA}.NetworkInterfaces[0].AssociatePublicIpAddress",
            "boolean",
            help="Whether it asks for a public address.",
        ),
        Column(
            "volume_types", f"{_DATA}.BlockDeviceMappings[].Ebs.VolumeType", "list", help="The types of its volumes."
        ),
        Column(
            "user_data",
            f"{_DATA}.UserData != `null`",
            "boolean",
            help="Whether it has user data; the data themselves are never kept.",
        ),
        Column("monitoring", f"{_DATA}.Monitoring.Enabled", "boolean", help="Whether metrics come every minute."),
        Column("description", "VersionDescription", help="What is said of the version."),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("created_by", "CreatedBy", help="Who made it."),
    ),
    cadence=600,
    redact=(f"{_DATA}.UserData",),
    relations=(
        Relation("template_id", "ec2.launch_template", "template_id"),
        Relation("image_id", "ec2.image", "image_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("key_name", "ec2.key_pair", "name"),
        Relation("instance_type", "ec2.instance_type", "instance_type"),
    ),
    health=(Rule(Health.WARN, "imds=optional", "what it starts answers IMDSv1"),),
    sort="name",
    help="The default and the newest version of every launch template, from DescribeLaunchTemplateVersions.",
)

KEY_PAIR = Kind(
    name="ec2.key_pair",
    title="Key pairs",
    service="ec2",
    calls=(Call("DescribeKeyPairs", "KeyPairs"),),
    key=("key_pair_id",),
    columns=(
        Column("key_pair_id", "KeyPairId", help="The key pair's id.", title="key pair", narrow=True),
        Column("name", "KeyName", help="Its name.", narrow=True),
        Column("key_type", "KeyType", help="rsa or ed25519.", title="type", narrow=True),
        Column("created", "CreateTime", "time", help="When it was made or imported.", narrow=True),
        Column("fingerprint", "KeyFingerprint", help="The fingerprint by which the key is told from others."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=1800,
    arn="arn:{partition}:ec2:{region}:{account}:key-pair/{key_pair_id}",
    sort="name",
    help="Public keys that instances are started with, from DescribeKeyPairs. AWS keeps no private key.",
)

CAPACITY_RESERVATION = Kind(
    name="ec2.capacity_reservation",
    title="Capacity reservations",
    service="ec2",
    calls=(Call("DescribeCapacityReservations", "CapacityReservations", page=("MaxResults", 1000)),),
    key=("reservation_id",),
    columns=(
        Column(
            "reservation_id", "CapacityReservationId", help="The reservation's id.", title="reservation", narrow=True
        ),
        Column("name", _NAME, help="Its tag Name."),
        Column(
            "state",
            "State",
            help="active, expired, cancelled, pending, failed, scheduled, assessing or payment-pending.",
            narrow=True,
        ),
        Column("instance_type", "InstanceType", help="The type that it holds.", title="type", narrow=True),
        Column("total", "TotalInstanceCount", "integer", help="Instances that it holds room for.", narrow=True),
        Column(
            "used",
            "minus(TotalInstanceCount, AvailableInstanceCount)",
            "integer",
            help="Instances that run in it.",
            narrow=True,
        ),
        Column("free", "AvailableInstanceCount", "integer", help="Room that nothing uses, and that is paid for."),
        Column("zone", "AvailabilityZone", help="Its Availability Zone by the account's own name.", narrow=True),
        Column("zone_id", "AvailabilityZoneId", help="Its Availability Zone by the id that all accounts share."),
        Column("platform", "InstancePlatform", help="The operating system it is for."),
        Column("tenancy", "Tenancy", help="default or dedicated."),
        Column(
            "match", "InstanceMatchCriteria", help="open: any fitting instance uses it; targeted: those that name it."
        ),
        Column("reservation_type", "ReservationType", help="default or capacity-block."),
        Column("started", "StartDate", "time", help="Since when it holds."),
        Column("ends", "EndDate", "time", help="When it ends by itself."),
        Column("end_type", "EndDateType", help="unlimited, or limited by its end."),
        Column(
            "committed_until", "CommitmentInfo.CommitmentEndDate", "time", help="Until when it cannot be cancelled."
        ),
        Column("owner_id", "OwnerId", help="The account that owns it; another one's is shared with this."),
        Column("billed_to", "UnusedReservationBillingOwnerId", help="The account that pays for what is not used."),
        Column("created", "CreateDate", "time", help="When it was made."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=600,
    relations=(Relation("instance_type", "ec2.instance_type", "instance_type"),),
    health=(
        Rule(Health.BAD, "state=failed|payment-failed", "AWS could not give it"),
        Rule(Health.WARN, "state=active used=0", "nothing runs in it, and all of it is paid for"),
        Rule(Health.WARN, "state=active free>0", "part of it is paid for and not used"),
        Rule(Health.UNKNOWN, "state=expired|cancelled", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{owner_id}:capacity-reservation/{reservation_id}",
    sort="-free",
    help="Room that is held and paid for whether used or not, from DescribeCapacityReservations.",
)
