"""`quarterdeck …` as a user runs it: a process of its own, with the environment that CI has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ACCOUNTS = {"111122223333": "simulated-production", "444455556666": "simulated-sandbox"}
REGIONS = ("ap-southeast-2", "eu-west-1", "us-east-1")
PROFILES = [word for profile in ACCOUNTS.values() for word in ("--profile", profile)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def quarterdeck(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from console.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env=environment, timeout=900)


def shell(home: Path, **more: str) -> dict[str, str]:
    """An environment as CI has it: no HOME, no terminal."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return (
        kept | {"QUARTERDECK_HOME": str(home), "XDG_RUNTIME_DIR": str(home), "AWS_EC2_METADATA_DISABLED": "true"} | more
    )
