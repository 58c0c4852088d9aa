"""EC2 fleets and Spot Fleet requests that tell what runs in them now; moto's count what was once launched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moto.ec2.models.fleets import Fleet
from moto.ec2.models.spot_requests import SpotFleetRequest

_FAILED = "error"


class _Counted:
    """`members` are the fleet's instances; `trouble` is (code, message) of why AWS cannot launch more."""

    members: list[Any]
    trouble: tuple[str, str] | None
    create_time: datetime

    @property
    def fulfilled_capacity(self) -> float:
        return float(sum(instance.state in ("pending", "running") for instance in self.members))

    @fulfilled_capacity.setter
    def fulfilled_capacity(self, capacity: float) -> None:
        """moto adds up what it launches; here it is counted."""

    def _activity(self, target: int) -> str:
        if self.fulfilled_capacity >= target:
            return "fulfilled"
        return _FAILED if self.trouble else "pending_fulfillment"


class CountedFleet(_Counted, Fleet):
    """A fleet that CreateFleet made, of given instances."""

    def __init__(self, created: datetime, trouble: tuple[str, str] | None, **fields: Any) -> None:
        self.members, self.trouble, self.create_time = [], trouble, created
        wanted, configs = fields["target_capacity_specification"], fields["launch_template_configs"]
        nothing = {**wanted, "TotalTargetCapacity": 0, "SpotTargetCapacity": 0, "OnDemandTargetCapacity": 0}
        fields |= {"target_capacity_specification": nothing, "launch_template_configs": []}
        super().__init__(**fields)
        self.target_capacity_specification, self.launch_template_configs = wanted, configs
        self.target_capacity = wanted["TotalTargetCapacity"]

    @property
    def fleet_id(self) -> str:
        """moto finds an answer's FleetId by the name of its own class."""
        return str(self.id)

    @property
    def fleet_state(self) -> str:
        return str(self.state)

    @property
    def activity_status(self) -> str:
        return self._activity(self.target_capacity)

    @property
    def errors(self) -> list[dict[str, str]]:
        if self.activity_status != _FAILED or self.trouble is None:
            return []
        code, message = self.trouble
        return [{"Lifecycle": "spot", "ErrorCode": code, "ErrorMessage": message}]


class CountedSpotFleet(_Counted, SpotFleetRequest):
    """A Spot Fleet request, of given instances; `config` are fields of its answer that moto does not tell."""

    def __init__(self, created: datetime, config: dict[str, Any], target: int, **fields: Any) -> None:
        self.members, self.trouble, self.create_time = [], None, created
        self._config = config
        super().__init__(target_capacity="0", **fields)
        self.target_capacity = target

    def create_spot_requests(self, weight_to_add: float) -> None:
        """moto would look for the cheapest of what it may launch, even for nothing; its instances are given."""

    def take(self, instances: Sequence[Any]) -> None:
        """Let instances, each with its spot request, be the fleet's."""
        self.members += instances
        self.spot_requests += [instance.spot_request for instance in instances]

    @property
    def activity_status(self) -> str:
        return self._activity(int(self.target_capacity))

    @property
    def spot_fleet_request_config(self) -> dict[str, Any]:
        return super().spot_fleet_request_config | self._config
