"""What JMESPath lacks for AWS's elements: functions that a column's path may call beside JMESPath's own.

ports(permission)             a rule's ports as text: "tcp/22", "udp/80-90", "icmp", "all"
open_ports(permissions)       those open to the whole Internet, sorted
open_sensitive(permissions)   the same, only where they reach a port that is never meant for everybody; null for none
reaches_sensitive(rule)       whether a rule's ports hold one that is never meant for everybody
acl_admin_open(entries)       of "ssh" and "rdp", those that a network ACL lets anybody through to; null for none
rules(permissions)            how many sources the permissions name in all
principals(policy)            who a trust policy lets in, sorted
allows_all(policy)            whether a policy allows every action on every resource
addresses(cidr)               how many addresses of an IPv4 subnet AWS leaves for use
used_percent(cidr, free)      how much of them is used
minus(a, b)                   a - b
split(text, mark)             the parts between marks
after(text, mark)             what follows the last mark
found(text, pattern)          the first match of a regular expression
looked_up(text, table)        what an object says under that name; null for nothing
parsed(text)                  what a text of JSON says; null where it is none
percent(part, whole)          how many percent of the whole the part is, to a tenth; both may be texts; null of nothing
times(number, factor)         number * factor
actor(identity)               who a CloudTrail record's userIdentity is
mentions(a, b, c)             every id, name and ARN that parts of a CloudTrail record name
"""

from __future__ import annotations

import json
import re
from typing import Any

from jmespath import functions

from backends.aws import trail_events

_WORLD = frozenset({"0.0.0.0/0", "::/0"})
_SENSITIVE = (
    *(20, 21, 22, 23, 25, 110, 135, 139, 143, 445, 1433, 1434, 1521, 2375, 2376, 2379, 3306, 3389, 4333, 5432, 5500),
    *(5601, 5900, 5985, 6379, 6443, 8088, 9042, 9092, 9200, 9300, 10250, 11211, 27017, 27018, 50070),
)
_ADMIN = {"ssh": 22, "rdp": 3389}
_LAST_RULE = 32_767
_RESERVED = 5
"""AWS keeps the first four addresses of a subnet and the last."""

_LIST = {"types": ["array", "null"]}
_TEXT = {"types": ["string", "null"]}
_NUMBER = {"types": ["number", "null"]}
_AMOUNT = {"types": ["number", "string", "null"]}
_OBJECT = {"types": ["object", "null"]}


