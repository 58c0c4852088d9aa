"""All the advice there is, found by walking the package, with overlaps settled so that no saving counts twice."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache

import polars as pl

from analytics.advice import kinds
from analytics.advice.base import Advice, Finding, Tables, as_json
from analytics.advice.prices import PriceList, bundled

ADVICE_SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "kind": pl.String(),
    "ref": pl.String(),
    "title": pl.String(),
    "label": pl.String(),
    "why": pl.String(),
    "evidence": pl.String(),
    "monthly_saving": pl.Float64(),
    "currency": pl.String(),
    "price_source": pl.String(),
    "confidence": pl.String(),
    "assumptions": pl.String(),
    "falsified_by": pl.String(),
    "action": pl.String(),
}
"""`evidence`, `assumptions` and `action` are JSON text (action null where none exists); a null saving is unpriced. `id`
is the same as long as the kind of advice and the resource are. `label` flags the resource in a few words."""


@lru_cache(maxsize=1)
def registry() -> tuple[Advice, ...]:
    """Every `ADVICE` of the modules in analytics.advice.kinds, in order of their names."""
    modules = sorted(found.name for found in pkgutil.iter_modules(kinds.__path__))
    return tuple(importlib.import_module(f"{kinds.__name__}.{name}").ADVICE for name in modules)


def advise(
    tables: Mapping[str, pl.DataFrame], prices: PriceList | None = None, *, now: datetime, currency: str = "USD"
) -> pl.DataFrame:
    """Advice on the resources in `tables` (kind name → that kind's table) as ADVICE_SCHEMA, dearest first.

    `now` is UTC, naive; `prices` are in `currency`. Where several kinds of advice would save the same money, the one
    that saves most is given and names the others among its assumptions.
    """
    found = [
        (advice.kind, finding)
        for advice in registry()
        for finding in advice.find(Tables(tables), prices or bundled(currency), now)
    ]
    words = {advice.kind: advice.word for advice in registry()}
    rows = [_row(kind, words[kind], finding, currency) for kind, finding in settle(found)]
    frame = pl.DataFrame(rows, schema=ADVICE_SCHEMA)
    return frame.sort("monthly_saving", "kind", "ref", descending=[True, False, False], nulls_last=True)


def settle(found: list[tuple[str, Finding]]) -> list[tuple[str, Finding]]:
    """One finding per resource: all of them would save from that resource's own bill, so two would count it twice."""
    by_ref: dict[str, list[tuple[str, Finding]]] = {}
    for kind, finding in found:
        by_ref.setdefault(finding.ref, []).append((kind, finding))
    kept = []
    for rivals in by_ref.values():
        ordered = sorted(rivals, key=lambda item: (-(item[1].monthly_saving or 0.0), item[0]))
        kind, best = ordered[0]
        others = tuple(f"instead of: {finding.title}" for _, finding in ordered[1:])
        kept.append((kind, replace(best, assumptions=best.assumptions + others)))
    return kept


def flag(word: str, saving: float | None, currency: str = "USD") -> str:
    """What flags a resource in a table: the word and the money, as `idle −6.94 USD/mo`."""
    return f"{word}, unpriced" if saving is None else f"{word} \N{MINUS SIGN}{saving:,.2f} {currency}/mo"


def _row(kind: str, word: str, finding: Finding, currency: str) -> dict[str, object]:
    digest = hashlib.sha256(f"{kind}\n{finding.ref}".encode()).hexdigest()[:12]
    action = finding.action
    return {
        "id": f"{kind}-{digest}",
        "kind": kind,
        "ref": finding.ref,
        "title": finding.title,
        "label": flag(word, finding.monthly_saving, currency),
        "why": finding.why,
        "evidence": as_json([asdict(evidence) for evidence in finding.evidence]),
        "monthly_saving": None if finding.monthly_saving is None else round(finding.monthly_saving, 2),
        "currency": currency,
        "price_source": finding.price_source,
        "confidence": finding.confidence,
        "assumptions": as_json(finding.assumptions),
        "falsified_by": finding.falsified_by,
        "action": None if action is None else as_json({"name": action.name, "parameters": dict(action.parameters)}),
    }
