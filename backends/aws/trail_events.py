"""What a CloudTrail record says beside its plain fields: who asked, and which resources it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_MOST = 500
_LONGEST = 512
_NAMING = re.compile(r"(?:id|ids|arn|arns|name|names|identifier|identifiers|url|bucket|resource)\Z", re.I)
"""Ends of fields whose texts name something, as AWS writes them: "instanceId", "roleName", "queueUrl"."""
_NO_NAMES = frozenset({"requestid", "reservationid", "ownerid", "clientrequesttoken", "accesskeyid", "eventid"})


def actor(identity: Any) -> str | None:
    """Who a record's `userIdentity` is: "alice", "role/session", "root", "autoscaling.amazonaws.com"."""
    if not isinstance(identity, dict):
        return None
    session = _text(identity.get("principalId")).partition(":")[2] or _text(identity.get("arn")).rpartition("/")[2]
    issuer = identity.get("sessionContext", {})
    issuer = issuer.get("sessionIssuer", {}) if isinstance(issuer, dict) else {}
    role = _text(issuer.get("userName")) if isinstance(issuer, dict) else ""
    match identity.get("type"):
        case "Root":
            return "root"
        case "AssumedRole" | "Role" | "FederatedUser" if role or session:
            return "/".join(filter(None, (role, session)))
        case "AWSService":
            return _text(identity.get("invokedBy")) or None
        case "AWSAccount":
            return _text(identity.get("principalId")) or _text(identity.get("accountId")) or None
    return _text(identity.get("userName")) or _text(identity.get("invokedBy")) or None


def mentions(*values: Any) -> list[str]:
    """Every id, name and ARN in the values, each once; of an ARN also what names the resource within its service."""
    found: dict[str, None] = {}
    for value in values:
        for text in _named(value, naming=False):
            if 1 < len(text) <= _LONGEST:
                found |= dict.fromkeys((text, *parts_of(text)))
            if len(found) >= _MOST:
                return list(found)[:_MOST]
    return list(found)


def parts_of(text: str) -> tuple[str, ...]:
    """Of an ARN or a URL, the names in its last part: "targetgroup/web/73e2d6bc" → "73e2d6bc" and "web"."""
    if text.startswith("arn:"):
        resource = text.split(":", 5)[-1]
        names = re.split(r"[/:]", resource)
        return tuple(dict.fromkeys(filter(None, (names[-1], *names[1:-1]))))
    if text.startswith("https://"):
        return (text.rstrip("/").rpartition("/")[2],)
    return ()


def _named(value: Any, *, naming: bool) -> Iterator[str]:
    """The texts that name something: under a field that says so, or an ARN anywhere."""
    if isinstance(value, str):
        if naming or value.startswith("arn:"):
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, naming=naming)
    elif isinstance(value, dict):
        for key, item in value.items():
            names = bool(_NAMING.search(key)) and key.lower() not in _NO_NAMES
            yield from _named(item, naming=names and not isinstance(item, dict))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
