"""A simulated AWS, a home of its own and a polled daemon: what the benchmarks of the running product stand on."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backends.client import Context, DaemonSpec, SyncClient, connect_sync, gather
from tests.simulated_aws import SimulatedAws, start_simulated

QUARTERDECK = str(Path(sys.executable).with_name("quarterdeck"))


@dataclass
class World:
    """`environment` makes any `quarterdeck` command use this endpoint and this home."""

    aws: SimulatedAws
    environment: dict[str, str]
    spec: DaemonSpec
    context: Context

    def connect(self) -> SyncClient:
        return connect_sync(self.spec, self.context)


def _stand_aside(pid: int) -> None:
    """Real AWS does not take the operator's own processor: the simulated one runs on what others leave over."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def world(*arguments: str, running: bool = False) -> Iterator[World]:
    """One that ends with the block, daemon and all. `running` lets its clock run."""
    with (
        tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder,
        start_simulated(None, *arguments, hold_clock=not running) as aws,
    ):
        _stand_aside(aws.process.pid)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**plain, **aws.environment, "QUARTERDECK_HOME": folder, "XDG_RUNTIME_DIR": folder}
        os.environ.update({"QUARTERDECK_HOME": folder, "XDG_RUNTIME_DIR": folder})
        context = gather(environment)
        found = World(aws, environment, DaemonSpec.of(context, linger=30), context)
        try:
            yield found
        finally:
            with found.connect() as client:
                client.shutdown(drain=False)
