"""What needs attention now: one list, worst first, composed from everything that the daemon knows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from backends.currency import DECLARED
from backends.model import Account, Json, Scope

_ORDER = {"bad": 0, "warn": 1, "info": 2}
_MOST_LOOKS = 16
_SHARP_RISE = 0.15
_RECENT_DAYS = {"cost.daily": 10, "spot.price": 2}
_SERIOUS_STATES = {"denied": "warn", "error": "bad", "throttled": "warn"}
_CREDENTIALS = {"expired": "bad", "none": "bad", "denied": "warn", "error": "warn"}
_VARYING = re.compile(r"\b[a-z0-9-]+:[A-Z]\w+ ?|\b\d{4}-\d\d-\d\dT[\d:.]+Z")
"""What differs between the polls that failed for one cause: the operation that met it, and instants."""


Look = tuple[Scope, datetime | None]


class Figures:
    """The newest figures of each scope and instant, counted again only when there is news.

    Used from the readers' threads.
    """

    def __init__(self) -> None:
        self._kept: dict[Look, tuple[object, tuple[Json, Json]]] = {}

    def get(self, look: Look, key: object, count: Callable[[], tuple[Json, Json]]) -> tuple[Json, Json]:
        """What was counted of the same scope and instant at the same key, else what `count` says now."""
        kept = self._kept.get(look)
        if kept is None or kept[0] != key:
            if len(self._kept) >= _MOST_LOOKS:
                self._kept = {}
            kept = self._kept[look] = (key, count())
        return kept[1]


def attention(
    *,
    accounts: Iterable[Account],
    home: Json,
    coverage: Sequence[Json],
    anomalies: Sequence[Json],
    advice: Sequence[Json],
    forecasts: Sequence[Json],
    titles: Mapping[str, str],
    store_problem: str = "",
    currency: str = DECLARED,
) -> list[Json]:
    """{"severity", "title", "detail", "at"} and one of "ref", "kind", "mode" for each, worst first.

    `at` is since when it is so, null where that is not known; with a "kind" there may be a "filter" of what is meant.
    """
    found = [
        *_store(store_problem),
        *_credentials(accounts),
        *_regions(accounts),
        *_coverage(coverage, titles),
        *_health(home, titles),
        *_anomalies(anomalies),
        *_rises(forecasts, currency),
        *_advice(advice, currency),
    ]
    found.sort(key=lambda item: _ORDER[item["severity"]])
    return found


def _store(problem: str) -> list[Json]:
    title = "Polls are not kept: the store cannot be written"
    return [{"severity": "bad", "title": title, "detail": problem, "mode": "coverage", "at": None}] if problem else []


def _credentials(accounts: Iterable[Account]) -> list[Json]:
    """One line for each account that is not well; roles that have never let us in are one together."""
    unwell = [account for account in accounts if account.state != "ok"]
    shut = [account for account in unwell if account.role and account.state == "denied" and not account.account]
    more = f" and {len(shut) - 1} more" if shut[1:] else ""
    return [
        {
            # What was read of it once is not polled any more.
            "severity": "bad" if account.account else _CREDENTIALS.get(account.state, "warn"),
            # No answer, a certificate, a clock: as far as anybody knows not the credentials.
            "title": f"{'Not polled' if account.state == 'error' else f'Credentials {account.state}'}: "
            f"{_who(account)}{more if account in shut else ''}",
            "detail": account.problem or "Its data is frozen as it was.",
            "mode": "coverage",
            "at": account.expires or None,
        }
        for account in unwell
        if account not in shut[1:]
    ]


def _regions(accounts: Iterable[Account]) -> list[Json]:
    """One line for each account that is polled, of which not all regions are told or can be had, and one for an
    organization that lacks what is chosen of it."""
    return [
        {
            "severity": "warn",
            "title": f"Regions of {_who(account)}" if account.account else "Accounts of the organization",
            "detail": account.problem,
            "mode": "coverage",
            "at": None,
        }
        for account in accounts
        if account.state == "ok" and account.problem
    ]


def _who(account: Account) -> str:
    """An account in few cells, its number first: a role's ARN would be cut off before it comes to that."""
    number, role = account.account, account.role
    if role:
        _, _, name = role.rpartition("/")
        return f"{number or role.split(':')[4]} (role {name})"
    name = account.alias or account.profile
    return (f"{number} ({name})" if number else name) if name else account.name


def _coverage(rows: Sequence[Json], titles: Mapping[str, str]) -> list[Json]:
    """One line for each (kind, state) that hides something, with where and why, and since when nothing was seen.

    What failed for one cause in several kinds is one line: an endpoint that is away would push out all else.
    """
    unwell = [row for row in rows if row["state"] in _SERIOUS_STATES]
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in unwell:
        kinds[row["state"], _cause(row)].add(row["kind"])
    grouped: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
    for row in unwell:
        cause = _cause(row)
        # What is denied is denied operation by operation.
        shared = row["state"] != "denied" and len(kinds[row["state"], cause]) > 1
        grouped["" if shared else row["kind"], row["state"], cause if shared else ""].append(row)
    return [_hidden(kind, state, group, titles) for (kind, state, _), group in sorted(grouped.items())]


def _cause(row: Json) -> str:
    """Why a poll failed, the same for all that failed so."""
    return _VARYING.sub("", str(row["problem"]))


