"""Carrying a plan out: check, commit the intent, send, watch until AWS shows it, record the outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from backends.actions.base import Action, Request, Sight
from backends.actions.outcome import Outcome, State, Step
from backends.actions.plan import parameters_of, stale
from backends.actions.registry import action as declared
from backends.actions.world import Actor, Aws, Clock, Desk, Failure, Journal, Refused, Sleep, clipped, failure_of, utc
from backends.model import Json, Plan, PlannedCall, Ref

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to look for the change, for its settling, and for the effect of a call whose answer was lost."""

    seen: float = 120.0
    settled: float = 20.0
    lost: float = 20.0
    first: float = 1.0
    longest: float = 15.0
    throttled_attempts: int = 5

    def delays(self, total: float) -> Iterator[float]:
        """Doubling pauses that add up to `total`."""
        delay, left = self.first, total
        while left > 0:
            yield min(delay, left)
            left -= delay
            delay = min(delay * 2, self.longest)


@dataclass(slots=True)
class Sent:
    """One planned call and how it went: not sent, accepted by AWS, refused by AWS, or sent with its answer lost."""

    call: PlannedCall
    state: Literal["unsent", "accepted", "failed", "lost"] = "unsent"
    failure: Failure | None = None
    request_id: str = ""
    attempts: int = 0

    def as_json(self) -> Json:
        return {
            "service": self.call.service,
            "operation": self.call.operation,
            "parameters": self.call.parameters,
            "state": self.state,
            "failure": self.failure.as_json() if self.failure else None,
            "request_id": self.request_id,
            "attempts": self.attempts,
        }


def entry(event: str, plan: Plan, desk: Desk, actor: Json) -> Json:
    """The part of an audit entry that intent and outcome share. It holds no secret: neither token nor credentials."""
    account = desk.accounts.get(plan.account)
    return {
        "event": event,
        "actor": actor,
        "context": plan.context,
        "account": plan.account,
        "arn": account.arn if account else "",
        "action": plan.action,
        "plan": plan.as_json(),
    }


async def look(action: Action, plan: Plan, desk: Desk, refs: Collection[Ref]) -> dict[Ref, Sight]:
    """What AWS shows of these targets now; raises whatever the reading raises."""
    elements = await action.observe(Aws(desk, plan.account, plan.region), list(refs))
    gone = Sight(False, False, "no longer exists", failed=True)
    wanted = parameters_of(plan)
    return {ref: action.sight(wanted[ref], elements[ref]) if ref in elements else gone for ref in refs}


