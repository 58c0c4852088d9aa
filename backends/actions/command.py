"""The `aws` command that sends the same request: safe to paste, whatever the resource is called."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from backends.model import Json

_TAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/@+-]*(:[A-Za-z0-9._/@+-]+)*")


def aws_command(
    service: str, operation: str, parameters: Json, *, region: str, profile: str = "", endpoint: str = ""
) -> str:
    """One line for a POSIX shell.

    Values that the AWS CLI itself would read as something else (an option, a file:// address, JSON) or that hold
    control or non-ASCII characters travel as --cli-input-json in ASCII, where nothing but JSON is read.
    """
    words = ["aws", service, _kebab(operation)]
    options = _options(parameters)
    words += ["--cli-input-json", json.dumps(parameters, sort_keys=True)] if options is None else options
    words += _option("--region", region)
    if profile:
        words += _option("--profile", profile)
    if endpoint:
        words += _option("--endpoint-url", endpoint)
    return " ".join(shlex.quote(word) for word in words)


def _options(parameters: Json) -> list[str] | None:
    words: list[str] = []
    for name, value in parameters.items():
        flag = "--" + _kebab(name)
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + _kebab(name))
        elif isinstance(value, dict):
            pairs = [_pair(key, item) for key, item in value.items()]
            if not all(pairs):
                return None
            words += [flag, ",".join(pairs)]
        elif isinstance(value, list) and value and all(_tame(item) for item in value):
            words += [flag, *(str(item) for item in value)]
        elif _tame(value):
            words += [flag, str(value)]
        else:
            return None
    return words


def _pair(key: str, value: Any) -> str:
    """One member of the CLI's shorthand; "" where the value needs JSON."""
    return f"{key}={value}" if isinstance(value, int) and not isinstance(value, bool) else ""


def _tame(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    return isinstance(value, int) or (isinstance(value, str) and "://" not in value and bool(_TAME.fullmatch(value)))


def _option(flag: str, value: str) -> list[str]:
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
