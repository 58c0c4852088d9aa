"""EKS: what is inside clusters is compared, asked for in few calls, and read where a cluster knows it at all."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.aws.kinds.eks_access import ACCESS_ENTRY
from backends.aws.kinds.eks_addon import ADDON, _order
from backends.aws.kinds.eks_upgrade import INSIGHT, UPDATE
from backends.model import CoverageState, Json
from tests.unit.aws_fakes import Answer, FakeClient, raising, refused, swept


def eks(**answers: Answer) -> FakeClient:
    return FakeClient("eks", {"ListClusters": lambda parameters: {"clusters": ["blue", "green"]}, **answers})


def described(parameters: Json) -> Json:
    return {"cluster": {"name": parameters["name"], "version": "1.33"}}


def offered(parameters: Json) -> Json:
    versions = [("v1.9.0-eksbuild.1", False), ("v1.10.0-eksbuild.2", True), ("v1.10.1-eksbuild.1", False)]
    compatible = [
        {"addonVersion": version, "compatibilities": [{"clusterVersion": "1.33", "defaultVersion": default}]}
        for version, default in versions
    ]
    return {"addons": [{"addonName": "vpc-cni", "addonVersions": compatible}]}


def installed(parameters: Json) -> Json:
    version = {"blue": "v1.9.0-eksbuild.1", "green": "v1.10.0-eksbuild.2"}[parameters["clusterName"]]
    return {"addon": {**parameters, "addonVersion": version, "configurationValues": "CANARY-value"}}


def addons(**more: Answer) -> FakeClient:
    given = {"DescribeCluster": described, "DescribeAddonVersions": offered, "DescribeAddon": installed}
    return eks(**{"ListAddons": lambda parameters: {"addons": ["vpc-cni", "own"][:1]}, **given, **more})


async def test_an_add_on_is_compared_with_what_aws_offers_for_its_clusters_version() -> None:
    client = addons()
    coverage, rows = await swept(ADDON, {"eks": client})
    assert {row["cluster"]: (row["default"], row["newest"], row["behind"]) for row in rows} == {
        "blue": ("v1.10.0-eksbuild.2", "v1.10.1-eksbuild.1", True),
        "green": ("v1.10.0-eksbuild.2", "v1.10.1-eksbuild.1", False),
    }
    assert coverage.calls == 1 + 2 * (3 + 1)
    assert "CANARY" not in str(rows)


async def test_without_leave_to_see_what_is_offered_it_is_not_known_whether_an_add_on_is_behind() -> None:
    coverage, rows = await swept(
        ADDON, {"eks": addons(DescribeAddonVersions=raising(refused("AccessDeniedException", 403)))}
    )
    assert [(row["version"] is None, row["default"], row["behind"]) for row in rows] == [(False, None, None)] * 2
    assert coverage.state is CoverageState.OK and "eks:DescribeAddonVersions" in coverage.problem


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(1, 9)), max_size=6))
def test_versions_are_ordered_by_their_numbers(versions: list[tuple[int, int, int, int]]) -> None:
    texts = [f"v{a}.{b}.{c}-eksbuild.{d}" for a, b, c, d in versions]
    assert sorted(texts, key=_order) == [f"v{a}.{b}.{c}-eksbuild.{d}" for a, b, c, d in sorted(versions)]


async def test_a_cluster_that_only_knows_the_config_map_is_not_asked_for_entries() -> None:
    modes = {"blue": "CONFIG_MAP", "green": "API"}
    client = eks(
        DescribeCluster=lambda p: {
            "cluster": {"name": p["name"], "accessConfig": {"authenticationMode": modes[p["name"]]}}
        },
        ListAccessEntries=lambda p: {"accessEntries": ["arn:aws:iam::1:role/a"]},
        DescribeAccessEntry=lambda p: {"accessEntry": {**p, "type": "STANDARD"}},
        ListAssociatedAccessPolicies=lambda p: {
            "associatedAccessPolicies": [
                {
                    "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    "accessScope": {"type": "cluster", "namespaces": []},
                }
            ]
        },
    )
    _, rows = await swept(ACCESS_ENTRY, {"eks": client})
    assert [(row["id"], row["policies"], row["cluster_admin"]) for row in rows] == [
        ("green/arn:aws:iam::1:role/a", ["AmazonEKSClusterAdminPolicy"], True)
    ]
    assert [p["clusterName"] for operation, p in client.asked if operation == "ListAccessEntries"] == ["green"]


@pytest.mark.parametrize("denied", [False, True])
async def test_an_insight_is_there_even_where_its_details_are_denied(denied: bool) -> None:
    details: Answer = lambda p: {"insight": {"recommendation": "Upgrade first."}}  # noqa: E731
    client = eks(
        ListInsights=lambda p: {"insights": [{"id": "1", "name": "skew", "insightStatus": {"status": "ERROR"}}]},
        DescribeInsight=raising(refused("AccessDeniedException", 403)) if denied else details,
    )
    _, rows = await swept(INSIGHT, {"eks": client})
    expected = (None if denied else "Upgrade first.", "ERROR", "skew")
    assert {(row["recommendation"], row["status"], row["name"]) for row in rows} == {expected}
    assert {row["cluster"] for row in rows} == {"blue", "green"}


async def test_updates_are_asked_for_by_cluster_and_by_node_group() -> None:
    client = eks(
        ListNodegroups=lambda p: {"nodegroups": ["a", "b"] if p["clusterName"] == "blue" else []},
        ListUpdates=lambda p: {"updateIds": [f"{p['name']}-{p.get('nodegroupName', 'itself')}"]},
        DescribeUpdate=lambda p: {"update": {"id": p["updateId"], "params": [{"type": "MaxSize", "value": "3"}]}},
    )
    _, rows = await swept(UPDATE, {"eks": client})
    assert {(row["id"], row["nodegroup"], *row["changes"]) for row in rows} == {
        ("blue/blue-itself", None, "MaxSize=3"),
        ("blue/blue-a", "a", "MaxSize=3"),
        ("blue/blue-b", "b", "MaxSize=3"),
        ("green/green-itself", None, "MaxSize=3"),
    }
    asked = Counter(operation for operation, _ in client.asked)
    assert asked == {"ListClusters": 1, "ListNodegroups": 2, "ListUpdates": 4, "DescribeUpdate": 4}
    described_with = [p for operation, p in client.asked if operation == "DescribeUpdate"]
    assert {"name": "blue", "nodegroupName": "a", "updateId": "blue-a"} in described_with
