"""RDS: database instances and the clusters of Aurora and Multi-AZ deployments."""

from __future__ import annotations

from functools import partial

from backends.model import Call, Column, Health, Kind, Relation, Rule, Watched

_CHANGING = (
    "backing-up|configuring-enhanced-monitoring|configuring-iam-database-auth|configuring-log-exports|"
    "converting-to-vpc|creating|deleting|maintenance|migrating|modifying|moving-to-vpc|promoting|rebooting|"
    "resetting-master-credentials|renaming|starting|stopping|storage-config-upgrade|storage-initialization|"
    "storage-optimization|upgrading|failing-over|preparing-data-migration|scaling-compute|"
    "scaling-storage|switchover"
)
_BROKEN = (
    "failed|inaccessible-encryption-credentials|inaccessible-encryption-credentials-recoverable|incompatible-network|"
    "incompatible-option-group|incompatible-parameters|incompatible-restore|insufficient-capacity|restore-error|"
    "migration-failed|incompatible-create"
)

_GIB = 1024**3
_DATABASE = partial(
    Watched, "AWS/RDS", statistic="Average", dimensions={"DBInstanceIdentifier": "DBInstanceIdentifier"}
)
_WATCHED = (
    _DATABASE(name="CPUUtilization", title="CPU", help="CPU used, on average.", unit="%", warn=">=80", bad=">=95"),
    _DATABASE(
        name="FreeStorageSpace",
        statistic="Minimum",
        title="free storage",
        help="What is left of its storage; a database without any stops.",
        unit="B",
        warn=f"<{5 * _GIB}",
        bad=f"<{_GIB}",
        when="!starts_with(Engine, 'aurora')",
    ),
    _DATABASE(name="FreeableMemory", title="free memory", help="Memory that could be had.", unit="B"),
    _DATABASE(name="DatabaseConnections", title="connections", help="Clients connected, on average."),
    _DATABASE(name="ReadLatency", title="read latency", help="How long a read took on average.", unit="s"),
    _DATABASE(name="WriteLatency", title="write latency", help="How long a write took on average.", unit="s"),
)

