"""A plan in full, and the confirm ladder: reversible Enter, traffic `y` with Cancel in focus, destructive by typing."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from backends.client import Json
from backends.currency import DECLARED
from console import keymap
from console.screens.dialogs import Choice, Choices, Dialog, Verdict
from console.widgets import format as fmt
from console.widgets.ink import Line, wrap
from console.widgets.sanitise import sanitise
from console.widgets.text_view import TextView

_T = TypeVar("_T")

_RISKS = {
    "reversible": ("reversible", "ok"),
    "traffic": ("costs money or affects traffic", "warn"),
    "destructive": ("destructive", "bad"),
}


def plan_lines(plan: Json, account_name: str) -> list[Line]:
    """Everything that a plan says, for reading before confirming."""
    risk, look = _RISKS.get(str(plan.get("risk")), (str(plan.get("risk")), "warn"))
    who = f"{account_name} {plan.get('account', '')}".strip()
    lines: list[Line] = [
        [(sanitise(str(plan.get("title", ""))), "bold")],
        [
            ("in ", "muted"),
            (sanitise(who), "bold mark"),
            (" · ", "muted"),
            (sanitise(str(plan.get("region", ""))), "bold mark"),
            ("   risk: ", "muted"),
            (risk, f"bold {look}"),
        ],
        [],
    ]
    lines.append([("what changes", "bold link")])
    for difference in plan.get("differences", ()):
        lines.append([("  " + sanitise(_tail(str(difference.get("ref", "")))), "")])
        lines.append(
            [
                ("    " + sanitise(str(difference.get("field", ""))) + ": ", "muted"),
                (_shown(difference.get("before")), "stale"),
                (" → ", "muted"),
                (_shown(difference.get("after")), "bold warn"),
            ]
        )
    change = plan.get("monthly_cost_change")
    cost = "unpriced" if change is None else f"{change:+,.2f} {plan.get('currency') or DECLARED} a month"
    source = str(plan.get("cost_source") or "")
    lines.append(
        [
            ("  cost: ", "muted"),
            (cost, "bold" if change is not None else "stale"),
            (f"  ({sanitise(source)})" if source else "", "muted"),
        ]
    )
    for title, key, looks in (("warnings", "warnings", "warn"), ("touches", "blast_radius", "")):
        if plan.get(key):
            lines += [[], [(title, "bold link")], *[[("  • " + sanitise(str(text)), looks)] for text in plan[key]]]
    lines += [[], [("exact calls", "bold link")]]
    for call in plan.get("calls", ()):
        lines.append(
            [
                (f"  {sanitise(str(call.get('service')))}:{sanitise(str(call.get('operation')))} ", "bold"),
                (sanitise(_compact(call.get("parameters"))), "muted"),
            ]
        )
        lines.append([("  $ " + sanitise(str(call.get("command", ""))), "forecast")])
    inverse = plan.get("inverse")
    lines += [
        [],
        [("undo: ", "muted"), ("recorded with the plan" if inverse else "there is none", "ok" if inverse else "bad")],
    ]
    return lines


def _tail(ref: str) -> str:
    return ref.partition("@")[2] or ref


def _shown(value: Any) -> str:
    return fmt.MISSING if value is None else sanitise(_compact(value), 200)


def _compact(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def confirm_word(plan: Json) -> str:
    """What must be typed for a destructive plan: the last six characters of the one id, or the number of several."""
    targets = [str(target) for target in plan.get("targets", ())]
    return targets[0][-6:] if len(targets) == 1 else str(len(targets))


BOX_CELLS = 104


class Reading(Dialog[_T], Generic[_T]):
    """A text to read before anything else, as high as the screen leaves; the foot says how much of it lies below."""

    BINDINGS = keymap.bindings("text")
    rows_beneath = 0

    def __init__(self, title: str, lines: list[Line], foot: str) -> None:
        super().__init__(title, foot)
        self.body = TextView(lines, wraps=True, base="on-surface", id="body")
        self.said: Line = [(foot, "muted")]

    def compose_box(self) -> ComposeResult:
        yield self.body

    def on_resize(self) -> None:
        """As high as the text needs once it is broken at the box's width, but never higher than the screen leaves."""
        cells = min(BOX_CELLS, int(self.app.size.width * 0.96)) - 4
        needed = sum(len(wrap(line, cells)) for line in self.body.source)
        room = int(self.app.size.height * 0.92) - 3 - self.rows_beneath  # within the border, above the foot
        self.body.styles.height = needed if needed <= room else max(4, room - 1)
        self.call_after_refresh(self.draw_foot)

    def on_text_view_moved(self) -> None:
        self.draw_foot()

    def draw_foot(self) -> None:
        """What the keys do, beneath how much of the text has not been in view."""
        height, total = self.body.size.height, len(self.body.lines)
        below = max(0, total - self.body.top - height)
        if total <= height:
            self.set_foot(self.said)
        else:
            more = (f"▼ {below} more line{'s' if below != 1 else ''} below", "bold warn")
            self.set_foot([more if below else ("▲ the end", "muted"), ("   ↑↓ PgUp PgDn scroll", "muted")], self.said)

    def action_scroll_by(self, lines: int) -> None:
        self.body.action_scroll_by(lines)

    def action_scroll_page(self, pages: int) -> None:
        self.body.action_scroll_page(pages)

    def action_scroll_edge(self, edge: int) -> None:
        self.body.action_scroll_edge(edge)


