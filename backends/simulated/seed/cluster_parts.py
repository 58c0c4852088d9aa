"""What is inside clusters as far as AWS knows: add-ons, access entries, insights, updates, Fargate profiles."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.simulated import accounts, addons
from backends.simulated.cloud import Cloud
from backends.simulated.hostile import CANARIES
from backends.simulated.randomness import number

_POLICY = "arn:aws:eks::aws:cluster-access-policy/"
# cluster → add-on → (place of its version in the catalogue or None for the default, trouble)
_ADDONS: dict[str, dict[str, tuple[int | None, tuple[str, str] | None]]] = {
    "prod-main": {"vpc-cni": (None, None), "coredns": (None, None), "kube-proxy": (0, None),
                  "aws-ebs-csi-driver": (None, None), "eks-pod-identity-agent": (None, None)},
    "prod-data": {"vpc-cni": (0, None), "kube-proxy": (None, None), "coredns": (
        0, ("InsufficientNumberOfReplicas", "The add-on is unhealthy because it doesn't have the desired replicas."))},
    "prod-eu": {"vpc-cni": (3, None), "coredns": (None, None), "kube-proxy": (None, None)},
    "prod-apac": {"vpc-cni": (None, None), "coredns": (None, None), "kube-proxy": (None, None)},
    "dev-playground": {"vpc-cni": (1, None), "amazon-cloudwatch-observability": (0, None)},
    "ci-runners": {"vpc-cni": (None, None)},
}  # fmt: skip

# cluster → (principal, access policy, namespaces: none for the whole cluster)
_ACCESS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "prod-main": (
        ("role/deploy", "AmazonEKSEditPolicy", ("web", "checkout")),
        ("role/break-glass", "AmazonEKSClusterAdminPolicy", ()),
        ("role/audit-read", "AmazonEKSViewPolicy", ()),
    ),
    "prod-data": (("user/terraform", "AmazonEKSClusterAdminPolicy", ()), ("role/old-lambda", "", ())),
    "prod-eu": (("role/deploy", "AmazonEKSEditPolicy", ("web",)),),
    "prod-apac": (("role/deploy", "AmazonEKSEditPolicy", ("web",)),),
    "ci-runners": (("role/deploy", "AmazonEKSClusterAdminPolicy", ()),),
}
_CONFIG_MAP_ONLY = ("dev-playground",)

_FLOWCONTROL = (
    "Deprecated APIs removed in Kubernetes v1.32", "Checks for usage of APIs that Kubernetes 1.32 no longer serves.",
    "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    "1.32", "old-operator/v0.9 (linux/amd64)",
)  # fmt: skip
# cluster → (status of its deprecated APIs, status of the versions of its nodes)
_INSIGHTS: dict[str, tuple[str, str]] = {
    "prod-main": ("PASSING", "WARNING"),
    "prod-data": ("ERROR", "PASSING"),
    "prod-eu": ("WARNING", "PASSING"),
    "prod-apac": ("PASSING", "PASSING"),
    "dev-playground": ("UNKNOWN", "PASSING"),
    "ci-runners": ("PASSING", "PASSING"),
}

# cluster → (node group or "", hours ago, type, what it sets, error or none)
_UPDATES: dict[str, tuple[tuple[str, float, str, tuple[tuple[str, str], ...], tuple[str, str] | None], ...]] = {
    "prod-main": (
        ("", 700, "VersionUpdate", (("Version", "1.33"), ("PlatformVersion", "eks.9")), None),
        ("system", 690, "VersionUpdate", (("Version", "1.33"),), None),
        ("general", 5, "VersionUpdate", (("Version", "1.33"),), (
            "PodEvictionFailure", "Reached max retries while trying to evict pods from nodes in node group general.")),
    ),
    "prod-data": (("memory", 2100, "ConfigUpdate", (("DesiredSize", "5"),), None),),
    "prod-eu": (("", 3000, "LoggingUpdate", (("ClusterLogging", "api"),), None),),
}  # fmt: skip

# cluster → (profile, namespace, labels)
_FARGATE: dict[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    "prod-eu": (("serverless", "batch", {"compute": "fargate"}),),
    "ci-runners": (("jobs", "jobs", {}),),
}


def plant(cloud: Cloud, now: datetime) -> None:
    """Fill every cluster of a region. `now` is naive UTC."""
    moment = now.replace(tzinfo=UTC)
    for cluster in cloud.eks.clusters.values():
        born = cluster.created_at.replace(tzinfo=UTC)
        config_map = cluster.name in _CONFIG_MAP_ONLY
        cluster.access_config = {"authenticationMode": "CONFIG_MAP" if config_map else "API_AND_CONFIG_MAP"}
        cluster.addons = {
            name: _addon(cloud, cluster, name, place, trouble, born)
            for name, (place, trouble) in _ADDONS.get(cluster.name, {}).items()
        }
        cluster.access_entries = {}
        for principal, policy, namespaces in _ACCESS.get(cluster.name, ()):
            entry = _entry(cloud, cluster, principal, policy, namespaces, born)
            cluster.access_entries[entry["entry"]["principalArn"]] = entry
        cluster.insights = {
            insight["id"]: insight for insight in _insights(cluster, moment, *_INSIGHTS.get(cluster.name, ("", "")))
        }
        cluster.updates = {}
        for part, hours, kind, params, error in _UPDATES.get(cluster.name, ()):
            update = _update(cluster, part, moment - timedelta(hours=hours), kind, params, error)
            cluster.updates[update["id"]] = (part, update)
        for name, namespace, labels in _FARGATE.get(cluster.name, ()):
            _fargate(cloud, cluster, name, namespace, labels)


def _id(cluster: Any, *parts: object) -> str:
    """An id of something in a cluster, whose address is the seed's."""
    told = (cluster.endpoint, *parts)
    return str(uuid.UUID(int=number(*told) << 64 | number("tail", *told), version=4))