INSTANCE = Kind(
    name="rds.instance",
    title="RDS instances",
    service="rds",
    calls=(Call("DescribeDBInstances", "DBInstances", page=("MaxRecords", 100)),),
    key=("name",),
    columns=(
        Column("name", "DBInstanceIdentifier", help="The instance's name.", title="instance", narrow=True),
        Column(
            "status", "DBInstanceStatus", help="available, stopped, modifying, storage-full and others.", narrow=True
        ),
        Column("engine", "Engine", help="The database engine.", narrow=True),
        Column("version", "EngineVersion", help="The engine's version.", narrow=True),
        Column("instance_class", "DBInstanceClass", help="Its size.", title="class", narrow=True),
        Column("cluster", "DBClusterIdentifier", help="The cluster that it is part of.", narrow=True),
        Column("multi_az", "MultiAZ", "boolean", help="Whether a standby waits in another zone.", title="multi-AZ"),
        Column("zone", "AvailabilityZone", help="Its Availability Zone."),
        Column("storage", "AllocatedStorage", "integer", help="Its storage.", unit="GiB"),
        Column("storage_most", "MaxAllocatedStorage", "integer", help="To what its storage may grow.", unit="GiB"),
        Column("storage_type", "StorageType", help="gp2, gp3, io1, io2, standard or aurora."),
        Column("iops", "Iops", "integer", help="Input and output operations per second that are paid for."),
        Column("encrypted", "StorageEncrypted", "boolean", help="Whether its storage is encrypted."),
        Column("public", "PubliclyAccessible", "boolean", help="Whether its name leads to a public address."),
        Column("endpoint", "Endpoint.Address", help="Where it answers."),
        Column("port", "Endpoint.Port", "integer", help="The port on which it answers."),
        Column("vpc_id", "DBSubnetGroup.VpcId", help="Its VPC.", title="vpc"),
        Column("subnets", "DBSubnetGroup.Subnets[].SubnetIdentifier", "list", help="The subnets it may stand in."),
        Column("security_groups", "VpcSecurityGroups[].VpcSecurityGroupId", "list", help="Its security groups."),
        Column("backup_days", "BackupRetentionPeriod", "integer", help="How long backups are kept.", unit="d"),
        Column(
            "restorable",
            "LatestRestorableTime",
            "time",
            help="Up to when it can be restored.",
            volatile=True,
        ),
        Column("replica_of", "ReadReplicaSourceDBInstanceIdentifier", help="Of which it is a read replica."),
        Column("replicas", "ReadReplicaDBInstanceIdentifiers", "list", help="Its read replicas."),
        Column("deletion_protection", "DeletionProtection", "boolean", help="Whether it is protected from deletion."),
        Column("minor_upgrades", "AutoMinorVersionUpgrade", "boolean", help="Whether AWS upgrades minor versions."),
        Column("certificate", "CACertificateIdentifier", help="The authority of its certificate."),
        Column("certificate_until", "CertificateDetails.ValidTill", "time", help="Until when its certificate holds."),
        Column("pending", "keys(PendingModifiedValues || `{}`)", "list", help="What is to change."),
        Column("maintenance", "PreferredMaintenanceWindow", help="When AWS may maintain it, in UTC."),
        Column("backup_window", "PreferredBackupWindow", help="When it is backed up, in UTC."),
        Column("parameters", "DBParameterGroups[].DBParameterGroupName", "list", help="Its parameter groups."),
        Column("insights", "PerformanceInsightsEnabled", "boolean", help="Whether Performance Insights watches it."),
        Column("kms_key", "KmsKeyId", help="The KMS key that encrypts it."),
        Column("created", "InstanceCreateTime", "time", help="When it was created."),
        Column("arn", "DBInstanceArn", help="Its ARN."),
        Column("tags", "TagList", "tags", help="All its tags."),
    ),
    redact=("PendingModifiedValues.MasterUserPassword",),
    relations=(
        Relation("cluster", "rds.cluster", "name"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
        Relation("replicas", "rds.instance", "name"),
        Relation("replica_of", "rds.instance", "name"),
    ),
    health=(
        Rule(Health.BAD, "status=storage-full", "its storage is full"),
        Rule(Health.BAD, f"status={_BROKEN}", "RDS calls it broken"),
        Rule(Health.BAD, "certificate_until<+0d", "its certificate has expired"),
        Rule(Health.WARN, f"status={_CHANGING}", "changing"),
        Rule(Health.WARN, "public=true", "has a public address"),
        Rule(Health.WARN, "backup_days=0 replica_of=", "is not backed up"),
        Rule(Health.WARN, "certificate_until<+30d", "its certificate expires within 30 days"),
        Rule(Health.WARN, "encrypted=false", "its storage is not encrypted"),
        Rule(Health.WARN, "status=stopped", "stopped: its storage is still paid for, and RDS starts it after 7 days"),
    ),
    arn="{arn}",
    sort="name",
    help="Database instances, those of clusters included, from DescribeDBInstances.",
    watched=_WATCHED,
)

CLUSTER = Kind(
    name="rds.cluster",
    title="RDS clusters",
    service="rds",
    calls=(Call("DescribeDBClusters", "DBClusters", page=("MaxRecords", 100)),),
    key=("name",),
    columns=(
        Column("name", "DBClusterIdentifier", help="The cluster's name.", title="cluster", narrow=True),
        Column("status", "Status", help="available, stopped, modifying, failing-over and others.", narrow=True),
        Column("engine", "Engine", help="The database engine.", narrow=True),
        Column("version", "EngineVersion", help="The engine's version.", narrow=True),
        Column("size", "length(DBClusterMembers || `[]`)", "integer", help="How many instances it has.", narrow=True),
        Column("members", "DBClusterMembers[].DBInstanceIdentifier", "list", help="Its instances."),
        Column("writer", "DBClusterMembers[?IsClusterWriter].DBInstanceIdentifier | [0]", help="The one that writes."),
        Column("mode", "EngineMode", help="provisioned or serverless."),
        Column(
            "least_capacity",
            "ServerlessV2ScalingConfiguration.MinCapacity",
            "number",
            help="The least a serverless instance has.",
            unit="ACU",
        ),
        Column(
            "most_capacity",
            "ServerlessV2ScalingConfiguration.MaxCapacity",
            "number",
            help="The most a serverless instance has.",
            unit="ACU",
        ),
        Column(
            "multi_az", "MultiAZ", "boolean", help="Whether its instances stand in several zones.", title="multi-AZ"
        ),
        Column("zones", "AvailabilityZones", "list", help="Where its instances may be."),
        Column("encrypted", "StorageEncrypted", "boolean", help="Whether its storage is encrypted."),
        Column("endpoint", "Endpoint", help="Where the writer answers."),
        Column("reader_endpoint", "ReaderEndpoint", help="Where readers answer."),
        Column("port", "Port", "integer", help="The port on which it answers."),
        Column("security_groups", "VpcSecurityGroups[].VpcSecurityGroupId", "list", help="Its security groups."),
        Column("backup_days", "BackupRetentionPeriod", "integer", help="How long backups are kept.", unit="d"),
        Column("restorable", "LatestRestorableTime", "time", help="Up to when it can be restored.", volatile=True),
        Column("deletion_protection", "DeletionProtection", "boolean", help="Whether it is protected from deletion."),
        Column("parameters", "DBClusterParameterGroup", help="Its parameter group."),
        Column("maintenance", "PreferredMaintenanceWindow", help="When AWS may maintain it, in UTC."),
        Column("kms_key", "KmsKeyId", help="The KMS key that encrypts it."),
        Column("created", "ClusterCreateTime", "time", help="When it was created."),
        Column("arn", "DBClusterArn", help="Its ARN."),
        Column("tags", "TagList", "tags", help="All its tags."),
    ),
    redact=("PendingModifiedValues.MasterUserPassword",),
    relations=(
        Relation("members", "rds.instance", "name"),
        Relation("security_groups", "vpc.security_group", "group_id"),
    ),
    health=(
        Rule(Health.BAD, f"status={_BROKEN}", "RDS calls it broken"),
        Rule(Health.BAD, "status=available size=0", "has no instance: nothing answers"),
        Rule(Health.WARN, f"status={_CHANGING}", "changing"),
        Rule(Health.WARN, "size=1", "has one instance: nothing takes over"),
        Rule(Health.WARN, "encrypted=false", "its storage is not encrypted"),
        Rule(Health.WARN, "deletion_protection=false", "is not protected from deletion"),
    ),
    arn="{arn}",
    sort="name",
    help="Aurora and Multi-AZ clusters, from DescribeDBClusters.",
)
