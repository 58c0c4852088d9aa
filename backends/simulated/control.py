"""The paths under /_simulated/: never AWS's. What the demo and the tests steer the simulation with."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from backends.simulated import wire
from backends.simulated.simulation import Simulation

MAX_STEP = 60 * 24 * 14


def handle(simulation: Simulation, request: wire.Request) -> wire.Reply:
    """Answer a control request; 400 with a sentence for a bad one, 404 for an unknown path."""
    try:
        known = json.loads(request.body or b"{}")
        if not isinstance(known, dict):
            raise ValueError("the body must be a JSON object")
        answer = _route(simulation, request, known)
    except (ValueError, TypeError) as problem:
        return _reply(400, {"error": "bad-request", "message": str(problem)})
    if answer is None:
        return _reply(404, {"error": "not-found", "message": f"there is no {request.method} {request.path}"})
    return _reply(200, answer)


def _route(simulation: Simulation, request: wire.Request, known: dict[str, Any]) -> dict[str, Any] | None:
    what = request.method, request.path.removeprefix("/_simulated/")
    if what == ("GET", "status"):
        return simulation.status()
    if what == ("POST", "clock"):
        simulation.clock.set(known.get("running"), known.get("speed"), bool(known.get("catch_up")))
        return simulation.status()
    if what == ("POST", "step"):
        minutes = int(known.get("minutes", 1))
        if not 0 <= minutes <= MAX_STEP:
            raise ValueError(f"minutes must be between 0 and {MAX_STEP}, not {minutes}")
        return simulation.step(minutes)
    if what == ("GET", "requests"):
        since = parse_qs(request.query_string).get("since", ["0"])[0]
        return simulation.log.as_json(int(since))
    if what == ("POST", "fault"):
        return simulation.faults.set(known)
    if what == ("GET", "fault"):
        return simulation.faults.as_json()
    return None


def _reply(status: int, value: dict[str, Any]) -> wire.Reply:
    return wire.Reply(status, [("Content-Type", "application/json")], json.dumps(value).encode())
