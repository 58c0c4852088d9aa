"""Secrets never leave the collector: what a kind declares, and whatever is named like a secret, is blanked.

Redaction comes before anything else reads an element, so neither raw, nor a column, nor a log can hold what it removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    (
        "password",
        "passwd",
        "passphrase",
        "secret",
        "secrets",
        "token",
        "credential",
        "credentials",
        "userdata",
        "apikey",
        "privatekey",
        "authorization",
    )
)
_SECRET_PAIRS = frozenset({("user", "data"), ("api", "key"), ("private", "key"), ("access", "token"), ("auth", "key")})
# "SecretArn", "PasswordLastUsed" and "TokenTtl" tell about a secret without being one.
_ABOUT = frozenset(
    (
        "arn",
        "name",
        "id",
        "version",
        "used",
        "enabled",
        "required",
        "ttl",
        "expiry",
        "expires",
        "age",
        "count",
        "length",
        "type",
        "policy",
    )
)
PRIVATE_KEY = "PRIVATE KEY-----"
SECRET, ENVIRONMENT, NAMING = 1, 2, 3
NAMES = ("Key", "key", "Name", "name", "ParameterKey", "parameterKey")
VALUES = ("Value", "value", "ParameterValue", "parameterValue")
_ENVIRONMENTS = frozenset({"environment", "environmentvariables", "env"})


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether a field, tag or variable of this name is taken to hold a secret: "UserData", "db_password"."""
    words = [word.lower() for word in _WORDS.findall(name[:256])]
    if not words or words[-1] in _ABOUT:
        return False
    last = words[-1] in _SECRET_WORDS or tuple(words[-2:]) in _SECRET_PAIRS
    return last or "secret" in words


class Redactor:
    """Blanks secrets in elements of one kind.

    `paths` are dotted, `[]` for every item of a list and `*` for every value of a map: "Data[].Script", "Variables.*".
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._paths = [path.replace("[*]", "[]").replace("[]", ".[]").strip(".").split(".") for path in paths]

    def __call__(self, element: Any) -> Any:
        """The element without secrets; what needs no change is not copied."""
        element = _walk(element)
        for path in self._paths:
            element = _blank(element, path)
        return element


def _blank(value: Any, path: list[str]) -> Any:
    if not path:
        return value if value is None else REDACTED
    step, rest = path[0], path[1:]
    if step == "[]":
        return [_blank(item, rest) for item in value] if isinstance(value, list) else value
    if step == "*":
        return {key: _blank(item, rest) for key, item in value.items()} if isinstance(value, dict) else value
    if isinstance(value, dict) and step in value:
        return value | {step: _blank(value[step], rest)}
    return value


@lru_cache(maxsize=8192)
def role(name: str) -> int:
    """What a field of this name asks for, 0 for nothing: nearly all fields are told by this one look-up."""
    if is_secret_name(name):
        return SECRET
    if name.lower() in _ENVIRONMENTS:
        return ENVIRONMENT
    return NAMING if name in NAMES else 0


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return _walk_map(value)
    if isinstance(value, list):
        changed = None
        for place, item in enumerate(value):
            clean = _walk(item)
            if clean is not item:
                changed = list(value) if changed is None else changed
                changed[place] = clean
        return value if changed is None else changed
    if isinstance(value, str) and PRIVATE_KEY in value:
        return REDACTED
    return value


def _walk_map(value: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    named = False
    for key, item in value.items():
        what = role(key)
        if what:
            if what == NAMING:
                named = named or (isinstance(item, str) and is_secret_name(item))
            elif what == SECRET and not isinstance(item, bool | None):
                changed[key] = REDACTED
                continue
            elif what == ENVIRONMENT and isinstance(item, dict | list):
                changed[key] = _every_value(item)
                continue
        if isinstance(item, str):
            if PRIVATE_KEY in item:
                changed[key] = REDACTED
        elif isinstance(item, dict | list) and item:
            clean = _walk(item)
            if clean is not item:
                changed[key] = clean
    if named:
        changed |= {key: REDACTED for key in VALUES if value.get(key) is not None}
    return value | changed if changed else value


def _every_value(value: Any) -> Any:
    """An environment's values are blanked whatever their names: {"Variables": {"A": 1}} or [{"name": "A", …}]."""
    if isinstance(value, Mapping):
        if "name" in value or "Name" in value:
            return {key: item if key in ("name", "Name") else _every_value(item) for key, item in value.items()}
        return {key: _every_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_every_value(item) for item in value]
    return value if value is None else REDACTED
