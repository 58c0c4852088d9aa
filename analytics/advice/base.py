"""What a piece of advice is, and what every kind of it may ask of the tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import polars as pl

from analytics.advice.prices import Price, PriceList

Confidence = Literal["high", "medium", "low"]
Row = dict[str, Any]
ColumnTypes: TypeAlias = Mapping[str, pl.DataType | type[pl.DataType]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed fact: what it is, its value as text, where it was read and when (UTC ISO 8601, "" where unknown)."""

    label: str
    value: str
    source: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """The declared action that carries the advice out, with its parameters."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One recommendation about one resource. `monthly_saving` is in the currency of the prices, None (never 0) where no
    price is known."""

    ref: str
    title: str
    why: str
    evidence: tuple[Evidence, ...]
    monthly_saving: float | None
    price_source: str
    confidence: Confidence
    assumptions: tuple[str, ...]
    falsified_by: str
    action: Action | None = None


class Tables:
    """Tables by kind name. A table or column that is not there reads as empty: advice needs no special cases."""

    def __init__(self, frames: Mapping[str, pl.DataFrame]) -> None:
        self._frames = frames

    def get(self, kind: str, columns: ColumnTypes) -> pl.DataFrame:
        """The table of a kind with `ref`, `account`, `region`, `id`, `seen` and these columns as these types."""
        wanted = {
            "ref": pl.String,
            "account": pl.String,
            "region": pl.String,
            "id": pl.String,
            "seen": pl.String,
            **columns,
        }
        frame = self._frames.get(kind, pl.DataFrame(schema=wanted))
        if "seen" in frame.columns and frame.schema["seen"].is_temporal():
            frame = frame.with_columns(pl.col("seen").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return frame.select(
            pl.col(name).cast(dtype, strict=False) if name in frame.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in wanted.items()
        )


@dataclass(frozen=True, slots=True)
class Advice:
    """A kind of advice: its name, the word that flags a resource, the kinds it reads, and how it finds what to say."""

    kind: str
    word: str
    title: str
    reads: tuple[str, ...]
    find: Callable[[Tables, PriceList, datetime], Iterable[Finding]]


def rows(frame: pl.DataFrame) -> Iterator[Row]:
    """The rows that remained after filtering, in order of ref, as dictionaries."""
    return frame.sort("ref").iter_rows(named=True)


def name_of(row: Row) -> str:
    """What people call the resource: its Name, else its id."""
    return f"{row['name']} ({row['id']})" if row.get("name") else str(row["id"])


def priced(*prices: Price | None) -> str:
    """Where these prices are from; "unpriced" as soon as one is missing."""
    if any(price is None for price in prices):
        return "unpriced"
    return "; ".join(dict.fromkeys(f"{price.source}, {price.as_of}" for price in prices if price is not None))


def as_json(values: Any) -> str:
    """Compact JSON with sorted keys: the same finding is always the same text."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
