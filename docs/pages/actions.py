"""docs/actions/: a page per action, and the list of them."""

from __future__ import annotations

from backends.actions.base import Action, Parameter
from backends.actions.registry import ACTIONS
from backends.model import Risk
from docs.pages.markdown import code, page, table

_CONFIRM = {
    Risk.REVERSIBLE: "enter",
    Risk.TRAFFIC: "y",
    Risk.DESTRUCTIVE: "the last 6 characters of the id; for several targets their number",
}

_LADDER = """Every action is planned before it is carried out: the plan shows the exact calls, their `aws` equivalents,
before and after, what else is touched, and the change in cost. Carrying out reads the targets again and refuses a stale
plan, writes the intent to the audit trail before the call, and watches until AWS shows the change. Without `--write`
the daemon refuses."""


def pages() -> dict[str, str]:
    """A page per action and the index."""
    return {"actions/README.md": _index()} | {f"actions/{action.name}.md": _action(action) for action in ACTIONS}


def _index() -> str:
    rows = [[f"[{action.name}]({action.name}.md)", action.title, ", ".join(action.kinds)] for action in ACTIONS]
    return page("# Actions", _LADDER, table(["action", "", "of"], rows))


def _action(action: Action) -> str:
    facts = [
        ["of", ", ".join(f"[{kind}](../kinds/{kind}.md)" for kind in action.kinds)],
        ["risk", f"{action.risk}; confirmed with {_CONFIRM[action.risk]}"],
        ["IAM permissions", ", ".join(code(name) for name in action.permissions)],
        ["and to plan and verify", ", ".join(code(name) for name in action.reads)],
        ["undone by", f"[{action.inverse}]({action.inverse}.md)" if action.inverse else "nothing: it cannot be undone"],
        ["sent twice", action.idempotency],
    ]
    given = "".join(f" -p {parameter.name}={parameter.type.upper()}" for parameter in action.parameters)
    return page(
        f"# {action.name}: {action.title}",
        action.help,
        table(["", ""], facts),
        "## Parameters" if action.parameters else "",
        table(["parameter", "type", "bounds", ""], [_parameter(parameter) for parameter in action.parameters]),
        "## On the command line",
        f"```\nquarterdeck plan {action.name} '{action.kinds[0]}@ACCOUNT/REGION/ID'{given}\n"
        "quarterdeck apply PLAN --write\n```",
        "In the console: `a` on the resource.",
    )


def _parameter(parameter: Parameter) -> list[str]:
    low, high = parameter.minimum, parameter.maximum
    bounds = f"{'' if low is None else low} … {'' if high is None else high}" if (low, high) != (None, None) else ""
    return [
        code(parameter.name),
        parameter.type,
        bounds,
        parameter.help + ("" if parameter.required else " (optional)"),
    ]
