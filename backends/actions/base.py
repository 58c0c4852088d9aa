"""The declaration of an action: everything else (plan, menu, docs, IAM policy, verification, undo) follows from it."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from backends.actions.world import Aws, Refused
from backends.model import Json, Ref, Risk

Elements = Mapping[Ref, Json]
"""What AWS said of each target just now; a target that does not exist is absent."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One typed parameter of an action. Bounds are inclusive."""

    name: str
    type: Literal["integer", "text", "boolean"]
    help: str
    minimum: int | None = None
    maximum: int | None = None
    required: bool = True

    def parsed(self, action: str, value: Any) -> int | str | bool:
        """The value as its type, from JSON or from command-line text; `Refused` says what is wrong with it."""
        if self.type == "boolean":
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            raise Refused("bad-parameter", f"{action}: {self.name} is true or false, not {_shown(value)}.")
        if self.type == "text":
            if isinstance(value, str) and value:
                return value
            raise Refused("bad-parameter", f"{action}: {self.name} is a text, not {_shown(value)}.")
        return self._integer(action, value)

    def _integer(self, action: str, value: Any) -> int:
        digits = value.strip() if isinstance(value, str) else ""
        if isinstance(value, str) and digits.lstrip("-").isdecimal() and digits.isascii() and len(digits) < 12:
            value = int(digits)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused("bad-parameter", f"{action}: {self.name} is a whole number, not {_shown(value)}.")
        if self.minimum is not None and value < self.minimum:
            raise Refused("bad-parameter", f"{action}: {self.name} is at least {self.minimum}, not {value}.")
        if self.maximum is not None and value > self.maximum:
            raise Refused("bad-parameter", f"{action}: {self.name} is at most {self.maximum}, not {value}.")
        return value


@dataclass(frozen=True, slots=True)
class Target:
    """One resource that a plan is to change: its reference, the parameters for it and what AWS says of it now."""

    ref: Ref
    parameters: Json
    element: Json


@dataclass(frozen=True, slots=True)
class Request:
    """One mutating request, as it will be sent."""

    service: str
    operation: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposal does to one target: `field` from `before` to `after`; `back` are the inverse's parameters."""

    target: Target
    field: str
    before: Any
    after: Any
    back: Json


@dataclass(slots=True)
class Proposal:
    """What an action would do, before it becomes a `Plan`.

    `checks` are preconditions that are not facts of a target: (what, value), such as EC2's own DryRun of a permission.
    `risk` lifts the plan to a higher rung than its action's own; `undoable` is False where nothing takes it back.
    `cost` is the monthly change, None for unpriced; `cost_source` says where it comes from or why there is none.
    """

    title: str
    requests: list[Request]
    changes: list[Change]
    blast_radius: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)
    cost: float | None = None
    cost_source: str = "unpriced: no price list at hand"
    risk: Risk | None = None
    undoable: bool = True


@dataclass(frozen=True, slots=True)
class Sight:
    """What a read-back shows of one target.

    seen      AWS reports the change
    settled   nothing more will come of it (an instance is stopped, not merely stopping)
    failed    it will not happen any more
    detail    the state in words
    """

    seen: bool
    settled: bool
    detail: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to resources of certain kinds, declared once.

    kinds        the kinds of its targets
    risk         the rung of the confirm ladder; a plan may stand on a higher one
    permissions  IAM actions that carrying it out needs; `reads` those that planning and verifying need beside
    observe      reads the targets now: one place for planning, for the stale check and for verification
    facts        the few fields of an element that a plan rests on
    propose      what would be done to targets that exist; raises `Refused` in a sentence
    sight        whether an element shows the change that was planned (parameters, element → Sight)
    covers       whether a request concerns a target
    inverse      the action that takes it back, with parameters from the facts before; "" for none
    repeatable   sending the same request again has the effect of sending it once; `idempotency` says why or why not
    """

    name: str
    title: str
    help: str
    kinds: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    risk: Risk
    permissions: tuple[str, ...]
    reads: tuple[str, ...]
    observe: Callable[[Aws, Sequence[Ref]], Awaitable[dict[Ref, Json]]]
    facts: Callable[[Json], Json]
    propose: Callable[[Aws, Sequence[Target]], Awaitable[Proposal]]
    sight: Callable[[Json, Json], Sight]
    covers: Callable[[Request, Ref], bool]
    inverse: str
    repeatable: bool
    idempotency: str

    def parsed(self, given: Mapping[str, Any]) -> Json:
        """The parameters as their types; `Refused` names an unknown, missing or impossible one."""
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names) or 'none'}."
                raise Refused("bad-parameter", f"{self.name} has no parameter {_shown(name)}; {hint}")
        missing = [
            parameter.name for parameter in self.parameters if parameter.required and parameter.name not in given
        ]
        if missing:
            raise Refused("bad-parameter", f"{self.name} needs {' and '.join(missing)}; give it as NAME=VALUE.")
        return {p.name: p.parsed(self.name, given[p.name]) for p in self.parameters if p.name in given}

    def as_json(self) -> Json:
        """The part of the declaration that a menu, the command line and the docs need."""
        return {
            "name": self.name,
            "title": self.title,
            "help": self.help,
            "kinds": list(self.kinds),
            "parameters": [asdict(parameter) for parameter in self.parameters],
            "risk": str(self.risk),
            "permissions": list(self.permissions),
            "reads": list(self.reads),
            "inverse": self.inverse or None,
            "idempotency": self.idempotency,
        }


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else text[:39] + "…"
