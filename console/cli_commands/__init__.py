"""The commands, one module per group. This table is all that is read until one of them is named."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "The console on a simulated AWS; no account needed."),
    "ls": ("inventory", "ls", "List the resources of a kind."),
    "describe": ("describe", "describe", "Everything about one resource."),
    "changes": ("inventory", "changes", "What was added, changed and removed."),
    "metrics": ("metrics", "metrics", "How a resource is doing, by CloudWatch, minute by minute."),
    "sql": ("inventory", "sql", "One read-only SQL statement on the store."),
    "poll": ("polling", "poll", "Poll AWS now."),
    "spot": ("spot", "spot", "Spot: forecasts, pools for a need, risk, savings, demand."),
    "anomalies": ("findings", "anomalies", "What lies outside what was to be expected."),
    "advise": ("findings", "advise", "What could be better, with evidence and saving."),
    "plan": ("actions", "plan", "What an action would do, exactly; nothing is changed."),
    "apply": ("actions", "apply", "Carry out a plan (needs --write)."),
    "undo": ("actions", "undo", "Plan, and with --write carry out, the way back."),
    "audit": ("audit", "audit", "What was done through Quarterdeck, and whether the record is whole."),
    "report": ("report", "report", "Write one self-contained report."),
    "import": ("imports", "import_", "Take in data that AWS tools wrote to files."),
    "doctor": ("doctor", "doctor", "What works, what does not, and what to do."),
    "policy": ("policy", "policy", "The least IAM policy that Quarterdeck needs."),
    "daemon": ("daemon", "daemon", "The process that polls and keeps the store."),
}
"""Command → (module, attribute in it, its line in --help)."""