@dataclass(slots=True)
class Execution:
    """One plan being carried out. `run` never sends anything twice blindly and always ends in an `Outcome`."""

    plan: Plan
    desk: Desk
    actor: Actor
    journal: Journal
    clock: Clock
    sleep: Sleep
    patience: Patience = field(default_factory=Patience)
    on_step: Callable[[Step], None] = lambda step: None
    _steps: list[Step] = field(default_factory=list)

    async def run(self) -> Outcome:
        try:
            await stale(self.plan, self.desk)
            self._step("check", f"{len(self.plan.preconditions)} preconditions hold")
            await self._commit_intent()
        except Refused as refusal:
            return Outcome("refused", refusal.message, None, tuple(self._steps), refusal.code)
        sent = [Sent(call) for call in self.plan.calls]
        try:
            state, detail = await self._carry_out(sent)
        except Exception as error:
            # Whatever breaks here, the intent on record gets its outcome.
            _log.exception("Carrying out %s", self.plan.action)
            state, detail = "unknown", f"Quarterdeck failed while carrying it out ({failure_of(error)}); look at AWS."
        return await self._record(state, detail, sent)

    async def _carry_out(self, sent: Sequence[Sent]) -> tuple[State, str]:
        for one in sent:
            await self._send(one)
            if one.state != "accepted":
                break
        reached = [ref for ref in parameters_of(self.plan) if self._touched(ref, sent)]
        sights = await self._watch(reached) if reached else {}
        return conclude(self.plan, sent, sights)

    def _touched(self, ref: Ref, sent: Sequence[Sent]) -> bool:
        return any(one.state in ("accepted", "lost") and self._covers(one.call, ref) for one in sent)

    def _covers(self, call: PlannedCall, ref: Ref) -> bool:
        return self._action.covers(Request(call.service, call.operation, call.parameters), ref)

    @property
    def _action(self) -> Action:
        return declared(self.plan.action)

    async def _commit_intent(self) -> None:
        intent = entry("intent", self.plan, self.desk, self.actor.as_json())
        try:
            record = await self.journal.append(intent | {"calls": [asdict(call) for call in self.plan.calls]})
        except Exception as error:
            raise Refused("audit", f"The intent could not be put on record, so nothing was sent: {error}.") from error
        self._step("intent", f"on record as {record['sequence']}")

    async def _send(self, one: Sent) -> None:
        """Send one call. Only what AWS certainly did not carry out is sent again, or what has no effect twice."""
        await self._attempt(one)
        pauses = self.patience.delays(self.patience.seen)
        while one.state == "failed" and one.failure and one.failure.throttled:
            if one.attempts >= self.patience.throttled_attempts:
                return
            self._step("retry", f"{one.call.operation} was throttled ({one.failure.code}), so it did nothing")
            await self.sleep(next(pauses, self.patience.longest))
            await self._attempt(one)
        if one.state == "lost" and await self._may_repeat(one):
            self._step(
                "retry", f"{one.call.operation} had no effect and is safe to send again: {self._action.idempotency}"
            )
            await self._attempt(one)

    async def _attempt(self, one: Sent) -> None:
        one.attempts += 1
        self._step("call", one.call.command)
        try:
            answer = await self.desk.call(
                self.plan.account, self.plan.region, one.call.service, one.call.operation, one.call.parameters
            )
        except Exception as error:
            one.failure = failure_of(error)
            one.state = "failed" if one.failure.known else "lost"
            ended = "AWS refused" if one.failure.known else "no answer came back"
            self._step("call", f"{one.call.operation}: {ended}: {one.failure}")
            return
        one.state, one.failure = "accepted", None
        one.request_id = clipped(str((answer.get("ResponseMetadata") or {}).get("RequestId") or ""), 80)

    async def _may_repeat(self, one: Sent) -> bool:
        """After a lost answer: whether reading back shows, for as long as we look, that nothing at all has happened."""
        if not self._action.repeatable:
            return False
        refs = [ref for ref in parameters_of(self.plan) if self._covers(one.call, ref)]
        for delay in self.patience.delays(self.patience.lost):
            await self.sleep(delay)
            try:
                if any(sight.seen or sight.failed for sight in (await self._look(refs)).values()):
                    return False
            except Exception as error:
                self._step("watch", f"could not read back: {failure_of(error).code}")
        try:
            await stale(self.plan, self.desk)
        except Refused:
            return False
        return True

    async def _look(self, refs: Collection[Ref]) -> dict[Ref, Sight]:
        return await look(self._action, self.plan, self.desk, refs)

    async def _watch(self, refs: Collection[Ref]) -> dict[Ref, Sight]:
        """Poll with back-off until every change is seen, then a little longer for it to settle."""
        sights = await self._poll(refs, self.patience.seen, lambda sight: sight.seen or sight.failed, {})
        if all(sight.seen for sight in sights.values()) and not all(sight.settled for sight in sights.values()):
            sights = await self._poll(refs, self.patience.settled, lambda sight: sight.settled or sight.failed, sights)
        return sights

    async def _poll(
        self, refs: Collection[Ref], seconds: float, enough: Callable[[Sight], bool], sights: dict[Ref, Sight]
    ) -> dict[Ref, Sight]:
        pauses = self.patience.delays(seconds)
        while True:
            try:
                before, sights = sights, await self._look(refs)
                if sights != before:
                    self._step("watch", "; ".join(f"{ref.id}: {sight.detail}" for ref, sight in sights.items()))
            except Exception as error:
                self._step("watch", f"could not read back: {failure_of(error).code}")
            pause = next(pauses, None)
            if pause is None or (sights and all(enough(sight) for sight in sights.values())):
                return sights
            await self.sleep(pause)

    async def _record(self, state: State, detail: str, sent: Sequence[Sent]) -> Outcome:
        self._step("outcome", f"{state}: {detail}")
        outcome = {"state": state, "detail": detail, "steps": [asdict(step) for step in self._steps]}
        calls = [one.as_json() for one in sent]
        try:
            record = await self.journal.append(
                entry("outcome", self.plan, self.desk, self.actor.as_json()) | {"calls": calls, "outcome": outcome}
            )
        except Exception as error:
            lost = clipped(f"{detail}. The outcome could not be put on record ({error}); the intent is.")
            return Outcome(state, lost, None, tuple(self._steps))
        return Outcome(state, detail, record["sequence"], tuple(self._steps))

    def _step(self, what: str, detail: str) -> None:
        step = Step(utc(self.clock()), what, clipped(detail, 2000))
        self._steps.append(step)
        try:
            self.on_step(step)
        except Exception:
            _log.exception("Telling of a step")


def conclude(plan: Plan, sent: Sequence[Sent], sights: dict[Ref, Sight]) -> tuple[State, str]:
    """The state of the whole and what to say of it, from how the calls went and from what AWS shows."""
    targets = [Ref.parse(text) for text in plan.targets]
    said = [f"{ref.id}: {sights[ref].detail}" for ref in targets if ref in sights]
    said += [f"{one.call.operation}: {one.failure}" for one in sent if one.failure]
    unsent = sum(one.state == "unsent" for one in sent)
    said += [f"{unsent} further call{'s were' if unsent > 1 else ' was'} not sent"] if unsent else []
    detail = clipped("; ".join(said), 2000)
    seen = sum(sights[ref].seen for ref in targets if ref in sights)
    if seen == len(targets):
        return "done", detail
    if len(targets) > 1:
        detail = f"{seen} of {len(targets)} targets are changed; {detail}"
    if any(one.state == "failed" for one in sent) or any(sight.failed for sight in sights.values()):
        return "failed", detail
    if any(one.state == "lost" for one in sent):
        return "unknown", f"Whether AWS carried it out is not known, and it is not sent again. {detail}"
    return "unknown", f"AWS accepted it, but does not show the change yet. {detail}"
