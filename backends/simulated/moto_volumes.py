"""moto's EBS volumes, bent to say what AWS's say. Import nothing of moto before `moto_setup.prepare`."""

from __future__ import annotations

from typing import Any

from backends.simulated.bend import bend


def prepare() -> None:
    """An attachment tells whether its volume ends with its instance; moto knows, and tells it only of the instance."""
    from moto.ec2.models.elastic_block_store import VolumeAttachment

    def delete_on_termination(self: Any) -> bool:
        mapped = self.instance.block_device_mapping.get(self.device)
        return bool(mapped and mapped.delete_on_termination)

    bend(VolumeAttachment, "delete_on_termination", property(delete_on_termination))
