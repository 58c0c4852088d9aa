"""What it means: forecasts, anomalies, advice, costs, home. Composed in a reader's thread, never on the loop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from backends.daemon import meaning
from backends.daemon.analysis import JOBS
from backends.daemon.answers import answer, body_of, flag, instant, number, ready, text, texts
from backends.daemon.asking import Asked, Asking
from backends.daemon.home import attention, cost_summary, total_saving, with_anomalies
from backends.daemon.problems import Route
from backends.model import Json, Scope
from backends.store import Amiss, Reader

_FIGURES_SECONDS = 30.0

router = APIRouter(prefix="/v1", route_class=Route)


async def composed(asked: Asking, work: Callable[[Reader, Scope, datetime | None], Any]) -> Response:
    """The JSON of what `work` makes of a reader, the scope and the instant asked for, in the reader's thread.

    Every request here may narrow the scope by "accounts" and "regions" and name an instant by "at".
    """
    query = asked.request.query_params
    scope, at = await asked.scope(query), instant(query, "at")

    def body(reader: Reader) -> bytes:
        return json.dumps(work(reader, scope, at), ensure_ascii=False, allow_nan=False).encode()

    return ready(await asked.read(body))


@router.get("/forecasts")
async def forecasts(request: Request, asked: Asked) -> Response:
    """Every market in a line, or one market's fan."""
    market = text(request.query_params, "market", "")
    if market:
        back = number(request.query_params, "back", 0, 0, 24 * 30)
        return await composed(asked, lambda reader, scope, at: meaning.forecast(reader, scope, market, at, back))
    return await composed(asked, meaning.forecasts)


@router.get("/anomalies")
async def anomalies(asked: Asked) -> Response:
    """What the newest scan by the instant flagged."""
    return await composed(asked, meaning.anomalies)


@router.get("/advice")
async def advice(asked: Asked) -> Response:
    """Recommendations of the newest run by the instant."""
    return await composed(asked, meaning.advice)


@router.get("/runs")
async def runs(asked: Asked) -> Response:
    """Which run of each analysis was the newest by the instant: whether anything was judged at all."""
    return await composed(asked, lambda reader, scope, at: meaning.runs_by(reader, at))


@router.get("/costs")
async def costs(asked: Asked) -> Response:
    """Daily costs by service, out-of-the-ordinary services marked."""
    amiss = asked.daemon.amiss

    def work(reader: Reader, scope: Scope, at: datetime | None) -> Json:
        return with_anomalies(json.loads(reader.costs(scope, at=at, amiss=amiss)), meaning.anomalies(reader, scope, at))

    return await composed(asked, work)


@router.get("/home")
async def home(asked: Asked) -> Response:
    """What needs attention, and the figures beside it.

    Whether credentials work is known of the present only, so the past lists none of them.
    """
    titles = {kind.name: kind.title for kind in asked.daemon.kinds.values()}
    accounts, amiss = asked.entry.accounts, asked.daemon.amiss
    problem = asked.daemon.lanes.problem
    key = (asked.daemon.events.news, int(time.monotonic() / _FIGURES_SECONDS), amiss)

    def work(reader: Reader, scope: Scope, at: datetime | None) -> Json:
        figures, cost = asked.daemon.figures.get((scope, at), key, lambda: _figures(reader, scope, at, amiss))
        # What is not polled at all is one line, that of its account's credentials; so is a store that keeps nothing.
        told = json.loads(reader.coverage(scope, at, Amiss() if problem else amiss))["rows"]
        coverage = [row for row in told if at is not None or row["account"] not in amiss.accounts]
        found_advice = meaning.advice(reader, scope, at)
        listed = attention(
            accounts=[account for account in accounts if at is None and account.account in ("", *scope.accounts)],
            home=figures,
            coverage=coverage,
            anomalies=meaning.anomalies(reader, scope, at),
            advice=found_advice,
            forecasts=meaning.forecasts(reader, scope, at),
            titles=titles,
            store_problem=problem if at is None else "",
            currency=asked.daemon.currency,
        )
        judged = meaning.runs_by(reader, at)["advice"] is not None
        saving = total_saving(found_advice) if judged else None
        worth = {"advice_total": saving, "advice_unpriced": bool(found_advice) and saving is None}
        return figures | {"attention": listed, "cost": cost, **worth, "currency": asked.daemon.currency}

    return await composed(asked, work)


def _figures(reader: Reader, scope: Scope, at: datetime | None, amiss: Amiss) -> tuple[Json, Json]:
    """Counts, health and recent changes of every kind, and the costs in short: what takes long to count."""
    costs = json.loads(reader.costs(scope, at=at, amiss=amiss))
    return json.loads(reader.home(scope, at=at, amiss=amiss)), cost_summary(costs)


@router.post("/analyze")
async def analyze(request: Request, asked: Asked) -> Response:
    """Run analyses now; told how many results each has once waited for."""
    body = await body_of(request)
    names = texts(body, "what") or tuple(job.name for job in JOBS)
    if flag(body, "wait", True):
        return answer(await asked.daemon.analysis.analyse(names))
    asked.daemon.analysis.analyse_soon(names)
    return answer({})
