"""ECS: services that run, that are being deployed in vain, that run no more; and a cluster with nothing in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.ecs.models import ecs_backends

from backends.simulated import accounts
from backends.simulated.hostile import CANARIES
from backends.simulated.seed.network import Network

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class ServiceSeed:
    """`balanced`: its tasks are in a target group; `said` is ECS's last event of it."""

    account: str
    region: str
    cluster: str
    name: str
    desired: int
    running: int
    age: int
    rollout: str = "COMPLETED"
    failed: int = 0
    said: str = "has reached a steady state."
    balanced: bool = False


SERVICES: tuple[ServiceSeed, ...] = (
    ServiceSeed(_PROD, _EAST, "shop", "checkout", 6, 6, 4, balanced=True),
    ServiceSeed(
        *(_PROD, _EAST, "shop", "recommendations", 4, 3, 0, "IN_PROGRESS", 7),
        said="is unable to consistently start tasks successfully.",
    ),
    ServiceSeed(
        *(_PROD, _EAST, "shop", "mailer", 2, 0, 1, "FAILED", 24),
        said="was unable to place a task because no container instance met all of its requirements.",
    ),
    ServiceSeed(_PROD, _WEST, "shop", "checkout", 3, 3, 4, balanced=True),
)
_EMPTY = ((_DEV, _EAST, "leftover"),)


def plant(
    networks: dict[tuple[str, str], Network], targets: dict[tuple[str, str], dict[str, str]], now: datetime
) -> None:
    """Make the clusters, the task definitions and the services; `targets` are target groups by service."""
    for seed in SERVICES:
        backend = ecs_backends[seed.account][seed.region]
        if seed.cluster not in backend.clusters:
            _cluster(backend, seed.cluster, seed.account)
        place = seed.account, seed.region
        _service(backend, seed, networks[place], targets[place].get("api", "") if seed.balanced else "", now)
    for account, region, name in _EMPTY:
        _cluster(ecs_backends[account][region], name, account)


def _cluster(backend: Any, name: str, account: str) -> None:
    tags = [{"key": "env", "value": accounts.BY_ID[account].alias}]
    backend.create_cluster(name, tags, capacity_providers=["FARGATE", "FARGATE_SPOT"])


def _service(backend: Any, seed: ServiceSeed, network: Network, target: str, now: datetime) -> None:
    container = {
        "name": seed.name,
        "image": f"example/{seed.name}:latest",
        "cpu": 256,
        "memory": 512,
        "environment": [{"name": "STAGE", "value": "production"}, {"name": "UPSTREAM", "value": CANARIES[5]}],
    }
    backend.register_task_definition(seed.name, [container], network_mode="awsvpc", tags=[])
    where = {
        "subnets": network.private_ids,
        "securityGroups": [network.groups["web"].id],
        "assignPublicIp": "DISABLED",
    }
    made = backend.create_service(
        seed.cluster,
        seed.name,
        seed.desired,
        seed.name,
        load_balancers=[{"targetGroupArn": target, "containerName": seed.name, "containerPort": 8080}]
        if target
        else [],
        launch_type="FARGATE",
        tags=[{"key": "team", "value": "shop"}],
        network_configuration={"awsvpcConfiguration": where},
    )
    pending = seed.desired - seed.running if seed.rollout != "FAILED" else 0
    cluster = backend.clusters[seed.cluster]
    cluster.running_tasks_count += seed.running - made.running_count
    cluster.pending_tasks_count += pending - made.pending_count
    cluster.active_services_count = sum(service.cluster_name == seed.cluster for service in backend.services.values())
    made.running_count, made.pending_count = seed.running, pending
    deployed = now - timedelta(days=seed.age, minutes=25)
    [deployment] = made.deployments
    deployment |= {
        "createdAt": deployed,
        "updatedAt": deployed,
        "runningCount": seed.running,
        "pendingCount": pending,
        "failedTasks": seed.failed,
        "rolloutState": seed.rollout,
        "rolloutStateReason": f"ECS deployment {deployment['id']} {seed.rollout.lower().replace('_', ' ')}.",
    }
    message = f"(service {seed.name}) {seed.said}"
    made.created_at, made.enable_execute_command = now - timedelta(days=500 - seed.age), seed.name == "mailer"
    made.deployment_configuration = {
        "deploymentCircuitBreaker": {"enable": True, "rollback": seed.name == "checkout"},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
    }
    made.events = [{"id": deployment["id"], "createdAt": now - timedelta(minutes=3), "message": message}]
