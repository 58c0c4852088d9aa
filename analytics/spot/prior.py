"""The prior: what was learned on other markets, shipped so that a new region is forecast from its first hour.

    python -m analytics.spot.prior --prices FILE.parquet --out FILE.json [--without m5,c5,…] [--only m5,c5,…]

fits it again. FILE.parquet holds change events as analytics.spot.backtest reads them; no price of it ends up in the
prior, only the networks' weights and how far their forecasts missed. Families that are held out are not looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from analytics.spot.clean import clean
from analytics.spot.events import read
from analytics.spot.features import INPUTS, hour_of_week
from analytics.spot.intervals import Table
from analytics.spot.learning import Prior, Ways, learn, nothing
from analytics.spot.levels import KNOTS, LEVELS
from analytics.spot.network import Network
from analytics.spot.peers import peers
from analytics.spot.sample import World

SHIPPED = Path(__file__).with_name("prior.json")
SHORT = 0.5
"""Half of the rows see a short window: a new region has no other."""
BINS = 3
DIGITS = 4


class PriorError(Exception):
    """One sentence for the person at the keyboard."""


def load(path: Path = SHIPPED) -> Prior:
    """The prior of a file; PriorError where it is none, or one for other inputs, horizons or levels."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if (told["inputs"], told["knots"], told["levels"]) != (list(INPUTS), list(KNOTS), list(LEVELS)):
            raise PriorError(f"{path} was made for other inputs; make it again: python -m analytics.spot.prior")
        networks = tuple(
            Network(
                _single(one["centre"]),
                _single(one["spread"]),
                tuple((_single(layer["weights"]), _single(layer["bias"])) for layer in one["layers"]),
            )
            for one in told["networks"]
        )
        tables = [
            Table(np.array(told[name]["edges"]), np.array(told[name]["quantiles"])) for name in ("moving", "naive")
        ]
        return Prior(networks, tables[0], tables[1], np.array(told["flat"]), told["provenance"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise PriorError(f"{path} is not a prior: {problem}") from problem


@cache
def shipped() -> Prior:
    """The prior that comes with the product."""
    return load()


def _single(values: list[Any]) -> Any:
    return np.array(values, dtype=np.float32)


def fit(prices: pl.DataFrame, provenance: str, seed: int = 0) -> dict[str, Any]:
    """A prior as JSON from `prices` (columns as in analytics.spot.clean)."""
    newest = prices.get_column("at").max()
    if not isinstance(newest, datetime):
        raise PriorError("there are no prices to learn from")
    cutoff = newest.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    cleaned = clean(prices, cutoff)
    world = World(read(cleaned.events, cleaned.markets, cutoff, 400), peers(cleaned.markets), hour_of_week(cutoff))
    model = learn(world, nothing(), Ways(networks=1, short=SHORT, seed=seed))
    if not model.fits.networks:
        raise PriorError(f"{cleaned.markets.height} markets have too little history for a prior")
    settled = model.settled
    return {
        "provenance": provenance,
        "inputs": list(INPUTS),
        "knots": list(KNOTS),
        "levels": list(LEVELS),
        "networks": [
            {
                "centre": _told(one.centre),
                "spread": _told(one.spread),
                "layers": [{"weights": _told(weights), "bias": _told(bias)} for weights, bias in one.layers],
            }
            for one in model.fits.networks
        ],
        "moving": _few(settled.moving),
        "naive": _few(settled.naive),
        "flat": _told(settled.flat),
    }


def _few(table: Table) -> dict[str, Any]:
    """The table with fewer bins: neighbours are averaged."""
    places = np.array_split(np.arange(len(table.edges) + 1), BINS)
    edges = [table.edges[group[0] - 1] for group in places[1:] if len(group)]
    kept = [group for group in places if len(group)]
    return {
        "edges": _told(np.array(edges)),
        "quantiles": _told(np.stack([table.quantiles[group].mean(axis=0) for group in kept])),
    }


def _told(values: Any) -> Any:
    """Numbers to a few digits, as nested lists."""
    rounded = (
        np.vectorize(lambda value: float(f"{value:.{DIGITS}g}"), otypes=[float])(values) if np.size(values) else values
    )
    return rounded.tolist()


def main(arguments: Sequence[str] | None = None) -> int:
    from analytics.spot.backtest import BacktestError, read_prices

    parser = argparse.ArgumentParser(prog="python -m analytics.spot.prior", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--prices", required=True, help="Parquet file of price change events")
    parser.add_argument("--out", required=True, help="JSON file to write")
    parser.add_argument("--without", default="", help="instance families to hold out, comma separated")
    parser.add_argument("--only", default="", help="only these instance families")
    options = parser.parse_args(arguments)
    try:
        prices = read_prices(Path(options.prices))
        family = pl.col("instance_type").str.split(".").list.first()
        if options.without:
            prices = prices.filter(~family.is_in(options.without.split(",")))
        if options.only:
            prices = prices.filter(family.is_in(options.only.split(",")))
        days = prices.get_column("at").dt.strftime("%Y-%m-%d")
        span = f"{days.min()!s} to {days.max()!s}"
        held = f" without {options.without}" if options.without else ""
        held += f" only {options.only}" if options.only else ""
        regions = ", ".join(sorted(prices["region"].unique()))
        told = (
            f"Fitted on {prices['market'].n_unique()} spot markets of {regions}, {span}{held}, by"
            f" python -m analytics.spot.prior --prices {Path(options.prices).name} --out {Path(options.out).name}"
        )
        Path(options.out).write_text(json.dumps(fit(prices, told), separators=(",", ":")) + "\n", encoding="utf-8")
    except (BacktestError, PriorError) as problem:
        sys.stderr.write(f"prior: {problem}\n")
        return 2
    sys.stdout.write(told + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