def _addon(
    cloud: Cloud, cluster: Any, name: str, place: int | None, trouble: tuple[str, str] | None, born: datetime
) -> dict[str, Any]:
    issues = [{"code": trouble[0], "message": trouble[1], "resourceIds": []}] if trouble else []
    return {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "DEGRADED" if trouble else "ACTIVE",
        "addonVersion": addons.version(name, cluster.version, place),
        "health": {"issues": issues},
        "addonArn": cloud.arn("eks", f"addon/{cluster.name}/{name}/{_id(cluster, name)}"),
        "createdAt": born + timedelta(hours=1),
        "modifiedAt": born + timedelta(days=30),
        "serviceAccountRoleArn": f"arn:{accounts.PARTITION}:iam::{cloud.account}:role/eks-node",
        "publisher": "eks",
        "owner": "aws",
        "tags": {},
        "configurationValues": f'{{"env":{{"API_TOKEN":"{CANARIES[2]}"}}}}',
    }


def _entry(
    cloud: Cloud, cluster: Any, principal: str, policy: str, namespaces: tuple[str, ...], born: datetime
) -> dict[str, Any]:
    arn = f"arn:{accounts.PARTITION}:iam::{cloud.account}:{principal}"
    scope = {"type": "namespace" if namespaces else "cluster", "namespaces": list(namespaces)}
    associated = {"policyArn": _POLICY + policy, "accessScope": scope, "associatedAt": born, "modifiedAt": born}
    return {
        "entry": {
            "clusterName": cluster.name,
            "principalArn": arn,
            "kubernetesGroups": [],
            "accessEntryArn": cloud.arn("eks", f"access-entry/{cluster.name}/{principal}/{_id(cluster, arn)}"),
            "createdAt": born,
            "modifiedAt": born,
            "tags": {},
            "username": arn if "user/" in principal else f"{arn}/{{{{SessionName}}}}",
            "type": "STANDARD",
        },
        "policies": [associated] if policy else [],
    }


def _insights(cluster: Any, now: datetime, apis: str, nodes: str) -> list[dict[str, Any]]:
    """What EKS found: deprecated APIs, and nodes that trail the control plane."""
    if not apis:
        return []
    name, description, usage, instead, stops, caller = _FLOWCONTROL
    about = {"kubernetesVersion": "1.32", "lastRefreshTime": now - timedelta(hours=11)}
    client = {"userAgent": caller, "numberOfRequestsLast30Days": 4210, "lastRequestTime": now - timedelta(hours=12)}
    used = apis in ("WARNING", "ERROR")
    details = {"usage": usage, "replacedWith": instead, "stopServingVersion": stops, "clientStats": [client] * used}
    said = {
        "PASSING": "No deprecated API usage detected within the last 30 days.",
        "UNKNOWN": "EKS could not reach the audit logs of the cluster.",
    }
    return [
        {
            **about,
            "id": _id(cluster, "apis"),
            "name": name,
            "category": "UPGRADE_READINESS",
            "lastTransitionTime": now - timedelta(days=40),
            "description": description,
            "insightStatus": {"status": apis, "reason": said.get(apis, "Deprecated API usage detected.")},
            "recommendation": "Update manifests and API clients to use newer Kubernetes APIs before you upgrade.",
            "additionalInfo": {},
            "resources": [],
            "categorySpecificSummary": {"deprecationDetails": [details], "addonCompatibilityDetails": []},
        },
        {
            **about,
            "id": _id(cluster, "nodes"),
            "name": "Kubelet version skew",
            "category": "UPGRADE_READINESS",
            "lastTransitionTime": now - timedelta(days=12),
            "description": "Checks for versions of nodes that trail the control plane.",
            "insightStatus": {"status": nodes, "reason": f"Nodes were compared with {cluster.version}."},
            "recommendation": "Upgrade the node groups first.",
            "additionalInfo": {},
            "resources": [{"kubernetesResourceUri": "/api/v1/nodes/general-1"}] if nodes != "PASSING" else [],
            "categorySpecificSummary": {"deprecationDetails": [], "addonCompatibilityDetails": []},
        },
    ]


def _update(
    cluster: Any,
    part: str,
    at: datetime,
    kind: str,
    params: tuple[tuple[str, str], ...],
    error: tuple[str, str] | None,
) -> dict[str, Any]:
    errors = [{"errorCode": error[0], "errorMessage": error[1], "resourceIds": []}] if error else []
    return {
        "id": _id(cluster, part, kind, *params),
        "status": "Failed" if error else "Successful",
        "type": kind,
        "params": [{"type": name, "value": value} for name, value in params],
        "createdAt": at,
        "errors": errors,
    }


def _fargate(cloud: Cloud, cluster: Any, name: str, namespace: str, labels: dict[str, str]) -> None:
    made = cloud.eks.create_fargate_profile(
        fargate_profile_name=name,
        cluster_name=cluster.name,
        selectors=[{"namespace": namespace, "labels": labels}],
        pod_execution_role_arn=f"arn:{accounts.PARTITION}:iam::{cloud.account}:role/eks-node",
        subnets=list(cluster.resources_vpc_config["subnetIds"]),
        tags={"env": cluster.tags.get("env", "")},
    )
    made.created_at = cluster.created_at + timedelta(days=20)
