"""Machines outside of groups, and volumes: databases, bastions, the forgotten, the stopped, the unattached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backends.simulated import accounts
from backends.simulated.cloud import finish_volume
from backends.simulated.fleets import Fleets
from backends.simulated.hostile import CANARIES, HOSTILE, wire_safe
from backends.simulated.randomness import stream
from backends.simulated.seed.groups import user_data
from backends.simulated.seed.network import Network

_EAST, _WEST, _SOUTH = accounts.REGIONS
_PROD, _DEV = accounts.PRODUCTION.id, accounts.SANDBOX.id


@dataclass(frozen=True, slots=True)
class MachineSeed:
    """`volumes` are (type, GiB, IOPS) beside the root; `busy` is the profile of its metrics (see metrics.py).

    `crowded` and `public` say which subnet it stands in; else a private one.
    """

    account: str
    region: str
    name: str
    kind: str
    firewall: str = "db"
    count: int = 1
    root: tuple[str, int] = ("gp3", 50)
    volumes: tuple[tuple[str, int, int], ...] = ()
    stopped: int = 0
    age: int = 300
    busy: str = "steady"
    crowded: bool = False
    public: bool = False
    tags: tuple[tuple[str, str], ...] = ()


MACHINES: tuple[MachineSeed, ...] = (
    MachineSeed(_PROD, _EAST, "postgres-primary", "r5.xlarge", volumes=(("io1", 800, 6000),), age=700, busy="heavy"),
    MachineSeed(_PROD, _EAST, "postgres-replica", "r5.xlarge", count=2, volumes=(("gp2", 800, 0),), age=690),
    MachineSeed(
        _PROD, _EAST, "bastion", "t3.micro", "bastion-open", age=1200, busy="idle", root=("gp2", 8), public=True
    ),
    MachineSeed(
        _PROD, _EAST, "jenkins", "m5.2xlarge", "debug-all", volumes=(("gp2", 1000, 0),), age=1400, busy="office"
    ),
    MachineSeed(_PROD, _EAST, "license-server", "t2.medium", "legacy-rdp", age=1900, busy="idle", root=("gp2", 100)),
    MachineSeed(_PROD, _EAST, "reporting-old", "m5.xlarge", count=3, age=980, busy="idle", root=("gp2", 120)),
    MachineSeed(_PROD, _EAST, "legacy-node", "t3.medium", "web", count=9, age=1000, crowded=True, root=("gp2", 20)),
    MachineSeed(_PROD, _EAST, "migration-tmp", "c5.2xlarge", count=2, stopped=140, age=400, root=("gp2", 300)),
    MachineSeed(_PROD, _WEST, "postgres-replica", "r5.xlarge", volumes=(("gp2", 800, 0),), age=650),
    MachineSeed(
        _PROD, _WEST, "bastion", "t3.micro", "bastion-open", age=1100, busy="idle", root=("gp2", 8), public=True
    ),
    MachineSeed(_PROD, _WEST, "gdpr-export", "m5.large", age=210, busy="idle"),
    MachineSeed(_PROD, _WEST, "sftp-gateway", "t3.medium", "lb", stopped=33, age=800, root=("gp2", 60)),
    MachineSeed(_PROD, _SOUTH, "bastion", "t3.micro", "bastion-open", age=240, busy="idle", public=True),
    MachineSeed(_PROD, _SOUTH, "cache-warmer", "m6g.large", count=2, age=230, busy="office"),
    MachineSeed(_DEV, _EAST, "notebook", "m5.xlarge", "debug-all", count=4, age=160, busy="idle", root=("gp2", 200)),
    MachineSeed(_DEV, _EAST, "sandbox-vm", "t3.large", "web", count=3, age=90, busy="office"),
    MachineSeed(_DEV, _EAST, "forgotten", "m4.large", count=2, age=1500, busy="idle", root=("gp2", 500)),
    MachineSeed(_DEV, _EAST, "gpu-box", "g4dn.xlarge", stopped=61, age=200, volumes=(("gp3", 500, 0),)),
    MachineSeed(_DEV, _WEST, "windows-test", "m5.large", "legacy-rdp", count=2, stopped=12, age=130, root=("gp2", 100)),
    MachineSeed(_DEV, _WEST, "sandbox-vm", "t3.large", "web", count=2, age=80, busy="idle"),
    MachineSeed(_DEV, _SOUTH, "sandbox-vm", "t3.medium", "web", count=2, age=300, busy="idle", root=("gp2", 40)),
)
# (account, region, type, GiB, IOPS, age in days, count): volumes that nothing uses
_ORPHANS = (
    (_PROD, _EAST, "gp2", 500, 0, 190, 3),
    (_PROD, _EAST, "io1", 200, 3000, 75, 1),
    (_PROD, _EAST, "gp3", 100, 0, 2, 2),
    (_PROD, _WEST, "gp2", 250, 0, 320, 2),
    (_PROD, _SOUTH, "gp3", 80, 0, 21, 1),
    (_DEV, _EAST, "gp2", 1000, 0, 410, 2),
    (_DEV, _EAST, "st1", 2000, 0, 150, 1),
    (_DEV, _WEST, "gp2", 120, 0, 45, 2),
)


def plant(networks: dict[tuple[str, str], Network], fleets: Fleets, now: datetime) -> dict[str, str]:
    """Make the machines, the hostile ones among them, and the orphaned volumes; metric profiles by instance id."""
    profiles: dict[str, str] = {}
    for seed in (*MACHINES, *_hostile()):
        network = networks[seed.account, seed.region]
        for index in range(seed.count):
            instance = _machine(seed, index, network, fleets, now)
            profiles[instance.id] = seed.busy
    for account, region, kind, size, iops, age, count in _ORPHANS:
        network = networks[account, region]
        for index in range(count):
            zone = accounts.zone_names(region)[index % 3]
            volume = network.cloud.ec2.create_volume(size, zone, volume_type=kind, iops=iops or None)
            finish_volume(network.cloud, volume)
            volume.create_time = now - timedelta(days=age + index, hours=index)
            volume.add_tags({"Name": f"restore-{size}-{index}", "note": wire_safe(HOSTILE[(size + index) % 20])})
    return profiles


def _hostile() -> list[MachineSeed]:
    """One small machine per hostile string, as its name, in the sandbox."""
    return [
        MachineSeed(
            _DEV, _EAST, text, "t3.micro", "unused", age=20 + index, busy="idle", tags=((f"note-{index}", text),)
        )
        for index, text in enumerate(HOSTILE)
    ]


def _machine(seed: MachineSeed, index: int, network: Network, fleets: Fleets, now: datetime) -> Any:
    cloud = network.cloud
    tier = network.public if seed.public else network.private
    subnet = network.crowded if seed.crowded else tier[index % 3]
    name = wire_safe(seed.name) if seed.count == 1 else f"{wire_safe(seed.name)}-{index + 1}"
    tags = {"Name": name, "env": "prod" if seed.account == _PROD else "dev"}
    tags |= {wire_safe(key): wire_safe(value) for key, value in seed.tags}
    template = {
        "security_groups": [network.groups[seed.firewall].id],
        "user_data": user_data("machine", CANARIES[0]),
        "key_name": "platform",
        "http_tokens": "optional" if seed.age > 600 else "required",
    }
    instance = fleets.run(cloud, template, seed.kind, subnet, tags, False, seed.root)
    if instance is None:
        raise ValueError(f"the seed puts more machines into {subnet.cidr_block} than it has addresses")
    rng = stream(fleets.seed, "machine", seed.account, seed.region, seed.name, index)
    fleets.date(instance, now - timedelta(days=seed.age - index, minutes=rng.randint(0, 1439)))
    for letter, (kind, size, iops) in zip("fgh", seed.volumes, strict=False):
        volume = cloud.ec2.create_volume(size, subnet.availability_zone, volume_type=kind, iops=iops or None)
        finish_volume(cloud, volume)
        volume.create_time = instance.launch_time
        volume.add_tags({"Name": f"{name}-data"})
        cloud.ec2.attach_volume(volume.id, instance.id, f"/dev/sd{letter}")
    if seed.stopped:
        instance.stop()
        instance.ended_at = now - timedelta(days=seed.stopped)
        instance._reason = f"User initiated ({instance.ended_at:%Y-%m-%d %H:%M:%S} GMT)"
    return instance
