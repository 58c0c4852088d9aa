"""Acting: plans, the write gate, carrying out, undoing, the audit."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response

from backends.actions import registry_json
from backends.daemon.answers import answer, body_of, instant, number, text, texts
from backends.daemon.asking import Asked, Serving
from backends.daemon.problems import Refusal, Route
from backends.model import Json
from backends.store import parse_instant

router = APIRouter(prefix="/v1", route_class=Route)


@router.get("/actions")
async def actions(request: Request) -> Response:
    """What can be done, to all kinds or to one."""
    return answer(registry_json(request.query_params.get("kind", "")))


@router.post("/plans")
async def make_plan(request: Request, asked: Asked) -> Response:
    """What an action would do, from what AWS says now."""
    body = await body_of(request)
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ValueError("'parameters' is not an object.")
    await asked.identified()
    plan = await asked.daemon.writes.plan(asked.entry, text(body, "action"), texts(body, "targets"), parameters)
    return answer(plan.as_json())


@router.get("/plans/{plan}")
async def find_plan(plan: str, asked: Asked) -> Response:
    """A plan made earlier with the same credentials."""
    found = asked.daemon.writes.engine.find(plan)
    if found.context != asked.entry.id:
        raise Refusal(404, "unknown-plan", "There is no such plan, or it has expired; make it again.")
    return answer(found.as_json())


@router.post("/write")
async def open_window(request: Request, asked: Asked) -> Response:
    """Open an audited write window."""
    minutes = number(await body_of(request), "minutes", 60, 1, 480)
    return answer(await asked.daemon.writes.open_window(asked.entry, minutes, request.state.peer))


@router.post("/plans/{plan}/execute")
async def execute(plan: str, request: Request, asked: Asked) -> Response:
    """Carry a plan out; without a valid token nothing is sent."""
    body = await body_of(request)
    peer = request.state.peer
    writes = asked.daemon.writes
    outcome = await writes.execute(asked.entry, plan, body.get("token"), body.get("confirm"), peer)
    if outcome["state"] != "refused":
        asked.daemon.polling.look_at(writes.engine.find(plan).targets)
    return answer(outcome)


@router.post("/audit/{record}/undo")
async def undo(record: str, asked: Asked) -> Response:
    """The plan that takes an executed one back."""
    if not record.isdecimal():
        raise Refusal(400, "bad-record", f"{record[:40]!r} is not the number of an audit record.")
    await asked.identified()
    return answer((await asked.daemon.writes.undo(asked.entry, int(record))).as_json())


@router.get("/audit")
async def audit(request: Request, asked: Asked) -> Response:
    """The newest records (by an instant) of this context's accounts, and those of no account, newest first."""
    limit, at = number(request.query_params, "limit", 200, 1, 10_000), instant(request.query_params, "at")
    accounts = (await asked.scope()).accounts
    records = await asked.daemon.writes.trail.records()
    mine = [record for record in reversed(records) if _visible(record, accounts) and (at is None or _by(record, at))]
    return answer(mine[:limit])


def _visible(record: Json, accounts: tuple[str, ...]) -> bool:
    return not record.get("account") or record["account"] in accounts


def _by(record: Json, at: datetime) -> bool:
    """Whether a record was written by an instant; one that does not say when is shown always."""
    try:
        return parse_instant(str(record["at"])) <= at
    except (KeyError, ValueError):
        return True


@router.post("/audit/verify")
async def verify(daemon: Serving) -> Response:
    """Recompute the chain and compare it with its anchor."""
    count, problems = await daemon.writes.trail.verify()
    return answer({"ok": not problems, "records": count, "problems": [str(problem) for problem in problems]})
