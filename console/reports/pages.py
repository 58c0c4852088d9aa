"""The report as a page and as Markdown: Jinja2 with autoescape, and every value harmless before it is escaped."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from backends.client import Json
from backends.currency import HOME, currency_of, prices_elsewhere
from console.freshness import unvouched
from console.reports import charts, trail
from console.reports.text import clean, gaps, moment, money, percent, plan_command, shorten, words

CELL = 120
"""Characters of a cell before it is cut: a tag may be 10 kB."""

_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|!~&])")


def html(report: Json) -> str:
    """The report as one HTML file: styles and charts inside, no script, nothing fetched."""
    page = _environment(".html").get_template("report.html.j2")
    return page.render(r=report, fans=_fans(report), costs=_costs(report), **_shared(report))


def markdown(report: Json) -> str:
    """The report as Markdown; the charts are told in numbers."""
    page = _environment(".md").get_template("report.md.j2")
    return page.render(r=report, **_shared(report))


@cache
def _environment(form: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        finalize=_harmless if form == ".html" else _harmless_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=words, moment=moment, money=money, percent=percent)
    environment.filters.update(cell=cell, short=shorten, plan_command=plan_command, gaps=gaps)
    return environment


def cell(value: Any) -> str:
    """One table cell: as a person reads it, cut where it would run away."""
    return shorten(words(value), CELL)


def _harmless(value: Any) -> Any:
    """What every expression of the page goes through; only our own charts are markup already."""
    return value if isinstance(value, Markup) else clean(value)


def _harmless_markdown(value: Any) -> str:
    """As `_harmless`, with the signs that Markdown or the HTML in it would act on escaped."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", clean(value))


def _fans(report: Json) -> list[Json]:
    """Each drawn forecast with its chart; a market without a forecast keeps its reason."""
    drawn = []
    currency = _currency(report)
    for forecast in report["forecasts"]["fans"]:
        title = market_title(forecast["ref"])
        chart = charts.fan(forecast, title, currency) if forecast.get("horizon") else ""
        drawn.append({"title": title, "chart": chart, "skill": forecast.get("skill") or {}, **_told(forecast)})
    return drawn


def _told(forecast: Json) -> Json:
    return {name: forecast.get(name) for name in ("model", "as_of", "reason", "coverage80", "coverage95", "run")}


def _currency(report: Json) -> str:
    """What the money of a report is in: that of its store's partition."""
    return currency_of(str(report["store"].get("partition") or ""))


def market_title(ref: str) -> str:
    """`spot.price@account/region/zone/type/product` without the kind and the account."""
    return " · ".join(ref.partition("@")[2].split("/", 4)[1:]) or ref


def _costs(report: Json) -> list[Json]:
    """The cost of everything by day, then each flagged service's."""
    costs = report["costs"]
    if not costs.get("days"):
        return []
    drawn = []
    total = {"service": "All services", "values": costs["total"]}
    for service in [total, *[service for service in costs["services"] if service.get("anomaly")]]:
        name = service["service"]
        flags = [_flag_of_sum(flag, report) for flag in report["anomalies"] if flagged_service(flag) == name]
        chart = charts.cost_by_day(costs["days"], service["values"], flags, clean(name), _currency(report))
        drawn.append({"title": name, "chart": chart})
    return drawn


def flagged_service(flag: Json) -> str:
    """The AWS service whose cost an anomaly is of (cost.daily@account/region/day/service), "" for any other."""
    kind, _, place = str(flag.get("ref") or "").partition("@")
    parts = place.split("/", 3)
    return parts[3] if kind == "cost.daily" and len(parts) == 4 else ""


def _flag_of_sum(flag: Json, report: Json) -> Json:
    """The flag as it may be drawn over the cost of all accounts: what was expected was expected of one account."""
    return flag if len(report["accounts"]) < 2 else flag | {"expected_low": None, "expected_high": None}


def _each_once(flags: list[Json]) -> list[Json]:
    """A price is the same in every account: the same anomaly of several accounts is one line."""
    return list({(flag["series"], flag["at"], flag["label"]): flag for flag in reversed(flags)}.values())[::-1]


def _shared(report: Json) -> Json:
    """What both forms show beside the report itself."""
    records = [trail.line(record) for record in report["audit"]]
    return {
        "advice_total": _saving(report),
        "currency": _currency(report),
        "elsewhere": prices_elsewhere(str(report["store"].get("partition") or HOME)),
        "audit": records,
        "anomalies": _each_once(report["anomalies"]),
        # Where no poll vouches for anything, nothing that needs attention is not the same as nothing does.
        "blank": unvouched({"at": report["at"], "coverage": report["home"].get("coverage")}),
    }


def _saving(report: Json) -> Json:
    """What all priced advice saves in a month, null where none is priced, and how much advice has no price."""
    prices = [advice.get("monthly_saving") for advice in report["advice"]]
    known = [price for price in prices if price is not None]
    return {"saving": sum(known) if known else None, "unpriced": prices.count(None)}
