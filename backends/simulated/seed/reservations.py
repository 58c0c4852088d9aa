"""EC2 capacity reservations: one in full use, one in part, one for those that name it, one that has ended.

moto knows none of them; what DescribeCapacityReservations tells is in answers/capacity.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backends.simulated import accounts
from backends.simulated.cloud import Cloud
from backends.simulated.randomness import number

_EAST, _WEST, _ = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class Reservation:
    """`total` is how many instances it holds room for, `shared` how many of those another account runs in it.

    `open`: any fitting instance uses it, else only what names it, which here nothing does.
    """

    account: str
    region: str
    zone: str
    kind: str
    total: int
    age: int
    name: str
    shared: int = 0
    state: str = "active"
    open: bool = True

    def takes(self, instance: Any) -> bool:
        """Whether an instance may run in it; Spot Instances never do."""
        return bool(
            self.open
            and self.state == "active"
            and (instance.instance_type, instance.placement.zone) == (self.kind, self.region + self.zone)
            and instance.lifecycle != "spot"
            and instance.state == "running"
        )


RESERVATIONS = (
    Reservation(_PROD, _EAST, "a", "r5.xlarge", 3, 200, "postgres"),
    Reservation(_PROD, _EAST, "b", "g4dn.xlarge", 4, 65, "render-peak", shared=1),
    Reservation(_PROD, _WEST, "a", "m6i.xlarge", 6, 120, "checkout-launch-2025", open=False),
    Reservation(_DEV, _EAST, "c", "g4dn.xlarge", 1, 30, "ml-demo", state="expired"),
)


def plant(seed: int) -> None:
    """Let what fits run in them, the first launched first."""
    for reservation in RESERVATIONS:
        fitting = filter(reservation.takes, Cloud(reservation.account, reservation.region).instances())
        for instance, _ in zip(fitting, range(reservation.total - reservation.shared), strict=False):
            instance.capacity_reservation_id = identity(seed, reservation)


def identity(seed: int, reservation: Reservation) -> str:
    """The id of a reservation."""
    return f"cr-{number(seed, 'capacity', reservation.account, reservation.region, reservation.name):016x}0"


def free(seed: int, reservation: Reservation) -> int:
    """How much of its room nothing uses now."""
    if reservation.state != "active":
        return 0
    wanted = identity(seed, reservation)
    inside: int = sum(
        instance.state == "running" and getattr(instance, "capacity_reservation_id", "") == wanted
        for instance in Cloud(reservation.account, reservation.region).instances()
    )
    return reservation.total - reservation.shared - inside
