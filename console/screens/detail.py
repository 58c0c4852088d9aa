"""Everything about one resource: its metrics, its fields, what it is related to, its flags and its history.

Metrics are asked for once the rest is on screen, and again every minute for as long as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backends.client import BackendError, Json
from console.authors import UNKNOWN, done_by
from console.freshness import unwell
from console.screens.metric_lines import metric_lines
from console.screens.text_screen import TextScreen
from console.widgets import format as fmt
from console.widgets.ink import Line
from console.widgets.sanitise import fit, sanitise
from console.widgets.text_view import TextView

if TYPE_CHECKING:
    from textual import events
    from textual.timer import Timer

_OWN = ("ref", "id", "health", "health_why", "flags", "account", "region")
_MOST_HISTORY = 200
LOOK_SECONDS = 60.0
"""How often metrics are asked for where the daemon does not say when they may be."""


class DetailScreen(TextScreen):
    help_page = "detail"

    def __init__(self, ref: str, trail: str) -> None:
        super().__init__(trail)
        self.ref = ref
        self.resource: Json = {}
        self.metrics: Json | None = None
        self._no_metrics = ""
        self._next_look: Timer | None = None

    def concerns(self, topics: frozenset[str]) -> bool:
        return self.ref.partition("@")[0] in topics or "*" in topics

    def reload(self, *, moved: bool = False) -> None:
        if moved:
            self.metrics, self._no_metrics = None, ""
        self.background(lambda: self._read(moved), "rows")

    def minute(self) -> None:
        """Polls of its place that fail bring no news of its kind: whether they are well is asked for by the minute."""
        if not self.instant and self.session.state == "live":
            self.reload()

    async def _read(self, moved: bool) -> None:
        client = self.session.client
        if client is None:
            return
        first = not self.resource or moved
        try:
            self.resource = await client.resource(self.ref, at=self.instant)
        except (BackendError, OSError) as error:
            lead, links = self.lead()
            self.show([*lead, [("  " + sanitise(str(error)), "bad")]], links)
            return
        self._draw()
        if first:
            self._look()

    @property
    def _kind(self) -> Json:
        return self.session.kinds.get(str(self.resource.get("kind")), {})

    def _draw(self) -> None:
        kind = self._kind
        name = self.session.account_name(str((self.resource.get("row") or {}).get("account", "")))
        watched = kind.get("watched") or []
        cells = self.size.width
        metrics = metric_lines(watched, self.metrics, self._no_metrics, cells) if watched else []
        lines, links = detail_lines(self.resource, kind, name, metrics, "then" if self.instant else "now")
        lead, leading = self.lead()
        self.show([*lead, *lines], leading | {place + len(lead): target for place, target in links.items()})

    @property
    def instant(self) -> str:
        """When the resource is looked at, "" for now."""
        return self.session.at

    def lead(self) -> tuple[list[Line], dict[int, str]]:
        """What stands above the resource, and which of these lines lead to which other one, by its ref."""
        return [], {}

    # -- metrics

    def _look(self) -> None:
        """See what CloudWatch has to tell now, if anything of this kind is watched and this is on screen."""
        self._look_no_more()
        if self._kind.get("watched") and self.is_current:
            self.background(self._ask, "metrics")

    def _look_no_more(self) -> None:
        if self._next_look is not None:
            self._next_look.stop()
            self._next_look = None

    async def _ask(self) -> None:
        client, at = self.session.client, self.instant
        if client is None:
            return
        try:
            # While polling is paused nothing is asked of AWS: what is known already is shown.
            self.metrics = await client.metrics(self.ref, at=at, ask=not self.session.polling.get("paused"))
            self._no_metrics = ""
        except (BackendError, OSError) as error:
            self._no_metrics = str(error)
        self._draw()
        if not at and self.is_current:
            again = (self.metrics or {}).get("again") or LOOK_SECONDS
            self._next_look = self.set_timer(max(1.0, again), self._look)

    def on_screen_suspend(self, event: events.ScreenSuspend) -> None:
        self._look_no_more()

    def on_screen_resume(self) -> None:
        if self.resource:
            self._look()

    def on_resize(self) -> None:
        if self.resource:
            self._draw()

    # -- keys

    def on_text_view_followed(self, message: TextView.Followed) -> None:
        if "@" in message.target:
            self.desk.open_detail(message.target, self.trail())
            return
        relation = self.resource["relations"][int(message.target)]
        self.desk.open_kind(str(relation["kind"]), str(relation.get("filter", "")), trail=self.trail())

    def action_detail(self) -> None:
        self.desk.close_view()

    def action_raw(self) -> None:
        self.desk.open_raw(self.ref, self.trail())

    def action_actions(self) -> None:
        self.desk.start_action(self.ref.partition("@")[0], [self.ref], dict(self.resource.get("row") or {}))


def detail_lines(
    resource: Json, kind: Json, account_name: str = "", metrics: Sequence[Line] = (), open_end: str = "now"
) -> tuple[list[Line], dict[int, str]]:
    """The lines, those of its metrics among them, and which lead to which relation.

    `open_end` is the word for the end of a version that had not ended by the instant that is looked at.
    """
    row: Json = dict(resource.get("row") or {})
    now = fmt.instant(resource.get("as_of")) or datetime.now(UTC)
    health = row.get("health")
    lines: list[Line] = [
        [
            (" ", ""),
            (sanitise(str(row.get("id", resource.get("ref", "")))), "bold"),
            ("   ", ""),
            (fmt.health(health), health if health in ("ok", "warn", "bad") else "stale"),
            ("   " + sanitise(str(row.get("health_why") or "")), "muted"),
        ],
        [
            (" ", ""),
            (sanitise(f"{account_name} {row.get('account', '')}".strip()), ""),
            (" · ", "muted"),
            (sanitise(str(row.get("region", ""))), ""),
            (" · ", "muted"),
            (sanitise(str(kind.get("title") or resource.get("kind", ""))), "muted"),
        ],
        *([[(" " + sanitise(problem, 400), "warn")]] if (problem := unwell(resource.get("coverage"))) else []),
        [],
        *metrics,
    ]
    links: dict[int, str] = {}
    flags = resource.get("flags") or ()
    if flags:
        lines += _heading("flags")
        for flag in flags:
            text = str(flag.get("label") or flag.get("title") or "") if isinstance(flag, dict) else str(flag)
            lines.append([("  ⚑ ", "anomaly"), (sanitise(text), "anomaly")])
        lines.append([])
    relations = resource.get("relations") or ()
    if relations:
        lines += _heading("related (tab, enter)")
        kinds = [relation.get("kind") for relation in relations]
        for number, relation in enumerate(relations):
            count = relation.get("count")
            links[len(lines)] = str(number)
            by = f"   by {sanitise(str(relation['by']))}" if kinds.count(relation.get("kind")) > 1 else ""
            lines.append(
                [
                    ("  → ", "link"),
                    (sanitise(str(relation.get("title") or relation.get("kind"))), "link"),
                    (f"  {count}" if count is not None else "", "bold"),
                    (by, "muted"),
                ]
            )
        lines.append([])
    lines += _heading("fields")
    lines += _fields(row, kind, now)
    lines += [[], *_heading("history"), *_history(resource.get("history") or (), now, open_end)]
    return lines, links


def _heading(text: str) -> list[Line]:
    return [[(" " + text, "bold forecast")]]


def _fields(row: Json, kind: Json, now: datetime) -> list[Line]:
    declared = {str(column["name"]): column for column in kind.get("columns", ())}
    names = [name for name in declared if name in row] + [n for n in row if n not in declared and n not in _OWN]
    label = min(28, max((len(name) for name in names), default=8) + 1)
    lines: list[Line] = []
    for name in names:
        column = declared.get(name, {})
        unit, type_ = str(column.get("unit") or ""), str(column.get("type") or "text")
        value = row[name]
        if type_ == "tags":
            lines += _tags(name, value, label)
            continue
        text = fmt.value(value, type_, unit)
        if fmt.instant(value) is not None and (type_ == "time" or not column):
            text = f"{sanitise(str(value))}  ({fmt.age(value, now)})"
        line: Line = [
            ("  " + fit(sanitise(str(column.get("heading") or name)), label), "muted"),
            (text, "stale" if value is None else ""),
        ]
        if unit in fmt.SCALED and value is not None:
            exact = f"{fmt.number(value)} {unit}"
            line.append((f"  ({exact})" if exact != text else "", "muted"))
        elif unit and value is not None:
            line.append((f" {sanitise(unit)}", "muted"))
        if column.get("help"):
            line.append((f"   {sanitise(str(column['help']))}", "stale"))
        lines.append(line)
    return lines


def _tags(name: str, value: Any, label: int) -> list[Line]:
    import json

    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = {"": value}
    pairs = sorted(value.items()) if isinstance(value, dict) else []
    if not pairs:
        return [[("  " + fit(name, label), "muted"), ("none", "stale")]]
    return [
        [
            ("  " + fit(name if not number else "", label), "muted"),
            (sanitise(str(key), 200), "link"),
            (" = ", "muted"),
            (sanitise(str(text), 2000), ""),
        ]
        for number, (key, text) in enumerate(pairs)
    ]


def _history(versions: Any, now: datetime, open_end: str) -> list[Line]:
    lines: list[Line] = []
    for version in list(versions)[:_MOST_HISTORY]:
        since, until = version.get("from"), version.get("to")
        span = f"{fmt.clock(since, now)} → {fmt.clock(until, now) if until else open_end}"
        changes = version.get("changes") or ()
        lines.append([("  " + span, ""), ("" if changes else "   first seen", "muted"), *_author(version)])
        for change in changes:
            lines.append(
                [
                    ("      " + sanitise(str(change.get("field"))) + ": ", "muted"),
                    (fmt.listing(change.get("before")), "stale"),
                    (" → ", "muted"),
                    (fmt.listing(change.get("after")), "warn"),
                ]
            )
        if version.get("ended_by"):
            lines.append([("      gone", "bad"), *_author(version["ended_by"])])
    return lines or [[("  no versions are recorded", "stale")]]


def _author(version: Json) -> Line:
    """Who brought a version about; nothing where nobody was looked for, as for what a first poll discovered."""
    if "by" not in version:
        return []
    known = version["by"] != UNKNOWN
    return [
        ("   by ", "muted"),
        (sanitise(str(version["by"]), 80), "link" if known else "stale"),
        ("  " + sanitise(done_by(version), 160), "muted"),
    ]
