"""Home: what needs attention now, with cost, coverage, changes and inventory in a few lines above it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult

from backends.client import Json
from backends.currency import DECLARED
from console.freshness import as_heard, unvouched
from console.screens import chrome
from console.screens.listing import ListingScreen
from console.views import VIEWS
from console.widgets import format as fmt
from console.widgets.ink import Line, Span
from console.widgets.lines import Panel
from console.widgets.sanitise import sanitise, width
from console.widgets.table_columns import TableColumn

_SEVERITIES = {
    "critical": ("✖", "bad"),
    "bad": ("✖", "bad"),
    "high": ("✖", "bad"),
    "warn": ("▲", "warn"),
    "medium": ("▲", "warn"),
}
_FIRST = (
    "ec2.instance",
    "autoscaling.group",
    "eks.cluster",
    "eks.nodegroup",
    "spot.price",
    "ec2.volume",
    "ec2.spot_request",
    "vpc.vpc",
    "vpc.subnet",
    "vpc.security_group",
    "elbv2.load_balancer",
    "iam.user",
    "iam.role",
    "iam.policy",
)
"""The kinds that the screens are about, counted before the others."""
_TALL = 40  # lines of a screen from which on it has room for more counts


def severity_text(value: Any) -> str:
    """Glyph and word, as with health."""
    word = sanitise(str(value or "info"), 12)
    return f"{_SEVERITIES.get(word, ('•', ''))[0]} {word}"


def severity_look(value: Any) -> str:
    return _SEVERITIES.get(str(value), ("", "link"))[1]


class HomeScreen(ListingScreen):
    CSS_PATH = "home.tcss"
    help_page = "home"
    nothing = "Nothing needs attention: no findings, no anomalies, nothing unhealthy in what is observed."
    topics = frozenset(
        {"coverage", "advice", "anomalies", "forecasts", "cost.daily", "ec2.instance", "autoscaling.group"}
    )
    columns = (
        TableColumn("severity", "severity", cells=10, fixed=True, text=severity_text, look=severity_look),
        TableColumn("title", "what needs attention", most=64, longest=True),
        TableColumn("at", "since", type="time", cells=8, narrow=False),
        TableColumn("detail", "detail", look=lambda _: "muted"),
    )

    def compose_panel(self) -> ComposeResult:
        yield Panel([[("  waiting for the daemon …", "stale")], [], []], id="summary")

    async def read(self) -> list[Json]:
        assert self.session.client is not None
        home = await self.session.client.home(**self.session.look)
        self.as_of = str(home.get("as_of") or "") if self.session.at else as_heard(home)
        self.query_one("#summary", Panel).set_lines(
            summary_lines(
                home,
                self.session.kinds,
                self.size.width,
                self._complete(),
                bool(self.session.at),
                5 if self.size.height >= _TALL else 3,
                currency=self.session.currency,
            )
        )
        self.coverage = dict(home.get("coverage") or {})
        rows = []
        for number, entry in enumerate(home.get("attention", ())):
            rows.append(
                {
                    **entry,
                    "resource": entry.get("ref", ""),
                    "ref": entry.get("ref") or f"attention/{number}/{entry.get('title')}",
                }
            )
        return rows

    def _complete(self) -> bool:
        """Whether a zero is one: everything was polled once, in this daemon's life or before it."""
        polling = self.session.polling
        return bool(
            self.session.at or polling.get("first_poll_complete", True) or not polling.get("first_poll_ever", True)
        )

    def notice(self) -> list[Line]:
        if self.session.at and not self.filter and unvouched({"at": self.session.at, "coverage": self.coverage}):
            return [[("  Nothing was observed at that instant.", "stale")]]
        return super().notice()

    def forget(self) -> None:
        self.query_one("#summary", Panel).set_lines([[("  reading …", "stale")], [], []])

    def on_resize(self) -> None:
        if self.read_once:
            self.reload()

    def open_row(self, row: Json) -> None:
        """Where the finding is: its resource, its kind, or its screen."""
        if row.get("resource"):
            self.desk.open_detail(str(row["resource"]), f"home › {sanitise(str(row.get('title', '')), 60)}")
        elif row.get("kind"):
            self.desk.open_kind(str(row["kind"]), str(row.get("filter") or ""), trail="home")
        elif row.get("mode") in VIEWS:
            self.desk.action_mode(str(row["mode"]))


def summary_lines(
    home: Json,
    kinds: dict[str, Json],
    cells: int,
    complete: bool = True,
    replayed: bool = False,
    most: int = 3,
    *,
    currency: str = DECLARED,
) -> list[Line]:
    """Cost, coverage, changes, advice, then the inventory in at most `most` lines. `replayed`: of an instant."""
    saving = home.get("advice_total")
    unpriced = bool(home.get("advice_unpriced"))
    unknown = "unpriced" if unpriced else "not judged by then" if replayed else "not yet known"
    second: Line = [
        ("  advice " if unpriced else "  advice worth ", "muted"),
        (
            fmt.money(saving) if saving is not None else unknown,
            "bold ok" if saving else "stale",
        ),
        (f" {currency} a month (9 opens it)   " if saving is not None else " (9 opens it)   ", "muted"),
        *_changes(home, replayed),
    ]
    covered: Line = [("  coverage ", "muted")]
    for span in chrome.coverage_spans(home.get("coverage") or {}):
        covered += [span, (" · ", "muted")]
    counts = _counts(home)
    partial = {name for name in home.get("partial") or () if counts.get(name) not in (None, 0, fmt.MISSING)}
    if partial:
        covered += [("… marks what is partial", "warn"), (" · ", "muted")]
    lines = [
        _cost(home.get("cost") or {}, cells, currency),
        second,
        covered[:-1] if len(covered) > 1 else [("  nothing is observed yet", "warn")],
        *_inventory(counts, kinds, cells, (complete, partial), most),
    ]
    return [*lines, []]


