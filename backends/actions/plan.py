"""Plans: made exact from what AWS says now, kept for a quarter of an hour, and stale as soon as AWS says otherwise."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from backends.actions.base import Action, Proposal, Target
from backends.actions.command import aws_command
from backends.actions.registry import action as declared
from backends.actions.world import Aws, Clock, Desk, Refused, clipped, failure_of, moment, utc
from backends.model import Account, Difference, Json, Plan, PlannedCall, Ref

LIFETIME = timedelta(minutes=15)
MOST_TARGETS = 100
_MOST_PLANS = 256


class PlanShelf:
    """Plans in memory, by id. Old ones fall off: a plan that has expired could not be executed anyway."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plans: dict[str, Plan] = {}
        self._used: set[str] = set()

    def put(self, plan: Plan) -> None:
        now = self._clock()
        for old in [p.id for p in self._plans.values() if expired(p, now)]:
            del self._plans[old]
        while len(self._plans) >= _MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        self._used.intersection_update(self._plans)
        self._plans[plan.id] = plan

    def get(self, plan: str) -> Plan:
        """The plan of that id; `Refused` where it is unknown or long expired."""
        if plan not in self._plans:
            raise Refused("unknown-plan", "There is no such plan, or it has expired; make it again.")
        return self._plans[plan]

    def use(self, plan: str) -> None:
        """From now on the plan counts as carried out: it is never carried out a second time."""
        self._used.add(plan)

    def used(self, plan: str) -> bool:
        return plan in self._used


def expired(plan: Plan, now: datetime) -> bool:
    """Whether a plan is too old to rest on; one from the future (the clock was set back) is as bad."""
    return not -timedelta(minutes=1) <= now - moment(plan.made_at) <= LIFETIME


async def make(action: Action, targets: Mapping[Ref, Json], parameters: Json, desk: Desk, now: datetime) -> Plan:
    """Plan `action` on targets (ref → its parameters) against what AWS says now.

    `parameters` is what was asked in all, kept on the plan. Raises `Refused` where the targets are unfit, absent, or
    already as wanted.
    """
    account, region = _place(action, list(targets), desk)
    aws = Aws(desk, account.account, region)
    try:
        elements = await action.observe(aws, list(targets))
    except Refused:
        raise
    except Exception as error:
        raise _unreadable(action, error) from error
    ready, left_out = _worthwhile(action, targets, elements)
    proposal = await action.propose(aws, ready)
    proposal.warnings += aws.notes
    proposal.warnings += [f"{ref.id} is left out: it is as wanted already." for ref in left_out]
    return _written(action, proposal, ready, parameters, account, region, desk, now)


def _place(action: Action, refs: Sequence[Ref], desk: Desk) -> tuple[Account, str]:
    """The one account and region of the targets."""
    if not refs:
        raise Refused("bad-target", f"{action.name} needs at least one target, written kind@account/region/id.")
    if len(refs) > MOST_TARGETS:
        raise Refused(
            "bad-target", f"A plan takes at most {MOST_TARGETS} targets, not {len(refs)}; plan them in parts."
        )
    for ref in refs:
        if ref.kind not in action.kinds:
            raise Refused("bad-target", f"{action.name} is for {' or '.join(action.kinds)}, not for {ref}.")
    places = sorted({(ref.account, ref.region) for ref in refs})
    if len(places) > 1:
        listed = ", ".join(f"{account}/{region}" for account, region in places[:6])
        raise Refused(
            "bad-target", f"A plan is for one account and region; these lie in {listed}: plan them one by one."
        )
    account = desk.accounts.get(places[0][0])
    if account is None:
        raise Refused(
            "bad-target", f"These credentials do not belong to account {places[0][0]}; switch to its profile."
        )
    if account.state != "ok":
        why = (account.problem or account.state).rstrip(".")
        raise Refused("denied", f"Account {account.account} cannot be reached: {why}.")
    return account, places[0][1]


def _unreadable(action: Action, error: Exception) -> Refused:
    failure = failure_of(error)
    needed = f" It needs {', '.join(action.reads)}." if failure.denied else ""
    return Refused(
        "denied" if failure.denied else "aws-error", f"{action.name} could not read its targets: {failure}.{needed}"
    )


