"""`quarterdeck demo --serve`: only the simulated AWS, alive, for any AWS client."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from backends.client import Json
from console import demo_endpoint as endpoint
from console.demo import Demo


def serve(demo: Demo, port: int) -> int:
    """Run it until Ctrl+C or SIGTERM; the exit code. stdout is shell text that points a client at it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="quarterdeck-aws-") as folder:
        home = Path(folder)
        # Should this process be killed outright, its lock falls and the endpoint ends by itself.
        held = os.open(home / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        process = endpoint.spawn(demo.seed, demo.scenario, port, home)
        try:
            announcement = asyncio.run(_alive(process, home))
            print(shell_text(announcement), flush=True)  # noqa: T201 - data
            print(f"Simulated AWS, seed {demo.seed}, {demo.scenario}; Ctrl+C ends it.", file=sys.stderr)  # noqa: T201
            if process.wait() != 0:
                raise endpoint.DemoError("The simulated AWS stopped by itself.")
            return 0
        finally:
            os.close(held)
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


async def _alive(process: subprocess.Popen[bytes], home: Path) -> Json:
    """The announcement, once the world lives."""
    announcement = await endpoint.announced(process, home)
    await endpoint.control(int(announcement["port"]), "clock", {"running": True, "catch_up": True})
    return announcement


def shell_text(announcement: Json) -> str:
    """`export` lines for a shell, and examples as comments."""
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in announcement["environment"].items()]
    profiles = ", ".join(announcement["profiles"])
    return "\n".join(
        [
            *lines,
            f"# profiles: {profiles}",
            "# aws ec2 describe-instances --query 'Reservations[].Instances[].InstanceId'",
            f"# aws ec2 describe-vpcs --region eu-west-1 --profile {announcement['profiles'][-1]}",
            "# quarterdeck",
        ]
    )
