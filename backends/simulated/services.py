"""Metrics of databases, functions and services: formulas of seed, resource and time, as in `traffic`."""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import lambda_backends
from moto.ecs.models import ecs_backends
from moto.rds.models import rds_backends

from backends.simulated.cloud import Cloud
from backends.simulated.randomness import fraction, number
from backends.simulated.traffic import Subject, quiet

NAMESPACES = ("AWS/RDS", "AWS/Lambda", "AWS/ECS")
_GIB = 1024**3
_CHARGED = frozenset({"Invocations", "Errors", "Throttles"})


def subjects(seed: int, cloud: Cloud) -> dict[str, Subject]:
    """Every database, function and service of a region, by `key`."""
    found: dict[str, Subject] = {}
    for database in rds_backends[cloud.account][cloud.region].databases.values():
        name = database.db_instance_identifier
        of = number(seed, "database", cloud.account, cloud.region, name)
        found[f"database {name}"] = _database(of, fraction(seed, "busy", of), database)
    for function in lambda_backends[cloud.account][cloud.region].list_functions():
        of = number(seed, "function", function.function_arn)
        found[f"function {function.function_name}"] = _function(of, fraction(seed, "busy", of), function)
    for service in ecs_backends[cloud.account][cloud.region].services.values():
        of = number(seed, "service", service.arn)
        found[f"service {service.cluster_name}/{service.name}"] = _service(of, fraction(seed, "busy", of), service)
    return found


def key(told: dict[str, str]) -> str | None:
    """What `subjects` has those dimensions under; None where they are of something else."""
    if "DBInstanceIdentifier" in told:
        return f"database {told['DBInstanceIdentifier']}"
    if "FunctionName" in told:
        return f"function {told['FunctionName']}"
    if "ServiceName" in told:
        return f"service {told.get('ClusterName', '')}/{told['ServiceName']}"
    return None


def _database(of: int, busy: float, database: Any) -> Subject:
    """A stopped one tells nothing; one that is full has no room, and waits for nobody."""
    if database.status == "stopped":
        return Subject(of, {}, {})
    full = database.status == "storage-full"
    levels = {
        "CPUUtilization": 2.0 if full else 15 + 50 * busy,
        "FreeableMemory": (1 + 3 * busy) * _GIB,
        "DatabaseConnections": 180.0 if full else float(round(10 + 80 * busy)),
        "ReadLatency": 0.0004 + 0.002 * busy,
        "WriteLatency": 0.9 if full else 0.0008 + 0.004 * busy,
    }
    if not database.engine.startswith("aurora"):
        levels["FreeStorageSpace"] = 0.0 if full else database.allocated_storage * _GIB * (0.25 + 0.5 * busy)
    return Subject(of, {}, levels)


def _function(of: int, busy: float, function: Any) -> Subject:
    """Those whose last change failed fail often, and so do those on a runtime that is no more."""
    broken = bool(getattr(function, "update_problem", "")) or function.run_time == "python2.7"
    runs = 1e-5 if quiet(function.function_name) and not broken else 0.05 + 2 * busy
    rates = {"Invocations": runs, "Errors": runs * (0.3 if broken else 4e-4), "Throttles": 0.0}
    return Subject(of, rates, {"Duration": 40 + 900 * busy}, sparse=_CHARGED)


def _service(of: int, busy: float, service: Any) -> Subject:
    """Too few tasks have too much to do; none tell nothing."""
    if not service.running_count:
        return Subject(of, {}, {})
    strain = min(service.desired_count / service.running_count, 2.0)
    return Subject(of, {}, {"CPUUtilization": strain * (20 + 45 * busy), "MemoryUtilization": 35 + 40 * busy})
