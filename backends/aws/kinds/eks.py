"""EKS: clusters, their managed node groups and Fargate profiles."""

from __future__ import annotations

from backends.model import Call, Column, Health, Kind, Relation, Rule

CLUSTERS = Call("ListClusters", "clusters", page=("maxResults", 100))
"""The first step of every kind that is read cluster by cluster; gives {"value": name}."""
_NETWORK = "resourcesVpcConfig"

CLUSTER = Kind(
    name="eks.cluster",
    title="EKS clusters",
    service="eks",
    calls=(CLUSTERS, Call("DescribeCluster", "cluster", arguments={"name": "value"})),
    key=("name",),
    columns=(
        Column("name", "name", help="The cluster's name.", title="cluster", narrow=True),
        Column("version", "version", help="Its Kubernetes version.", narrow=True),
        Column("status", "status", help="CREATING, ACTIVE, UPDATING, DELETING, FAILED or PENDING.", narrow=True),
        Column("platform", "platformVersion", help="EKS's own version of the control plane.", narrow=True),
        Column(
            "support",
            "upgradePolicy.supportType",
            help="After standard support: STANDARD upgrades, EXTENDED pays.",
            narrow=True,
        ),
        Column("created", "createdAt", "time", help="When it was created."),
        Column(
            "public", f"{_NETWORK}.endpointPublicAccess", "boolean", help="Whether its API answers in the Internet."
        ),
        Column(
            "private", f"{_NETWORK}.endpointPrivateAccess", "boolean", help="Whether its API answers inside the VPC."
        ),
        Column(
            "public_cidrs", f"{_NETWORK}.publicAccessCidrs", "list", help="From where the public API may be reached."
        ),
        Column("endpoint", "endpoint", help="Its API's address."),
        Column("vpc_id", f"{_NETWORK}.vpcId", help="Its VPC.", title="vpc"),
        Column("subnets", f"{_NETWORK}.subnetIds", "list", help="The subnets of its control plane's interfaces."),
        Column(
            "security_groups",
            f"{_NETWORK}.securityGroupIds",
            "list",
            help="Further security groups of its control plane.",
        ),
        Column(
            "cluster_group", f"{_NETWORK}.clusterSecurityGroupId", help="The security group of control plane and nodes."
        ),
        Column("role", "roleArn", help="The role it acts as."),
        Column("authentication", "accessConfig.authenticationMode", help="API, CONFIG_MAP or both."),
        Column(
            "logs", "logging.clusterLogging[?enabled].types[]", "list", help="The control plane logs that are kept."
        ),
        Column(
            "secrets_encrypted",
            "encryptionConfig[].provider.keyArn",
            "list",
            help="The KMS keys that encrypt its secrets.",
        ),
        Column("service_cidr", "kubernetesNetworkConfig.serviceIpv4Cidr", help="The range of its services."),
        Column("oidc_issuer", "identity.oidc.issuer", help="The issuer of its service accounts' tokens."),
        Column("auto_mode", "computeConfig.enabled", "boolean", help="Whether EKS Auto Mode runs its nodes."),
        Column("deletion_protection", "deletionProtection", "boolean", help="Whether it is protected from deletion."),
        Column("issues", "health.issues[].code", "list", help="What EKS finds wrong with it."),
        Column("arn", "arn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    relations=(
        Relation("name", "eks.nodegroup", "cluster"),
        Relation("vpc_id", "vpc.vpc", "vpc_id"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("cluster_group", "vpc.security_group", "group_id"),
        Relation("name", "ec2.instance", "eks_cluster"),
    ),
    health=(
        Rule(Health.BAD, "status=FAILED", "failed"),
        Rule(Health.BAD, "issues!=", "EKS reports issues"),
        Rule(Health.WARN, "status=CREATING|UPDATING|DELETING|PENDING", "changing"),
        Rule(Health.WARN, "public=true public_cidrs=0.0.0.0/0", "its API answers the whole Internet"),
    ),
    arn="{arn}",
    sort="name",
    help="Kubernetes control planes, from ListClusters and DescribeCluster.",
)

NODEGROUP = Kind(
    name="eks.nodegroup",
    title="EKS node groups",
    service="eks",
    calls=(
        CLUSTERS,
        Call(
            "ListNodegroups",
            "nodegroups",
            arguments={"clusterName": "value"},
            keep={"cluster": "value"},
            page=("maxResults", 100),
        ),
        Call("DescribeNodegroup", "nodegroup", arguments={"clusterName": "cluster", "nodegroupName": "value"}),
    ),
    key=("cluster", "name"),
    columns=(
        Column("cluster", "clusterName", help="Its cluster.", narrow=True),
        Column("name", "nodegroupName", help="The node group's name.", title="node group", narrow=True),
        Column("status", "status", help="CREATING, ACTIVE, UPDATING, DELETING, DEGRADED or a failure.", narrow=True),
        Column("desired", "scalingConfig.desiredSize", "integer", help="How many nodes it is to have.", narrow=True),
        Column("min", "scalingConfig.minSize", "integer", help="The fewest it may have.", narrow=True),
        Column("max", "scalingConfig.maxSize", "integer", help="The most it may have.", narrow=True),
        Column("capacity_type", "capacityType", help="ON_DEMAND, SPOT or CAPACITY_BLOCK.", title="capacity"),
        Column("instance_types", "instanceTypes", "list", help="The instance types it may launch."),
        Column("ami_type", "amiType", help="The family of its image.", title="AMI type"),
        Column("version", "version", help="Its nodes' Kubernetes version."),
        Column("release", "releaseVersion", help="Its image's release."),
        Column("disk", "diskSize", "integer", help="The size of its nodes' root disk.", unit="GiB"),
        Column(
            "auto_scaling_group",
            "resources.autoScalingGroups[0].name",
            help="The Auto Scaling group that holds its nodes.",
        ),
        Column("subnets", "subnets", "list", help="The subnets of its nodes."),
        Column("role", "nodeRole", help="The role of its nodes."),
        Column(
            "launch_template",
            "launchTemplate.name || launchTemplate.id",
            help="Its own launch template, if it has one.",
        ),
        Column("template_version", "launchTemplate.version", help="The launch template's version in use."),
        Column("issues", "health.issues[].code", "list", help="What EKS finds wrong with it."),
        Column("issue_messages", "health.issues[].message", "list", help="The same in EKS's words."),
        Column("labels", "labels", "tags", help="Kubernetes labels of its nodes."),
        Column("taints", "taints[].key", "list", help="Kubernetes taints of its nodes."),
        Column(
            "max_unavailable", "updateConfig.maxUnavailable", "integer", help="Nodes that an update may take at once."
        ),
        Column("created", "createdAt", "time", help="When it was created."),
        Column("modified", "modifiedAt", "time", help="When it was last changed.", volatile=True),
        Column("arn", "nodegroupArn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    cadence=120,
    relations=(
        Relation("cluster", "eks.cluster", "name"),
        Relation("auto_scaling_group", "autoscaling.group", "name"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
    ),
    health=(
        Rule(Health.BAD, "status=DEGRADED|CREATE_FAILED|DELETE_FAILED", "EKS calls it degraded or failed"),
        Rule(Health.BAD, "issues!=", "EKS reports issues"),
        Rule(Health.WARN, "status=CREATING|UPDATING|DELETING", "changing"),
    ),
    arn="{arn}",
    sort="cluster",
    help="Managed groups of nodes, from ListClusters, ListNodegroups and DescribeNodegroup.",
)

FARGATE_PROFILE = Kind(
    name="eks.fargate_profile",
    title="Fargate profiles",
    service="eks",
    calls=(
        CLUSTERS,
        Call(
            "ListFargateProfiles",
            "fargateProfileNames",
            arguments={"clusterName": "value"},
            keep={"cluster": "value"},
            page=("maxResults", 100),
        ),
        Call(
            "DescribeFargateProfile",
            "fargateProfile",
            arguments={"clusterName": "cluster", "fargateProfileName": "value"},
        ),
    ),
    key=("cluster", "name"),
    columns=(
        Column("cluster", "clusterName", help="Its cluster.", narrow=True),
        Column("name", "fargateProfileName", help="The profile's name.", title="Fargate profile", narrow=True),
        Column("status", "status", help="CREATING, ACTIVE, DELETING or a failure.", narrow=True),
        Column("namespaces", "selectors[].namespace", "list", help="Whose pods run on Fargate.", narrow=True),
        Column("labels", "selectors[].labels.keys(@)[]", "list", help="The labels that those pods must have."),
        Column("subnets", "subnets", "list", help="The subnets of its pods."),
        Column("role", "podExecutionRoleArn", help="The role with which pods are started."),
        Column("issues", "health.issues[].code", "list", help="What EKS finds wrong with it."),
        Column("issue_messages", "health.issues[].message", "list", help="The same in EKS's words."),
        Column("created", "createdAt", "time", help="When it was created."),
        Column("arn", "fargateProfileArn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    cadence=900,
    relations=(
        Relation("cluster", "eks.cluster", "name"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("role", "iam.role", "arn"),
    ),
    health=(
        Rule(Health.BAD, "status=CREATE_FAILED|DELETE_FAILED", "failed"),
        Rule(Health.BAD, "issues!=", "EKS reports issues"),
        Rule(Health.WARN, "status=CREATING|DELETING", "changing"),
    ),
    arn="{arn}",
    sort="cluster",
    help="Which pods run on Fargate, from ListClusters, ListFargateProfiles and DescribeFargateProfile.",
)
