"""A daemon's client in this process: deterministic, any number of rows, in the shapes of the daemon's JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from backends.client import BackendError

NOW = "2026-11-23T14:02:11Z"
EARLIER = "2026-11-23T14:01:05Z"
HOSTILE = "evil\x1b[31m[red]markup[/]\u202eoverride\nnewline"
NAMES = ["ref", "account", "region", "id", "health", "health_why", "first_seen", "seen", "flags"]
ACCOUNTS = [
    {
        "account": "111122223333",
        "alias": "production",
        "profile": "simulated-production",
        "regions": ["us-east-1", "eu-west-1"],
        "state": "ok",
        "problem": "",
        "expires": "",
        "arn": "",
    },
    {
        "account": "444455556666",
        "alias": "sandbox",
        "profile": "simulated-sandbox",
        "regions": ["us-east-1", "eu-west-1"],
        "state": "ok",
        "problem": "",
        "expires": "",
        "arn": "",
    },
]


def column(name: str, type: str = "text", narrow: bool = False, unit: str = "", help: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "heading": name.replace("_", " "),
        "type": type,
        "narrow": narrow,
        "unit": unit,
        "help": help,
        "volatile": False,
        "path": name,
        "title": "",
    }


KINDS: list[dict[str, Any]] = [
    {
        "name": "ec2.instance",
        "title": "EC2 instances",
        "service": "ec2",
        "key": ["instance_id"],
        "regional": True,
        "cadence": 60,
        "sort": "instance_id",
        "relations": [],
        "permissions": ["ec2:DescribeInstances"],
        "arn": "arn:{partition}:ec2:{region}:{account}:instance/{instance_id}",
        "columns": [
            column("instance_id", narrow=True, help="the instance's id"),
            column("name", narrow=True),
            column("type", narrow=True),
            column("state", narrow=True),
            column("zone"),
            column("launched", "time", True),
            column("tags", "tags"),
        ],
        "watched": [
            {"id": "CPUUtilization.Average", "title": "CPU", "unit": "%"},
            {"id": "NetworkIn.Sum", "title": "network in", "unit": "B"},
            {"id": "StatusCheckFailed.Maximum", "title": "checks failed", "unit": ""},
        ],
    },
    {
        "name": "autoscaling.group",
        "title": "Auto Scaling groups",
        "service": "autoscaling",
        "key": ["name"],
        "regional": True,
        "cadence": 60,
        "sort": "name",
        "relations": [],
        "permissions": [],
        "arn": "",
        "columns": [
            column("name", narrow=True),
            column("desired", "integer", True),
            column("in_service", "integer", True),
            column("maximum", "integer"),
        ],
    },
    {
        "name": "ec2.volume",
        "title": "EBS volumes",
        "service": "ec2",
        "key": ["volume_id"],
        "regional": True,
        "cadence": 300,
        "sort": "volume_id",
        "relations": [],
        "permissions": ["ec2:DescribeVolumes"],
        "arn": "",
        "columns": [
            column("volume_id", narrow=True),
            column("type", narrow=True),
            column("size", "integer", True, "GiB"),
        ],
    },
    {
        "name": "spot.price",
        "title": "Spot prices",
        "service": "ec2",
        "key": ["zone_id", "instance_type", "product"],
        "regional": True,
        "cadence": 300,
        "sort": "instance_type",
        "relations": [],
        "permissions": [],
        "arn": "",
        "columns": [
            column("instance_type", narrow=True),
            column("zone", narrow=True),
            column("product"),
            column("price", "number", True, "USD/h"),
            column("at", "time"),
        ],
    },
    {
        "name": "eks.cluster",
        "title": "EKS clusters",
        "service": "eks",
        "key": ["name"],
        "regional": True,
        "cadence": 300,
        "sort": "name",
        "relations": [],
        "permissions": [],
        "arn": "",
        "columns": [column("name", narrow=True), column("version", narrow=True), column("status", narrow=True)],
    },
    {
        "name": "eks.nodegroup",
        "title": "EKS node groups",
        "service": "eks",
        "key": ["cluster", "name"],
        "regional": True,
        "cadence": 300,
        "sort": "name",
        "relations": [{"column": "cluster", "kind": "eks.cluster", "target": "name"}],
        "permissions": [],
        "arn": "",
        "columns": [column("name", narrow=True), column("cluster", narrow=True), column("desired", "integer", True)],
    },
]
_OWN_COLUMNS = {kind["name"]: [c["name"] for c in kind["columns"]] for kind in KINDS}
MOVED = {37: 0.01}
"""Where the forecasts started from of markets whose price has moved since."""
_STATES = ("running", "running", "running", "stopped", "pending", "running", "terminated")
_HEALTH = {"running": "ok", "stopped": "warn", "pending": "unknown", "terminated": "bad"}


def _own(kind: str, n: int) -> dict[str, Any]:
    """The declared columns of row `n`."""
    if kind == "ec2.instance":
        name = HOSTILE if n == 3 else f"web-{n % 977:03d}" if n % 9 else "日本語のサーバー名前です"
        return {
            "instance_id": f"i-{n:017x}",
            "name": name,
            "type": f"m{n % 6 + 2}.xlarge",
            "state": _STATES[n % 7],
            "zone": f"us-east-1{'abc'[n % 3]}",
            "launched": f"2026-11-{n % 22 + 1:02d}T10:00:00Z",
            "tags": '{"Name":"x","team":"shop","env":"prod"}',
        }
    if kind == "autoscaling.group":
        return {"name": f"group-{n}", "desired": n % 5 + 1, "in_service": n % 5 + 1, "maximum": 12}
    if kind == "ec2.volume":
        return {"volume_id": f"vol-{n:08x}", "type": "gp2", "size": 100 + n}
    if kind == "spot.price":
        return {
            "instance_type": f"m{n % 6 + 2}.xlarge",
            "zone": f"us-east-1{'abcdf'[n % 5]}",
            "product": "Linux/UNIX",
            "price": 0.05 + n / 1000,
            "at": NOW,
        }
    if kind == "eks.cluster":
        return {"name": f"cluster-{n}", "version": "1.31", "status": "ACTIVE"}
    return {"name": f"nodes-{n}", "cluster": f"cluster-{n % 2}", "desired": 3}


def ranking(need: str, *, scored: bool) -> dict[str, Any]:
    """A ranking of three pools: one of known risk, one of unknown, one that cannot be used."""

    def pool(n: int, **more: Any) -> dict[str, Any]:
        price = 0.05 + n / 100
        return {
            "pool": f"us-east-1/use1-az{n}/m{n + 4}.xlarge",
            **{"region": "us-east-1", "zone_id": f"use1-az{n}", "zone": "us-east-1a", "instance_type": "m5.xlarge"},
            **{"vcpus": 4, "memory": 16.0, "gpus": 0, "price_now": price, "price": price, "price_low": price - 0.002},
            **{"price_high": price + 0.003, "cost": price * 24, "cost_low": price * 23, "cost_high": price * 26},
            **{"model": "momentum", "skill": 0.2, "naive_better": False, "on_demand": 0.192, "saving": 0.7},
            **{"on_demand_source": "list price, 2025-01-01", "offered": True, "quota_left": 364.0},
            **{"quota": "All Standard Spot Instance Requests", "score": 7 if scored else None},
            **{"score_at": NOW if scored else None, "probability": 0.012, "low": 0.004, "high": 0.02},
            **{"interruptions": 1, "instance_hours": 900.0, "instances": 12, "band": 1, "band_text": "5-10%"},
            **{"band_as_of": NOW, "bands_kept": 2, "basis": "1 interruption in 900 instance-hours seen"},
            **{"why_not": "", "instances": 10},
            **more,
        }

    unknown = {"probability": None, "low": None, "high": None, "band": None, "band_text": None, "on_demand": None}
    mixes = [
        {"cap": cap, "pools": pools, "greatest": cap, "greatest_zone": cap, "cost": cost, "cost_low": cost - 2}
        | {"cost_high": cost + 3, "interruptions": 0.2, "unknown": 10, "chosen": cap == 0.5}
        for cap, pools, cost in ((1.0, 1, 25.0), (0.5, 2, 28.5))
    ]
    return {
        **{"need": need, "account": "111122223333", "hours": 24, "count": 20, "cap": 0.5, "problem": ""},
        **{"at": None, "as_of": NOW, "coverage": {}},
        "pools": [
            pool(1),
            pool(2, **unknown, saving=None, offered=None),
            pool(3, price=None, price_low=None, price_high=None, instances=0, why_not="not offered in this zone"),
        ],
        "frontier": mixes,
        "types": ["m5.xlarge", "m6.xlarge", "m7.xlarge"],
        **{"scores_asked": ["20 a,b,c"], "scores_a_day": 20},
    }


class FakeClient:
    """Answers as `backends.client.Client` does. `calls` remembers what was asked; `push` sends an event."""

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self.counts = {
            "ec2.instance": 212,
            "autoscaling.group": 6,
            "ec2.volume": 0,
            "spot.price": 40,
            "eks.cluster": 2,
            "eks.nodegroup": 4,
            **(counts or {}),
        }
        self.registration = {
            "context": "c1",
            "accounts": ACCOUNTS,
            "scope": [[a["account"], r] for a in ACCOUNTS for r in a["regions"]],
        }
        self.context_id = "c1"
        self.calls: list[tuple[str, Any]] = []
        self.looked_at = ""
        self.version = 1
        self.down = False
        self.paused = False
        self.metrics_problem, self.metrics_again = "", 60.0
        self.denied = {"ec2.volume": "AccessDenied: ec2:DescribeVolumes is not allowed."}
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def push(self, **event: Any) -> None:
        self._events.put_nowait(event)

    def _note(self, name: str, value: Any = None) -> None:
        self.calls.append((name, value))
        if self.down:
            raise BackendError("connection-lost", "The daemon keeps going away; see its log.")

    async def close(self) -> None:
        return

    async def kinds(self) -> list[dict[str, Any]]:
        return KINDS

    async def status(self) -> dict[str, Any]:
        self._note("status")
        polling = {
            "paused": self.paused,
            "in_flight": 0,
            "done": 102,
            "total": 102,
            "first_poll_complete": True,
            "calls": 431,
            "errors": 1,
            "money": 0.02,
        }
        operations = [
            {
                "service": "ec2",
                "operation": "DescribeInstances",
                "calls": 12,
                "retries": 0,
                "errors": 0,
                "seconds": 1.5,
                "cost": 0,
            }
        ]
        return {
            "version": "0.1.0",
            "pid": 1,
            "label": "SIMULATED AWS",
            "endpoint": "http://127.0.0.1:1",
            "partition": "aws",
            "polling": polling,
            "operations": operations,
            "contexts": [],
        }

    async def rows(self, kind: str, **query: Any) -> dict[str, Any]:
        self._note("rows", (kind, query))
        wanted = str(query.get("filter") or "")
        if "nonsense" in wanted:
            raise BackendError("bad-filter", "There is no column 'nonsense'; did you mean name?", 400)
        at = query.get("at") or ""
        if at == "yesteryear":
            raise BackendError(
                "bad-instant", "'yesteryear' is no instant; write -30m, 14:02 or 2026-11-20T14:02Z.", 400
            )
        total = self.counts.get(kind, 0)
        indexes: Any = range(total)
        if wanted:
            name, equals, value = wanted.partition("=")

            def matches(n: int) -> bool:
                own = _own(kind, n)
                return str(own.get(name)) == value.strip('"') if equals else wanted in " ".join(map(str, own.values()))

            indexes = [n for n in range(min(total, 2000)) if matches(n)]
        if str(query.get("sort", "")).startswith("-"):
            indexes = indexes[::-1]
        anchor, offset, limit = query.get("anchor"), query.get("offset", 0), query.get("limit", 200)
        if anchor:
            found = next((place for place, n in enumerate(indexes) if self.ref(kind, n) == anchor), None)
            offset = offset if found is None else max(0, found - limit // 2)
        columns = [*NAMES, *_OWN_COLUMNS.get(kind, [])]
        rows = [self._row(kind, n, columns) for n in indexes[offset : offset + limit]]
        states = {"denied": 4} if kind in self.denied else {"ok": 3, "empty": 1}
        problems = [self.denied[kind]] if kind in self.denied else []
        coverage = {"states": states, "oldest_good": NOW, "newest_good": NOW, "problems": problems}
        return {
            "kind": kind,
            "version": self.version,
            "total": len(indexes),
            "offset": offset,
            "at": "2026-11-23T12:00:00Z" if at else None,
            "as_of": NOW,
            "columns": columns,
            "rows": rows,
            "keys": "ref",
            "partial": False,
            "coverage": coverage,
            "widths": {"name": 16, "instance_id": 19},
        }

    def ref(self, kind: str, n: int) -> str:
        return f"{kind}@111122223333/us-east-1/{next(iter(_own(kind, n).values()))}"

    def _row(self, kind: str, n: int, columns: list[str]) -> list[Any]:
        own = _own(kind, n)
        health = _HEALTH.get(own.get("state", ""), "ok")
        flags = '[{"severity":"warn","label":"gp2"}]' if n == 5 else "[]"
        row = {
            "ref": self.ref(kind, n),
            "account": "111122223333",
            "region": "us-east-1",
            "id": next(iter(own.values())),
            "health": health,
            "health_why": "",
            "first_seen": NOW,
            "seen": NOW,
            "flags": flags,
            **own,
        }
        return [row[name] for name in columns]

    async def resource(self, ref: str, at: str = "") -> dict[str, Any]:
        self._note("resource", ref)
        self.looked_at = at
        kind = ref.partition("@")[0]
        number = next(n for n in range(self.counts[kind]) if self.ref(kind, n) == ref)
        columns = [*NAMES, *_OWN_COLUMNS[kind]]
        row = dict(zip(columns, self._row(kind, number, columns), strict=True))
        relations = (
            [{"title": "node groups", "kind": "eks.nodegroup", "filter": f'cluster="{row["id"]}"', "count": 2}]
            if kind == "eks.cluster"
            else []
        )
        history = [
            {
                "from": "2026-11-20T10:00:00Z",
                "to": None,
                "changes": [{"field": "state", "before": "pending", "after": "running"}],
                "by": "unknown",
                "events": [],
                "why": "CloudTrail was not read: denied(cloudtrail:LookupEvents)",
            }
        ]
        raw = {"InstanceId": row["id"], "Tags": [{"Key": "Name", "Value": HOSTILE}], "State": {"Name": "running"}}
        return {
            "ref": ref,
            "kind": kind,
            "row": row,
            "raw": raw,
            "relations": relations,
            "history": history,
            "flags": [],
            "as_of": NOW,
        }

    async def metrics(self, ref: str, hours: int = 3, *, at: str = "", ask: bool = True) -> dict[str, Any]:
        self._note("metrics", (ref, at, ask))
        watched = next(kind for kind in KINDS if kind["name"] == ref.partition("@")[0])["watched"]
        minutes = [f"2026-11-23T{11 + n // 60:02d}:{n % 60:02d}:00Z" for n in range(5, 180, 5)]
        cpu = [[at, float(10 + n % 70)] for n, at in enumerate(minutes)]
        failed = [[at, 1.0 if n > 25 else 0.0] for n, at in enumerate(minutes)]
        figures = [
            {
                "points": cpu,
                "newest": cpu[-1][1],
                "least": 10.0,
                "most": 44.0,
                "period": 300,
                "state": "ok",
                "note": "",
            },
            {
                "points": [],
                "newest": None,
                "least": None,
                "most": None,
                "period": None,
                "state": "",
                "note": "not published",
            },
            {"points": failed, "newest": 1.0, "least": 0.0, "most": 1.0, "period": 300, "state": "bad", "note": ""},
        ]
        of_aws = {"namespace": "AWS/EC2", "name": "CPUUtilization", "statistic": "Average"}
        return {
            **{"ref": ref, "hours": hours, "since": "2026-11-23T11:02:11Z", "until": NOW, "as_of": minutes[-1]},
            **{"asked": NOW, "again": None if at or not ask else self.metrics_again, "problem": self.metrics_problem},
            "metrics": [metric | of_aws | told for metric, told in zip(watched, figures, strict=True)],
        }

    async def sparks(self, refs: list[str], at: str = "") -> dict[str, Any]:
        self._note("sparks", len(refs))
        return {ref: [float((i * 7 + len(ref)) % 11) for i in range(24)] for ref in refs}

    async def forecasts(self, *, at: str = "") -> list[dict[str, Any]]:
        return [{"ref": self.ref("spot.price", n), "now": MOVED.get(n), "change_24": (n - 20) / 200} for n in range(40)]

    async def forecast(self, market: str, *, at: str = "", back: int = 0) -> dict[str, Any]:
        self._note("forecast", (market, at, back))
        hours = list(range(0, 168, 6))
        bad = market.endswith("m3.xlarge")
        return {
            "market": market,
            "model": "quantile-gbm",
            "as_of": "2026-11-23T14:00:00Z",
            "naive_better": bad,
            "skill": {
                "mae_24": -0.03 if bad else 0.12,
                "crps_24": 0.09,
                "mae_168": 0.05,
                "crps_168": 0.04,
                "naive_better": bad,
                "origins": 51,
            },
            "record": [
                {"hours": 1, "forecasts": 9, "error": 0.0002, "naive": 0.0003, "skill": 0.33, "inside80": 0.89}
                | {"inside95": 1.0},
                {"hours": 24, "forecasts": 2, "error": 0.002, "naive": 0.001, "skill": -1.0, "inside80": 0.5}
                | {"inside95": 1.0},
            ],
            "actual": [[f"2026-11-{23 + h // 24}T{h % 24:02d}:30:00Z", 0.06 + h / 9000] for h in (15, 20, 30)]
            if back
            else [],
            "coverage80": 0.79,
            "coverage95": 0.94,
            "history": [
                [f"2026-11-{16 + h // 24:02d}T{h % 24:02d}:00:00Z", 0.05 + (h * 7 % 23) / 1000]
                for h in range(0, 180, 4)
            ],
            "horizon": [f"2026-11-{23 + (14 + h) // 24:02d}T{(14 + h) % 24:02d}:00:00Z" for h in hours],
            "q50": [0.062 + h / 20000 for h in hours],
            "naive": [0.062 for _ in hours],
            "q025": [0.062 - h / 6000 for h in hours],
            "q975": [0.062 + h / 5000 for h in hours],
            "q10": [0.062 - h / 10000 for h in hours],
            "q90": [0.062 + h / 8000 for h in hours],
            "q25": [0.062 - h / 30000 for h in hours],
            "q75": [0.062 + h / 12000 for h in hours],
        }

    async def runs(self, at: str = "") -> dict[str, Any]:
        run = None if at else {"run": 1, "as_of": NOW, "made": NOW}
        return {"forecasts": run, "anomalies": run, "advice": run}

    async def pools(self, need: str, **query: Any) -> dict[str, Any]:
        self._note("pools", (need, query))
        if "nonsense" in need:
            raise BackendError("bad-request", "A need has no 'nonsense'; there are count, vcpu.", 400)
        return ranking(need, scored=False)

    async def savings(self, hours: int = 168, **query: Any) -> dict[str, Any]:
        self._note("savings", query)
        whole = {"region": "us-east-1", "account": "111122223333", "product": "Linux/UNIX", "lifecycle": "on-demand"}
        figures = {"runs_at": 0.384, "on_demand": 0.384, "spot": 0.14, "spot_low": 0.13, "spot_high": 0.16}
        figures |= {"plan_1y": 0.28, "plan_3y": 0.19, "unpriced": ""}
        nothing = dict.fromkeys(figures) | {"unpriced": "on demand, spot, plan 1y, plan 3y"}
        lines = [
            whole | {"instance_type": "m5.xlarge", "instances": 2} | figures,
            whole | {"instance_type": "x9.huge", "instances": 1} | nothing,
        ]
        way = {"way": "spot", "instances": 2, "hourly": 0.14, "hourly_low": 0.13, "hourly_high": 0.16}
        way |= {"on_demand": 0.384, "saving": 0.635, "saving_low": 0.58, "saving_high": 0.66}
        plan = dict.fromkeys(way) | {"way": "savings plan, 1 year", "instances": 0}
        told = {"running": 3, "unpriced": 1, "unpriced_types": ["x9.huge"], "lines": lines, "totals": [way, plan]}
        return {"hours": hours, "at": None, "as_of": NOW, "coverage": {"states": {"ok": 6}}} | told

    async def demand(self, group: str = "", **query: Any) -> dict[str, Any]:
        self._note("demand", (group, query))
        row = {"account": "111122223333", "region": "us-east-1", "name": "web", "desired": 4, "now": 3.2, "beyond": ""}
        for steps, need in ((1, 3.3), (96, 5.1), (672, 4.9)):
            row |= {f"need_{steps}": need, f"size_{steps}": 6, f"naive_{steps}": 3.2, f"seasonal_{steps}": 5.0}
            row |= {f"model_{steps}": "profile", f"skill_{steps}": 0.7}
        legacy = dict.fromkeys(row) | {"account": "111122223333", "region": "us-east-1", "name": "legacy"}
        path = [
            {"at": f"2026-11-{23 + h // 24}T{h % 24:02d}:00:00Z", "need": 4.0, "low": 3.0, "high": 5.0, "naive": 3.2}
            for h in range(15, 160)
        ]
        scores = [{"model": "profile", "horizon": "24 h", "skill": 0.7, "shown": True}]
        return {
            **{
                "target": 60,
                "at": None,
                "as_of": NOW,
                "coverage": {"states": {"ok": 6}},
                "path": path if group else [],
                "scores": scores if group else [],
            },
            "groups": [
                {**row, "unknown": None},
                {**legacy, "unknown": "its group metrics are not enabled", "beyond": None},
            ],
        }

    async def scores(self, need: str, **query: Any) -> dict[str, Any]:
        self._note("scores", (need, query))
        return ranking(need, scored=True)

    async def anomalies(self, **look: Any) -> list[dict[str, Any]]:
        self._note("anomalies", look)
        if look.get("at"):
            return []
        return [
            {
                "ref": "cost.daily@111122223333/global/2026-11-14/AmazonEC2",
                "series": "cost/AmazonEC2",
                "at": "2026-11-14T00:00:00Z",
                "value": 412.0,
                "expected_low": 180,
                "expected": 210.0,
                "expected_high": 240,
                "score": 8.1,
                "severity": "bad",
                "label": "twice the usual",
            }
        ]

    async def advice(self, **look: Any) -> list[dict[str, Any]]:
        self._note("advice", look)
        if look.get("at"):
            return []
        evidence = [{"label": "CPU, 14 days", "value": "1.2 % at most 4 %", "source": "CloudWatch", "as_of": NOW}]
        return [
            {
                "id": "a1",
                "kind": "ec2.instance",
                "ref": self.ref("ec2.instance", 1),
                "title": "Idle instance",
                "why": "It does nothing.",
                "evidence": evidence,
                "monthly_saving": 70.08,
                "currency": "USD",
                "price_source": "list price",
                "confidence": "high",
                "assumptions": ["on-demand"],
                "falsified_by": "CPU above 5 %",
                "action": {"name": "ec2.stop_instance", "parameters": {}},
                "run": 1,
                "as_of": NOW,
            },
            {
                "id": "a2",
                "kind": "ec2.volume",
                "ref": "ec2.volume@111122223333/us-east-1/vol-1",
                "title": HOSTILE,
                "why": "gp3 costs less.",
                "evidence": [],
                "monthly_saving": None,
                "currency": "USD",
                "price_source": "",
                "confidence": "medium",
                "assumptions": [],
                "falsified_by": "",
                "action": None,
                "run": 1,
                "as_of": NOW,
            },
        ]

    async def home(self, **look: Any) -> dict[str, Any]:
        self._note("home", look)
        attention = [
            {
                "severity": "bad",
                "title": f"2 targets of {HOSTILE} are unhealthy",
                "detail": "since 13:40Z",
                "kind": "autoscaling.group",
                "at": None,
            },
            {
                "severity": "warn",
                "title": "AmazonEC2 cost twice the usual",
                "detail": "412.00 USD on 2026-11-14",
                "mode": "costs",
                "at": None,
            },
            {
                "severity": "warn",
                "title": "Idle instance",
                "detail": "70.08 USD a month",
                "ref": self.ref("ec2.instance", 1),
                "at": None,
            },
        ]
        cost = {
            "month_to_date": 4012.5,
            "yesterday": 181.2,
            "series": [[f"2026-11-{d:02d}", 150 + d * 7 % 40] for d in range(1, 23)],
            "open_from": "2026-11-22",
            "coverage": {"ok": 2},
            "as_of": NOW,
        }
        return {
            "attention": attention,
            "counts": self.counts,
            "cost": cost,
            "changes_30m": 4,
            "coverage": {"states": {"ok": 5, "denied": 1}, "problems": ["ec2:DescribeVolumes is denied"]},
            "advice_total": 70.08,
            "as_of": look["at"] or "2026-11-23T14:07:00Z",
        }

    async def costs(self, **look: Any) -> dict[str, Any]:
        self._note("costs", look)
        days = [f"2026-11-{d:02d}" for d in range(1, 23)]
        services = [
            {
                "service": name,
                "values": [base + d % 7 * 5 + (200 if name == "AmazonEC2" and d == 13 else 0) for d in range(22)],
                "total": base * 22.0,
                "anomaly": name == "AmazonEC2",
            }
            for name, base in (("AmazonEC2", 100), ("AmazonS3", 20), ("AmazonRDS", 60))
        ]
        return {
            "days": days,
            "services": services,
            "total": [sum(s["values"][d] for s in services) for d in range(22)],
            "as_of": NOW,
            "open_from": "2026-11-22",
            "coverage": {"states": {"ok": 2}},
            "source": "Cost Explorer",
            "forecast": None,
        }

    async def coverage(self, **look: Any) -> dict[str, Any]:
        self._note("coverage", look)
        rows = [
            {
                "account": "111122223333",
                "region": region,
                "kind": kind,
                "state": "denied" if kind in self.denied else "ok",
                "problem": self.denied.get(kind, ""),
                "rows": 5,
                "calls": 2,
                "retries": 0,
                "seconds": 0.4,
                "cost": 0,
                "last_good": NOW,
                "last_try": NOW,
                "cadence": 60,
            }
            for kind in self.counts
            for region in ("us-east-1", "eu-west-1")
        ]
        return {"rows": rows}

    async def changes(self, **query: Any) -> dict[str, Any]:
        self._note("changes", query)
        return {
            "since": NOW,
            "until": NOW,
            "changes": [
                {
                    "at": NOW,
                    "what": "changed",
                    "ref": self.ref("ec2.instance", 2),
                    "kind": "ec2.instance",
                    "name": HOSTILE,
                    "fields": [{"field": "state", "before": "pending", "after": "running"}],
                    "by": "Admin/alice",
                    "events": [{"name": "StartInstances", "at": NOW, "user": "Admin/alice"}],
                    "why": "",
                },
                {
                    "at": NOW,
                    "not_before": EARLIER,
                    "what": "removed",
                    "ref": self.ref("ec2.instance", 3),
                    "kind": "ec2.instance",
                    "name": "web-003",
                    "fields": [],
                    "by": "Admin/bob",
                    "events": [
                        {"name": "TerminateInstances", "at": NOW, "user": "bob", "ref": self.ref("eks.cluster", 0)}
                    ],
                    "why": "",
                },
            ],
            "truncated": False,
            "places": 4,
            "unobserved": [],
        }

    async def poll(self, kinds: Any = (), regions: Any = (), wait: bool = False) -> dict[str, Any]:
        self._note("poll", list(kinds))
        return {"tasks": 4, "done": 0, "coverage": {}}

    async def polling(self, paused: bool) -> dict[str, Any]:
        self._note("polling", paused)
        self.paused = paused
        return {"paused": paused}

    async def focus(self, kinds: list[str]) -> dict[str, Any]:
        return {}

    async def analyze(self, what: Any = (), wait: bool = True) -> dict[str, Any]:
        self._note("analyze")
        return {"forecasts": 1}

    async def actions(self) -> list[dict[str, Any]]:
        return [
            {
                "name": "autoscaling.set_desired_capacity",
                "title": "Set desired capacity",
                "kinds": ["autoscaling.group"],
                "risk": "traffic",
                "parameters": [{"name": "desired", "type": "integer", "help": "instances wanted"}],
            },
            {
                "name": "ec2.start_instance",
                "title": "Start",
                "kinds": ["ec2.instance"],
                "risk": "reversible",
                "parameters": [],
            },
            {
                "name": "ec2.terminate_instance",
                "title": "Terminate",
                "kinds": ["ec2.instance"],
                "risk": "destructive",
                "parameters": [],
            },
        ]

    async def plan(self, action: str, targets: list[str], parameters: dict[str, Any]) -> dict[str, Any]:
        self._note("plan", (action, targets, parameters))
        risk = {"autoscaling.set_desired_capacity": "traffic", "ec2.terminate_instance": "destructive"}.get(
            action, "reversible"
        )
        target = targets[0]
        return {
            "id": "p1",
            "action": action,
            "title": f"Set {HOSTILE} from 3 to {parameters.get('desired')}",
            "risk": risk,
            "account": "111122223333",
            "region": "us-east-1",
            "targets": targets,
            "parameters": parameters,
            "calls": [
                {
                    "service": "autoscaling",
                    "operation": "SetDesiredCapacity",
                    "parameters": {"DesiredCapacity": 4},
                    "command": "aws autoscaling set-desired-capacity --desired-capacity 4",
                }
            ],
            "differences": [{"ref": target, "field": "desired", "before": 3, "after": 4}],
            "preconditions": [],
            "blast_radius": ["one group"],
            "monthly_cost_change": 70.1,
            "cost_source": "list price",
            "warnings": ["It launches an instance."],
            "inverse": {},
            "made_at": NOW,
        }

    async def write_window(self, minutes: float = 60) -> dict[str, Any]:
        self._note("write_window", minutes)
        return {"token": "t", "expires": "2099-01-01T00:00:00Z"}

    async def execute(self, plan: str, token: str, confirm: str = "") -> dict[str, Any]:
        self._note("execute", (plan, token, confirm))
        return {
            "record": 17,
            "state": "done",
            "detail": "desired is 4",
            "steps": [{"step": "SetDesiredCapacity", "state": "sent"}],
        }

    async def undo_plan(self, record: str) -> dict[str, Any]:
        return await self.plan("autoscaling.set_desired_capacity", [self.ref("autoscaling.group", 0)], {"desired": 3})

    async def audit(self, limit: int = 200, *, at: str = "") -> list[dict[str, Any]]:
        target = self.ref("autoscaling.group", 0)
        record = {"sequence": 17, "at": NOW, "event": "outcome", "action": "autoscaling.set_desired_capacity"}
        return [{**record, "outcome": {"state": "done", "detail": "desired is 4"}, "plan": {"targets": [target]}}]

    async def verify_audit(self) -> dict[str, Any]:
        return {"ok": True, "records": 1, "problems": []}

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self._events.get()
