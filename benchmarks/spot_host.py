"""`python -m benchmarks.spot_host FILE [MARKETS]`: forecast the markets of FILE and print what it took, as JSON.

With MARKETS it only makes the file: so many synthetic markets.

A process of its own, so that its peak memory is that of forecasting (and of the price events) alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import timedelta

import numpy as np
import polars as pl

from analytics.spot.challengers import challenge
from analytics.spot.clean import Clean, clean
from analytics.spot.forecast import Taught, teach, told, whole
from analytics.spot.grid import hourly
from analytics.spot.kept import Kept, caught_up, fingerprint
from analytics.spot.levels import KNOTS, LEVELS
from analytics.spot.prior import shipped
from analytics.spot.renewal import frame_of, renewed
from analytics.spot.sample import blocks
from tests.unit.analytics_staircase import START

DAYS = 42
CUTOFF = START + timedelta(days=DAYS - 7)
COMPARED = 1_000
"""With 200 the ratio would differ by 0.03 from one choice of markets to another."""
SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")


def world(markets: int, seed: int = 0) -> pl.DataFrame:
    """Staircases of `markets` over DAYS: three quarters move some four times a day with momentum."""
    random = np.random.default_rng(seed)
    moving = random.random(markets) < 0.75
    updates = np.where(moving, DAYS * 4, 1)
    market = np.repeat(np.arange(markets), updates)
    turn = np.arange(len(market)) - np.repeat(np.cumsum(updates) - updates, updates)
    hours = turn * 6.0 + random.uniform(0, 1.4, len(market))
    shock = random.laplace(size=len(market)) * np.repeat(np.exp(random.normal(-6, 0.7, markets)), updates)
    step = np.zeros_like(shock)
    for number in range(DAYS * 4):
        now = np.flatnonzero(turn == number)
        step[now] = shock[now] + (0.55 * step[now - 1] if number else 0.0)
    walked = np.cumsum(step)
    opening = (np.cumsum(updates) - updates).astype(np.int64)
    level = np.repeat(random.normal(-1.5, 1.0, markets), updates) + walked - np.repeat(walked[opening], updates)
    names = np.arange(markets)
    kinds = pl.DataFrame(
        {
            "market": [f"m{n:06}" for n in names],
            "region": [f"xx-{n // 2000}" for n in names],
            "zone": [f"xx-{n // 2000}{'abcd'[n % 4]}" for n in names],
            "instance_type": [f"f{n // 32 % 60}.{SIZES[n // 4 % 8]}" for n in names],
            "product": ["Linux/UNIX"] * markets,
        }
    )
    offset = pl.Series((hours * 3.6e9).astype(np.int64)).cast(pl.Duration("us"))
    price = pl.Series(np.round(np.exp(level), 4).clip(1e-4))
    return kinds[market].with_columns(at=pl.lit(START).cast(pl.Datetime("us")) + offset, price=price)


def crps(quantiles: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Of each market, over its hours."""
    levels = np.asarray(LEVELS)[1:-1]
    gap = actual[..., None] - quantiles[..., 1:-1]
    return np.asarray(2 * np.maximum(levels * gap, (levels - 1) * gap).mean(axis=(1, 2)))


def main(file: str) -> None:
    known = pl.scan_parquet(file).filter(pl.col("at") <= CUTOFF).collect()
    markets = known.get_column("market").n_unique()
    began = time.perf_counter()
    cleaned = clean(known, CUTOFF)
    taught = teach(cleaned, CUTOFF, prior=shipped())
    assert taught is not None
    rows = 0
    for block in blocks(markets):
        rows += told(taught, block).height
    out = {"seconds": time.perf_counter() - began, "markets": rows}
    out["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out |= renewal(known, cleaned, taught)
    print(json.dumps(out | compared(pl.scan_parquet(file), taught, cleaned, out["seconds"] / markets)))


def renewal(known: pl.DataFrame, cleaned: Clean, taught: Taught) -> dict[str, float]:
    """Milliseconds from one new price to its market's forecast: alone, and with all prices looked through, as the
    worker does, which cannot know that it is the only new one."""
    frame = whole(known, CUTOFF, cleaned, [frame_of(taught)])
    kept = Kept(CUTOFF, CUTOFF, fingerprint(known, CUTOFF), taught, frame)
    alone, among = [], []
    for number in range(20):
        at = CUTOFF + timedelta(minutes=5)
        own = known.filter(pl.col("market") == taught.markets["market"][number * 7])
        price = own.tail(1).with_columns(at=pl.lit(at).cast(pl.Datetime("us")), price=pl.col("price") * 1.01)
        own, every = pl.concat([own, price]), pl.concat([known, price])
        began = time.perf_counter()
        assert renewed(taught, own, at) is not None
        alone.append(time.perf_counter() - began)
        began = time.perf_counter()
        _, after = caught_up(kept, every, at)
        among.append(time.perf_counter() - began)
        assert after is kept
    return {"renewal_ms": 1000 * float(np.median(alone)), "among_all_ms": 1000 * float(np.median(among))}


def compared(prices: pl.LazyFrame, taught: Taught, cleaned: Clean, ours_each: float) -> dict[str, float]:
    """AutoETS on some of the same markets, from all over: seconds for each and CRPS over the knots, beside ours."""
    chosen = np.linspace(0, cleaned.markets.height - 1, COMPARED).astype(np.int64)
    few = cleaned.markets[chosen]
    events = cleaned.events.join(few.select("market"), on="market", how="semi", maintain_order="left")
    grid = hourly(events, few, CUTOFF)
    challenge("ets", hourly(events, few.head(1), CUTOFF), 168)  # its imports and compilation are not its fault
    began = time.perf_counter()
    _, theirs = challenge("ets", grid, 168)
    each = (time.perf_counter() - began) / COMPARED
    end = CUTOFF + timedelta(hours=168)
    until = clean(prices.filter(pl.col("market").is_in(few.get_column("market").implode())).collect(), end)
    actual = np.exp(hourly(until.events, few, end).log_price[:, -168:])
    knots = np.asarray(KNOTS) - 1
    frame = told(taught, chosen)
    ours = frame.get_column("quantiles").explode().to_numpy().reshape(COMPARED, len(KNOTS), len(LEVELS))
    unit = actual.mean(axis=1)[:, None]
    mine = crps(ours / unit[..., None], actual[:, knots] / unit)
    yours = crps(theirs[:, knots] / unit[..., None], actual[:, knots] / unit)
    ratio = mine.mean() / yours.mean()
    return {
        "ets_ratio": ours_each / each,
        "ets_seconds_each": each,
        "crps_ratio": ratio,
        "crps_error": float(np.std(mine - ratio * yours) / np.sqrt(COMPARED) / yours.mean()),
    }


if __name__ == "__main__":
    if len(sys.argv) > 2:
        world(int(sys.argv[2])).write_parquet(sys.argv[1])
    else:
        main(sys.argv[1])
