"""EKS: add-ons, access entries, insights and updates, which moto does not know; they are kept on its clusters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from backends.simulated import addons, wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation

_PAGE = 100


def _cluster(request: wire.Request) -> Any:
    name = request.uri.get("name", "")
    cluster = Cloud(request.account, request.region).eks.clusters.get(name)
    if cluster is None:
        raise wire.AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
    return cluster


def _paged(given: dict[str, Any], items: Iterable[Any], name: str) -> dict[str, Any]:
    found, offset = list(items), int(given.get("nextToken") or 0)
    size = min(given.get("maxResults") or _PAGE, _PAGE)
    output: dict[str, Any] = {name: found[offset : offset + size]}
    if offset + size < len(found):
        output["nextToken"] = str(offset + size)
    return output


def _one(found: dict[str, Any], key: str, what: str) -> dict[str, Any]:
    if key not in found:
        raise wire.AwsError("ResourceNotFoundException", f"No {what} found: {key}.", 404)
    item: dict[str, Any] = found[key]
    return item


@answers("eks", "ListAddons")
def list_addons(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Names."""
    return _paged(wire.parameters(request), getattr(_cluster(request), "addons", {}), "addons")


@answers("eks", "DescribeAddon")
def describe_addon(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One add-on of a cluster."""
    return {"addon": _one(getattr(_cluster(request), "addons", {}), request.uri["addonName"], "addon")}


@answers("eks", "DescribeAddonVersions")
def describe_addon_versions(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """What AWS offers for a Kubernetes version, or for all."""
    given = wire.parameters(request)
    offered = addons.offered(given.get("kubernetesVersion"), given.get("addonName"))
    return _paged(given, offered, "addons")


@answers("eks", "ListAccessEntries")
def list_access_entries(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """ARNs of principals; clusters that know only the ConfigMap refuse, as in AWS."""
    cluster = _cluster(request)
    if getattr(cluster, "access_config", {}).get("authenticationMode") == "CONFIG_MAP":
        message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]."
        raise wire.AwsError("InvalidRequestException", message)
    return _paged(wire.parameters(request), getattr(cluster, "access_entries", {}), "accessEntries")


@answers("eks", "DescribeAccessEntry")
def describe_access_entry(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One access entry."""
    return {"accessEntry": _entry(request)["entry"]}


@answers("eks", "ListAssociatedAccessPolicies")
def list_associated_access_policies(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The access policies of an entry."""
    entry = _entry(request)
    names = {name: entry["entry"][name] for name in ("clusterName", "principalArn")}
    return names | _paged(wire.parameters(request), entry["policies"], "associatedAccessPolicies")


def _entry(request: wire.Request) -> dict[str, Any]:
    return _one(getattr(_cluster(request), "access_entries", {}), request.uri["principalArn"], "access entry")


@answers("eks", "ListInsights")
def list_insights(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """Insights without what only DescribeInsight tells."""
    given = wire.parameters(request)
    wanted = (given.get("filter") or {}).get("statuses")
    short = [
        {key: value for key, value in insight.items() if key not in addons.DETAILS}
        for insight in getattr(_cluster(request), "insights", {}).values()
        if not wanted or insight["insightStatus"]["status"] in wanted
    ]
    return _paged(given, short, "insights")


@answers("eks", "DescribeInsight")
def describe_insight(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One insight."""
    return {"insight": _one(getattr(_cluster(request), "insights", {}), request.uri["id"], "insight")}


@answers("eks", "ListUpdates")
def list_updates(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """The ids of a cluster's own updates, or of those of a node group."""
    given = wire.parameters(request)
    of = given.get("nodegroupName") or ""
    updates = getattr(_cluster(request), "updates", {})
    return _paged(given, (id_ for id_, (subject, _) in updates.items() if subject == of), "updateIds")


@answers("eks", "DescribeUpdate")
def describe_update(simulation: Simulation, request: wire.Request) -> dict[str, Any]:
    """One update."""
    updates = {id_: update for id_, (_, update) in getattr(_cluster(request), "updates", {}).items()}
    return {"update": _one(updates, request.uri["updateId"], "update")}