def _hidden(kind: str, state: str, group: Sequence[Json], titles: Mapping[str, str]) -> Json:
    """The line of one kind, or of several where `kind` is ""; the place that it names is where its problem was met."""
    first = min(group, key=lambda row: (row["account"], row["region"], row["kind"]))
    place = f"{first['account']}/{first['region']}"
    names = sorted({row["kind"] for row in group})
    number = len({(row["kind"], row["account"], row["region"]) for row in group})
    where = place if number == 1 else f"{number} places, such as {place}"
    where += "" if kind else f" of {titles.get(first['kind'], first['kind'])}"
    heard = [row["last_good"] for row in group]
    return {
        "severity": _SERIOUS_STATES[state],
        "title": f"{titles.get(kind, kind) if kind else f'{len(names)} kinds'}: {state}",
        "detail": f"{where}: {first['problem']}",
        "at": min(heard) if all(heard) else None,
    } | ({"kind": kind} if kind else {"mode": "coverage"})


def _health(home: Json, titles: Mapping[str, str]) -> list[Json]:
    found = []
    for kind, states in sorted(home.get("health", {}).items()):
        for severity in ("bad", "warn"):
            if number := states.get(severity, 0):
                title = f"{titles.get(kind, kind)}: {number} {severity}"
                reasons = home.get("health_why", {}).get(kind, {}).get(severity, {})
                said = [f"{why} ({of})" if len(reasons) > 1 else why for why, of in reasons.items() if why]
                detail = "; ".join(said[:3]) or f"{number} of {sum(states.values())} are {severity}."
                where: Json = {"kind": kind, "filter": f"health={severity}"}
                found.append({"severity": severity, "title": title, "detail": detail, **where, "at": None})
    return found


def _anomalies(rows: Sequence[Json]) -> list[Json]:
    """The newest anomaly of each series, where it is recent and worse than a remark; a market counts once."""
    newest: dict[tuple[str, str], Json] = {}
    for row in sorted(rows, key=lambda row: str(row["at"])):
        days = _RECENT_DAYS.get(row["kind"], 3)
        if row["severity"] in ("warn", "bad") and _moment(row["at"]) >= _moment(row["as_of"]) - timedelta(days=days):
            owner = row["account"] if row["kind"] == "cost.daily" else ""
            newest[owner, row["series"]] = row
    ordered = sorted(newest.values(), key=lambda row: str(row["at"]), reverse=True)
    return [
        {
            "severity": row["severity"],
            "title": row["label"] or "Anomaly",
            "detail": f"{row['series']}, account {row['account']}" if row["kind"] == "cost.daily" else row["series"],
            "ref": row["ref"],
            "at": row["at"],
        }
        for row in ordered[:12]
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rises(forecasts: Sequence[Json], currency: str) -> list[Json]:
    """Markets whose price is forecast to rise sharply within a day, by a model that has beaten the naive one there."""
    rising = [
        row
        for row in forecasts
        if (row.get("change_24") or 0.0) >= _SHARP_RISE and not (row.get("skill") or {}).get("naive_better")
    ]
    rising.sort(key=lambda row: -row["change_24"])
    return [
        {
            "severity": "warn",
            "title": f"Spot price expected to rise {row['change_24']:.0%} in 24 h",
            "detail": f"{row['instance_type']} in {row['zone'] or row['region']}, {row['now']:.4f} {currency}/h now",
            "ref": row["ref"],
            "at": None,
        }
        for row in rising[:5]
    ]


def _advice(rows: Sequence[Json], currency: str) -> list[Json]:
    """The advice that would save most, and how much all of it would."""
    priced = sorted((row for row in rows if row.get("monthly_saving")), key=lambda row: -row["monthly_saving"])
    if not rows:
        return []
    detail = str(priced[0]["title"]) if priced else str(rows[0]["title"])
    saving = f"{total_saving(rows):,.0f} {currency} a month" if priced else "unpriced"
    return [
        {
            "severity": "info",
            "title": f"{len(rows)} recommendations, {saving}",
            "detail": detail,
            "mode": "advice",
            "at": None,
        }
    ]


def total_saving(rows: Sequence[Json]) -> float | None:
    """What all priced advice saves in a month; None where there is advice, and none of it is priced."""
    priced = [row["monthly_saving"] for row in rows if row.get("monthly_saving") is not None]
    return round(sum(priced), 2) if priced or not rows else None


def cost_summary(costs: Json) -> Json:
    """Month to date, the last full day and the daily totals; null where a figure is not known, never 0.

    `coverage` counts the states of what the figures are made of: one that is not good makes them partial, unless it is
    among the `stale`, of which they hold what was read last.
    """
    series = [[day, value] for day, value in zip(costs["days"], costs["total"], strict=True)]
    known = [(date.fromisoformat(day), value) for day, value in series if value is not None]
    newest = known[-1][0] if known else None
    this_month = [value for day, value in known if newest and (day.year, day.month) == (newest.year, newest.month)]
    full = [value for day, value in known if day.isoformat() < costs["open_from"]]
    return {
        "month_to_date": round(sum(this_month), 2) if this_month else None,
        "yesterday": full[-1] if full else None,
        "series": series,
        "open_from": costs["open_from"],
        "coverage": costs["coverage"]["states"],
        "stale": costs["coverage"]["stale"],
        "as_of": costs["as_of"],
    }


def with_anomalies(costs: Json, anomalies: Sequence[Mapping[str, Any]]) -> Json:
    """The costs, each service saying whether one of its days was out of the ordinary."""
    flagged = {row.get("series") for row in anomalies if row.get("kind") == "cost.daily"}
    for service in costs["services"]:
        service["anomaly"] = f"{service['service']} spend" in flagged
    return costs | {"forecast": None}
