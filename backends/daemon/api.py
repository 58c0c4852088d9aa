"""The HTTP API on the unix socket: routes by topic, every error a sentence, every request with its context."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from backends.daemon import routes_actions, routes_data, routes_market, routes_meaning, routes_metrics, routes_state
from backends.daemon.answers import answer
from backends.daemon.core import Daemon
from backends.daemon.problems import refusal_of


def build(daemon: Daemon) -> FastAPI:
    """The ASGI application of one daemon."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.daemon = daemon
    routers: tuple[APIRouter, ...] = (
        routes_state.router,
        routes_data.router,
        routes_meaning.router,
        routes_market.router,
        routes_metrics.router,
        routes_actions.router,
    )
    for router in routers:
        app.include_router(router)

    async def not_there(request: Request, error: Exception) -> Response:
        refusal = refusal_of(error, request.url.path)
        return answer(refusal.body, refusal.status)

    app.add_exception_handler(HTTPException, not_there)
    return app
