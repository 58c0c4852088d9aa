"""What a client needs to find its way: the AWS configuration files, the environment, and the announcement."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from backends.simulated import accounts

_HOME_REGION = "us-east-1"


def write(state: Path, endpoint: str, key: tuple[str, str]) -> dict[str, str]:
    """Write config and credentials into `state` (private); the environment that points any AWS client at it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    common = f"region = {_HOME_REGION}\nendpoint_url = {endpoint}\n"
    config = f"[default]\n{common}\n[profile {accounts.PRODUCTION.profile}]\n{common}\n"
    for account in accounts.ACCOUNTS[1:]:
        config += f"[profile {account.profile}]\n{common}role_arn = {accounts.role_arn(account)}\n"
        config += f"source_profile = {accounts.PRODUCTION.profile}\nrole_session_name = quarterdeck\n"
    pair = f"aws_access_key_id = {key[0]}\naws_secret_access_key = {key[1]}\n"
    credentials = f"[default]\n{pair}\n[{accounts.PRODUCTION.profile}]\n{pair}"
    write_atomically(state / "aws-config", config)
    write_atomically(state / "aws-credentials", credentials)
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key[0],
        "AWS_SECRET_ACCESS_KEY": key[1],
        "AWS_REGION": _HOME_REGION,
        "AWS_DEFAULT_REGION": _HOME_REGION,
        "AWS_CONFIG_FILE": str(state / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(state / "aws-credentials"),
    }


def announcement(
    endpoint: str, port: int, seed: int, scenario: str, started: datetime, state: Path, environment: dict[str, str]
) -> dict[str, Any]:
    """What is printed and written once the endpoint answers."""
    return {
        "endpoint": endpoint,
        "port": port,
        "pid": os.getpid(),
        "seed": seed,
        "scenario": scenario,
        "started": started.isoformat(),
        "config_file": str(state / "aws-config"),
        "profiles": [account.profile for account in accounts.ACCOUNTS],
        "environment": environment,
        "accounts": [account.id for account in accounts.ACCOUNTS],
        "regions": list(accounts.REGIONS),
    }


def write_atomically(path: Path, text: str) -> None:
    """Write a private file so that a reader sees all of it or none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
