"""What happens to a request: understood, authenticated, perhaps struck by a fault, answered here or by moto, logged."""

from __future__ import annotations

import importlib
import io
import logging
import pkgutil
import time
from collections.abc import Callable
from datetime import UTC
from http import HTTPStatus
from typing import Any

from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from backends.simulated import accounts, answers, control, faults, recording, wire
from backends.simulated.answers.registry import ANSWERS
from backends.simulated.cloud import account_of
from backends.simulated.requests_log import Entry
from backends.simulated.simulation import Simulation

Environ = dict[str, Any]
_TOKEN_INVALID = "The security token included in the request is invalid."  # noqa: S105 - AWS's own sentence


class Overlay:
    """The endpoint's one door: `handle` turns a request into a reply, and never raises."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._moto: Callable[..., Any] = DomainDispatcherApplication(create_backend_app)
        for module in pkgutil.iter_modules(answers.__path__, answers.__name__ + "."):
            importlib.import_module(module.name)

    def handle(self, request: wire.Request, environ: Environ) -> wire.Reply:
        """Answer one request. `environ` is the WSGI environment that moto gets, with the body not yet in it."""
        if request.path.startswith("/_simulated/"):
            return control.handle(self.simulation, request)
        wire.understand(request)
        log = self.simulation.log
        serial, began = log.next_serial(), time.monotonic()
        with self.simulation.lock:
            request.account = account_of(request.access_key)
            reply, fault = self._answer(request, environ)
            self._remember(request, reply)
        self._finish(request, reply, serial)
        log.add(
            Entry(
                serial=serial,
                time=f"{self.simulation.clock.now():%Y-%m-%dT%H:%M:%SZ}",
                account=request.account,
                region=request.region,
                service=request.service,
                operation=request.operation,
                mutating=request.mutating,
                dry_run=request.dry_run,
                status=reply.status,
                access_key=request.access_key,
                fault=fault.kind if fault else "",
                seconds=round(time.monotonic() - began, 4),
            )
        )
        return reply

    def _answer(self, request: wire.Request, environ: Environ) -> tuple[wire.Reply, faults.Fault | None]:
        try:
            self._authenticate(request)
        except wire.AwsError as problem:
            return wire.error(request, problem), None
        fault = self.simulation.faults.strike(request)
        refused = faults.before(fault, request) if fault else None
        if refused is not None:
            return refused, fault
        reply = self._carry_out(request, environ)
        if fault:
            faults.after(fault, reply)
        return reply, fault

    def _authenticate(self, request: wire.Request) -> None:
        """Refuse what AWS refuses before it looks at the request: no signature, a foreign key, a disabled region."""
        if not request.service:
            raise wire.AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        enabled = request.region in accounts.REGIONS or request.service in wire.GLOBAL_SERVICES
        if request.account and enabled:
            return
        if request.service == "ec2":
            message = "AWS was not able to validate the provided access credentials"
            raise wire.AwsError("AuthFailure", message, 401)
        if request.headers.get("x-amz-target"):
            raise wire.AwsError("UnrecognizedClientException", _TOKEN_INVALID, 400)
        code = "UnrecognizedClientException" if request.service == "eks" else "InvalidClientTokenId"
        raise wire.AwsError(code, _TOKEN_INVALID, 403)

    def _carry_out(self, request: wire.Request, environ: Environ) -> wire.Reply:
        answer = ANSWERS.get((request.service, request.operation))
        try:
            if request.dry_run:
                # moto carries some of them out: here DryRun is honoured everywhere, as in AWS.
                message = "Request would have succeeded, but DryRun flag is set."
                raise wire.AwsError("DryRunOperation", message, 412)
            if answer is not None:
                made = answer(self.simulation, request)
                if isinstance(made, wire.Reply):
                    return made
                if made is not None:
                    return wire.result(request, made)
            return self._ask_moto(request, environ)
        except wire.AwsError as problem:
            return wire.error(request, problem)
        except ServiceException as problem:
            return wire.error(request, wire.AwsError(problem.code or "ValidationError", str(problem.message)))
        except Exception:
            logging.getLogger(__name__).exception("%s %s failed", request.service, request.operation)
            message = "An internal error has occurred in the simulated AWS."
            return wire.error(request, wire.AwsError("InternalError", message, 500))

    def _ask_moto(self, request: wire.Request, environ: Environ) -> wire.Reply:
        environ["wsgi.input"] = io.BytesIO(request.body)
        environ["CONTENT_LENGTH"] = str(len(request.body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started.append((status, headers))

        try:
            parts = self._moto(environ, start_response)
        except NotImplementedError:
            return _unknown(request)
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
        status, headers = started[-1]
        reply = wire.Reply(int(status.split()[0]), headers, body)
        return _unknown(request) if _is_page(reply) else reply

    def _remember(self, request: wire.Request, reply: wire.Reply) -> None:
        """Mutating requests that AWS would tell of in CloudTrail, refused ones included."""
        if not request.mutating or request.dry_run or not request.account:
            return
        trail = self.simulation.trail
        at = self.simulation.clock.now().astimezone(UTC).replace(microsecond=0)
        trail.add(recording.event_of(request, reply, trail.next_id(request.account), at))

    def _finish(self, request: wire.Request, reply: wire.Reply, serial: int) -> None:
        keep = [(k, v) for k, v in reply.headers if k.lower() not in ("content-length", "date", "connection", "status")]
        identity = wire.request_id(request, serial)
        keep = [(k, v) for k, v in keep if k.lower() != "x-amzn-requestid"] + [("x-amzn-RequestId", identity)]
        reply.headers = [*keep, ("Date", f"{self.simulation.clock.now():%a, %d %b %Y %H:%M:%S GMT}")]


def _is_page(reply: wire.Reply) -> bool:
    """moto answers what it has not implemented with an HTML page."""
    kind = next((value for key, value in reply.headers if key.lower() == "content-type"), "")
    return reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR) and kind.startswith("text/html")


def _unknown(request: wire.Request) -> wire.Reply:
    """AWS's answer to an operation that an endpoint does not offer."""
    if request.headers.get("x-amz-target") or not request.query.get("Action"):
        return wire.error(request, wire.AwsError("UnknownOperationException", "Not simulated.", 404))
    message = f"The action {request.operation} is not valid for this web service."
    return wire.error(request, wire.AwsError("InvalidAction", message, 400))
