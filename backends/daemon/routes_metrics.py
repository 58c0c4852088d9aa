"""The metrics of one resource: asked for while somebody looks, read from the store."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from itertools import pairwise

from fastapi import APIRouter, Request, Response

from backends.aws.kinds.cloudwatch_metric import METRIC, PERIOD
from backends.aws.watched import metrics_of
from backends.daemon.answers import answer, instant, number, text
from backends.daemon.asking import Asked
from backends.daemon.problems import Refusal, Route
from backends.daemon.watching import Look, begin_of
from backends.model import Json, Kind, Ref, Watched
from backends.store import Reader, iso, utcnow

router = APIRouter(prefix="/v1", route_class=Route)

LONGEST_HOURS = 24
_PATIENCE = 30.0
_FRESH = timedelta(minutes=15)
"""A value that is older says nothing of how the resource is doing."""


@router.get("/metrics")
async def metrics(request: Request, asked: Asked) -> Response:
    """The last hours, before an instant or now; without `at` CloudWatch is asked, unless `ask` is 0."""
    query = request.query_params
    ref, hours, at = Ref.parse(text(query, "ref")), number(query, "hours", 3, 1, LONGEST_HOURS), instant(query, "at")
    kind, scope = _kind(asked.daemon.kinds, ref), await asked.scope()
    if not scope.holds(ref.account, ref.region):
        raise Refusal(404, "not-found", f"There is no {ref.kind} {ref.id} in the accounts of these credentials.")
    look, watching = None, asked.daemon.watching
    if at is None and query.get("ask") != "0":
        look = watching.look(ref, hours)
        await _answered(look)
    told = await asked.read(lambda reader: _told(reader, kind, ref, hours, at, look))
    return answer(told | {"again": round(watching.again_in(look), 1) if look else None})


def _kind(kinds: dict[str, Kind], ref: Ref) -> Kind:
    kind = kinds.get(ref.kind)
    if kind is None or not kind.watched:
        watched = ", ".join(name for name, kind in kinds.items() if kind.watched)
        raise Refusal(404, "no-metrics", f"No metrics are declared for {ref.kind}; they are for {watched}.")
    return kind


async def _answered(look: Look) -> None:
    """Wait for CloudWatch, but not for ever."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await look.told.wait()
    except TimeoutError:
        return


def _told(reader: Reader, kind: Kind, ref: Ref, hours: int, at: datetime | None, look: Look | None) -> Json:
    until = at or utcnow()
    since = begin_of(until, hours)
    element = json.loads(reader.raw(ref, at) or b"{}")
    watched = {f"{ref}/{metric.id}": metric for metric, _ in metrics_of(kind, element)}
    assert METRIC.series is not None
    points = json.loads(reader.spans(METRIC.series.name, ref.region, list(watched), since, until))
    newest = max((found[-1][0] for found in points.values()), default=None)
    problem = _problem(hours, at, look, bool(points))
    return {
        "ref": str(ref),
        "hours": hours,
        "since": iso(since),
        "until": iso(until),
        "as_of": newest,
        "asked": iso(look.at) if look else None,
        "problem": problem,
        "metrics": [
            metric.as_json() | _figures(metric, points.get(id_, []), until, unknown=bool(problem))
            for id_, metric in watched.items()
        ],
    }


def _problem(hours: int, at: datetime | None, look: Look | None, any_points: bool) -> str:
    """Why what is shown is not all there is, in a sentence; "" where it is."""
    if at is not None:
        span = "hour" if hours == 1 else f"{hours} hours"
        return "" if any_points else f"Not recorded: nobody looked at it in the {span} before {iso(at)}."
    if look is None:
        return "" if any_points else "Not asked: polling is paused."
    if not look.told.is_set():
        return "CloudWatch has not answered yet."
    if not look.problem and look.hours < hours:
        return f"Asked for the last {look.hours} h less than a minute ago; for {hours} h in a minute."
    return look.problem


def _figures(metric: Watched, points: list[tuple[str, float]], until: datetime, *, unknown: bool) -> Json:
    """A metric's points and what they come to; `note` says why there are none, `state` how the newest is to be taken.

    `period` is the least distance of two points in seconds, null where that cannot be told; of what is told only where
    there is something it is a minute.
    """
    if not points:
        note = "not known" if unknown else "none told" if metric.sparse else "not published"
        return {"points": [], "newest": None, "least": None, "most": None, "period": None, "state": "", "note": note}
    times = [datetime.fromisoformat(at) for at, _ in points]
    values = [value for _, value in points]
    apart = [int((later - earlier).total_seconds()) for earlier, later in pairwise(times)]
    fresh = until - times[-1] <= _FRESH
    return {
        "points": points,
        "newest": values[-1],
        "least": min(values),
        "most": max(values),
        "period": PERIOD if metric.sparse else min(apart, default=None),
        "state": str(metric.judged(values[-1])) if fresh else "",
        "note": "",
    }
