"""EKS: who may do what in a cluster, as far as AWS itself decides it."""

from __future__ import annotations

from backends.aws.kinds.eks import CLUSTERS
from backends.model import Call, Column, Health, Kind, Relation, Rule

_ADMIN = "policyArn && ends_with(policyArn, 'AmazonEKSClusterAdminPolicy') && accessScope.type=='cluster'"

ACCESS_ENTRY = Kind(
    name="eks.access_entry",
    title="EKS access entries",
    service="eks",
    calls=(
        CLUSTERS,
        # Clusters that only know the old ConfigMap have no entries, and refuse to list them.
        Call(
            "DescribeCluster",
            "[cluster][?accessConfig.authenticationMode!='CONFIG_MAP'].name",
            arguments={"name": "value"},
        ),
        Call(
            "ListAccessEntries",
            "accessEntries",
            arguments={"clusterName": "value"},
            keep={"cluster": "value"},
            page=("maxResults", 100),
        ),
        Call("DescribeAccessEntry", "accessEntry", arguments={"clusterName": "cluster", "principalArn": "value"}),
        Call(
            "ListAssociatedAccessPolicies",
            "@",
            arguments={"clusterName": "clusterName", "principalArn": "principalArn"},
            keep={"Entry": "@"},
            page=("maxResults", 100),
            optional=True,
        ),
    ),
    key=("cluster", "principal"),
    columns=(
        Column("cluster", "Entry.clusterName", help="The cluster that is entered.", narrow=True),
        Column("principal", "Entry.principalArn", help="The user or role that enters.", narrow=True),
        Column("entry_type", "Entry.type", help="STANDARD, or the kind of node.", title="type", narrow=True),
        Column(
            "policies",
            "associatedAccessPolicies[].after(policyArn, '/')",
            "list",
            help="EKS's access policies that it has.",
            narrow=True,
        ),
        Column("username", "Entry.username", help="Its name in Kubernetes."),
        Column("groups", "Entry.kubernetesGroups", "list", help="Its groups in Kubernetes."),
        Column(
            "cluster_admin",
            f"length(associatedAccessPolicies[?{_ADMIN}]) > `0`",
            "boolean",
            help="Whether it may do everything in the whole cluster.",
        ),
        Column(
            "namespaces",
            "associatedAccessPolicies[].accessScope.namespaces[]",
            "list",
            help="The namespaces to which policies are limited.",
        ),
        Column("created", "Entry.createdAt", "time", help="When it was made."),
        Column("modified", "Entry.modifiedAt", "time", help="When it was last changed.", volatile=True),
        Column("arn", "Entry.accessEntryArn", help="Its ARN."),
        Column("tags", "Entry.tags", "tags", help="All its tags."),
    ),
    cadence=3600,
    relations=(
        Relation("cluster", "eks.cluster", "name"),
        Relation("principal", "iam.role", "arn"),
        Relation("principal", "iam.user", "arn"),
    ),
    health=(
        Rule(
            Health.BAD, "principal~:user/ cluster_admin=true", "a user, with long-lived keys, is cluster administrator"
        ),
        Rule(Health.WARN, "principal~:root", "the whole account may enter"),
        Rule(Health.WARN, "entry_type=STANDARD policies= groups=", "may enter, but do nothing"),
    ),
    arn="{arn}",
    sort="cluster",
    help="Who may enter clusters, from ListClusters, DescribeCluster, ListAccessEntries, DescribeAccessEntry and "
    "ListAssociatedAccessPolicies: two calls a cluster and two an entry. What Kubernetes itself decides is not in it.",
)
