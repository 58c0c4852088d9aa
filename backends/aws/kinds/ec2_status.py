"""EC2's own view of its machines: whether they can be reached, and what AWS is going to do to them."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

# Of every check AWS tells one detail, "reachability". The paths are such that whole pages are read for them at once.
INSTANCE_STATUS = Kind(
    name="ec2.instance_status",
    title="EC2 instance status",
    service="ec2",
    calls=(
        Call(
            "DescribeInstanceStatus",
            "InstanceStatuses",
            parameters={"IncludeAllInstances": True},
            page=("MaxResults", 1000),
        ),
    ),
    key=("instance_id",),
    columns=(
        Column("instance_id", "InstanceId", help="The instance's id.", narrow=True),
        Column("state", "InstanceState.Name", help="pending, running, stopping, stopped and so on.", narrow=True),
        Column(
            "system",
            "SystemStatus.Status",
            help="The host, its power and network: ok, impaired, initializing, insufficient-data or not-applicable.",
            narrow=True,
        ),
        Column(
            "instance",
            "InstanceStatus.Status",
            help="The instance's own software and network, judged likewise.",
            title="own",
            narrow=True,
        ),
        Column(
            "attached_ebs",
            "AttachedEbsStatus.Status",
            help="Whether its EBS volumes can be reached, judged likewise.",
            title="ebs",
            narrow=True,
        ),
        Column("events", "Events[].Code", "list", help="What AWS has scheduled for it.", narrow=True),
        Column("zone", "AvailabilityZone", help="Its Availability Zone by the account's own name."),
        Column(
            "system_since", "SystemStatus.Details[0].ImpairedSince", "time", help="Since when the host is impaired."
        ),
        Column("instance_since", "InstanceStatus.Details[0].ImpairedSince", "time", help="Since when it is itself."),
        Column("ebs_since", "AttachedEbsStatus.Details[0].ImpairedSince", "time", help="Since when its volumes are."),
        Column(
            "system_check", "SystemStatus.Details[0].Status", help="passed, failed, initializing or insufficient-data."
        ),
        Column("instance_check", "InstanceStatus.Details[0].Status", help="The same of the instance's own check."),
        Column("ebs_check", "AttachedEbsStatus.Details[0].Status", help="The same of its volumes."),
        Column("managed_by", "Operator.Principal", help="The AWS service that manages it, if one does."),
    ),
    cadence=120,
    relations=(
        Relation("instance_id", "ec2.instance", "instance_id"),
        Relation("instance_id", "ec2.scheduled_event", "instance_id"),
    ),
    health=(
        Rule(Health.BAD, "system=impaired", "AWS's host is impaired: stopping and starting moves it to another one"),
        Rule(Health.BAD, "instance=impaired", "it does not answer: its operating system or network is broken"),
        Rule(Health.BAD, "attached_ebs=impaired", "a volume cannot be reached"),
        Rule(Health.WARN, "state=running system=insufficient-data", "its host does not report"),
        Rule(Health.WARN, "state=running instance=initializing", "its checks have not passed yet"),
        Rule(Health.UNKNOWN, "state!=running", "not running, and not checked"),
    ),
    arn="arn:{partition}:ec2:{region}:{account}:instance/{instance_id}",
    sort="instance_id",
    help="Status checks of every instance, from DescribeInstanceStatus.",
)

SCHEDULED_EVENT = Kind(
    name="ec2.scheduled_event",
    title="EC2 scheduled events",
    service="ec2",
    calls=(
        Call(
            "DescribeInstanceStatus",
            "Events",
            within="InstanceStatuses",
            inherit={"InstanceId": "InstanceId", "AvailabilityZone": "AvailabilityZone"},
            parameters={
                "IncludeAllInstances": True,
                "Filters": [
                    {
                        "Name": "event.code",
                        "Values": [
                            "instance-reboot",
                            "system-reboot",
                            "system-maintenance",
                            "instance-retirement",
                            "instance-stop",
                        ],
                    }
                ],
            },
            page=("MaxResults", 1000),
        ),
    ),
    key=("event_id",),
    columns=(
        Column("event_id", "InstanceEventId", help="The event's id.", title="event", narrow=True),
        Column("instance_id", "InstanceId", help="The instance that it concerns.", title="instance", narrow=True),
        Column(
            "code",
            "Code",
            help="instance-reboot, system-reboot, system-maintenance, instance-retirement or instance-stop.",
            narrow=True,
        ),
        Column("begins", "NotBefore", "time", help="When it happens at the earliest.", narrow=True),
        Column("ends", "NotAfter", "time", help="When it is over at the latest."),
        Column("deadline", "NotBeforeDeadline", "time", help="Until when its beginning may be put off."),
        Column(
            "description",
            "Description",
            help="It in AWS's words; what is over begins with [Completed] or [Canceled] for a week more.",
            narrow=True,
        ),
        Column("zone", "AvailabilityZone", help="The Availability Zone by the account's own name."),
    ),
    cadence=300,
    relations=(Relation("instance_id", "ec2.instance", "instance_id"),),
    health=(
        Rule(Health.UNKNOWN, "description~[Completed]", "over"),
        Rule(Health.UNKNOWN, "description~[Canceled]", "called off"),
        Rule(Health.WARN, "code=instance-retirement|instance-stop", "AWS is going to stop the instance"),
        Rule(Health.WARN, "code!=", "AWS is going to reboot the instance or its host"),
    ),
    sort="begins",
    help="What AWS is going to do to instances, from DescribeInstanceStatus.",
)
