"""Trouble on demand: denied, throttled, hanging, truncated, foreign or failing answers for chosen requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from backends.simulated import wire
from backends.simulated.randomness import fraction

KINDS = ("denied", "throttling", "error", "hang", "truncated", "html", "500")
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>"


@dataclass(slots=True)
class Fault:
    """What goes wrong for requests that match; an empty matcher matches all.

    count    how many requests it hits before it is spent; 0 for no end
    rate     the share of matching requests that it hits
    code, message, status   of the answer, for `error`; they override the defaults of `denied` and `throttling`
    seconds  how long `hang` holds the answer back
    """

    kind: str
    service: str = ""
    operation: str = ""
    account: str = ""
    region: str = ""
    count: int = 0
    rate: float = 1.0
    code: str = ""
    message: str = ""
    status: int = 0
    seconds: float = 60.0
    hits: int = 0
    seen: int = 0

    def matches(self, request: wire.Request) -> bool:
        return all(
            not wanted or wanted == value
            for wanted, value in (
                (self.service, request.service),
                (self.operation, request.operation),
                (self.account, request.account),
                (self.region, request.region),
            )
        )


class Faults:
    """The faults that are set; the first that matches a request decides."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    def set(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Add one fault, or with {"clear": true} remove all; ValueError says what is wrong with it."""
        with self._lock:
            if wanted.get("clear"):
                self._faults.clear()
                return self._as_json()
        kind = wanted.get("kind") or ("error" if wanted.get("code") else "")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        try:
            fault = Fault(**{**wanted, "kind": kind})
        except TypeError as problem:
            raise ValueError(f"a fault has no such field: {problem}") from problem
        if not 0 < fault.rate <= 1:
            raise ValueError(f"rate must be above 0 and at most 1, not {fault.rate}")
        with self._lock:
            self._faults.append(fault)
            return self._as_json()

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return self._as_json()

    def _as_json(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self._faults]}

    def strike(self, request: wire.Request) -> Fault | None:
        """The fault that hits this request, counted."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(request) or (fault.count and fault.hits >= fault.count):
                    continue
                fault.seen += 1
                if fault.rate < 1 and fraction("fault", fault.kind, fault.seen) >= fault.rate:
                    continue
                fault.hits += 1
                return fault
        return None


def before(fault: Fault, request: wire.Request) -> wire.Reply | None:
    """The answer where the fault keeps the request from being carried out, else None."""
    if fault.kind == "denied":
        return wire.error(request, _denied(fault, request))
    if fault.kind == "throttling":
        return wire.error(request, _throttled(fault, request))
    if fault.kind == "error":
        problem = wire.AwsError(fault.code or "InternalError", fault.message or "Injected.", fault.status or 400)
        return wire.error(request, problem)
    if fault.kind == "html":
        return wire.Reply(fault.status or 502, [("Content-Type", "text/html")], _HTML)
    if fault.kind == "500":
        return wire.error(request, wire.AwsError("InternalError", "An internal error has occurred", 500))
    return None


def after(fault: Fault, reply: wire.Reply) -> None:
    """Spoil the answer to a request that was carried out."""
    if fault.kind == "hang":
        reply.hang = fault.seconds
    elif fault.kind == "truncated":
        reply.cut = len(reply.body) // 2


def _denied(fault: Fault, request: wire.Request) -> wire.AwsError:
    prefix = {"elbv2": "elasticloadbalancing"}.get(request.service, request.service)
    who = f"arn:aws:iam::{request.account}:user/quarterdeck-operator"
    message = f"User: {who} is not authorized to perform: {prefix}:{request.operation} because no policy allows it"
    codes = {"ec2": ("UnauthorizedOperation", 403), "eks": ("AccessDeniedException", 403)}
    default = ("AccessDeniedException", 400) if request.headers.get("x-amz-target") else ("AccessDenied", 403)
    code, status = codes.get(request.service, default)
    return wire.AwsError(fault.code or code, fault.message or message, fault.status or status)


def _throttled(fault: Fault, request: wire.Request) -> wire.AwsError:
    codes = {"ec2": ("RequestLimitExceeded", 503), "eks": ("TooManyRequestsException", 429)}
    default = ("ThrottlingException" if request.headers.get("x-amz-target") else "Throttling", 400)
    code, status = codes.get(request.service, default)
    return wire.AwsError(fault.code or code, fault.message or "Rate exceeded", fault.status or status)
