"""What the simulated cloud holds when it starts: ids and names depend on the seed alone, times also on the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backends.simulated import accounts
from backends.simulated.cloud import CLOUDS, Cloud
from backends.simulated.fleets import Fleets
from backends.simulated.randomness import moto_stream
from backends.simulated.seed import (
    ailing,
    alarms,
    balancers,
    buckets,
    certificates,
    classic,
    cluster_parts,
    clusters,
    connections,
    containers,
    copies,
    credentials,
    databases,
    functions,
    groups,
    identities,
    interfaces,
    launching,
    machines,
    names,
    network,
    organization,
    queues,
    reservations,
    scaling,
)

_EAST, _WEST, _SOUTH = (Cloud(accounts.PRODUCTION.id, region) for region in accounts.REGIONS)
_TLS = {
    _EAST: ("www.example.com", "ELBSecurityPolicy-TLS13-1-2-2021-06"),
    _WEST: ("www.example.eu", "ELBSecurityPolicy-2016-08"),
    _SOUTH: ("www.example.com.au", "ELBSecurityPolicy-TLS13-1-2-2021-06"),
}
"""Where the edge speaks TLS: with which certificate, and which versions."""


def plant(fleets: Fleets, now: datetime, seed: int) -> dict[str, str]:
    """Fill both accounts; the metric profiles of machines by instance id. `now` is naive UTC."""
    networks: dict[tuple[str, str], network.Network] = {}
    with moto_stream(seed, "seed"):
        for cloud in CLOUDS:
            networks[cloud.account, cloud.region] = network.plant(cloud)
        for account in accounts.ACCOUNTS:
            identities.plant(account, now, seed)
        for cloud in CLOUDS:
            certificates.plant(cloud, now, seed)
        targets = {place: _balancers(made, now) for place, made in networks.items()}
        for group in groups.GROUPS:
            place = group.account, group.region
            groups.plant(group, networks[place], targets[place], fleets, now)
        for cluster in clusters.CLUSTERS:
            clusters.plant(cluster, networks[cluster.account, cluster.region], fleets, now)
        profiles = machines.plant(networks, fleets, now)
        connections.plant(networks, now)
        interfaces.plant(networks)
        copies.plant(networks, now)
        launching.plant(networks, fleets, now)
        for made in networks.values():
            classic.plant(made, now)
        names.plant(networks)
    ailing.plant(now, seed)
    _some_ill_targets((now - timedelta(minutes=20)).replace(tzinfo=UTC).timestamp())
    with moto_stream(seed, "applications"):
        _applications(networks, targets, now, seed)
    reservations.plant(seed)
    fleets.activities.clear()  # the seed launched everything at once: groups are given a past of their own
    for cloud in CLOUDS:
        scaling.plant(cloud, fleets, now)
        alarms.plant(cloud, now)
        cluster_parts.plant(cloud, now)
    return profiles


def _applications(
    networks: dict[tuple[str, str], network.Network],
    targets: dict[tuple[str, str], dict[str, str]],
    now: datetime,
    seed: int,
) -> None:
    for account in accounts.ACCOUNTS:
        credentials.plant(account, now)
    organization.plant(now)
    queues.plant(now)
    functions.plant(networks, now, seed)
    buckets.plant(now)
    databases.plant(networks, now)
    containers.plant(networks, targets, now)
    identities.plant_service_roles(now)
    connections.look_closer(networks, now)
    launching.plant_idle(networks, now)


def install() -> None:
    """Bend moto's resources to tell what the seed gives them; once per process."""
    for idea in (balancers, buckets, functions, queues):
        idea.install()


def _balancers(made: network.Network, now: datetime) -> dict[str, str]:
    production = made.cloud.account == accounts.PRODUCTION.id
    name = "edge" if production else "dev-edge"
    targets = balancers.plant(
        made, name, (("web", 8080),), "internet-facing", now - timedelta(days=600), _TLS.get(made.cloud)
    )
    if production and made.cloud.region != "ap-southeast-2":
        targets |= balancers.plant(
            made, "internal", (("api", 8443), ("old", 9000)), "internal", now - timedelta(days=390)
        )
    return targets


def _some_ill_targets(since: float) -> None:
    for cloud in CLOUDS:
        for index, group in enumerate(cloud.elbv2.target_groups.values()):
            for target in list(group.targets)[: 2 - index % 2]:
                balancers.fall_ill(group, target, index, since)
