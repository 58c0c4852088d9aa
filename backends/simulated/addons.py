"""The add-ons that the simulated AWS offers, and the versions of each for every version of Kubernetes."""

from __future__ import annotations

from typing import Any

VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")

# add-on → (its versions from the oldest to the newest, {} being Kubernetes' version; the place of the default)
CATALOGUE: dict[str, tuple[tuple[str, ...], int]] = {
    "vpc-cni": (("v1.16.0-eksbuild.1", "v1.19.0-eksbuild.1", "v1.20.4-eksbuild.1", "v1.20.5-eksbuild.1"), 2),
    "coredns": (("v1.11.1-eksbuild.4", "v1.11.4-eksbuild.2", "v1.12.2-eksbuild.4"), 1),
    "kube-proxy": (("v{}.0-eksbuild.1", "v{}.3-eksbuild.2", "v{}.10-eksbuild.2"), 1),
    "aws-ebs-csi-driver": (("v1.31.0-eksbuild.1", "v1.45.0-eksbuild.2", "v1.50.1-eksbuild.1"), 2),
    "eks-pod-identity-agent": (("v1.3.4-eksbuild.1", "v1.3.8-eksbuild.2"), 1),
    "amazon-cloudwatch-observability": (("v2.1.0-eksbuild.1", "v4.3.1-eksbuild.1"), 1),
}

DETAILS = ("recommendation", "additionalInfo", "resources", "categorySpecificSummary")
"""What only DescribeInsight tells."""


def version(name: str, kubernetes: str, place: int | None = None) -> str:
    """A version of an add-on: the default, or the one at a place of its list."""
    versions, default = CATALOGUE[name]
    return versions[default if place is None else place].format(kubernetes)


def offered(kubernetes: str | None, name: str | None) -> list[dict[str, Any]]:
    """What DescribeAddonVersions tells, newest versions first."""
    wanted = (kubernetes,) if kubernetes else VERSIONS
    return [
        {
            "addonName": addon,
            "type": "observability" if addon.startswith("amazon") else "networking",
            "publisher": "eks",
            "owner": "aws",
            "addonVersions": _versions(addon, wanted),
        }
        for addon in CATALOGUE
        if name in (None, addon)
    ]


def _versions(name: str, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every version of an add-on with the versions of Kubernetes that it goes with."""
    fits: dict[str, list[dict[str, Any]]] = {}
    versions, default = CATALOGUE[name]
    for place in reversed(range(len(versions))):
        for kubernetes in wanted:
            compatible = {
                "clusterVersion": kubernetes,
                "platformVersions": ["*"],
                "defaultVersion": place == default,
            }
            fits.setdefault(version(name, kubernetes, place), []).append(compatible)
    return [
        {"addonVersion": found, "architecture": ["amd64", "arm64"], "compatibilities": compatibilities}
        for found, compatibilities in fits.items()
    ]
