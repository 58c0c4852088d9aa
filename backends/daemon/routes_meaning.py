"""What it means: forecasts, anomalies, advice, costs, home."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from backends.daemon.analysis import JOBS
from backends.daemon.answers import answer, body_of, flag, texts
from backends.daemon.asking import Asked
from backends.daemon.problems import Route

router = APIRouter(prefix="/v1", route_class=Route)


@router.post("/analyze")
async def analyze(request: Request, asked: Asked) -> Response:
    """Run analyses now."""
    body = await body_of(request)
    names = texts(body, "what") or tuple(job.name for job in JOBS)
    if flag(body, "wait", True):
        return answer(await asked.daemon.analysis.analyse(names))
    asked.daemon.analysis.analyse_soon(names)
    return answer({})
