"""A need for Spot capacity, as a person types it: `vcpu>=4 memory>=16 arch=arm64 count=20 hours=48 tolerance=low`.

Plain Python, so that the daemon, which checks what was typed, pays for no library.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

CAPS = {"low": 0.2, "medium": 0.34, "high": 1.0}
"""What share of the need one pool may carry, by how much of it may be lost at once: the tolerance."""
LONGEST_HOURS = 168
_MOST = 10_000
_WORD = re.compile(r"([a-z]+)(>=|<=|>|<|=)(.+)")
_ARCHITECTURES = {"x86_64": "x86_64", "x86": "x86_64", "amd64": "x86_64", "arm64": "arm64", "arm": "arm64"}
_PRODUCTS = {"linux": "Linux/UNIX", "linux/unix": "Linux/UNIX", "windows": "Windows"}
_PATTERN = re.compile(r"[a-z0-9.*?-]+")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")
_ACCOUNT = re.compile(r"\d{12}")


class NeedError(ValueError):
    """What was typed is not a need; the text is one sentence that says why and what would be."""


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends belong to it."""

    low: float = 0.0
    high: float = math.inf

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def bounded(self) -> bool:
        return self.low > 0 or self.high < math.inf


@dataclass(frozen=True, slots=True)
class Need:
    """What is wanted.

    vcpu, memory (GiB), gpu   of one instance
    architecture              "x86_64", "arm64" or "" for either
    current                   only types that AWS counts to the current generation
    regions, types            none for all; types are patterns such as "m5.*"
    count, hours              so many instances for so long
    tolerance, cap            the share of the need that one pool may carry: `cap`, else what the tolerance means
    risk                      the most that a pool's probability of interruption over `hours` may be; None for any
    account                   whose quota counts; "" for the first account in sight
    """

    vcpu: Span = Span()
    memory: Span = Span()
    gpu: Span = Span(0.0, 0.0)
    architecture: str = ""
    current: bool = True
    product: str = "Linux/UNIX"
    regions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    count: int = 1
    hours: int = 24
    tolerance: str = "medium"
    cap: float | None = None
    risk: float | None = None
    account: str = ""

    @property
    def share(self) -> float:
        """The greatest share of the need that one pool may carry."""
        return self.cap if self.cap is not None else CAPS[self.tolerance]

    def wants_type(self, name: str) -> bool:
        return not self.types or any(fnmatchcase(name, pattern) for pattern in self.types)

    def __str__(self) -> str:
        """The need as it would be typed; `parse` gives it back."""
        words = [
            *_span("vcpu", self.vcpu),
            *_span("memory", self.memory),
            *([] if self.gpu == Span(0.0, 0.0) else _span("gpu", self.gpu) or ["gpu>=0"]),
            *([f"arch={self.architecture}"] if self.architecture else []),
            *([] if self.current else ["generation=any"]),
            *([] if self.product == "Linux/UNIX" else [f"product={self.product.lower()}"]),
            *([f"region={','.join(self.regions)}"] if self.regions else []),
            *([f"type={','.join(self.types)}"] if self.types else []),
            f"count={self.count}",
            f"hours={self.hours}",
            f"tolerance={self.tolerance}",
            *([f"cap={self.cap * 100!r}%"] if self.cap is not None else []),
            *([f"risk<={self.risk * 100!r}%"] if self.risk is not None else []),
            *([f"account={self.account}"] if self.account else []),
        ]
        return " ".join(words)


def parse(text: str) -> Need:
    """The need that was typed; NeedError says in one sentence what is wrong with a word of it."""
    need = Need()
    for word in text.split():
        match = _WORD.fullmatch(word.lower())
        if match is None:
            raise NeedError(f"{word[:40]!r} says nothing of a need; write it as vcpu>=4 memory>=16 count=20.")
        name, sign, value = match.groups()
        reader = _WORDS.get(name)
        if reader is None:
            near = get_close_matches(name, _WORDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_WORDS))}."
            raise NeedError(f"A need has no {name!r}; {hint}")
        need = reader(need, name, sign, value)
    return need


