"""EC2 snapshots that others may restore: moto shows all of them to whoever asks for those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.simulated import wire
from backends.simulated.answers.registry import answers
from backends.simulated.cloud import Cloud

if TYPE_CHECKING:
    from backends.simulated.simulation import Simulation


@answers("ec2", "DescribeSnapshots")
def describe_snapshots(simulation: Simulation, request: wire.Request) -> dict[str, Any] | None:
    """Only the shared ones where the question is who may restore them; every other question is left to moto."""
    given = wire.parameters(request)
    users = given.get("RestorableByUserIds") or []
    if not users or "self" in users:
        return None
    return {
        "Snapshots": [
            _told(snapshot)
            for snapshot in Cloud(request.account, request.region).ec2.snapshots.values()
            if ("all" in users and "all" in snapshot.create_volume_permission_groups)
            or snapshot.create_volume_permission_userids & set(users)
        ]
    }


def _told(snapshot: Any) -> dict[str, Any]:
    return {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "VolumeSize": snapshot.volume_size,
        "State": snapshot.status,
        "StartTime": snapshot.start_time,
        "Progress": snapshot.progress,
        "OwnerId": snapshot.owner_id,
        "Description": snapshot.description,
        "Encrypted": bool(snapshot.encrypted),
        "StorageTier": snapshot.storage_tier,
        "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in snapshot.get_tags()],
    }