class PlanDialog(Reading[str | None]):
    """Answers the confirmation ("" where the ladder asks for none), None if cancelled."""

    DEFAULT_CSS = "PlanDialog > #box { width: 104; }"

    def __init__(self, plan: Json, account_name: str, *, write: bool) -> None:
        self.plan, self.write = plan, write
        self.risk = str(plan.get("risk"))
        self.rows_beneath = {"reversible": 0, "destructive": 1}.get(self.risk, 2) if write else 0
        super().__init__("Plan: nothing has been sent", plan_lines(plan, account_name), self._foot(account_name))

    def _foot(self, account_name: str) -> str:
        if not self.write:
            return "This console is read-only: start it with --write to execute. Commands can be copied; esc closes."
        if self.risk == "reversible":
            return "enter executes · esc cancels"
        if self.risk == "destructive":
            where = f"{sanitise(account_name) or self.plan.get('account')} {self.plan.get('region')}"
            return f"Type {confirm_word(self.plan)!r} and enter to execute in {where} · esc cancels"
        return "y executes · enter on Cancel or esc cancels · tab moves between the two"

    def compose_box(self) -> ComposeResult:
        yield from super().compose_box()
        if self.write and self.risk == "destructive":
            entry = Input(compact=True, placeholder=confirm_word(self.plan))
            entry.cursor_blink = False
            yield entry
        elif self.write and self.risk != "reversible":
            yield Verdict([Choice("cancel", "Cancel"), Choice("execute", "Execute (y)", look="warn")])

    def on_mount(self) -> None:
        for wanted in (Input, Verdict, TextView):
            found = self.query(wanted)
            if found:
                found.first().focus()
                return

    def on_choices_picked(self, message: Choices.Picked) -> None:
        self.dismiss("y" if message.keys == ["execute"] else None)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value.strip() == confirm_word(self.plan):
            self.dismiss(message.value.strip())
        else:
            self.said = [(f"{message.value!r} is not {confirm_word(self.plan)!r}; nothing was sent.", "bad")]
            self.draw_foot()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" or (event.key == "q" and self.risk != "destructive"):
            event.stop()
            self.dismiss(None)
        elif not self.write:
            return
        elif event.key == "enter" and self.risk == "reversible":
            event.stop()
            self.dismiss("")
        elif event.key == "y" and self.risk == "traffic":
            event.stop()
            self.dismiss("y")


def result_lines(result: Json) -> list[Line]:
    """How an execution went: outcome, steps with their verification, the audit record's number."""
    state = str(result.get("state", "unknown"))
    look = {"done": "ok", "failed": "bad", "refused": "denied", "unknown": "warn"}.get(state, "warn")
    words = {"done": "done, and seen in AWS", "unknown": "outcome unknown", "refused": "refused: nothing was sent"}
    lines: list[Line] = [
        [(words.get(state, state), f"bold {look}")],
        [(sanitise(str(result.get("detail", "")), 2000), "")],
        [],
    ]
    for step in result.get("steps", ()):
        if isinstance(step, dict):
            text = " ".join(_compact(step[key]) for key in ("at", "step", "what", "state", "detail") if step.get(key))
            lines.append([("  • " + sanitise(text or _compact(step)), "muted")])
        else:
            lines.append([("  • " + sanitise(str(step)), "muted")])
    record = result.get("record")
    if record not in (None, ""):
        lines += [
            [],
            [
                ("audit record ", "muted"),
                (sanitise(_compact(record), 40), "bold"),
                ("   :undo with its number plans the reverse", "muted"),
            ],
        ]
    return lines


class ResultDialog(Reading[None]):
    """How it went."""

    DEFAULT_CSS = "ResultDialog > #box { width: 104; }"

    def __init__(self, result: Json) -> None:
        super().__init__("Result", result_lines(result), "enter or esc closes")

    def on_mount(self) -> None:
        self.body.focus()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "q", "enter"):
            event.stop()
            self.dismiss(None)