def _changes(home: Json, replayed: bool) -> list[Span]:
    """How many changes there were lately, and in how long a time where less than half an hour of it is known."""
    changes = home.get("changes_30m")
    if changes is None:
        return [
            ("not observed:" if replayed else "not yet known:", "bold" if replayed else "stale"),
            (" changes in 30 min (:changes)", "muted"),
        ]
    since, now = fmt.instant(home.get("changes_since")), fmt.instant(home.get("as_of"))
    known = (now - since).total_seconds() / 60 if since and now else 30
    within = f"{max(1, min(30, round(known)))} min"
    return [(str(changes), "bold"), (f" change{'' if changes == 1 else 's'} in {within} (:changes)", "muted")]


def _cost(cost: Json, cells: int, currency: str) -> Line:
    """The month so far, the last full day and the days before it, and beside them what is missing."""
    states = {state: count for state, count in (cost.get("coverage") or {}).items() if count}
    pending = states.get("pending", 0)
    unwell = sum(count for state, count in states.items() if state not in chrome.GOOD_STATES) - pending
    stale = min(unwell, int(cost.get("stale") or 0))
    first_open = str(cost.get("open_from") or "9999")
    whole = [value for day, value in cost.get("series") or () if day < first_open and isinstance(value, int | float)]
    month, full = cost.get("month_to_date"), cost.get("yesterday")
    line: Line = [("  cost this month ", "muted")]
    if month is None:
        why = "not yet known" if "pending" in states else "not observed" if "unobserved" in states else "not known"
        return [*line, (why, "stale")]
    line += [(fmt.money(month), "bold"), (f" {currency}", "muted")]
    lacks = [_of(count, states, how) for count, how in ((pending, "under way"), (unwell - stale, "missing")) if count]
    if lacks:
        line.append((f", partial: {', '.join(lacks)}", "warn"))
    if stale:
        line.append((f", {_of(stale, states, 'stale')}", "warn"))
    spark = fmt.sparkline(whole, 30 if cells >= 100 else 14)
    return [*line, ("   last full day ", "muted"), (fmt.money(full), ""), ("   ", ""), (spark, "forecast")]


def _of(count: int, states: Mapping[str, int], how: str) -> str:
    return f"{count} of {sum(states.values())} accounts {how}"


def _counts(home: Json) -> Json:
    """How many there are of each kind; of what nobody looked at, none is not a number."""
    unobserved = set(home.get("unobserved") or ())
    counts = dict(home.get("counts") or {})
    return {name: fmt.MISSING if name in unobserved and not count else count for name, count in counts.items()}


def _inventory(counts: Json, kinds: dict[str, Json], cells: int, told: tuple[bool, set[str]], most: int) -> list[Line]:
    """Kinds and how many there are, those first that screens are about, and how many kinds found no room.

    `told` is whether the first poll is complete, and the kinds whose number is a part.

    What has no rows is left out, but until the first poll is complete a zero may only mean *not yet*, and says so of
    the first kinds.
    """
    order = {name: place for place, name in enumerate(_FIRST)}
    complete, partial = told
    unknown = {name for name in _FIRST if counts.get(name) == fmt.MISSING or (name in counts and not complete)}
    shown = sorted(
        (name for name, count in counts.items() if (count and count != fmt.MISSING) or name in unknown),
        key=lambda name: (order.get(name, len(order)), name),
    )
    lines: list[Line] = [[("  ", "")]]
    taken = 2
    for done, name in enumerate(shown):
        spans, wanted = _count(name, counts[name], kinds, whole=complete if not counts[name] else name not in partial)
        left = len(shown) - done
        rest = f"+{left} kind{'s' if left > 1 else ''} (:NAME opens one)"
        # The last line keeps room for what says that there is more.
        room = cells - (len(rest) if len(lines) == most and left > 1 else 0)
        if taken + wanted > room and len(lines) == most:
            lines[-1].append((rest, "muted"))
            break
        if taken + wanted > room:
            lines.append([("  ", "")])
            taken = 2
        lines[-1] += spans
        taken += wanted
    return [line for line in lines if len(line) > 1]


def _count(name: str, count: Any, kinds: dict[str, Json], *, whole: bool) -> tuple[list[Span], int]:
    """One kind and how many there are, `…` behind what is not all of them, and the cells that takes."""
    text = sanitise(str(kinds.get(name, {}).get("title") or name))
    number = f"{count:,}" if isinstance(count, int) else sanitise(str(count))
    if not whole:
        number = f"{number}…" if count else "…"
    look = "stale" if not count or count == fmt.MISSING else "bold" if whole else "bold warn"
    return [(text + " ", "muted"), (number, look), ("   ", "")], width(text) + len(number) + 4
