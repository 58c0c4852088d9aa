"""EKS: how long versions are supported, what stands in the way of the next one, and how updates went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.aws.kinds.eks import CLUSTERS
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule

_DEPRECATED = "categorySpecificSummary.deprecationDetails"

CLUSTER_VERSION = Kind(
    name="eks.cluster_version",
    title="EKS versions",
    service="eks",
    calls=(
        Call("DescribeClusterVersions", "clusterVersions", parameters={"includeAll": True}, page=("maxResults", 100)),
    ),
    key=("version",),
    columns=(
        Column("version", "clusterVersion", help="The Kubernetes version.", narrow=True),
        Column("support", "versionStatus", help="STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED.", narrow=True),
        Column("standard_end", "endOfStandardSupportDate", "time", help="When standard support ends.", narrow=True),
        Column(
            "extended_end",
            "endOfExtendedSupportDate",
            "time",
            help="When extended support, which costs six times as much, ends and AWS upgrades clusters by itself.",
            narrow=True,
        ),
        Column("default", "defaultVersion", "boolean", help="Whether new clusters get it.", narrow=True),
        Column("released", "releaseDate", "time", help="When EKS released it."),
        Column("platform", "defaultPlatformVersion", help="EKS's own version of new control planes."),
        Column("patch", "kubernetesPatchVersion", help="Kubernetes' own patch version."),
        Column("cluster_type", "clusterType", help="eks, or eks-local-outposts.", title="type"),
    ),
    cadence=21_600,
    relations=(Relation("version", "eks.cluster", "version"),),
    sort="-version",
    help="Kubernetes versions and until when EKS supports them, from DescribeClusterVersions.",
)

INSIGHT = Kind(
    name="eks.insight",
    title="EKS insights",
    service="eks",
    calls=(
        CLUSTERS,
        Call(
            "ListInsights",
            "insights",
            arguments={"clusterName": "value"},
            keep={"Cluster": "value"},
            page=("maxResults", 100),
        ),
        Call(
            "DescribeInsight",
            "insight",
            arguments={"clusterName": "Cluster", "id": "id"},
            keep={"Cluster": "Cluster", "Listed": "@"},
            optional=True,
        ),
    ),
    key=("cluster", "insight_id"),
    columns=(
        Column("cluster", "Cluster", help="The cluster that was looked at.", narrow=True),
        Column("name", "Listed.name", help="What was looked for.", title="insight", narrow=True),
        Column("status", "Listed.insightStatus.status", help="PASSING, WARNING, ERROR or UNKNOWN.", narrow=True),
        Column("kubernetes", "Listed.kubernetesVersion", help="The version that it is about.", narrow=True),
        Column("reason", "Listed.insightStatus.reason", help="Why, in EKS's words."),
        Column("recommendation", "recommendation", help="What EKS recommends."),
        Column(
            "resources",
            "resources[].kubernetesResourceUri || resources[].arn",
            "list",
            help="The resources that it is about.",
        ),
        Column("deprecated", f"{_DEPRECATED}[].usage", "list", help="The deprecated APIs that it is about."),
        Column("replaced_with", f"{_DEPRECATED}[].replacedWith", "list", help="What is to be called instead."),
        Column(
            "callers", f"{_DEPRECATED}[].clientStats[].userAgent", "list", help="Who has called them in thirty days."
        ),
        Column("stops_in", f"{_DEPRECATED}[].stopServingVersion", "list", help="The versions that end them."),
        Column("category", "Listed.category", help="UPGRADE_READINESS or MISCONFIGURATION."),
        Column("description", "Listed.description", help="What is looked for, in EKS's words."),
        Column("since", "Listed.lastTransitionTime", "time", help="Since when it has had this status."),
        Column("looked", "Listed.lastRefreshTime", "time", help="When EKS last looked.", volatile=True),
        Column("insight_id", "Listed.id", help="EKS's id of it."),
    ),
    cadence=21_600,
    relations=(Relation("cluster", "eks.cluster", "name"), Relation("kubernetes", "eks.cluster_version", "version")),
    health=(
        Rule(Health.BAD, "status=ERROR", "an upgrade would break something"),
        Rule(Health.WARN, "status=WARNING", "an upgrade may break something"),
        Rule(Health.UNKNOWN, "status=UNKNOWN", "EKS could not tell"),
    ),
    sort="cluster",
    help="What EKS finds in clusters that stands in the way of an upgrade, from ListClusters, ListInsights and "
    "DescribeInsight, one call an insight. EKS looks once a day.",
)


def _updatable(clusters: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """The cluster itself and each of its node groups: updates are listed by what they update."""
    cluster = clusters[0]["value"]
    yield {"name": cluster}
    for page in pages:
        yield from ({"name": cluster, "nodegroupName": name} for name in page.get("nodegroups") or [])


def _of(subjects: Sequence[Json]) -> Json:
    return dict(subjects[0])


def _one(updates: Sequence[Json]) -> Json:
    return {**updates[0]["Of"], "updateId": updates[0]["value"]}


UPDATE = Kind(
    name="eks.update",
    title="EKS updates",
    service="eks",
    calls=(
        CLUSTERS,
        Call(
            "ListNodegroups",
            "nodegroups",
            arguments={"clusterName": "value"},
            page=("maxResults", 100),
            answer=_updatable,
        ),
        Call("ListUpdates", "updateIds", keep={"Of": "@"}, page=("maxResults", 100), ask=_of),
        Call("DescribeUpdate", "update", keep={"Of": "Of"}, ask=_one),
    ),
    key=("cluster", "update_id"),
    columns=(
        Column("cluster", "Of.name", help="The cluster that is updated.", narrow=True),
        Column("nodegroup", "Of.nodegroupName", help="Its node group that is; empty for the cluster.", narrow=True),
        Column("update_type", "type", help="What is updated, as VersionUpdate.", title="type", narrow=True),
        Column("status", "status", help="InProgress, Failed, Cancelled or Successful.", narrow=True),
        Column("created", "createdAt", "time", help="When it began.", narrow=True),
        Column("changes", "params[].join('=', [type, value])", "list", help="What it sets."),
        Column("errors", "errors[].errorCode", "list", help="Why it failed."),
        Column("error_messages", "errors[].errorMessage", "list", help="The same in EKS's words."),
        Column("update_id", "id", help="EKS's id of it.", title="update"),
    ),
    cadence=1800,
    relations=(Relation("cluster", "eks.cluster", "name"), Relation("nodegroup", "eks.nodegroup", "name")),
    health=(
        Rule(Health.BAD, "status=Failed created>-1d", "failed within the last day"),
        Rule(Health.WARN, "status=Failed created>-30d", "failed within the last thirty days"),
        Rule(Health.UNKNOWN, "status=Failed", "failed, more than thirty days ago"),
        Rule(Health.WARN, "status=InProgress created<-2h", "has taken more than two hours"),
    ),
    sort="-created",
    help="Updates of clusters and node groups, from ListClusters, ListNodegroups, ListUpdates and DescribeUpdate, "
    "one call an update. Those of add-ons are not in it.",
)
