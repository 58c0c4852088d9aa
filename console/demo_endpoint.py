"""The simulated AWS as a process beside the demo's daemon: started, found again, spoken to, ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from backends.client import Context, Json, gather

ANNOUNCEMENT = "endpoint.json"
LOG = "endpoint.log"
STARTING = 180.0
"""Seconds after which an endpoint that has not answered is given up."""

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class DemoError(Exception):
    """The demo cannot start or cannot be found; the text is one sentence for the operator."""


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(seed: int, scenario: str, port: int, home: Path, *more: str) -> list[str]:
    """How the simulated AWS is started; it announces itself in `home` once it answers."""
    said = ["--seed", str(seed), "--scenario", scenario, "--port", str(port)]
    where = ["--state", str(home / "aws"), "--announce", str(home / ANNOUNCEMENT)]
    return [sys.executable, "-P", "-m", "backends.simulated", *said, *where, *more]


def environment() -> dict[str, str]:
    """What the simulated AWS inherits: nothing of AWS, no proxy, no credentials."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(("PYTHON", "QUARTERDECK_", "XDG_", "COVERAGE_"))
    }


def spawn(seed: int, scenario: str, port: int, home: Path, started: str = "") -> subprocess.Popen[bytes]:
    """Start it in its own session, its clock held, for as long as the daemon's lock is held.

    `started` is when one that died had begun: its world is lived through again up to now.
    """
    (home / ANNOUNCEMENT).unlink(missing_ok=True)
    while_locked = ("--while-locked", str(home / "daemon.lock"), "--linger", "5", "--hold-clock")
    again = ("--start", started) if started else ()
    log = os.open(home / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(
            command(seed, scenario, port, home, *while_locked, *again),
            cwd="/",
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


async def announced(process: subprocess.Popen[bytes], home: Path) -> Json:
    """Wait for the announcement of the endpoint just spawned. DemoError tells why there is none."""
    deadline = asyncio.get_running_loop().time() + STARTING
    while asyncio.get_running_loop().time() < deadline:
        if found := read_announcement(home):
            return found
        if process.poll() is not None:
            raise DemoError(f"The simulated AWS stopped while starting: {_last_words(home)}")
        await asyncio.sleep(0.03)
    process.kill()
    raise DemoError(f"The simulated AWS did not answer within {STARTING:g} s; its log is {home / LOG}.")


def read_announcement(home: Path) -> Json:
    """What the endpoint of that home announced; empty where there is none."""
    try:
        found = json.loads((home / ANNOUNCEMENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "port" in found and "environment" in found else {}


def _last_words(home: Path) -> str:
    try:
        lines = (home / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"its log {home / LOG} is empty."


def context_of(announcement: Json) -> Context:
    """The credential context that reads this endpoint, both simulated accounts at once, and nothing of the shell's."""
    given = {str(name): str(value) for name, value in announcement["environment"].items()}
    carried = given | {"PATH": os.environ.get("PATH", os.defpath)}
    return gather(carried, profiles=announcement["profiles"], endpoint=announcement["endpoint"])


async def control(port: int, path: str, body: Json | None = None) -> Json:
    """Ask (GET) or tell (POST) the simulated AWS about itself. OSError or ValueError where it does not answer."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{'GET' if body is None else 'POST'} /_simulated/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(head.encode() + content)
            answer = await reader.read()
        finally:
            writer.close()
    headers, _, payload = answer.partition(b"\r\n\r\n")
    status = headers.split(b" ", 2)
    if len(status) < 2 or status[1] != b"200":
        raise ValueError(f"the endpoint answered {headers[:60]!r}")
    found: Any = json.loads(payload)
    return found if isinstance(found, dict) else {"answer": found}


async def answers(announcement: Json) -> bool:
    """Whether the announced endpoint is alive and is that one."""
    if not announcement:
        return False
    try:
        status = await control(int(announcement["port"]), "status")
    except (OSError, ValueError, TimeoutError):
        return False
    return bool(status.get("pid", announcement["pid"]) == announcement["pid"])


async def gone(announcement: Json) -> bool:
    """Whether nobody listens at the announced port: one that is only slow still does."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(announcement["port"]))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def end(announcement: Json) -> None:
    """End an endpoint that a daemon now gone has left behind; does nothing where none answers."""
    if await answers(announcement):
        try:
            os.kill(int(announcement["pid"]), signal.SIGTERM)
        except ProcessLookupError:
            return
        for _ in range(100):
            if not await answers(announcement):
                return
            await asyncio.sleep(0.05)
