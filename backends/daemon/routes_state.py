"""The daemon itself: status, contexts, events, polling, shutdown."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from backends.context import Context
from backends.daemon import keeping
from backends.daemon.answers import answer, body_of, flag, number, text, texts
from backends.daemon.asking import Asked, Serving
from backends.daemon.contexts import Entry
from backends.daemon.core import Daemon
from backends.daemon.lifecycle import iso
from backends.daemon.problems import Refusal, Route
from backends.store import utcnow
from backends.version import VERSION

router = APIRouter(prefix="/v1", route_class=Route)


@router.get("/status")
async def status(request: Request, daemon: Serving) -> Response:
    """How the daemon is; with a context, the polling progress of that context."""
    asked = request.headers.get("x-quarterdeck-context", "")
    entry = next((entry for entry in daemon.contexts.all() if entry.id == asked), None)
    settings = daemon.settings
    return answer(
        {
            "version": VERSION,
            "pid": os.getpid(),
            "started": iso(datetime.fromtimestamp(daemon.started, UTC)),
            "uptime": round(time.time() - daemon.started, 1),
            "store": str(settings.home),
            "endpoint": settings.endpoint,
            "partition": settings.partition,
            "label": daemon.lanes.store.label,
            "store_problem": daemon.lanes.problem,
            "clients": daemon.server.clients if daemon.server is not None else 0,
            "polling": daemon.polling.status(entry.scope if entry is not None else None),
            "contexts": [known.as_json() for known in ([entry] if entry is not None else daemon.contexts.all())],
            "operations": daemon.ledger.summed(),
            "costs": daemon.ledger.costs(),
            "analysis": daemon.analysis.status(),
            "loop": daemon.loopwatch.summary(),
            "write": daemon.writes.status(entry.id if entry is not None else ""),
            "processes": _processes(daemon),
            "collectors_ended": [
                told for told in daemon.contexts.deaths() if entry is None or told["context"] == entry.id
            ],
        }
    )


def _processes(daemon: Daemon) -> dict[str, object]:
    collectors = [entry.collector.pid for entry in daemon.contexts.all() if entry.collector is not None]
    return {"collectors": collectors, "worker": daemon.analysis.worker_pid}


@router.get("/operations")
async def operations(request: Request, daemon: Serving) -> Response:
    """What was asked of AWS in each account: since the daemon began, and day by day for as many `days`."""
    days = number(request.query_params, "days", 1, 1, 400)
    await daemon.ledger.flush()
    first = utcnow().date() - timedelta(days=days - 1)
    rows = await daemon.lanes.read(lambda reader: reader.spent(first))
    started = iso(datetime.fromtimestamp(daemon.started, UTC))
    return answer({"since": started, "operations": daemon.ledger.operations(), "days": rows})


@router.post("/contexts")
async def register(request: Request, daemon: Serving) -> Response:
    """Whose credentials the sender's requests use."""
    body = await body_of(request)
    given = body.get("context")
    if not isinstance(given, dict):
        raise ValueError("'context' is missing or is not an object.")
    try:
        context = Context.from_json(given)
    except (TypeError, ValueError) as error:
        raise Refusal(400, "bad-context", f"The context cannot be read: {type(error).__name__}.") from error
    entry = await daemon.contexts.register(context, flag(body, "wait", True))
    return answer(entry.as_json())


@router.get("/events")
async def events(request: Request, daemon: Serving) -> Response:
    """Topics and versions, for ever; an open stream keeps the daemon, and the context it names, alive."""
    asked = request.headers.get("x-quarterdeck-context", "")
    entry = daemon.contexts.get(asked) if asked else None
    return StreamingResponse(_stream(daemon, entry), media_type="application/x-ndjson")


async def _stream(daemon: Daemon, entry: Entry | None) -> AsyncIterator[bytes]:
    if entry is not None:
        entry.in_use += 1
    try:
        async for lines in daemon.events.stream():
            yield lines
    finally:
        if entry is not None:
            entry.in_use -= 1
            entry.touch()


@router.post("/poll")
async def poll(request: Request, asked: Asked) -> Response:
    """Poll now."""
    body = await body_of(request)
    await asked.identified()
    scope = await asked.scope(body)
    kinds = texts(body, "kinds")
    unknown = [kind for kind in kinds if kind not in asked.daemon.kinds]
    if unknown:
        raise Refusal(
            404, "no-such-kind", f"There is no kind {unknown[0]!r}; there are {', '.join(asked.daemon.kinds)}."
        )
    return answer(await asked.daemon.polling.poll(scope, kinds, flag(body, "wait")))


@router.post("/polling")
async def polling(request: Request, daemon: Serving) -> Response:
    """Pause or resume."""
    body = await body_of(request)
    daemon.polling.paused = flag(body, "paused")
    return answer(daemon.polling.status(None))


@router.post("/focus")
async def focus(request: Request, asked: Asked) -> Response:
    """Which kinds are on screen."""
    asked.daemon.polling.focus(texts(await body_of(request), "kinds"))
    return answer({})


@router.post("/backup")
async def backup(request: Request, daemon: Serving) -> Response:
    """A copy of the store in a file, while polls go on."""
    body = await body_of(request)
    return answer(
        await keeping.backup(daemon.lanes, daemon.settings.home, Path(text(body, "file")), force=flag(body, "force"))
    )


@router.post("/compact")
async def compact(request: Request, daemon: Serving) -> Response:
    """The store's file written anew, without the room that is empty in it."""
    await body_of(request)
    return answer(await keeping.compact(daemon.lanes, daemon.polling.held(), daemon.configuration.retention))


@router.post("/shutdown")
async def shutdown(request: Request, daemon: Serving) -> Response:
    """Stop, unless another `pid` was meant; what is being carried out on AWS ends first either way."""
    meant = number(await body_of(request), "pid", 0, 0, 1 << 31)
    if stopping := meant in (0, os.getpid()):
        daemon.stop()
    return answer({"stopping": stopping})
