"""The engine: everything that the daemon's routes ask of the actions, in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backends.actions.execute import Execution, Patience
from backends.actions.gate import WriteWindows, confirmed
from backends.actions.outcome import Outcome, Step
from backends.actions.plan import PlanShelf, expired, make
from backends.actions.recover import recover
from backends.actions.registry import action as declared
from backends.actions.undo import undo
from backends.actions.world import Actor, Clock, Desk, Journal, Refused, Sleep
from backends.model import Plan, Ref


class ActionEngine:
    """Plans, executes, recovers and undoes.

    One engine per daemon. It keeps what must be unique there: which plans have been used, and which targets somebody
    is changing right now.
    """

    def __init__(
        self,
        journal: Journal,
        windows: WriteWindows,
        plans: PlanShelf,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
        patience: Patience | None = None,
    ) -> None:
        self._journal = journal
        self._windows = windows
        self._plans = plans
        self._clock = clock
        self._sleep = sleep
        self._patience = patience or Patience()
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._busy: set[str] = set()

    async def plan(self, action: str, refs: Sequence[str | Ref], parameters: Mapping[str, Any], desk: Desk) -> Plan:
        """A plan against what AWS says now; `Refused` in a sentence. Sends reads and EC2's own DryRun, nothing else."""
        chosen = declared(action)
        given = chosen.parsed(parameters)
        targets = {_ref(ref): given for ref in refs}
        return self._kept(await make(chosen, targets, given, desk, self._clock()))

    def find(self, plan: str) -> Plan:
        """The plan of that id; `Refused` where there is none any more."""
        return self._plans.get(plan)

    async def undo(self, record: int, desk: Desk) -> Plan:
        """A fresh plan that takes an audit record back."""
        return self._kept(await undo(await self._journal.records(), record, desk, self._clock))

    async def execute(
        self,
        plan: str | Plan,
        token: Any,
        *,
        confirm: Any,
        actor: Actor,
        desk: Desk,
        on_step: Callable[[Step], None] = lambda step: None,
    ) -> Outcome:
        """Carry a plan out. The token is looked at first: without a valid one `Refused` (read-only), nothing is sent.

        Any other refusal is an outcome "refused". Once begun, an execution goes on to its outcome even if the caller
        is cancelled.
        """
        self._windows.check(token, desk.context)
        try:
            # The plan is the one on the shelf, whatever a caller holds: nobody edits a plan and has it executed.
            ready = self._plans.get(plan if isinstance(plan, str) else plan.id)
            self._admit(ready, confirm, desk)
            self._busy.update(ready.targets)
        except Refused as refusal:
            return Outcome("refused", refusal.message, code=refusal.code)
        execution = Execution(ready, desk, actor, self._journal, self._clock, self._sleep, self._patience, on_step)
        task = asyncio.create_task(self._run(execution))
        self._running[ready.id] = task
        return await asyncio.shield(task)

    async def recover(self, desk: Desk) -> list[Outcome]:
        """Settle what a dead daemon left open in this desk's accounts; call it when a context has been identified."""
        return await recover(self._journal, desk, self._running.keys())

    async def drain(self) -> None:
        """Wait until nothing is being carried out any more."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _kept(self, plan: Plan) -> Plan:
        self._plans.put(plan)
        return plan

    def _admit(self, plan: Plan, confirm: Any, desk: Desk) -> None:
        if plan.context != desk.context:
            raise Refused("other-context", "The plan was made with other credentials; make it again with these.")
        if plan.id in self._running or self._plans.used(plan.id):
            raise Refused("spent", "This plan has been carried out already; make another to do it again.")
        if expired(plan, self._clock()):
            raise Refused("expired", "The plan is older than 15 minutes: nothing was sent, make it again.")
        confirmed(plan, confirm)
        occupied = sorted(self._busy.intersection(plan.targets))
        if occupied:
            raise Refused("busy", f"Somebody is changing {Ref.parse(occupied[0]).id} right now; wait for that to end.")

    async def _run(self, execution: Execution) -> Outcome:
        plan = execution.plan
        try:
            outcome = await execution.run()
            if outcome.state != "refused":
                self._plans.use(plan.id)
            return outcome
        finally:
            self._busy.difference_update(plan.targets)
            self._running.pop(plan.id, None)


def _ref(ref: str | Ref) -> Ref:
    try:
        return ref if isinstance(ref, Ref) else Ref.parse(ref)
    except ValueError as error:
        raise Refused("bad-target", f"{error}.") from None
