"""First rows of a pane that joins a running daemon, against the first paint of the smallest useful Textual app."""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.figures import Figure
from benchmarks.terminal import Terminal
from benchmarks.world import QUARTERDECK, World, world

ROUNDS = 9


def run() -> list[Figure]:
    with world() as here:
        with here.connect() as client:
            client.poll(wait=True)
        _pane(here)
        pairs = [(_minimal(), _pane(here)) for _ in range(ROUNDS)]
    minimal, pane = (median(times) for times in zip(*pairs, strict=True))
    detail = f"{1000 * pane:.0f} ms against {1000 * minimal:.0f} ms, medians of {ROUNDS}"
    return [Figure("pane: first rows, daemon running", pane / minimal, "x", 1.5, "a minimal Textual app", detail)]


def _minimal() -> float:
    return _seconds([sys.executable, "-m", "benchmarks.minimal_app"], "row 040", None)


def _pane(here: World) -> float:
    return _seconds([QUARTERDECK, "fleets"], "i-", here.environment)


def _seconds(command: list[str], text: str, environment: dict[str, str] | None) -> float:
    terminal = Terminal(command, environment=environment)
    try:
        return terminal.wait_for(text)
    finally:
        terminal.close()
