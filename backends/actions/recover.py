"""After a daemon died between intent and outcome: read back, and put on record what can be known."""

from __future__ import annotations

from collections.abc import Collection

from backends.actions.execute import entry, look
from backends.actions.outcome import Outcome, State
from backends.actions.plan import parameters_of
from backends.actions.registry import action as declared
from backends.actions.world import Desk, Journal, clipped, failure_of
from backends.model import Json, Plan


async def open_intents(journal: Journal) -> list[Json]:
    """The records of intents that no outcome followed, oldest first."""
    intents: dict[str, Json] = {}
    for record in await journal.records():
        if record.get("event") == "intent":
            intents[record["plan"]["id"]] = record
        elif record.get("event") == "outcome":
            intents.pop(record["plan"]["id"], None)
    return list(intents.values())


async def recover(journal: Journal, desk: Desk, running: Collection[str]) -> list[Outcome]:
    """Settle every open intent in the accounts of this desk, except those of plans that are `running`.

    `running` is looked at anew once the records are read: what has begun meanwhile is among them.
    Nothing is sent but reads. Seen means done; anything else is recorded as unknown, with what AWS shows.
    """
    outcomes, busy = [], set(running)
    intents = await open_intents(journal)
    busy.update(running)
    for intent in intents:
        plan = Plan.from_json(intent["plan"])
        account = desk.accounts.get(plan.account)
        if plan.id in busy or account is None or account.state != "ok":
            continue
        state, detail = await _read_back(plan, desk)
        outcome = {"state": state, "detail": detail, "steps": []}
        record = await journal.append(
            entry("outcome", plan, desk, intent["actor"]) | {"calls": intent["calls"], "outcome": outcome}
        )
        outcomes.append(Outcome(state, detail, record["sequence"]))
    return outcomes


async def _read_back(plan: Plan, desk: Desk) -> tuple[State, str]:
    why = "The daemon ended between the intent and the outcome."
    try:
        sights = await look(declared(plan.action), plan, desk, list(parameters_of(plan)))
    except Exception as error:
        return "unknown", f"{why} Outcome unknown: reading back failed ({failure_of(error)}); it is not sent again."
    shown = clipped("; ".join(f"{ref.id}: {sight.detail}" for ref, sight in sights.items()), 2000)
    if all(sight.seen for sight in sights.values()):
        return "done", f"{why} AWS shows the change: {shown}"
    return "unknown", f"{why} Outcome unknown: it may not have been sent, and is not sent again. {shown}"
