"""EKS: the add-ons of clusters, and whether AWS has newer ones for the cluster's Kubernetes version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backends.aws.kinds.eks import CLUSTERS
from backends.model import Call, Column, Health, Json, Kind, Relation, Rule


def _offered(clusters: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """The cluster, and under `Offered` what AWS offers for its version: add-on → {newest, default}."""
    offered: Json = {}
    for page in pages:
        for addon in page.get("addons") or []:
            versions = [version for version in addon.get("addonVersions") or [] if version.get("addonVersion")]
            default = [version for version in versions if any(map(_is_default, version.get("compatibilities") or []))]
            offered[str(addon.get("addonName"))] = {
                "newest": max((version["addonVersion"] for version in versions), key=_order, default=None),
                "default": next((version["addonVersion"] for version in default), None),
            }
    return [{"Cluster": clusters[0], "Offered": offered}]


def _is_default(compatibility: Json) -> bool:
    return bool(compatibility.get("defaultVersion"))


def _order(version: str) -> list[int]:
    """v1.19.0-eksbuild.1 < v1.20.0-eksbuild.1: by their numbers."""
    return [int(number) for number in re.findall(r"\d+", version)]


def _compared(addons: Sequence[Json], pages: Sequence[Json]) -> Iterable[Json]:
    """The add-on with what it is compared with; `Behind` is None where AWS's default is not known."""
    for page in pages:
        addon = page.get("addon") or {}
        offered = (addons[0].get("Offered") or {}).get(addon.get("addonName")) or {}
        installed, default = addon.get("addonVersion"), offered.get("default")
        behind = _order(installed) < _order(default) if installed and default else None
        yield addon | {"Kubernetes": addons[0].get("Kubernetes"), "Offered": offered, "Behind": behind}


ADDON = Kind(
    name="eks.addon",
    title="EKS add-ons",
    service="eks",
    calls=(
        CLUSTERS,
        Call("DescribeCluster", "cluster.{name: name, version: version}", arguments={"name": "value"}),
        Call(
            "DescribeAddonVersions",
            "addons",
            parameters={"owners": ["aws"]},
            arguments={"kubernetesVersion": "version"},
            keep={"Cluster": "@"},
            page=("maxResults", 100),
            answer=_offered,
            optional=True,
        ),
        Call(
            "ListAddons",
            "addons",
            arguments={"clusterName": "Cluster.name"},
            keep={"Cluster": "Cluster.name", "Kubernetes": "Cluster.version", "Offered": "Offered"},
            page=("maxResults", 100),
        ),
        Call(
            "DescribeAddon",
            "addon",
            arguments={"clusterName": "Cluster", "addonName": "value"},
            answer=_compared,
        ),
    ),
    key=("cluster", "name"),
    columns=(
        Column("cluster", "clusterName", help="Its cluster.", narrow=True),
        Column("name", "addonName", help="The add-on's name.", title="add-on", narrow=True),
        Column("version", "addonVersion", help="The version that is installed.", narrow=True),
        Column("default", "Offered.default", help="AWS's default for the cluster's version.", narrow=True),
        Column("status", "status", help="CREATING, ACTIVE, UPDATING, DELETING, DEGRADED or a failure.", narrow=True),
        Column("newest", "Offered.newest", help="The newest that AWS offers for the cluster's version."),
        Column("behind", "Behind", "boolean", help="Whether it is older than AWS's default."),
        Column("kubernetes", "Kubernetes", help="The cluster's Kubernetes version."),
        Column("issues", "health.issues[].code", "list", help="What EKS finds wrong with it."),
        Column("issue_messages", "health.issues[].message", "list", help="The same in EKS's words."),
        Column("role", "serviceAccountRoleArn", help="The role of its service account."),
        Column("pod_identities", "podIdentityAssociations", "list", help="Its associations of Pod Identity."),
        Column("namespace", "namespaceConfig.namespace", help="The Kubernetes namespace it is installed in."),
        Column("publisher", "publisher", help="Who publishes it."),
        Column("owner", "owner", help="Who answers for it."),
        Column("created", "createdAt", "time", help="When it was installed."),
        Column("modified", "modifiedAt", "time", help="When it was last changed.", volatile=True),
        Column("arn", "addonArn", help="Its ARN."),
        Column("tags", "tags", "tags", help="All its tags."),
    ),
    cadence=3600,
    redact=("configurationValues",),
    relations=(Relation("cluster", "eks.cluster", "name"), Relation("role", "iam.role", "arn")),
    health=(
        Rule(
            Health.BAD, "status=DEGRADED|CREATE_FAILED|UPDATE_FAILED|DELETE_FAILED", "EKS calls it degraded or failed"
        ),
        Rule(Health.BAD, "issues!=", "EKS reports issues"),
        Rule(Health.WARN, "status=CREATING|UPDATING|DELETING", "changing"),
        Rule(Health.WARN, "behind=true", "older than AWS's default for the cluster's version"),
    ),
    arn="{arn}",
    sort="cluster",
    help="Add-ons that EKS installs, from ListClusters, DescribeCluster, DescribeAddonVersions, ListAddons and "
    "DescribeAddon: three calls a cluster and one an add-on.",
)
