"""Spot forecasts of thousands of markets: time and memory, training included, beside AutoETS on the same markets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from benchmarks.figures import Figure

SIZES = (10_000, 60_000)
SECONDS = {10_000: 20.0, 60_000: 60.0}
MEGABYTES = {10_000: 600.0, 60_000: 2400.0}


def run() -> list[Figure]:
    figures = []
    for size in SIZES:
        found = _measure(size)
        name = f"spot: {size:,} markets, 168 h, 21 quantiles"
        detail = f"{found['megabytes']:.0f} MB"
        figures += [
            Figure(name, found["seconds"], "s", SECONDS[size], "the clock", detail),
            Figure(name, found["megabytes"], "MB", MEGABYTES[size], "all that the process holds"),
            Figure("spot: one market, learned with all", found["ets_ratio"], "x", 0.1, "AutoETS",
                   f"AutoETS {1000 * found['ets_seconds_each']:.0f} ms"),
            Figure("spot: CRPS", found["crps_ratio"], "x", 1.0, "AutoETS",
                   f"1,000 markets, standard error {found['crps_error']:.3f}"),
            Figure("spot: one new price to its forecast", found["renewal_ms"], "ms", 50.0, "the clock",
                   f"{found['among_all_ms']:.0f} ms with all prices looked through"),
        ]  # fmt: skip
    return figures


def _measure(size: int) -> dict[str, float]:
    few = os.environ | {"OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    host = [sys.executable, "-m", "benchmarks.spot_host"]
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        file = f"{folder}/prices.parquet"
        subprocess.run([*host, file, str(size)], check=True, env=few)
        told = subprocess.run([*host, file], capture_output=True, text=True, check=True, env=few)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found
