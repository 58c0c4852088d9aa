"""Instance types that the simulation uses, with on-demand list prices, and what a region adds to them."""

from __future__ import annotations

from dataclasses import dataclass

LINUX = "Linux/UNIX"
WINDOWS = "Windows"


@dataclass(frozen=True, slots=True)
class InstanceType:
    """`price` is USD per hour on demand for Linux in us-east-1; `market` whether its spot market is simulated;
    `previous` whether it counts to a previous generation."""

    name: str
    vcpus: int
    memory_gib: float
    price: float
    arm: bool = False
    market: bool = True
    windows: bool = False
    previous: bool = False

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


TYPES: dict[str, InstanceType] = {
    kind.name: kind
    for kind in (
        InstanceType("m5.large", 2, 8, 0.096, windows=True),
        InstanceType("m5.xlarge", 4, 16, 0.192, windows=True),
        InstanceType("m5.2xlarge", 8, 32, 0.384),
        InstanceType("m5a.large", 2, 8, 0.086),
        InstanceType("m6i.large", 2, 8, 0.096),
        InstanceType("m6i.xlarge", 4, 16, 0.192),
        InstanceType("m6g.large", 2, 8, 0.077, arm=True),
        InstanceType("m7g.xlarge", 4, 16, 0.1632, arm=True),
        InstanceType("c5.large", 2, 4, 0.085),
        InstanceType("c5.xlarge", 4, 8, 0.17),
        InstanceType("c5.2xlarge", 8, 16, 0.34),
        InstanceType("c6i.xlarge", 4, 8, 0.17),
        InstanceType("c6g.xlarge", 4, 8, 0.136, arm=True),
        InstanceType("r5.large", 2, 16, 0.126),
        InstanceType("r5.xlarge", 4, 32, 0.252, windows=True),
        InstanceType("r6i.large", 2, 16, 0.126),
        InstanceType("r6g.large", 2, 16, 0.1008, arm=True),
        InstanceType("g4dn.xlarge", 4, 16, 0.526),
        InstanceType("i3.large", 2, 15.25, 0.156, previous=True),
        InstanceType("t3.large", 2, 8, 0.0832),
        InstanceType("t3.medium", 2, 4, 0.0416, market=False),
        InstanceType("t3.micro", 2, 1, 0.0104, market=False),
        InstanceType("t2.medium", 2, 4, 0.0464, market=False, previous=True),
        InstanceType("m4.large", 2, 8, 0.1, market=False, previous=True),
    )
}

_REGION_FACTOR = {"us-east-1": 1.0, "eu-west-1": 1.115, "ap-southeast-2": 1.25}
_WINDOWS_PER_VCPU = 0.046


def on_demand(name: str, region: str, product: str = LINUX) -> float:
    """USD per hour on demand; KeyError for a type that is not simulated."""
    kind = TYPES[name]
    licence = kind.vcpus * _WINDOWS_PER_VCPU if product == WINDOWS else 0.0
    return round(kind.price * _REGION_FACTOR[region] + licence, 4)


def image_id(name: str, region: str) -> str:
    """The image that instances of a type start from: one per architecture and region."""
    known = {"us-east-1": "0c101f26f147fa7fd", "eu-west-1": "0905a3c97561e0b69", "ap-southeast-2": "04f5097681773b989"}
    digits = known[region]
    return f"ami-{digits[::-1] if TYPES[name].arm else digits}"
