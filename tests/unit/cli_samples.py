"""A daemon's answers as the reports and the command line read them, hostile text included."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.client import BackendError

Json = dict[str, Any]

HOSTILE = "\x1b]0;owned\x07\x1b[31m<script>alert('x')</script>[red]b[/]\nline two\u202egnp.exe\u200b"
KEY = "111122223333/us-east-1/"
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MARKET = f"spot.price@{KEY}use1-az1/m5.large/Linux/UNIX"


def at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def column(name: str, type: str = "text", unit: str = "") -> Json:
    told = {"name": name, "heading": name.replace("_", " "), "type": type, "unit": unit, "help": f"the {name}"}
    return told | {"narrow": name != "tags"}


INSTANCES = {
    "name": "ec2.instance",
    "title": "Instances",
    "permissions": ["ec2:DescribeInstances"],
    "columns": [
        *(column("id"), column("name"), column("launched", "time")),
        *(column("cpus", "integer"), column("tags", "tags")),
    ],
}


def forecast(ref: str = MARKET) -> Json:
    horizon = [at(hour) for hour in range(1, 169)]
    spread = [0.002 * math.sqrt(hour) for hour in range(1, 169)]
    wide = {"q025": -2.0, "q10": -1.28, "q25": -0.67, "q50": 0.0, "q75": 0.67, "q90": 1.28, "q975": 2.0}
    skill = {"mae_24": 0.08, "crps_24": 0.15, "mae_168": -0.02, "crps_168": 0.05, "naive_better": False}
    return {
        **{
            "ref": ref,
            "run": 1,
            "model": "knots",
            "as_of": at(0),
            "skill": skill,
            "coverage80": 0.81,
            "coverage95": 0.94,
        },
        **{name: [0.05 + factor * step for step in spread] for name, factor in wide.items()},
        **{"horizon": horizon, "mean": [0.05] * 168, "naive": [0.049] * 168, "reason": ""},
        "history": [[at(-24 * day), 0.05 + 0.004 * math.sin(day)] for day in range(14, -1, -1)],
    }


def anomaly(series: str = "Amazon EC2 spend") -> Json:
    told = {
        "severity": "high",
        "label": HOSTILE,
        "run": 1,
        "as_of": at(0),
        "ref": "cost.daily@111122223333/global/2026-11-20/Amazon EC2",
    }
    return {"series": series, "at": at(-72), "value": 900.0, "expected_low": 300.0, "expected": 350.0, **told} | {
        "expected_high": 400.0,
        "score": 9.5,
    }


def advice() -> Json:
    return {
        "id": "a-1",
        "kind": "ec2.volume",
        "ref": f"ec2.volume@{KEY}vol-1",
        "title": f"Change {HOSTILE} to gp3",
        "why": "gp3 costs less for the same performance.",
        "evidence": [{"label": "type", "value": "gp2", "source": "ec2:DescribeVolumes", "as_of": at(-1)}],
        "monthly_saving": 12.5,
        "currency": "USD",
        "price_source": "AWS price list, 2026-11-01",
        "confidence": "high",
        "assumptions": ["no burst"],
        "falsified_by": "more than 3,000 IOPS in use",
        "action": {"name": "ec2.stop_instance", "parameters": {"force": False}},
        "run": 1,
        "as_of": at(0),
    }


def audit_record() -> Json:
    outcome = {"state": "done", "detail": "seen by AWS"}
    plan = {"title": f"Set {HOSTILE} to 3"}
    return {"sequence": 2, "at": at(-1), "event": "executed", "actor": {"uid": 1000, "user": "op"}, "plan": plan} | {
        "outcome": outcome,
        "action": "autoscaling.set_desired_capacity",
    }


GAPS = [
    {"account": "111122223333", "region": region, "kind": "ec2.volume", "since": at(-30), "seen": True}
    for region in ("r1", "r2", "r3")
]


def operation() -> Json:
    """What one operation cost."""
    counts = {"calls": 12, "retries": 3, "errors": 1, "throttled": 2, "rows": 340, "seconds": 4.25, "cost": 0.12}
    return {"service": "ce", "operation": "GetCostAndUsage", **counts}


def costs() -> Json:
    """A budget, and what was spent of it."""
    price = {"service": "ce", "operation": "*", "usd": 0.01, "per": "request", "source": "https://aws.example/pricing"}
    spent = [
        {"account": "111122223333", "today": 0.12, "month": 1.5},
        {"account": "444455556666", "today": 2.0, "month": 2.0},
    ]
    return {"per_day": 2.0, "day": "2026-11-20", "spent": spent, "prices": [price | {"as_of": "2026-11"}]}


def event() -> Json:
    """What CloudTrail told of a change."""
    return {"id": "e-1", "at": "2026-11-20T12:05:30Z", "name": "StopInstances", "user": HOSTILE, "user_type": "IAMUser"}


def match(region: str, gone: str | None = None) -> Json:
    """What is found of an instance with a hostile name."""
    place = {"kind": "ec2.instance", "account": "111122223333", "region": region, "id": "i-1"}
    return place | {"ref": f"ec2.instance@111122223333/{region}/i-1", "name": HOSTILE, "gone": gone}


def removed_instance(ref: str) -> Json:
    """An instance as last known: stopped by somebody, then terminated by somebody else."""
    done = {"by": HOSTILE, "events": [event()], "why": ""}
    ended = {"by": "alice", "events": [event() | {"name": "TerminateInstances"}], "why": ""}
    stopped = [{"field": "state", "before": "running", "after": "stopped"}]
    newest = {"from": at(-2), "to": at(-1), "end": "removed", "last_seen": at(-1), "changes": stopped, **done}
    oldest = {"from": at(-9), "to": at(-2), "end": "changed", "last_seen": None, "changes": []}
    row = {"ref": ref, "id": "i-1", "name": HOSTILE, "cpus": 2, "tags": {"k": HOSTILE}, "health": "bad"}
    row |= {"health_why": "down", "flags": [], "launched": at(-9), "first_seen": at(-9), "seen": at(-1)}
    volumes = {"title": "EBS volumes", "kind": "ec2.volume", "filter": "attached=i-1", "count": 2}
    told = {"ref": ref, "kind": "ec2.instance", "flags": [], "row": row, "relations": [volumes]}
    gone = {"last_seen": at(-1), "first_missed": at(-1)}
    denied = {"state": "denied", "last_good": at(-1), "problem": "ec2:DescribeInstances is denied."}
    told |= {"as_of": at(-1), "coverage": denied}
    return told | {"history": [newest | {"ended_by": ended}, oldest], "gone": gone, "raw": {"InstanceId": "i-1"}}


class Daemon:
    """Answers like `backends.client.SyncClient`; `total` instances, each with a hostile name and tag."""

    def __init__(self, total: int = 3) -> None:
        self.total = total

    def status(self) -> Json:
        told = {"version": "0.1.0", "pid": 1, "store": "/var/lib/store", "partition": "aws", "label": "SIMULATED AWS"}
        return told | {"endpoint": "http://127.0.0.1:5000", "operations": [operation()], "costs": costs()}

    def operations(self, days: int = 1) -> Json:
        rows = [operation() | {"account": "111122223333"}]
        return {"since": at(-1), "operations": rows, "days": [row | {"day": "2026-11-20"} for row in rows]}

    def kinds(self) -> list[Json]:
        return [INSTANCES]

    def rows(self, kind: str, *, offset: int = 0, limit: int = 200, **_: Any) -> Json:
        names = ["ref", "account", "region", "id", "name", "launched", "cpus", "tags", "health", "health_why"]
        rows = [
            [
                f"{kind}@{KEY}i-{n}",
                "111122223333",
                "us-east-1",
                f"i-{n}",
                HOSTILE,
                at(-n),
                n,
                {"k": HOSTILE},
                "bad",
                "down",
            ]
            for n in range(offset, min(offset + limit, self.total))
        ]
        coverage = {"states": {"ok": 5, "denied": 1}, "problems": ["eu-west-1: ec2:DescribeInstances is denied"]}
        coverage |= {"newest_good": at(-1), "oldest_good": at(-20), "oldest_place": "111122223333/eu-west-1"}
        told = {"kind": kind, "version": 1, "total": self.total, "offset": offset, "at": None, "as_of": at(0)}
        return told | {"columns": names, "rows": rows, "partial": False, "coverage": coverage, "widths": {}}

    def changes(
        self, since: str = "", until: str = "", kinds: Any = (), limit: int = 0, counted_from: str = "", **_: Any
    ) -> Json:
        field = {"field": "state", "before": "pending", "after": HOSTILE}
        change = {"at": at(-1), "what": "changed", "ref": f"ec2.instance@{KEY}i-1", "kind": "ec2.instance"}
        change |= {"name": HOSTILE, "fields": [field], "by": HOSTILE, "why": "", "events": [event()]}
        late = "CloudTrail tells of events up to 15 minutes late: not known yet."
        unknown = change | {"by": "unknown", "events": [], "why": late}
        return {
            "since": at(-24),
            "until": at(0),
            "changes": [change, unknown],
            "truncated": False,
            "places": 9,
            "unobserved": GAPS,
        }

    def forecasts(self) -> list[Json]:
        skill = forecast()["skill"]
        return [{"ref": MARKET, "now": 0.05, "h24": 0.051, "h168": 0.055, "change_24": 0.02, "skill": skill}]

    def forecast(self, ref: str, *, back: int = 0) -> Json:
        return forecast(ref)

    def anomalies(self) -> list[Json]:
        return [anomaly()]

    def advice(self) -> list[Json]:
        return [advice()]

    def home(self) -> Json:
        return {"attention": [{"severity": "high", "title": HOSTILE, "detail": "now", "at": at(0)}], "counts": {}}

    def costs(self) -> Json:
        days = [f"2026-11-{day:02d}" for day in range(1, 24)]
        values: list[float | None] = [350.0 + 30 * (day % 7) for day in range(23)]
        values[19] = 900.0
        services = [{"service": "Amazon EC2", "values": values, "total": 9000.0, "anomaly": True}]
        return {"days": days, "services": services, "total": values, "as_of": at(0), "source": "Cost Explorer"}

    def coverage(self) -> Json:
        row = {"account": "111122223333", "region": "us-east-1", "kind": "ec2.instance", "state": "denied", "rows": 0}
        row |= {"problem": HOSTILE, "calls": 1, "retries": 0, "seconds": 0.1, "cost": 0.0}
        return {"rows": [row | {"last_good": None, "last_try": at(0), "cadence": 60}]}

    def audit(self, limit: int = 200) -> list[Json]:
        return [audit_record()]


class Connected(Daemon):
    """The daemon as a command's client; `calls` is what was asked of it."""

    def __init__(self, total: int = 3) -> None:
        super().__init__(total)
        self.calls: list[tuple[str, Any]] = []
        self.client = self
        self.registration: Json = {"accounts": [{"account": "111122223333", "state": "ok"}]}
        self.closed = False
        self.allowed = False
        self.plan_state = "done"
        self.narrowed: Json = {}
        self.called: dict[str, list[Json]] = {}

    def close(self) -> None:
        self.closed = True

    def rows(self, kind: str, **window: Any) -> Json:
        self.calls.append(("rows", window))
        return super().rows(kind, **window)

    def changes(
        self,
        since: str = "",
        until: str = "",
        kinds: Any = (),
        limit: int = 0,
        counted_from: str = "",
        **narrowed: Any,
    ) -> Json:
        self.narrowed = {name: value for name, value in narrowed.items() if value}
        self.calls.append(("changes", (since, until, tuple(kinds), limit, counted_from)))
        return super().changes(since, until, kinds, limit)

    def find(self, word: str, kinds: Any = (), **asked: Any) -> list[Json]:
        self.calls.append(("find", (word, tuple(kinds), {name: value for name, value in asked.items() if value})))
        return self.called.get(word, [])

    def resource(self, ref: str, at: str = "", *, last: bool = False) -> Json:
        self.calls.append(("resource", (ref, at, last)))
        return removed_instance(ref)

    def poll(self, kinds: Any = (), wait: bool = False) -> Json:
        self.calls.append(("poll", tuple(kinds)))
        return {"tasks": 1, "done": 1, "coverage": {"denied": 1}}

    def analyze(self, what: Any = (), wait: bool = True) -> Json:
        self.calls.append(("analyze", tuple(what)))
        return {}

    def sql(self, query: str, at: str = "") -> Json:
        self.calls.append(("sql", (query, at)))
        coverage = {"states": {"ok": 2, "denied": 1}, "problems": ["1/eu-west-1: ec2:DescribeVpcs is denied"]}
        told = {"at": at or None, "kinds": ["vpc.vpc"], "coverage": coverage}
        return told | {"columns": ["n", HOSTILE], "rows": [[1, HOSTILE]], "truncated": True}

    def actions(self) -> list[Json]:
        given = [{"name": "desired", "type": "integer", "help": ""}]
        told = {"name": "autoscaling.set_desired_capacity", "title": "Set the size", "kinds": ["autoscaling.group"]}
        return [told | {"parameters": given, "risk": "traffic", "help": "Sets it."}]

    def plan(self, action: str, targets: Any, parameters: Any) -> Json:
        self.calls.append(("plan", (action, tuple(targets), parameters)))
        return self.planned("p-1")

    def planned(self, plan: str) -> Json:
        change = {"ref": "autoscaling.group@1/r/web", "field": "desired", "before": 2, "after": 3}
        call = {"service": "autoscaling", "operation": "SetDesiredCapacity", "parameters": {"DesiredCapacity": 3}}
        told = {"id": plan, "action": "autoscaling.set_desired_capacity", "title": f"Set {HOSTILE}", "risk": "traffic"}
        told |= {"targets": ["autoscaling.group@1/r/web"], "differences": [change], "blast_radius": ["2 instances"]}
        told |= {"calls": [call | {"command": "aws autoscaling set-desired-capacity"}], "warnings": [], "inverse": {}}
        return told | {"monthly_cost_change": None, "cost_source": "unpriced: no price list"}

    def write_window(self, minutes: float) -> Json:
        self.calls.append(("write_window", minutes))
        return {"token": "t" * 64, "expires": at(1)}

    def execute(self, plan: str, token: str, confirm: str = "") -> Json:
        self.calls.append(("execute", (plan, token, confirm)))
        if not token:
            raise BackendError("read-only", "Quarterdeck is read-only here: nothing was sent.", 403)
        return {
            "record": 7,
            "state": self.plan_state,
            "detail": "seen",
            "steps": [{"at": at(0), "what": "call", "detail": HOSTILE}],
        }

    def undo_plan(self, record: str) -> Json:
        self.calls.append(("undo", record))
        return self.planned("p-2")

    def verify_audit(self) -> Json:
        return {"ok": False, "records": 3, "problems": ["record 2: was edited"]}
