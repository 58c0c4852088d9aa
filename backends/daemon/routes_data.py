"""What there is: kinds, rows, one resource, changes, coverage, series, read-only SQL, imports."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from backends.daemon.answers import answer, body_of, instant, number, ready, text
from backends.daemon.asking import Asked, Serving
from backends.daemon.problems import Refusal, Route
from backends.store import Query

router = APIRouter(prefix="/v1", route_class=Route)

_READ_SECONDS = 30.0


@router.get("/kinds")
async def kinds(daemon: Serving) -> Response:
    """Every kind's declaration."""
    return answer([kind.as_json() for kind in daemon.kinds.values()])


@router.post("/rows")
async def rows(request: Request, asked: Asked) -> Response:
    """A window of a kind's rows."""
    body = await body_of(request)
    query = Query(
        _kind(asked, text(body, "kind")),
        await asked.scope(body),
        text(body, "filter", ""),
        sorting(text(body, "sort", "")),
        instant(body, "at"),
        number(body, "offset", 0, 0, 1 << 40),
        number(body, "limit", 200, 0, 20_000),
        text(body, "anchor", "") or None,
    )
    return ready(await asked.daemon.lanes.read(lambda reader: reader.rows(query), _READ_SECONDS))


def sorting(given: str) -> tuple[tuple[str, bool], ...]:
    """ "a,-b" as ((a, ascending), (b, descending))."""
    parts = [part.strip() for part in given.split(",") if part.strip()]
    return tuple((part.removeprefix("-"), part.startswith("-")) for part in parts)


def _kind(asked: Asked, name: str) -> str:
    if name not in asked.daemon.kinds:
        raise Refusal(404, "no-such-kind", f"There is no kind {name!r}; there are {', '.join(asked.daemon.kinds)}.")
    return name


@router.get("/coverage")
async def coverage(request: Request, asked: Asked) -> Response:
    """How the last sweep of every triple ended, now or as of an instant."""
    scope, at = await asked.scope(), instant(request.query_params, "at")
    return ready(await asked.daemon.lanes.read(lambda reader: reader.coverage(scope, at), _READ_SECONDS))
