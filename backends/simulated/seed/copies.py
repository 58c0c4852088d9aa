"""Snapshots and images: nightly ones, forgotten ones, one that failed and one that anybody may copy."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from moto.ec2.models.amis import Ami
from moto.ec2.utils import random_ami_id, random_volume_id

from backends.simulated import accounts
from backends.simulated.cloud import Cloud, name_of
from backends.simulated.seed.network import Network

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id
# account, region, name of the volume it was taken of, what it is called, days old, state, its volume is gone
_SNAPSHOTS = (
    (_PROD, _EAST, "postgres-primary-data", "nightly-1", 1, "completed", False),
    (_PROD, _EAST, "postgres-primary-data", "nightly-2", 2, "completed", False),
    (_PROD, _EAST, "postgres-primary-data", "nightly-3", 3, "error", False),
    (_PROD, _EAST, "jenkins-data", "before-upgrade", 420, "completed", False),
    (_PROD, _EAST, "jenkins-data", "mysql-2019", 2300, "completed", True),
    (_PROD, _WEST, "postgres-replica-data", "nightly-1", 1, "completed", False),
    (_PROD, _WEST, "postgres-replica-data", "customer-export", 640, "completed", True),
    (_DEV, _EAST, "gpu-box-data", "training-set", 190, "completed", False),
    (_DEV, _WEST, "restore-120-0", "restore-test", 50, "completed", True),
)
_OPEN = "customer-export"
"""The snapshot that everybody may restore."""
_ARCHIVED = "mysql-2019"
# account, region, name of the instance it was made from, what it is called, days old, state, everybody may start it
_IMAGES = (
    (_PROD, _EAST, "bastion", "golden-2024-02", 640, "available", False),
    (_PROD, _EAST, "bastion", "golden-2026-10", 38, "available", False),
    (_PROD, _EAST, "jenkins", "jenkins-before-upgrade", 420, "failed", False),
    (_PROD, _WEST, "bastion", "golden-2026-10", 38, "available", False),
    (_DEV, _EAST, "notebook-1", "workshop", 200, "available", True),
)
_OF_THE_WORKSHOP = ("notebook-2", "notebook-3", "notebook-4")
"""The machines that were started from the image of that name."""
_DEPRECATED_AFTER = timedelta(days=500)


def plant(networks: dict[tuple[str, str], Network], now: datetime) -> None:
    """Make all of them; the machines and their volumes have to be there."""
    for account, region, volume, name, age, state, gone in _SNAPSHOTS:
        cloud = networks[account, region].cloud
        _snapshot(cloud, volume, name, now - timedelta(days=age, minutes=17), state, gone)
    for account, region, machine, name, age, state, public in _IMAGES:
        _image(networks[account, region].cloud, machine, name, now - timedelta(days=age), state, public)
    sandbox = networks[_DEV, _EAST].cloud
    for instance in sandbox.instances():
        if name_of(instance) in _OF_THE_WORKSHOP:
            start_from(instance, image_named(sandbox, "workshop"))


def image_named(cloud: Cloud, name: str) -> Any:
    """The account's own image of that name."""
    return next(image for image in cloud.ec2.amis.values() if image.name == name)


def start_from(instance: Any, image: Any) -> None:
    """Let an instance, its root volume and its Spot request be of an image of the account's own."""
    instance.image_id = image.id
    root = instance.block_device_mapping[instance.root_device_name]
    instance.ec2_backend.volumes[root.volume_id].snapshot_id = image.ebs_snapshot.id
    request = getattr(instance, "spot_request", None)
    if request is not None:
        request.launch_specification.image_id = image.id


def _snapshot(cloud: Cloud, volume: str, name: str, taken: datetime, state: str, gone: bool) -> None:
    source = next(v for v in cloud.ec2.volumes.values() if name_of(v) == volume)
    snapshot = cloud.ec2.create_snapshot(source.id, f"{name} of {volume}")
    if gone:
        snapshot.volume = SimpleNamespace(id=random_volume_id(), size=source.size)
    snapshot.start_time, snapshot.status = taken, state
    snapshot.sse_type = "sse-ebs" if snapshot.encrypted else "none"
    if state == "error":
        snapshot.state_message = "Given key ID is not accessible"
    else:
        snapshot.completion_time = taken + timedelta(minutes=9)
        snapshot.full_snapshot_size_in_bytes = int(source.size * 0.4) << 30
    if name == _OPEN:
        snapshot.create_volume_permission_groups.add("all")
    if name == _ARCHIVED:
        snapshot.storage_tier = "archive"
    snapshot.add_tags({"Name": name})


def _image(cloud: Cloud, machine: str, name: str, made: datetime, state: str, public: bool) -> None:
    source = next(i for i in cloud.instances() if name_of(i) == machine)
    image = Ami(
        cloud.ec2,
        random_ami_id(),
        instance=source,
        name=name,
        description=f"{name}, made from {machine}",
        public=public,
        state=state,
        creation_date=made,
        image_location=f"{cloud.account}/{name}",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name="/dev/xvda",
        region_name=source.placement.zone,
        boot_mode="uefi-preferred",
        tags={"Name": name},
    )
    details: dict[str, Any] = {
        "platform_details": "Linux/UNIX",
        "ena_support": True,
        "imds_support": "v2.0" if name == "golden-2026-10" else None,
        "deprecation_time": f"{made + _DEPRECATED_AFTER:%Y-%m-%dT%H:%M:%S.000Z}",
        "last_launched_time": f"{made + timedelta(days=12):%Y-%m-%dT%H:%M:%S.000Z}",
        "state_reason": {"Code": "Client.SnapshotFailed", "Message": "A snapshot failed"}
        if state == "failed"
        else None,
    }
    for key, value in details.items():
        setattr(image, key, value)
    image.ebs_snapshot.start_time = made
    cloud.ec2.amis[image.id] = image
