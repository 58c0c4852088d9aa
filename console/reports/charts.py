"""Charts as hand-written SVG: no library, no script, readable on paper and, by title and description, read aloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from markupsafe import Markup, escape

from backends.client import Json
from backends.currency import DECLARED
from console.reports.text import clean, moment, money, sign_of

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 24
DAY = 86_400.0
Points = Sequence[tuple[float, float]]

_BANDS = (("band95", "q025", "q975"), ("band80", "q10", "q90"), ("band50", "q25", "q75"))


@dataclass(frozen=True, slots=True)
class Frame:
    """The plane of a chart: data in seconds and a value, paper in SVG units."""

    start: float
    end: float
    low: float
    high: float

    @classmethod
    def around(cls, times: Sequence[float], values: Sequence[float], *, least: float) -> Frame:
        """A frame that holds all of it with a little air; nothing is below `least` but what is drawn there."""
        low, high = min(values), max(values)
        air = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        bottom = low - air if low < least else max(low - air, least)
        return cls(min(times), max(max(times), min(times) + 1.0), bottom, high + air)

    def x(self, time: float) -> float:
        return LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def path(self, points: Points) -> str:
        return " ".join(f"{'L' if n else 'M'}{self.x(t):.1f} {self.y(v):.1f}" for n, (t, v) in enumerate(points))

    def steps(self, points: Points) -> str:
        """Prices hold until they change: the path of a staircase."""
        corners = [corner for (_, before), (t, v) in pairwise(points) for corner in ((t, before), (t, v))]
        return self.path([points[0], *corners])

    def grid(self, label: Callable[[float], str]) -> str:
        """Four value lines and five dates."""
        lines = []
        for n in range(5):
            value = self.low + (self.high - self.low) * n / 4
            y = self.y(value)
            lines.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            lines.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{escape(label(value))}</text>')
            time = self.start + (self.end - self.start) * n / 4
            anchor = ("start", "middle", "middle", "middle", "end")[n]
            lines.append(
                f'<text x="{self.x(time):.1f}" y="{HEIGHT - 7}" text-anchor="{anchor}">'
                f"{datetime.fromtimestamp(time, UTC):%b %d}</text>"
            )
        return "".join(lines)


def seconds(text: str) -> float:
    """An instant or a day of the wire as Unix seconds; text without a zone is UTC."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def fan(forecast: Json, title: str, currency: str = DECLARED) -> Markup:
    """A forecast: the price so far, 50/80/95 % bands nested around the median, and the naive forecast beside it."""
    times = [seconds(at) for at in forecast["horizon"]]
    history = [(seconds(at), float(value)) for at, value in forecast["history"]]
    edges = [float(value) for _, low, high in _BANDS for name in (low, high) for value in forecast[name]]
    frame = Frame.around([at for at, _ in history] + times, [value for _, value in history] + edges, least=0.0)
    parts = [frame.grid(lambda value: price(value, currency))]
    for name, low, high in _BANDS:
        upper, lower = list(zip(times, forecast[high], strict=True)), list(zip(times, forecast[low], strict=True))
        parts.append(f'<path class="{name}" d="{frame.path(upper + lower[::-1])}Z"/>')
    now = f"{frame.x(times[0]):.1f}"
    parts.append(f'<path class="now" d="M{now} {TOP}V{HEIGHT - BOTTOM}"/>')
    if history:
        parts.append(f'<path class="history" d="{frame.steps([*history, (times[0], history[-1][1])])}"/>')
    if forecast.get("naive"):
        parts.append(f'<path class="naive" d="{frame.path(list(zip(times, forecast["naive"], strict=True)))}"/>')
    parts.append(f'<path class="median" d="{frame.path(list(zip(times, forecast["q50"], strict=True)))}"/>')
    about = f"Spot price and its forecast from {moment(forecast['as_of'])} UTC, with 50, 80 and 95 percent intervals."
    return _svg(parts, title, about)


def price(value: float, currency: str = DECLARED) -> str:
    """Money per hour with the four decimals that spot prices have."""
    return f"{sign_of(currency)}{value:.4f}"


def cost_by_day(
    days: Sequence[str],
    values: Sequence[float | None],
    flags: Sequence[Json],
    title: str,
    currency: str = DECLARED,
) -> Markup:
    """Cost by day as bars; a flagged day is marked, with the interval that was expected of it."""
    known = [(seconds(day), float(value)) for day, value in zip(days, values, strict=True) if value is not None]
    flagged = {seconds(flag["at"][:10]): flag for flag in flags}
    expected = [float(flag["expected_high"]) for flag in flags if flag.get("expected_high") is not None]
    ends = [known[0][0] - DAY / 2, known[-1][0] + DAY / 2] if known else [0.0, DAY]
    frame = Frame.around(ends, [value for _, value in known] + expected + [0.0], least=0.0)
    wide = max(1.5, (WIDTH - LEFT - RIGHT) / max(len(known), 1) * 0.7)
    parts, bottom = [frame.grid(lambda value: f"{sign_of(currency)}{value:,.0f}")], frame.y(0.0)
    for at, value in known:
        left = frame.x(at) - wide / 2
        flag = flagged.get(at)
        told = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}: {money(value, currency)}"
        told += f", {flag['label']}" if flag else ""
        parts.append(
            f'<rect class="{"flagged" if flag else "bar"}" x="{left:.1f}" y="{frame.y(value):.1f}" width="{wide:.1f}" '
            f'height="{max(bottom - frame.y(value), 0.5):.1f}"><title>{escape(clean(told))}</title></rect>'
        )
        if flag:
            parts.append(_expected(frame, flag, left, wide) + _mark(left + wide / 2, frame.y(value)))
    return _svg(parts, title, f"Cost by day; {len(flagged)} days are flagged as unusual.")


def _expected(frame: Frame, flag: Json, left: float, wide: float) -> str:
    """The interval expected of a flagged day, as a bracket over its bar."""
    low, high = flag.get("expected_low"), flag.get("expected_high")
    if low is None or high is None:
        return ""
    top, bottom = frame.y(float(high)), frame.y(max(float(low), 0.0))
    return (
        f'<rect class="expected" x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{max(bottom - top, 1):.1f}"/>'
    )


def _mark(x: float, y: float) -> str:
    """A triangle: a flag is told by shape as well as by colour."""
    return f'<path class="mark" d="M{x:.1f} {y - 2:.1f}l-4 -7h8z"/>'


def _svg(parts: Sequence[str], title: str, about: str) -> Markup:
    return Markup(  # noqa: S704 - every piece of text in it is escaped here or in the parts
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="xMidYMid meet">'
        f"<title>{escape(clean(title))}</title><desc>{escape(clean(about))}</desc>{''.join(parts)}</svg>"
    )
