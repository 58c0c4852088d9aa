"""What was learned and forecast last, and the least that has to be done when prices have come since.

Within an hour nothing is learned anew. Within ten minutes, where the prices of few markets are new, only those are
forecast; the others keep their forecast, whose `as_of` says from when it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from analytics.spot.clean import clean
from analytics.spot.forecast import Taught, teach, whole
from analytics.spot.prior import shipped
from analytics.spot.renewal import frame_of, refreshed, renewed

LEARNED_FOR = timedelta(hours=1)
FORECAST_FOR = timedelta(minutes=10)
FEW = 0.02
"""The share of the markets up to which they are forecast by themselves."""
COMPARED = timedelta(days=30)
"""How far back it is checked that no price has come late. Less than whoever asks remembers, so that what they forget is
no difference."""


@dataclass(frozen=True, slots=True)
class Kept:
    """`taught` has learned at `learned` and seen every price up to `seen`; `fingerprint` is of those; `frame` are the
    forecasts that were made then of all markets, in FORECAST_SCHEMA."""

    learned: datetime
    seen: datetime
    fingerprint: int
    taught: Taught
    frame: pl.DataFrame


def caught_up(kept: Kept | None, prices: pl.DataFrame, moment: datetime) -> tuple[pl.DataFrame, Kept | None]:
    """The forecasts at `moment` (FORECAST_SCHEMA), and what to keep for the next time."""
    if kept is not None and timedelta(0) <= moment - kept.seen < FORECAST_FOR:
        frame = _few(kept, prices, moment)
        if frame is not None:
            return frame, kept
    cleaned = clean(prices, moment)
    learned, taught = moment, None
    if kept is not None and timedelta(0) <= moment - kept.learned < LEARNED_FOR:
        learned, taught = kept.learned, refreshed(kept.taught, cleaned, moment)
    if taught is None:
        learned, taught = moment, teach(cleaned, moment, prior=shipped())
    frame = whole(prices, moment, cleaned, [] if taught is None else [frame_of(taught)])
    return frame, None if taught is None else Kept(learned, moment, fingerprint(prices, moment), taught, frame)


def _few(kept: Kept, prices: pl.DataFrame, moment: datetime) -> pl.DataFrame | None:
    """The kept forecasts with those anew whose prices are; None where that would not do."""
    moved = prices.filter(pl.col("at") > kept.seen, pl.col("at") <= moment).get_column("market").unique()
    if len(moved) > FEW * kept.taught.markets.height or fingerprint(prices, kept.seen) != kept.fingerprint:
        return None
    if not len(moved):
        return kept.frame
    own = pl.col("market").is_in(moved.implode())
    anew = renewed(kept.taught, prices.filter(own), moment)
    if anew is None:
        return None
    return pl.concat([kept.frame.filter(~own), anew], how="diagonal_relaxed").sort("market")


def fingerprint(prices: pl.DataFrame, moment: datetime) -> int:
    """Tells the prices of the weeks up to `moment` from any others, in whatever order they are."""
    known = prices.lazy().filter(pl.col("at") > moment - COMPARED, pl.col("at") <= moment)
    row = pl.col("market").hash(1) + pl.col("at").hash(2) * 31 + pl.col("price").hash(3) * 37
    found = known.select(row.hash(4).bitwise_xor().alias("mixed"), pl.len().alias("rows")).collect()
    return hash(found.row(0))
