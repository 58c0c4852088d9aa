"""How everything that goes wrong becomes {"error": code, "message": sentence} with a fitting status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from backends.actions import Refused
from backends.aws.tasks import AwsError
from backends.daemon.answers import answer
from backends.daemon.jobs import JobFailed
from backends.store import FilterError, NotFound, QueryRefused, StoreBusy, StoreError, StoreFull, StoreInterrupted

log = logging.getLogger(__name__)


class Refusal(Exception):
    """The daemon will not do what was asked; `message` is a sentence for the operator."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": code, "message": message, **details}


def refusal_of(error: Exception, path: str) -> Refusal:
    """Any exception as a refusal; what nobody foresaw is logged whole and answered with a pointer to the log."""
    if isinstance(error, Refusal):
        return error
    text = str(error)
    if isinstance(error, FilterError):
        return Refusal(400, "bad-filter", text, position=error.position)
    if isinstance(error, QueryRefused):
        return Refusal(400, "bad-query", text)
    if isinstance(error, NotFound):
        return Refusal(404, "not-found", text)
    if isinstance(error, StoreInterrupted):
        return Refusal(409, "superseded", text)
    if isinstance(error, StoreFull):
        return Refusal(507, "store-full", text)
    if isinstance(error, StoreBusy):
        return Refusal(409, "store-busy", text)
    if isinstance(error, StoreError):
        return Refusal(400, "store", text)
    if isinstance(error, Refused):
        return Refusal(error.status, error.code, error.message)
    if isinstance(error, AwsError):
        return Refusal(502, "aws", f"AWS answered {error.code}: {error.message}")
    if isinstance(error, JobFailed):
        return Refusal(500, "analysis", text)
    if isinstance(error, TimeoutError):
        return Refusal(408, "too-slow", "The query took too long and was stopped; narrow it.")
    if isinstance(error, ValueError):
        return Refusal(400, "bad-request", text)
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, "no-such-path", f"There is nothing at {path}: {error.detail}.")
    log.error("Answering %s", path, exc_info=error)
    return Refusal(500, "internal", f"The daemon failed to answer {path} ({type(error).__name__}); see its log.")


class Route(APIRoute):
    """A route whose every error is a sentence."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except asyncio.CancelledError:
                # A daemon that stops gives up requests that take longer; whoever waits is told so.
                return answer({"error": "stopping", "message": "The daemon was stopped before it had answered."}, 503)
            except Exception as error:
                refusal = refusal_of(error, request.url.path)
                return answer(refusal.body, refusal.status)

        return guarded
