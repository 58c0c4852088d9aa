"""What an operator can do to AWS: declared once, planned exactly, gated, executed, verified, audited, undone.

`ActionEngine` is the whole of it for the daemon; one module per AWS service declares the actions. Nothing here reaches
AWS, the store or the daemon by itself: it is handed a `CallAws`, a `Journal` and a clock.
"""

from backends.actions.audit import AuditTrail, Problem, verify
from backends.actions.base import Action, Parameter
from backends.actions.engine import ActionEngine
from backends.actions.gate import Window, WriteWindows
from backends.actions.outcome import Outcome, Step
from backends.actions.plan import PlanShelf
from backends.actions.registry import ACTIONS, action, registry_json
from backends.actions.world import Actor, Desk, Price, PriceLookup, Refused

__all__ = [
    "ACTIONS",
    "Action",
    "ActionEngine",
    "Actor",
    "AuditTrail",
    "Desk",
    "Outcome",
    "Parameter",
    "PlanShelf",
    "Price",
    "PriceLookup",
    "Problem",
    "Refused",
    "Step",
    "Window",
    "WriteWindows",
    "action",
    "registry_json",
    "verify",
]
