"""From `a` to the audit record: choose an action, fill in its parameters, read the plan, confirm, see how it went.

The gate is in the daemon: without `--write` no write window is asked for, and without one the daemon sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from backends.client import BackendError, Client, Json
from console.screens.dialogs import Choice, Choose, Field, Form
from console.screens.plan import PlanDialog, ResultDialog
from console.widgets import format as fmt

if TYPE_CHECKING:
    from console.desk import QuarterdeckApp
    from console.type_ahead import Hold

WINDOW_MINUTES = 60
_RISK_LOOKS = {"reversible": "ok", "traffic": "warn", "destructive": "bad"}


async def act(desk: Any, hold: Hold, kind: str, refs: Sequence[str], values: Json, proposed: Json | None) -> None:
    """The whole way. `proposed` is an action that advice names, with its parameters: it goes straight to the plan.

    `hold` keeps keys from the view beneath for as long as the next thing to come is a dialog.
    """
    app = cast("QuarterdeckApp", desk)
    client = app.session.client
    try:
        if client is None:
            app.say("The daemon has not answered yet.", bad=True)
            return
        if proposed is not None:
            plan: Json | None = await client.plan(str(proposed["name"]), refs, dict(proposed.get("parameters") or {}))
        else:
            action = await _choose(app, kind, refs, await client.actions())
            plan = await _planned(app, client, action, refs, values) if action is not None else None
        if plan is not None:
            await _carry_out(app, hold, plan)
    except (BackendError, OSError) as error:
        app.say(str(error), bad=True)
    finally:
        hold.release()


async def undo(desk: Any, hold: Hold, record: str) -> None:
    """Plan the reverse of an audit record, and go on as with any plan."""
    app = cast("QuarterdeckApp", desk)
    try:
        if app.session.client is None:
            app.say("The daemon has not answered yet.", bad=True)
            return
        await _carry_out(app, hold, await app.session.client.undo_plan(record))
    except (BackendError, OSError) as error:
        unknown = getattr(error, "code", "") == "no-record"
        app.say(f"There is no audit record {record}; :audit lists them." if unknown else str(error), bad=True)
    finally:
        hold.release()


async def _choose(app: QuarterdeckApp, kind: str, refs: Sequence[str], actions: Sequence[Json]) -> Json | None:
    """The action, None if cancelled or if there is none for this kind."""
    fitting = {str(action["name"]): action for action in actions if kind in (action.get("kinds") or ())}
    if not fitting:
        app.say(f"There is no action for {kind}.")
        return None
    title = f"Actions on {len(refs)} marked" if len(refs) > 1 else "Actions"
    choices = [
        Choice(
            name,
            str(action.get("title") or name),
            f"{action.get('risk', '')}",
            _RISK_LOOKS.get(str(action.get("risk")), ""),
        )
        for name, action in fitting.items()
    ]
    foot = "enter plans it, nothing is sent yet · esc cancels"
    picked = await app.push_screen_wait(Choose(title, choices, foot=foot))
    return fitting[picked[0]] if picked else None


async def _planned(app: QuarterdeckApp, client: Client, action: Json, refs: Sequence[str], values: Json) -> Json | None:
    """The plan with parameters as filled in, None if cancelled. What AWS or the gate refuses can be filled in again."""
    name = str(action["name"])
    fields = [
        Field(
            str(parameter["name"]),
            str(parameter.get("type", "text")),
            str(parameter.get("help", "")),
            _present(values, str(parameter["name"])),
        )
        for parameter in action.get("parameters") or ()
    ]
    if not fields:
        return await client.plan(name, refs, {})
    problem = ""
    while True:
        filled = await app.push_screen_wait(Form(str(action.get("title") or name), fields, problem))
        if filled is None:
            return None
        try:
            return await client.plan(name, refs, filled)
        except BackendError as error:
            if error.code == "connection-lost":
                raise
            problem = error.message
            app.drop_typed()  # they were meant for the plan
        fields = [replace(field, value=str(filled.get(field.name, ""))) for field in fields]


def _present(values: Json, parameter: str) -> str:
    """The row's present value of what the parameter sets, as a start for typing."""
    for name in (parameter, parameter.replace("_size", ""), parameter.replace("_capacity", ""), f"{parameter}_size"):
        value = values.get(name)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return str(value)
    return ""


async def _carry_out(app: QuarterdeckApp, hold: Hold, plan: Json) -> None:
    """Show the plan; if it is confirmed, execute it in a write window and show how it went."""
    session = app.session
    assert session.client is not None
    name = session.account_name(str(plan.get("account", "")))
    app.drop_typed()  # nobody confirms what they have not seen
    confirm = await app.push_screen_wait(PlanDialog(plan, name, write=session.write))
    hold.release()
    if confirm is None:
        return
    if not session.write:
        app.say("Nothing was sent: this console is read-only. Start it with --write to act.", bad=True)
        return
    if not session.token or _over(session.token_expires):
        window = await session.client.write_window(WINDOW_MINUTES)
        session.token, session.token_expires = str(window["token"]), str(window.get("expires", ""))
    app.say("Executing, then watching until it is seen …")
    try:
        result = await session.client.execute(str(plan["id"]), session.token, confirm)
    except BackendError as error:
        if error.code == "read-only":
            session.token = session.token_expires = ""
        result = unanswered(error)
    app.drop_typed()
    await app.push_screen_wait(ResultDialog(result))
    session.gather(str(plan.get("targets", [""])[0]).partition("@")[0])


def unanswered(error: BackendError) -> Json:
    """How an execution ended that brought no outcome: only a refusal says that nothing was sent."""
    state = "refused" if 400 <= error.status < 500 else "unknown"
    return {"state": state, "detail": error.message, "steps": []}


def _over(expires: str) -> bool:
    from datetime import UTC, datetime

    at = fmt.instant(expires)
    return at is not None and at <= datetime.now(UTC)
