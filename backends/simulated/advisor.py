"""A made-up Spot advisor for the simulated types: two files as AWS publishes one, of a month ago and of yesterday."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from backends.simulated import accounts, catalog
from backends.simulated.randomness import stream

_LABELS = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
_WEIGHTS = (38, 24, 17, 11, 10)
_AGES = (31, 1)
"""Days before the world begins that the files are of."""


def write(directory: Path, seed: int, start: datetime) -> list[Path]:
    """Write the files, each dated by its time of writing; the oldest first."""
    found = []
    for number, days in enumerate(_AGES):
        of = (start - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
        path = directory / f"spot-advisor-{of:%Y-%m-%d}.json"
        path.write_text(json.dumps(_advisor(seed, number)), encoding="utf-8")
        os.utime(path, (of.timestamp(), of.timestamp()))
        found.append(path)
    return found


def _advisor(seed: int, number: int) -> dict[str, Any]:
    return {
        "ranges": [{"index": index, "label": label} for index, label in enumerate(_LABELS)],
        "spot_advisor": {
            region: {
                "Linux": _types(seed, number, region, windows=False),
                "Windows": _types(seed, number, region, windows=True),
            }
            for region in accounts.REGIONS
        },
    }


def _types(seed: int, number: int, region: str, *, windows: bool) -> dict[str, Any]:
    """Bands mostly stay: one in four differs from the file before by one."""
    found = {}
    for kind in catalog.TYPES.values():
        if not kind.market or (windows and not kind.windows):
            continue
        rng = stream(seed, "advisor", region, kind.name, windows)
        band = rng.choices(range(len(_LABELS)), _WEIGHTS)[0]
        moved, step = rng.random() < 0.25, rng.choice((-1, 1))
        if number and moved:
            band = min(max(band + step, 0), len(_LABELS) - 1)
        found[kind.name] = {"s": rng.randint(48, 76), "r": band}
    return found