def _span(name: str, span: Span) -> list[str]:
    if span.low == span.high:
        return [f"{name}={span.low!r}"]
    low = [f"{name}>={span.low!r}"] if span.low > 0 else []
    return [*low, *([f"{name}<={span.high!r}"] if span.high < math.inf else [])]


def _amount(name: str, text: str) -> float:
    try:
        value = float(text.removesuffix("gib").removesuffix("gb"))
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value < 1e6):
        raise NeedError(f"{name} takes a number, not {text[:40]!r}.")
    return value


def _range(need: Need, name: str, sign: str, text: str) -> Need:
    value = _amount(name, text)
    known: Span = getattr(need, name)
    if name == "gpu" and known == Span(0.0, 0.0):
        known = Span()
    spans = {
        "=": Span(value, value),
        ">=": replace(known, low=value),
        "<=": replace(known, high=value),
        ">": replace(known, low=math.nextafter(value, math.inf)),
        "<": replace(known, high=math.nextafter(value, -math.inf)),
    }
    if spans[sign].low > spans[sign].high:
        raise NeedError(f"No {name} is at least {spans[sign].low:g} and at most {spans[sign].high:g}.")
    return _with(need, name, spans[sign])


def _with(need: Need, field: str, value: Any) -> Need:
    return replace(need, **{field: value})


def _equal(name: str, sign: str) -> None:
    if sign != "=":
        raise NeedError(f"{name} is said with =, not with {sign}.")


def _whole(most: int) -> Callable[[Need, str, str, str], Need]:
    def read(need: Need, name: str, sign: str, text: str) -> Need:
        _equal(name, sign)
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
            raise NeedError(f"{name} takes a whole number from 1 to {most:,}, not {text[:40]!r}.")
        return _with(need, name, int(text))

    return read


def _choice(field: str, choices: dict[str, object]) -> Callable[[Need, str, str, str], Need]:
    def read(need: Need, name: str, sign: str, text: str) -> Need:
        _equal(name, sign)
        if text not in choices:
            raise NeedError(f"{name} takes one of {', '.join(choices)}, not {text[:40]!r}.")
        return _with(need, field, choices[text])

    return read


def _list(field: str, form: re.Pattern[str]) -> Callable[[Need, str, str, str], Need]:
    def read(need: Need, name: str, sign: str, text: str) -> Need:
        _equal(name, sign)
        parts = tuple(dict.fromkeys(part for part in text.split(",") if part))
        if not parts or not all(form.fullmatch(part) for part in parts):
            raise NeedError(f"{name} takes names with commas between them, not {text[:40]!r}.")
        return _with(need, field, parts)

    return read


def _account(need: Need, name: str, sign: str, text: str) -> Need:
    _equal(name, sign)
    if not _ACCOUNT.fullmatch(text):
        raise NeedError(f"{name} takes the twelve digits of an account, not {text[:40]!r}.")
    return replace(need, account=text)


def _share(field: str, signs: tuple[str, ...]) -> Callable[[Need, str, str, str], Need]:
    def read(need: Need, name: str, sign: str, text: str) -> Need:
        if sign not in signs:
            raise NeedError(f"{name} is said with {signs[0]}, not with {sign}.")
        percent = _amount(name, text.removesuffix("%"))
        if not 0 < percent <= 100:
            raise NeedError(f"{name} takes a share from above 0 % to 100 %, not {text[:40]!r}.")
        return _with(need, field, percent / 100)

    return read


_WORDS: dict[str, Callable[[Need, str, str, str], Need]] = {
    "vcpu": _range,
    "memory": _range,
    "gpu": _range,
    "arch": _choice("architecture", dict(_ARCHITECTURES)),
    "generation": _choice("current", {"current": True, "any": False}),
    "product": _choice("product", dict(_PRODUCTS)),
    "region": _list("regions", _REGION),
    "type": _list("types", _PATTERN),
    "count": _whole(_MOST),
    "hours": _whole(LONGEST_HOURS),
    "tolerance": _choice("tolerance", {name: name for name in CAPS}),
    "cap": _share("cap", ("=", "<=")),
    "risk": _share("risk", ("<=", "=", "<")),
    "account": _account,
}
WORDS = tuple(_WORDS)
"""The words of a need."""
