"""moto, made to keep simulated time and to know zones per account. Import nothing of moto before `prepare`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from backends.simulated import accounts, catalog, moto_network, moto_volumes
from backends.simulated.bend import bend
from backends.simulated.clock import Clock

_ENVIRONMENT = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # a thousand images that nobody asks for; a second per start
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "TEST_SERVER_MODE": "true",
}


def prepare(clock: Clock) -> None:
    """Import moto's services once and bend what would break the simulation. Call once per process, before seeding."""
    os.environ.update(_ENVIRONMENT)
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would override the account of every credential
    _read_endpoint_data_once()
    _serve_every_region()
    import moto.core.utils as utilities

    wall = utilities.utcnow
    import moto.acm.models
    import moto.autoscaling.models
    import moto.cloudwatch.models
    import moto.ec2.models
    import moto.eks.models
    import moto.elb.models
    import moto.elbv2.models
    import moto.iam.models
    import moto.moto_server.werkzeug_app
    import moto.route53.models
    import moto.sts.models  # noqa: F401

    _keep_simulated_time(wall, clock.naive)
    # Credentials expire by the client's clock, which does not run ahead with the simulated one.
    sys.modules["moto.sts.models"].utcnow = wall  # type: ignore[attr-defined]
    _know_zones_per_account()
    _date_spot_requests()
    _offer_few_types()
    moto_network.prepare()
    moto_volumes.prepare()
    # It makes a boto3 session each time, only to learn the names of the partitions.
    models = sys.modules["moto.eks.models"]
    models.validate_role_arn = cache(models.validate_role_arn)  # type: ignore[attr-defined]


def _read_endpoint_data_once() -> None:
    """moto makes boto3 sessions by the dozen, and each parses botocore's megabyte of endpoints again."""
    from botocore.loaders import JSONFileLoader

    read = JSONFileLoader.load_file
    kept: dict[str, Any] = {}

    def load_file(self: Any, file_path: str) -> Any:
        if not file_path.endswith(("endpoints", "partitions", "_retry", "sdk-default-configuration")):
            return read(self, file_path)
        if file_path not in kept:
            kept[file_path] = read(self, file_path)
        return kept[file_path]

    bend(JSONFileLoader, "load_file", load_file)


def _serve_every_region() -> None:
    """moto reads each service's whole description, megabytes in all, only to learn in which regions it is."""
    from botocore.loaders import create_loader
    from moto.core.base_backend import AccountSpecificBackend

    @cache
    def regions() -> list[str]:
        partitions = create_loader().load_data("endpoints")["partitions"]
        return [region for partition in partitions for region in partition["regions"]]

    bend(AccountSpecificBackend, "_generate_regions", lambda self, service: regions())


def _keep_simulated_time(wall: Callable[[], datetime], simulated: Callable[[], datetime]) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and getattr(module, "utcnow", None) is wall:
            module.utcnow = simulated  # type: ignore[attr-defined]


def _know_zones_per_account() -> None:
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
    from moto.ec2.models.subnets import SubnetBackend

    zones: dict[str, list[Any]] = RegionsAndZonesBackend.zones
    for region in accounts.REGIONS:
        names, ids = accounts.zone_names(region), accounts.zone_ids(region)
        zones[region] = [Zone(name, region, identity) for name, identity in zip(names, ids, strict=True)]
    describe, create = RegionsAndZonesBackend.describe_availability_zones, SubnetBackend.create_subnet

    def mapped(account: str, zone: Any) -> Any:
        if zone.region_name not in accounts.REGIONS or account not in accounts.BY_ID:
            return zone
        return Zone(zone.name, zone.region_name, accounts.zone_id(account, zone.name))

    def describe_availability_zones(self: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return [mapped(self.account_id, zone) for zone in describe(self, *args, **kwargs)]

    def create_subnet(self: Any, *args: Any, **kwargs: Any) -> Any:
        subnet = create(self, *args, **kwargs)
        subnet._availability_zone = mapped(self.account_id, subnet._availability_zone)
        return subnet

    bend(RegionsAndZonesBackend, "describe_availability_zones", describe_availability_zones)
    bend(SubnetBackend, "create_subnet", create_subnet)


def _date_spot_requests() -> None:
    """Spot requests tell their own times: moto dates every one of them to 2015."""
    from moto.ec2.models.spot_requests import SpotInstanceRequest

    def stamp(attribute: str) -> property:
        return property(lambda self: getattr(self, attribute, None) or datetime(2015, 1, 1, tzinfo=UTC))

    def status(self: Any) -> dict[str, Any]:
        message = self.status_message or "Your Spot request is fulfilled."
        return {"Code": self._status_code, "Message": message, "UpdateTime": self.updated}

    bend(SpotInstanceRequest, "create_time", stamp("created"))
    bend(SpotInstanceRequest, "updated", stamp("status_updated"))
    bend(SpotInstanceRequest, "status", property(status))
    zone = property(lambda self: self.instance.placement.zone)
    bend(SpotInstanceRequest, "launched_availability_zone", zone)


def _offer_few_types() -> None:
    """A region offers the types that are simulated: moto's fourteen hundred take it seconds to write down."""
    from moto.ec2.models.instance_types import InstanceTypeBackend

    describe = InstanceTypeBackend.describe_instance_types

    def describe_instance_types(self: Any, instance_types: Any = None, filters: Any = None) -> Any:
        offered = [kind["InstanceType"] for kind in self.instance_types if kind["InstanceType"] in catalog.TYPES]
        found = describe(self, instance_types or offered, filters)
        # moto's copy of AWS's answer calls m6i the past and c6i the present.
        return [kind | {"CurrentGeneration": not catalog.TYPES[kind["InstanceType"]].previous} for kind in found]

    bend(InstanceTypeBackend, "describe_instance_types", describe_instance_types)