def _worthwhile(
    action: Action, targets: Mapping[Ref, Json], elements: Mapping[Ref, Json]
) -> tuple[list[Target], list[Ref]]:
    """The targets that the action would change, and those that are as wanted already."""
    missing = [ref.id for ref in targets if ref not in elements]
    if missing:
        raise Refused("not-found", f"AWS knows no {action.kinds[0]} {', '.join(missing[:5])} there.")
    ready, left_out = [], []
    for ref, parameters in targets.items():
        done = action.sight(parameters, elements[ref]).seen
        left_out.append(ref) if done else ready.append(Target(ref, parameters, elements[ref]))
    if not ready:
        first = left_out[0]
        seen = action.sight(targets[first], elements[first]).detail
        others = f", and so for {len(left_out) - 1} more" if len(left_out) > 1 else ""
        raise Refused("no-change", f"Nothing would change: {first.id}: {seen}{others}.")
    return ready, left_out


def _written(
    action: Action,
    proposal: Proposal,
    targets: Sequence[Target],
    parameters: Json,
    account: Account,
    region: str,
    desk: Desk,
    now: datetime,
) -> Plan:
    calls = tuple(
        PlannedCall(
            request.service,
            request.operation,
            request.parameters,
            aws_command(
                request.service,
                request.operation,
                request.parameters,
                region=region,
                profile="" if account.role else account.profile,
                endpoint=desk.endpoint,
            ),
        )
        for request in proposal.requests
    )
    facts = [
        {"ref": str(target.ref), "field": name, "value": value}
        for target in targets
        for name, value in action.facts(target.element).items()
    ]
    checks = [{"ref": "", "field": what, "value": value} for what, value in proposal.checks]
    return Plan(
        id=secrets.token_hex(16),
        action=action.name,
        title=clipped(proposal.title),
        risk=proposal.risk or action.risk,
        account=account.account,
        region=region,
        targets=tuple(str(target.ref) for target in targets),
        parameters=parameters,
        calls=calls,
        differences=tuple(Difference(str(c.target.ref), c.field, c.before, c.after) for c in proposal.changes),
        preconditions=(*facts, *checks),
        blast_radius=tuple(clipped(line) for line in proposal.blast_radius),
        monthly_cost_change=proposal.cost,
        cost_source=proposal.cost_source,
        warnings=tuple(clipped(warning) for warning in (*proposal.warnings, *_as_whom(account))),
        inverse=_inverse(action, proposal),
        made_at=utc(now),
        context=desk.context,
        currency=desk.currency,
    )


def _as_whom(account: Account) -> list[str]:
    """What whoever pastes the `aws` commands has to do first where no profile of theirs is that role."""
    return [f"The aws commands are to be run as {account.role}."] if account.role else []


def _inverse(action: Action, proposal: Proposal) -> Json | None:
    """{"action", "targets", "parameters"}; where targets differ, "each" holds ref → parameters instead."""
    if not action.inverse or not proposal.undoable:
        return None
    each = {str(change.target.ref): change.back for change in proposal.changes}
    first = next(iter(each.values()))
    inverse: Json = {"action": action.inverse, "targets": list(each), "parameters": first}
    if any(back != first for back in each.values()):
        inverse |= {"parameters": {}, "each": each}
    return inverse


def parameters_of(plan: Plan) -> dict[Ref, Json]:
    """Each target of a plan with its own parameters."""
    each = plan.parameters.get("each")
    return {Ref.parse(text): (each[text] if each else plan.parameters) for text in plan.targets}


async def stale(plan: Plan, desk: Desk) -> None:
    """Read the facts again that the plan rests on; `Refused` names the first that has changed, or is not allowed."""
    action = declared(plan.action)
    for check in plan.preconditions:
        if not check["ref"] and check["value"] == "denied":
            raise Refused("denied", f"{check['field']} said that these credentials may not do it; nothing was sent.")
    aws = Aws(desk, plan.account, plan.region)
    try:
        elements = await action.observe(aws, list(parameters_of(plan)))
    except Refused:
        raise
    except Exception as error:
        raise _unreadable(action, error) from error
    now = {str(ref): action.facts(element) for ref, element in elements.items()}
    for check in plan.preconditions:
        ref, name, before = check["ref"], check["field"], check["value"]
        if not ref:
            continue
        if ref not in now:
            raise Refused("stale", f"The plan is stale: {Ref.parse(ref).id} no longer exists; nothing was sent.")
        if now[ref].get(name) != before:
            raise Refused(
                "stale",
                f"The plan is stale: {name} of {Ref.parse(ref).id} was {before} when it was made and is "
                f"{now[ref].get(name)} now; nothing was sent, make the plan again.",
            )
