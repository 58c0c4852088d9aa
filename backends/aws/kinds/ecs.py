"""ECS: clusters and the services that run in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from backends.model import Call, Column, Health, Json, Kind, Relation, Rule, Watched

_CLUSTERS = Call("ListClusters", "clusterArns", page=("maxResults", 100))
_SERVICES_A_REQUEST = 10


def _clusters(found: Sequence[Json]) -> Json:
    return {"clusters": [arn["value"] for arn in found], "include": ["TAGS", "SETTINGS", "STATISTICS"]}


def _services(found: Sequence[Json]) -> Json:
    """All of one cluster: each page of ListServices is."""
    return {"cluster": found[0]["Cluster"], "services": [arn["value"] for arn in found], "include": ["TAGS"]}


CLUSTER = Kind(
    name="ecs.cluster",
    title="ECS clusters",
    service="ecs",
    calls=(_CLUSTERS, Call("DescribeClusters", "clusters", batch=100, ask=_clusters)),
    key=("name",),
    columns=(
        Column("name", "clusterName", help="The cluster's name.", title="cluster", narrow=True),
        Column("status", "status", help="ACTIVE, PROVISIONING, DEPROVISIONING, FAILED or INACTIVE.", narrow=True),
        Column("services", "activeServicesCount", "integer", help="How many services it runs.", narrow=True),
        Column("running", "runningTasksCount", "integer", help="Tasks that run.", volatile=True, narrow=True),
        Column("pending", "pendingTasksCount", "integer", help="Tasks about to run.", volatile=True, narrow=True),
        Column("instances", "registeredContainerInstancesCount", "integer", help="EC2 instances that carry its tasks."),
        Column("capacity_providers", "capacityProviders", "list", help="Where its tasks may run."),
        Column(
            "insights",
            "settings[?name=='containerInsights'].value | [0]",
            help="Whether Container Insights watches it: enabled, enhanced or disabled.",
        ),
        Column("arn", "clusterArn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    relations=(Relation("name", "ecs.service", "cluster"),),
    health=(
        Rule(Health.BAD, "status=FAILED", "failed"),
        Rule(Health.WARN, "status=PROVISIONING|DEPROVISIONING", "changing"),
        Rule(Health.WARN, "services=0 running=0", "runs nothing"),
    ),
    arn="{arn}",
    sort="name",
    help="Clusters of containers, from ListClusters and DescribeClusters.",
)

_CURRENT = "deployments[?status=='PRIMARY'] | [0]"

_USE = partial(
    Watched,
    "AWS/ECS",
    statistic="Average",
    unit="%",
    warn=">=80",
    bad=">=95",
    dimensions={"ClusterName": "after(clusterArn, '/')", "ServiceName": "serviceName"},
)
_WATCHED = (
    _USE(name="CPUUtilization", title="CPU", help="CPU used of what its tasks reserve, on average."),
    _USE(name="MemoryUtilization", title="memory", help="Memory used of what its tasks reserve, on average."),
)

SERVICE = Kind(
    name="ecs.service",
    title="ECS services",
    service="ecs",
    calls=(
        _CLUSTERS,
        Call(
            "ListServices",
            "serviceArns",
            arguments={"cluster": "value"},
            keep={"Cluster": "value"},
            page=("maxResults", 100),
        ),
        Call("DescribeServices", "services", batch=_SERVICES_A_REQUEST, ask=_services),
    ),
    key=("cluster", "name"),
    columns=(
        Column("cluster", "after(clusterArn, '/')", help="Its cluster.", narrow=True),
        Column("name", "serviceName", help="The service's name.", title="service", narrow=True),
        Column("desired", "desiredCount", "integer", help="How many tasks are to run.", narrow=True),
        Column("running", "runningCount", "integer", help="How many run.", narrow=True),
        Column("rollout", f"({_CURRENT}).rolloutState", help="COMPLETED, IN_PROGRESS or FAILED.", narrow=True),
        Column("status", "status", help="ACTIVE, DRAINING or INACTIVE."),
        Column("pending", "pendingCount", "integer", help="How many are about to run.", volatile=True),
        Column(
            "failed",
            f"({_CURRENT}).failedTasks",
            "integer",
            help="Tasks of this deployment that failed to start.",
            volatile=True,
        ),
        Column("rollout_reason", f"({_CURRENT}).rolloutStateReason", help="Why the deployment is where it is."),
        Column("task_definition", "after(taskDefinition, '/')", help="What it runs, with its revision."),
        Column("launch_type", "launchType", help="FARGATE, EC2 or EXTERNAL; not set: by capacity providers."),
        Column("strategy", "schedulingStrategy", help="REPLICA, or DAEMON: one task an instance."),
        Column(
            "target_groups",
            "loadBalancers[].targetGroupArn",
            "list",
            help="The target groups that its tasks are registered in.",
        ),
        Column(
            "subnets",
            "networkConfiguration.awsvpcConfiguration.subnets",
            "list",
            help="The subnets of its tasks.",
        ),
        Column(
            "security_groups",
            "networkConfiguration.awsvpcConfiguration.securityGroups",
            "list",
            help="The security groups of its tasks.",
        ),
        Column(
            "public",
            "networkConfiguration.awsvpcConfiguration.assignPublicIp == 'ENABLED'",
            "boolean",
            help="Whether its tasks have public addresses.",
        ),
        Column(
            "rolls_back",
            "deploymentConfiguration.deploymentCircuitBreaker.rollback",
            "boolean",
            help="Whether a deployment that fails is taken back.",
        ),
        Column("exec_enabled", "enableExecuteCommand", "boolean", help="Whether one may run commands in its tasks."),
        Column("last_event", "events[0].message", help="What ECS said of it last.", volatile=True),
        Column("last_event_at", "events[0].createdAt", "time", help="When it said so.", volatile=True),
        Column("deployed", f"({_CURRENT}).createdAt", "time", help="When this deployment began."),
        Column("role", "roleArn", help="The role with which ECS calls load balancers."),
        Column("created", "createdAt", "time", help="When it was created."),
        Column("arn", "serviceArn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    cadence=120,
    relations=(
        Relation("cluster", "ecs.cluster", "name"),
        Relation("target_groups", "elbv2.target_group", "arn"),
        Relation("subnets", "vpc.subnet", "subnet_id"),
        Relation("security_groups", "vpc.security_group", "group_id"),
    ),
    health=(
        Rule(Health.BAD, "rollout=FAILED", "its deployment failed"),
        Rule(Health.BAD, "desired>0 running=0", "none of its tasks runs"),
        Rule(Health.WARN, "failed>0 rollout=IN_PROGRESS", "tasks of its deployment fail to start"),
        Rule(Health.WARN, "rollout=IN_PROGRESS", "being deployed"),
        Rule(Health.WARN, "pending>0", "tasks are about to run"),
        Rule(Health.WARN, "status=DRAINING", "being deleted"),
    ),
    arn="{arn}",
    sort="cluster",
    help="Services, from ListClusters, ListServices and DescribeServices.",
    watched=_WATCHED,
)
