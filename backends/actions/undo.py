"""Taking back what a record says was done: a new plan against what AWS says now, never a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backends.actions.plan import make
from backends.actions.registry import action as declared
from backends.actions.world import Clock, Desk, Refused
from backends.model import Json, Plan, Ref


def recorded_plan(records: Sequence[Json], number: Any) -> Plan:
    """The plan of the audit record of that number; `Refused` where there is none."""
    for record in records:
        if record.get("sequence") == number and not isinstance(number, bool):
            if not record.get("plan"):
                raise Refused(
                    "no-inverse", f"Record {number} ({record.get('event')}) is not of an action; nothing to undo."
                )
            return Plan.from_json(record["plan"])
    raise Refused("no-record", f"There is no audit record {ascii(number)[:40]}; list them with quarterdeck audit.")


async def undo(records: Sequence[Json], number: Any, desk: Desk, clock: Clock) -> Plan:
    """A fresh plan that takes the recorded one back; says so where somebody has changed the same thing since."""
    done = recorded_plan(records, number)
    inverse = done.inverse
    if inverse is None:
        raise Refused("no-inverse", f"Record {number} ({done.title}) cannot be undone: it has no inverse.")
    action = declared(inverse["action"])
    differing: dict[str, Json] = inverse.get("each") or {}
    each = differing or {text: dict(inverse["parameters"]) for text in inverse["targets"]}
    targets = {Ref.parse(text): action.parsed(given) for text, given in each.items()}
    parameters: Json = {"each": differing} if differing else inverse["parameters"]
    plan = await make(action, targets, parameters, desk, clock())
    return replace(plan, title=f"Undo record {number}: {plan.title}", warnings=(*_drift(done, plan), *plan.warnings))


def _drift(done: Plan, now: Plan) -> list[str]:
    left = {(change.ref, change.field): change.after for change in done.differences}
    return [
        f"{Ref.parse(change.ref).id}: {change.field} is {change.before} now, not {left[change.ref, change.field]} as "
        "that record left it: somebody changed it since."
        for change in now.differences
        if (change.ref, change.field) in left and left[change.ref, change.field] != change.before
    ]
