"""The resource table with 100,000 rows behind it against Textual's DataTable with the same cells, at 180×50."""

from __future__ import annotations

import re
import sys

from benchmarks.figures import Figure
from benchmarks.terminal import Terminal, typical

ROWS = 100_000
STEPS = 20
PAGES = 12


def run() -> list[Figure]:
    ours, theirs = _measure("resource"), _measure("datatable")
    (load, (down, _), (page, page_ms)), (their_load, (their_down, _), (their_page, their_ms)) = ours, theirs
    return [
        Figure("table: load of 100,000", load / their_load, "x", 0.01, "DataTable", f"{load:.3f} / {their_load:.1f} s"),
        Figure("table: cursor down", down, "B", 1000, "1 kB", f"DataTable {their_down} B"),
        Figure("table: page down", page, "B", 24_000, "24 kB", f"{page_ms:.0f} ms; DataTable {their_ms:.0f} ms"),
        Figure("table: page down", page / their_page, "x", 0.7, "DataTable", f"{page} B to {their_page} B"),
    ]  # fmt: skip


def _measure(which: str) -> tuple[float, tuple[int, float], tuple[int, float]]:
    """Seconds to load, then (bytes, ms) of a step and of a page."""
    terminal = Terminal([sys.executable, "-m", "benchmarks.table_host", which, str(ROWS)])
    try:
        terminal.wait_for("LOADED", timeout=180)
        terminal.settle(1.0)
        load = float(re.findall(rb"LOADED ([0-9.]+)", terminal.data)[-1])
        steps = [terminal.press("down") for _ in range(STEPS)]
        pages = [terminal.press("pagedown") for _ in range(PAGES)]
    finally:
        terminal.close()
    return load, typical(steps), typical(pages)
