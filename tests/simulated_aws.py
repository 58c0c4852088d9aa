"""A simulated AWS for tests: started as a user would start it, spoken to with plain boto3.

Usage: `with start_simulated(tmp_path) as aws: aws.client("ec2", region="eu-west-1").describe_instances()`.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT = 240.0


@dataclass
class SimulatedAws:
    """A running endpoint. `announcement` is what it told, `environment` what points any AWS client at it."""

    process: subprocess.Popen[str]
    announcement: dict[str, Any]
    _sessions: dict[str, Any] = field(default_factory=dict)
    _clients: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        return str(self.announcement["endpoint"])

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.announcement["environment"])

    @property
    def profiles(self) -> list[str]:
        return list(self.announcement["profiles"])

    def client(
        self, service: str, region: str = "us-east-1", profile: str = "simulated-production", **config: Any
    ) -> Any:
        """A boto3 client that retries nothing unless `config` (botocore Config fields) says so."""
        import boto3
        from botocore.config import Config

        settings: dict[str, Any] = {"retries": {"total_max_attempts": 1}, "read_timeout": 240} | config
        with self._lock:
            if profile not in self._sessions:
                self._sessions[profile] = self._session(boto3, profile)
            key = (service, region, profile, *sorted(config.items()))
            if key not in self._clients:
                self._clients[key] = self._sessions[profile].client(
                    service, region_name=region, endpoint_url=self.endpoint, config=Config(**settings)
                )
            return self._clients[key]

    def _session(self, boto3: Any, profile: str) -> Any:
        import botocore.session

        core = botocore.session.Session()
        core.register_component("data_loader", _loader())  # the service models are read once, not per session
        for name, variable in (("config_file", "AWS_CONFIG_FILE"), ("credentials_file", "AWS_SHARED_CREDENTIALS_FILE")):
            core.set_config_variable(name, self.announcement["environment"][variable])
        core.set_config_variable("profile", profile)
        return boto3.Session(botocore_session=core)

    def get(self, path: str) -> dict[str, Any]:
        """GET /_simulated/<path>."""
        with urllib.request.urlopen(f"{self.endpoint}/_simulated/{path}", timeout=240) as answer:
            return dict(json.load(answer))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST /_simulated/<path>; urllib.error.HTTPError for a refusal."""
        request = urllib.request.Request(
            f"{self.endpoint}/_simulated/{path}", json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as answer:
            return dict(json.load(answer))

    def step(self, minutes: int) -> dict[str, Any]:
        """Live through simulated minutes at once."""
        return self.post("step", {"minutes": minutes})

    def fault(self, **fault: Any) -> None:
        """Inject a fault; `fault(clear=True)` removes all."""
        self.post("fault", fault)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The log of requests with a serial above `since`."""
        return list(self.get(f"requests?since={since}")["requests"])

    def mark(self) -> int:
        """The last serial: what to pass to `requests` to see only what comes from here on."""
        return int(self.get("requests?since=1000000000")["last"])


@cache
def _loader() -> Any:
    from botocore.loaders import create_loader

    return create_loader()


@contextmanager
def start_simulated(state: Path | None = None, *arguments: str, hold_clock: bool = True) -> Iterator[SimulatedAws]:
    """Start one (seed 7, spot-storm, clock held, unless `arguments` say otherwise), and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-test-") as own, (Path(own) / "held").open("w") as held:
        # It leads a session of its own, so that it can give way to what is tested, and so outlives a killed test run
        # unless it watches something that dies with us.
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "backends.simulated", "--state", str(state or own)]
        command += ["--while-locked", held.name]
        command += ["--hold-clock"] if hold_clock else []
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield SimulatedAws(process, _announcement(process))
        finally:
            process.terminate()
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout
            process.stdout.close()


def _announcement(process: subprocess.Popen[str]) -> dict[str, Any]:
    timer = threading.Timer(START_LIMIT, process.kill)
    timer.start()
    try:
        assert process.stdout
        line = process.stdout.readline()
    finally:
        timer.cancel()
    if not line:
        raise RuntimeError(f"the simulated AWS did not start (exit {process.wait()})")
    return dict(json.loads(line))


_shared: list[SimulatedAws] = []


def shared_simulated() -> SimulatedAws:
    """One endpoint for all tests of a process that leave it as they found it; it ends with the process."""
    if not _shared:
        context = start_simulated()
        _shared.append(context.__enter__())
        atexit.register(context.__exit__, None, None, None)
    return _shared[0]
