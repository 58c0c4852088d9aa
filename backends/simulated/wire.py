"""A request as AWS means it, whatever its protocol, and the replies: results, errors and raw bodies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from backends.simulated.randomness import number

SERVICES = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "servicequotas": "service-quotas",
}
"""Signing names that differ from botocore's service names."""

GLOBAL_SERVICES = (*("iam", "ce", "savingsplans", "route53", "cloudfront", "organizations", "budgets", "health"),)
_READING = re.compile(
    r"(Describe|Get|List|Lookup|Search|Query|Select|Simulate|Assume|Check|Validate|Test|Decode|Generate|Head)"
)
_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(slots=True)
class Request:
    """One HTTP request to the endpoint, understood.

    `service` and `operation` are botocore's names, empty where the request is nobody's; `account` is empty for unknown
    credentials; `query` are the parameters of the query protocols, `uri` those of a REST path.
    """

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    service: str = ""
    operation: str = ""
    region: str = ""
    access_key: str = ""
    account: str = ""
    query: dict[str, str] = field(default_factory=dict)
    uri: dict[str, str] = field(default_factory=dict)

    @property
    def mutating(self) -> bool:
        return bool(self.operation) and not _READING.match(self.operation)

    @property
    def dry_run(self) -> bool:
        return self.service == "ec2" and self.query.get("DryRun", "").lower() == "true"


@dataclass(slots=True)
class Reply:
    """An HTTP answer. `hang` seconds pass before it is sent; with `cut` only that many bytes of the body are."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    hang: float = 0.0
    cut: int | None = None


class AwsError(Exception):
    """An error as AWS reports it to the client."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def understand(request: Request) -> None:
    """Fill in service, operation, region and access key from the signature, the target header, body and path."""
    scope = _SCOPE.search(request.headers.get("authorization", ""))
    pairs = parse_qsl(request.query_string, keep_blank_values=True)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    request.query = dict(pairs)
    if not scope:
        return
    request.access_key, request.region, signed = scope.groups()
    request.service = SERVICES.get(signed, signed)
    if request.service == "elbv2" and request.query.get("Version", "").startswith("2012"):
        request.service = "elb"
    target = request.headers.get("x-amz-target", "")
    if target:
        request.operation = target.rsplit(".", 1)[-1]
    elif "Action" in request.query:
        request.operation = request.query["Action"]
    else:
        request.operation, request.uri = _route(request.service, request.method, request.path, request.query)


@lru_cache(maxsize=64)
def _routes(service: str) -> list[tuple[str, re.Pattern[str], frozenset[str], str]]:
    """(verb, path, names that the query must hold, operation), the most specific first."""
    from moto.core.utils import get_service_model

    try:
        model = get_service_model(service)
    except Exception:  # botocore's UnknownServiceError or a signing name that is no service
        return []
    routes = []
    for name in model.operation_names:
        http, given = model.operation_model(name).http, model.operation_model(name).input_shape
        path, _, query = http.get("requestUri", "/").partition("?")
        labels = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
        labels = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", labels)
        needed, headers = set(), 0
        if service == "s3" and given is not None:  # which alone tells its operations apart by what the query holds
            needed = {part.partition("=")[0] for part in query.split("&") if part} - {"x-id"}
            places = [given.members[member].serialization for member in given.required_members]
            needed |= {place["name"] for place in places if place.get("location") == "querystring"}
            headers = sum(place.get("location") == "header" for place in places)
        route = http.get("method", "POST"), re.compile(labels + "/?$"), frozenset(needed), name
        routes.append((labels.count("(?P<"), -len(needed), headers, route))
    return [route for *_, route in sorted(routes, key=lambda found: found[:3])]


def _route(service: str, method: str, path: str, query: dict[str, str]) -> tuple[str, dict[str, str]]:
    if not service:
        return "", {}
    for verb, pattern, needed, name in _routes(service):
        match = pattern.match(path) if verb == method and needed <= query.keys() else None
        if match:
            return name, {key: unquote(value) for key, value in match.groupdict().items()}
    return "", {}


def parameters(request: Request) -> dict[str, Any]:
    """The request's parameters as botocore's input shape of the operation names and types them."""
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.utils import get_service_model
    from werkzeug.datastructures import Headers, MultiDict

    model = get_service_model(request.service)
    parser = PROTOCOL_PARSERS[model.protocol](model.operation_model(request.operation))
    return dict(
        parser.parse(
            {
                "method": request.method,
                "values": MultiDict(request.query),
                "headers": Headers(list(request.headers.items())),
                "body": request.body,
                "url_path": request.path,
                "url_params": request.uri,
            }
        )
    )


def request_id(request: Request, serial: int) -> str:
    """A request id that needs no shared randomness."""
    digits = f"{number('request', request.account, request.operation, serial):016x}{serial:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def result(request: Request, output: dict[str, Any]) -> Reply:
    """`output` serialised in the protocol of the request's operation."""
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    model = get_service_model(request.service)
    serializer = get_serializer_class(request.service, model.protocol)(model.operation_model(request.operation))
    done = serializer.serialize(output)
    body = done["body"]
    headers = [(key, str(value)) for key, value in done["headers"].items()]
    return Reply(done["status_code"], headers, body.encode() if isinstance(body, str) else body)


def error(request: Request, problem: AwsError) -> Reply:
    """`problem` in the shape that the request's protocol gives to errors."""
    code, message = problem.code, problem.message
    protocol = _protocol(request.service)
    if protocol in ("json", "rest-json"):
        kind = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        body = json.dumps({"__type": code, "message": message, "Message": message})
        return Reply(problem.status, [("Content-Type", kind), ("x-amzn-ErrorType", code)], body.encode())
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>simulated</RequestID></Response>"
    else:
        kind = "Sender" if problem.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type>{inner}</Error><RequestId>simulated</RequestId></ErrorResponse>"
        )
    return Reply(problem.status, [("Content-Type", "text/xml")], f"<?xml version='1.0'?>{body}".encode())


def _protocol(service: str) -> str:
    from moto.core.utils import get_service_model

    try:
        return str(get_service_model(service).protocol)
    except Exception:  # a service that botocore does not know answers like the oldest ones
        return "query"


def endpoint_prefix(service: str) -> str:
    """The name under which AWS signs and audits a service."""
    return {name: signed for signed, name in SERVICES.items()}.get(service, service)
