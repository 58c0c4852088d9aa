"""RDS: a Multi-AZ database, one that is full, one in the open, a replica, and a cluster of Aurora."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.rds.models import rds_backends

from backends.simulated import accounts
from backends.simulated.hostile import CANARIES
from backends.simulated.seed.network import Network

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
_AURORA = ("aurora-postgresql", "16.4")


@dataclass(frozen=True, slots=True)
class DatabaseSeed:
    """`more` are further arguments of moto's create_db_instance."""

    account: str
    region: str
    name: str
    kind: str
    engine: tuple[str, str]
    age: int
    status: str = "available"
    storage: int = 100
    more: dict[str, Any] = field(default_factory=dict)


DATABASES: tuple[DatabaseSeed, ...] = (
    DatabaseSeed(
        *(_PROD, _EAST, "reports", "db.r6g.xlarge", ("postgres", "15.8"), 800),
        more={
            **{"multi_az": True, "backup_retention_period": 14, "storage_encrypted": True, "deletion_protection": True},
            "max_allocated_storage": 500,
        },
    ),
    DatabaseSeed(
        *(_PROD, _EAST, "tickets", "db.m5.large", ("mysql", "8.0.39"), 1300, "storage-full", 200),
        more={"backup_retention_period": 7, "storage_encrypted": True, "storage_type": "gp2"},
    ),
    DatabaseSeed(
        *(_PROD, _EAST, "partner-feed", "db.t3.medium", ("mysql", "5.7.44"), 2400),
        more={"publicly_accessible": True, "backup_retention_period": 0, "storage_type": "gp2"},
    ),
    DatabaseSeed(
        *(_PROD, _WEST, "catalogue", "db.r6g.large", ("postgres", "16.4"), 420),
        more={
            **{"multi_az": True, "backup_retention_period": 14, "storage_encrypted": True},
            **{"storage_type": "io1", "iops": 4000},
        },
    ),
    DatabaseSeed(_DEV, _EAST, "scratch", "db.t4g.medium", ("postgres", "14.13"), 260, "stopped", 20),
)


def plant(networks: dict[tuple[str, str], Network], now: datetime) -> None:
    """Make the databases, and the cluster that keeps the orders."""
    for seed in DATABASES:
        _database(seed, networks[seed.account, seed.region], now)
    _cluster(networks[_PROD, _EAST], now - timedelta(days=900))
    _replica(networks[_PROD, _EAST], "reports", "reports-replica", now - timedelta(days=300))


def _database(seed: DatabaseSeed, network: Network, now: datetime) -> None:
    backend = rds_backends[seed.account][seed.region]
    _subnets(backend, network)
    parameters = f"{seed.name}-parameters"
    family = seed.engine[0] + seed.engine[1].partition(".")[0]
    group = {"db_parameter_group_name": parameters, "db_parameter_group_family": family, "description": seed.name}
    made = backend.create_db_parameter_group(group | {"tags": []})
    made.update_parameters([{"ParameterName": "app.bootstrap", "ParameterValue": CANARIES[7]}])
    database = backend.create_db_instance(
        {
            "db_instance_identifier": seed.name,
            "db_instance_class": seed.kind,
            "engine": seed.engine[0],
            "engine_version": seed.engine[1],
            "allocated_storage": seed.storage,
            "master_username": "root",
            "master_user_password": CANARIES[3],
            "db_subnet_group_name": "private",
            "db_parameter_group_name": parameters,
            "vpc_security_group_ids": [network.groups["db"].id],
            "storage_type": "gp3",
            "publicly_accessible": False,
            "ca_certificate_identifier": "rds-ca-rsa2048-g1",
            "tags": [{"Key": "env", "Value": accounts.BY_ID[seed.account].alias}],
        }
        | seed.more
    )
    database.status = seed.status
    _date(database, now - timedelta(days=seed.age), now + timedelta(days=19 if seed.age > 2000 else 700))


def _cluster(network: Network, created: datetime) -> None:
    backend = rds_backends[network.cloud.account][network.cloud.region]
    engine, version = _AURORA
    cluster = backend.create_db_cluster(
        {
            "db_cluster_identifier": "orders",
            "engine": engine,
            "engine_version": version,
            "master_username": "root",
            "master_user_password": CANARIES[3],
            "db_subnet_group_name": "private",
            "db_cluster_parameter_group_name": "default.aurora-postgresql16",
            "vpc_security_group_ids": [network.groups["db"].id],
            "storage_encrypted": True,
            "kms_key_id": network.cloud.arn("kms", "alias/aws/rds"),
            "backup_retention_period": 14,
            "deletion_protection": True,
            "tags": [{"Key": "env", "Value": "production"}],
        }
    )
    cluster._status = "available"
    cluster.cluster_create_time = cluster.created = created
    for number in (1, 2):
        made = backend.create_db_instance(
            {
                "db_instance_identifier": f"orders-{number}",
                "db_instance_class": "db.r6g.xlarge",
                "engine": engine,
                "db_cluster_identifier": "orders",
                "db_subnet_group_name": "private",
                "publicly_accessible": False,
                "ca_certificate_identifier": "rds-ca-rsa2048-g1",
                "tags": [],
            }
        )
        _date(made, created, created + timedelta(days=1500))


def _replica(network: Network, source: str, name: str, created: datetime) -> None:
    backend = rds_backends[network.cloud.account][network.cloud.region]
    made = backend.create_db_instance_read_replica(
        {"db_instance_identifier": name, "source_db_instance_identifier": source}
    )
    made.multi_az = False
    _date(made, created, created + timedelta(days=1000))


def _date(database: Any, created: datetime, certificate_until: datetime) -> None:
    database.created = database.instance_create_time = created
    authority = database.ca_certificate_identifier
    database.certificate_details = {"CAIdentifier": authority, "ValidTill": certificate_until}
    database.performance_insights_enabled = not database.publicly_accessible


def _subnets(backend: Any, network: Network) -> None:
    if "private" not in backend.subnet_groups:
        backend.create_subnet_group("private", "Private subnets", network.private, [])
