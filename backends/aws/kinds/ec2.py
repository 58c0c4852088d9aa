"""EC2: instances, volumes and Spot requests."""

from __future__ import annotations

from functools import partial

from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_NAME = "Tags[?Key=='Name'].Value | [0]"

_LOAD = partial(Watched, "AWS/EC2", dimensions={"InstanceId": "InstanceId"})
_INSTANCE_WATCHED = (
    _LOAD(
        *("CPUUtilization", "Average"),
        title="CPU",
        help="CPU used, on average over the period.",
        unit="%",
        warn=">=80",
        bad=">=95",
    ),
    _LOAD("CPUUtilization", "Maximum", title="CPU at most", help="The most CPU used in the period.", unit="%"),
    _LOAD("NetworkIn", "Sum", title="network in", help="What came in during the period.", unit="B"),
    _LOAD("NetworkOut", "Sum", title="network out", help="What went out during the period.", unit="B"),
    _LOAD(
        *("StatusCheckFailed", "Maximum"),
        title="checks failed",
        help="1 where a status check failed, of the system, of the instance or of its volumes.",
        bad=">0",
    ),
)

INSTANCE = Kind(
    name="ec2.instance",
    title="EC2 instances",
    service="ec2",
    calls=(
        Call(
            "DescribeInstances",
            within="Reservations",
            items="Instances",
            inherit={"ReservationId": "ReservationId", "OwnerId": "OwnerId", "RequesterId": "RequesterId"},
            page=("MaxResults", 1000),
        ),
    ),
    key=("instance_id",),
    columns=(
        Column("instance_id", "InstanceId", help="The instance's id.", title="instance", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "state", "State.Name", help="pending, running, stopping, stopped, shutting-down or terminated.", narrow=True
        ),
        Column("instance_type", "InstanceType", help="Its instance type.", title="type", narrow=True),
        Column("lifecycle", "InstanceLifecycle || 'on-demand'", help="on-demand, spot, scheduled or capacity-block."),
        Column("zone", "Placement.AvailabilityZone", help="Its Availability Zone by the account's own name."),
        Column("private_ip", "PrivateIpAddress", help="Its primary private IPv4 address.", narrow=True),
        Column("public_ip", "PublicIpAddress", help="Its public IPv4 address, if it has one."),
        Column("ipv6", "Ipv6Address", help="Its primary IPv6 address, if it has one."),
        Column("launched", "LaunchTime", "time", help="When it was last started."),
        Column(
            "auto_scaling_group",
            "Tags[?Key=='aws:autoscaling:groupName'].Value | [0]",
            help="The Auto Scaling group it belongs to.",
        ),
        Column(
            "eks_cluster", "Tags[?Key=='aws:eks:cluster-name'].Value | [0]", help="The EKS cluster it is a node of."
        ),
        Column(
            "eks_nodegroup", "Tags[?Key=='eks:nodegroup-name'].Value | [0]", help="The EKS node group it belongs to."
        ),
        Column("vpc_id", "VpcId", help="Its VPC.", title="vpc"),
        Column("subnet_id", "SubnetId", help="Its subnet.", title="subnet"),
        Column(
            "security_groups", "SecurityGroups[].GroupId", "list", help="The security groups of its primary interface."
        ),
        Column("volumes", "BlockDeviceMappings[].Ebs.VolumeId", "list", help="The EBS volumes attached to it."),
        Column("image_id", "ImageId", help="The AMI it was launched from.", title="image"),
        Column("architecture", "Architecture", help="i386, x86_64, arm64 or a Mac's."),
        Column("platform", "PlatformDetails", help="What the operating system is billed as."),
        Column("profile", "IamInstanceProfile.Arn", help="The instance profile that gives it a role."),
        Column("key_name", "KeyName", help="The key pair it was launched with.", title="key"),
        Column("imds", "MetadataOptions.HttpTokens", help="required: only IMDSv2 is answered; optional: also IMDSv1."),
        Column(
            "imds_hops", "MetadataOptions.HttpPutResponseHopLimit", "integer", help="How far metadata answers travel."
        ),
        Column("monitoring", "Monitoring.State", help="enabled: CloudWatch metrics every minute; else every five."),
        Column("ebs_optimized", "EbsOptimized", "boolean", help="Whether it has bandwidth of its own for EBS."),
        Column("tenancy", "Placement.Tenancy", help="default, dedicated or host."),
        Column("spot_request_id", "SpotInstanceRequestId", help="The Spot request that it fulfils."),
        Column("fleet_id", "Tags[?Key=='aws:ec2:fleet-id'].Value | [0]", help="The EC2 fleet it belongs to."),
        Column(
            "spot_fleet_id",
            "Tags[?Key=='aws:ec2spot:fleet-request-id'].Value | [0]",
            help="The Spot Fleet request it belongs to.",
        ),
        Column("capacity_reservation_id", "CapacityReservationId", help="The capacity reservation it runs in."),
        Column("private_dns", "PrivateDnsName", help="Its private DNS name."),
        Column("public_dns", "PublicDnsName", help="Its public DNS name."),
        Column("state_reason", "StateReason.Message", help="Why it is in this state, as AWS tells it."),
        Column("state_transition", "StateTransitionReason", help="What caused the last change of state, and when."),
        Column("owner_id", "OwnerId", help="The account that owns the reservation."),
        Column("reservation_id", "ReservationId", help="The launch request that it came from."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=60,
    redact=("UserData",),
    relations=(
        Relation("volumes", "ec2.volume", "volume_id"),
        Relation("subnet_id", "vpc.subnet", "subnet_id"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("auto_scaling_group", "autoscaling.group", "name"),
        Relation("eks_cluster", "eks.cluster", "name"),
        Relation("spot_request_id", "ec2.spot_request", "request_id"),
        Relation("instance_id", "cloudwatch.instance_cpu", "instance_id"),
        Relation("image_id", "ec2.image", "image_id"),
        Relation("key_name", "ec2.key_pair", "name"),
        Relation("fleet_id", "ec2.fleet", "fleet_id"),
        Relation("spot_fleet_id", "ec2.spot_fleet", "request_id"),
        Relation("capacity_reservation_id", "ec2.capacity_reservation", "reservation_id"),
    ),
    health=(
        Rule(Health.WARN, "state=running imds=optional public_ip!=", "answers IMDSv1 and has a public address"),
        Rule(Health.WARN, "state=stopped", "stopped: its volumes are still paid for"),
        Rule(Health.WARN, "state=pending", "starting"),
        Rule(Health.WARN, "state=stopping", "stopping"),
        Rule(Health.UNKNOWN, "state=shutting-down", "terminating"),
        Rule(Health.UNKNOWN, "state=terminated", "terminated"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:instance/{instance_id}",
    sort="name",
    help="Virtual machines, from DescribeInstances. Terminated ones stay in AWS's answer for about an hour.",
    watched=_INSTANCE_WATCHED,
)

_USE = partial(Watched, "AWS/EBS", dimensions={"VolumeId": "VolumeId"})
_VOLUME_WATCHED = (
    _USE("VolumeQueueLength", "Average", title="queue", help="Operations that waited to be done."),
    _USE("VolumeReadOps", "Sum", title="reads", help="Reads in the period."),
    _USE("VolumeWriteOps", "Sum", title="writes", help="Writes in the period."),
    _USE(
        *("BurstBalance", "Minimum"),
        title="burst credits",
        help="What is left of the credits for bursts; without any the volume is slowed down.",
        unit="%",
        warn="<=20",
        bad="<=0",
        when="contains(['gp2', 'st1', 'sc1'], VolumeType)",
    ),
)

VOLUME = Kind(
    name="ec2.volume",
    title="EBS volumes",
    service="ec2",
    calls=(Call("DescribeVolumes", "Volumes", page=("MaxResults", 500)),),
    key=("volume_id",),
    columns=(
        Column("volume_id", "VolumeId", help="The volume's id.", title="volume", narrow=True),
        Column("name", _NAME, help="Its tag Name.", narrow=True),
        Column(
            "state", "State", help="creating, available (attached to nothing), in-use, deleting or error.", narrow=True
        ),
        Column(
            "volume_type", "VolumeType", help="gp3, gp2, io1, io2, st1, sc1 or standard.", title="type", narrow=True
        ),
        Column("size", "Size", "integer", help="Its size.", unit="GiB", narrow=True),
        Column("iops", "Iops", "integer", help="Provisioned or baseline operations a second.", unit="1/s"),
        Column("throughput", "Throughput", "integer", help="Provisioned throughput; only gp3 has it.", unit="MiB/s"),
        Column("instance_id", "Attachments[0].InstanceId", help="The instance it is attached to.", title="instance"),
        Column("device", "Attachments[0].Device", help="The device name it is attached as."),
        Column("attachment", "Attachments[0].State", help="attaching, attached, detaching, detached or busy."),
        Column("attached_at", "Attachments[0].AttachTime", "time", help="When it was attached."),
        Column(
            "delete_on_termination",
            "Attachments[0].DeleteOnTermination",
            "boolean",
            help="Whether it is deleted with its instance.",
        ),
        Column("encrypted", "Encrypted", "boolean", help="Whether its data are encrypted."),
        Column("kms_key", "KmsKeyId", help="The KMS key that encrypts it."),
        Column("zone", "AvailabilityZone", help="Its Availability Zone by the account's own name."),
        Column("snapshot_id", "SnapshotId", help="The snapshot it was made from.", title="snapshot"),
        Column("multi_attach", "MultiAttachEnabled", "boolean", help="Whether several instances may attach it."),
        Column("created", "CreateTime", "time", help="When it was created."),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    relations=(
        Relation("instance_id", "ec2.instance", "instance_id", ends_if="delete_on_termination"),
        Relation("snapshot_id", "ec2.snapshot", "snapshot_id"),
    ),
    health=(
        Rule(Health.BAD, "state=error", "AWS reports an error"),
        Rule(Health.WARN, "state=available", "attached to nothing, and paid for"),
        Rule(Health.WARN, "attachment=busy", "cannot be detached: the instance still uses it"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:volume/{volume_id}",
    sort="name",
    help="Block storage, from DescribeVolumes.",
    watched=_VOLUME_WATCHED,
)

SPOT_REQUEST = Kind(
    name="ec2.spot_request",
    title="Spot requests",
    service="ec2",
    calls=(Call("DescribeSpotInstanceRequests", "SpotInstanceRequests", page=("MaxResults", 1000)),),
    key=("request_id",),
    columns=(
        Column("request_id", "SpotInstanceRequestId", help="The request's id.", title="request", narrow=True),
        Column("state", "State", help="open, active, closed, cancelled or failed.", narrow=True),
        Column("status", "Status.Code", help="AWS's status code, as fulfilled or capacity-not-available.", narrow=True),
        Column(
            "instance_type", "LaunchSpecification.InstanceType", help="The type asked for.", title="type", narrow=True
        ),
        Column("instance_id", "InstanceId", help="The instance that fulfils it.", title="instance"),
        Column("zone", "LaunchedAvailabilityZone", help="The Availability Zone where it was fulfilled."),
        Column(
            "max_price",
            "SpotPrice",
            "number",
            help="The most that is paid; the On-Demand price if not set.",
            unit="USD/h",
        ),
        Column("product", "ProductDescription", help="What the operating system is billed as."),
        Column("request_type", "Type", help="one-time or persistent."),
        Column(
            "interruption",
            "InstanceInterruptionBehavior",
            help="What AWS does on an interruption: terminate, stop or hibernate.",
        ),
        Column("status_message", "Status.Message", help="The status in AWS's words."),
        Column("status_at", "Status.UpdateTime", "time", help="When the status last changed.", volatile=True),
        Column("fault", "Fault.Code", help="Why it failed."),
        Column("created", "CreateTime", "time", help="When it was made."),
        Column("valid_until", "ValidUntil", "time", help="When it ends by itself."),
        Column("image_id", "LaunchSpecification.ImageId", help="The AMI asked for.", title="image"),
        Column("subnet_id", "LaunchSpecification.SubnetId", help="The subnet asked for.", title="subnet"),
        Column("tags", "Tags", "tags", help="All its tags."),
    ),
    cadence=120,
    redact=("LaunchSpecification.UserData",),
    relations=(Relation("instance_id", "ec2.instance", "instance_id", ended=("status", "instance-terminated")),),
    health=(
        Rule(Health.BAD, "state=failed", "failed"),
        Rule(Health.BAD, "status=marked-for-termination|marked-for-stop", "AWS is taking the instance back"),
        Rule(Health.BAD, "status~instance-terminated-", "AWS took the instance back"),
        Rule(Health.WARN, "status~capacity", "no capacity for it"),
        Rule(Health.WARN, "status~price", "its highest price is too low"),
        Rule(Health.WARN, "state=open", "not fulfilled yet"),
        Rule(Health.UNKNOWN, "state=closed|cancelled", "over"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:spot-instances-request/{request_id}",
    sort="-created",
    help="Requests for Spot Instances, from DescribeSpotInstanceRequests.",
)