class Functions(functions.Functions):  # type: ignore[misc]
    """JMESPath's functions and ours."""

    @functions.signature(_OBJECT)  # type: ignore[untyped-decorator]
    def _func_ports(self, permission: dict[str, Any] | None) -> str | None:
        return _ports(permission) if permission else None

    @functions.signature(_LIST)  # type: ignore[untyped-decorator]
    def _func_open_ports(self, permissions: list[Any] | None) -> list[str]:
        return sorted({_ports(permission) for permission in _objects(permissions) if _to_world(permission)})

    @functions.signature(_LIST)  # type: ignore[untyped-decorator]
    def _func_open_sensitive(self, permissions: list[Any] | None) -> list[str] | None:
        world = [permission for permission in _objects(permissions) if _to_world(permission)]
        return sorted({_ports(permission) for permission in world if _reaches_sensitive(permission)}) or None

    @functions.signature(_OBJECT)  # type: ignore[untyped-decorator]
    def _func_reaches_sensitive(self, rule: dict[str, Any] | None) -> bool | None:
        return _reaches_sensitive(rule) if rule else None

    @functions.signature(_LIST)  # type: ignore[untyped-decorator]
    def _func_acl_admin_open(self, entries: list[Any] | None) -> list[str] | None:
        inward = [entry for entry in _objects(entries) if not entry.get("Egress")]
        return [name for name, port in _ADMIN.items() if _lets_through(inward, port)] or None

    @functions.signature(_LIST)  # type: ignore[untyped-decorator]
    def _func_rules(self, permissions: list[Any] | None) -> int:
        sources = ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
        return sum(len(_objects(permission.get(name))) for permission in _objects(permissions) for name in sources)

    @functions.signature(_OBJECT)  # type: ignore[untyped-decorator]
    def _func_principals(self, policy: dict[str, Any] | None) -> list[str]:
        found: set[str] = set()
        for statement in _statements(policy):
            principal = statement.get("Principal")
            values = principal.values() if isinstance(principal, dict) else [principal]
            found.update(name for value in values for name in _texts(value))
        return sorted(found)

    @functions.signature(_OBJECT)  # type: ignore[untyped-decorator]
    def _func_allows_all(self, policy: dict[str, Any] | None) -> bool:
        return any(
            {"*", "*:*"} & set(_texts(statement.get("Action"))) and "*" in _texts(statement.get("Resource"))
            for statement in _statements(policy)
        )

    @functions.signature(_TEXT)  # type: ignore[untyped-decorator]
    def _func_addresses(self, cidr: str | None) -> int | None:
        return _addresses(cidr)

    @functions.signature(_TEXT, _NUMBER)  # type: ignore[untyped-decorator]
    def _func_used_percent(self, cidr: str | None, free: float | None) -> float | None:
        size = _addresses(cidr)
        return None if not size or free is None else round(100 * (size - free) / size, 1)

    @functions.signature(_NUMBER, _NUMBER)  # type: ignore[untyped-decorator]
    def _func_minus(self, a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a - b

    @functions.signature(_TEXT, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, text: str | None, mark: str) -> list[str] | None:
        return [part.strip() for part in text.split(mark) if part.strip()] if text else None

    @functions.signature(_TEXT, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_after(self, text: str | None, mark: str) -> str | None:
        return text.rpartition(mark)[2] if text else None

    @functions.signature(_TEXT, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_found(self, text: str | None, pattern: str) -> str | None:
        match = re.search(pattern, text or "")
        return match[0] if match else None

    @functions.signature(_TEXT, {"types": ["object"]})  # type: ignore[untyped-decorator]
    def _func_looked_up(self, text: str | None, table: dict[str, Any]) -> Any:
        return table.get(text) if text else None

    @functions.signature(_TEXT)  # type: ignore[untyped-decorator]
    def _func_parsed(self, text: str | None) -> Any:
        try:
            return json.loads(text) if text else None
        except ValueError:
            return None

    @functions.signature(_AMOUNT, _AMOUNT)  # type: ignore[untyped-decorator]
    def _func_percent(self, part: float | str | None, whole: float | str | None) -> float | None:
        if part is None or whole is None or not float(whole):
            return None
        return round(100 * float(part) / float(whole), 1)

    @functions.signature(_NUMBER, {"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_times(self, number: float | None, factor: float) -> float | None:
        return None if number is None else number * factor

    @functions.signature(_OBJECT)  # type: ignore[untyped-decorator]
    def _func_actor(self, identity: dict[str, Any] | None) -> str | None:
        return trail_events.actor(identity)

    @functions.signature(_LIST, _OBJECT, _OBJECT)  # type: ignore[untyped-decorator]
    def _func_mentions(self, resources: list[Any] | None, request: Any, answer: Any) -> list[str]:
        return trail_events.mentions(resources, request, answer)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _statements(policy: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The statements that allow; IAM writes a single one without its list."""
    found = (policy or {}).get("Statement")
    return [s for s in _objects([found] if isinstance(found, dict) else found) if s.get("Effect") == "Allow"]


def _span(permission: dict[str, Any]) -> tuple[int, int]:
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if not isinstance(first, int) or not isinstance(last, int) or first < 0:
        return 0, 65535
    return first, last


def _ports(permission: dict[str, Any]) -> str:
    protocol = str(permission.get("IpProtocol", ""))
    first, last = _span(permission)
    if protocol == "-1":
        return "all"
    if (first, last) == (0, 65535):
        return protocol
    return f"{protocol}/{first}" if first == last else f"{protocol}/{first}-{last}"


def _to_world(permission: dict[str, Any]) -> bool:
    four = any(source.get("CidrIp") in _WORLD for source in _objects(permission.get("IpRanges")))
    return four or any(source.get("CidrIpv6") in _WORLD for source in _objects(permission.get("Ipv6Ranges")))


def _reaches_sensitive(permission: dict[str, Any]) -> bool:
    if permission.get("IpProtocol") not in ("-1", "tcp", "6"):
        return False
    first, last = (0, 65535) if permission.get("IpProtocol") == "-1" else _span(permission)
    return any(first <= port <= last for port in _SENSITIVE)


def _lets_through(entries: list[dict[str, Any]], port: int) -> bool:
    """Whether a network ACL lets anybody through to a TCP port: of the rules for the whole world the first counts."""
    for ranges, name in (("0.0.0.0/0", "CidrBlock"), ("::/0", "Ipv6CidrBlock")):
        for entry in sorted(entries, key=_number):
            if entry.get(name) == ranges and _concerns(entry, port):
                if entry.get("RuleAction") == "allow":
                    return True
                break
    return False


def _number(entry: dict[str, Any]) -> int:
    number = entry.get("RuleNumber")
    return number if isinstance(number, int) else _LAST_RULE


def _concerns(entry: dict[str, Any], port: int) -> bool:
    if entry.get("Protocol") not in ("-1", "6", "tcp"):
        return False
    span = entry.get("PortRange")
    if entry.get("Protocol") == "-1" or not isinstance(span, dict):
        return True
    first, last = span.get("From"), span.get("To")
    return isinstance(first, int) and isinstance(last, int) and first <= port <= last


def _addresses(cidr: str | None) -> int | None:
    prefix = (cidr or "").rpartition("/")[2]
    if not prefix.isdigit() or not 0 <= int(prefix) <= 32 or ":" in (cidr or ""):
        return None
    return max((1 << (32 - int(prefix))) - _RESERVED, 0)
