"""First rows of a pane that joins a running daemon, against the first paint of the smallest useful Textual app."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.terminal import Terminal
from benchmarks.world import QUARTERDECK, World, world

ROUNDS = 9


def run() -> list[Figure]:
    with world() as here:
        with here.connect() as client:
            client.poll(wait=True)
        environment = as_installed(here)
        _minimal(environment), _pane(environment)
        pairs = [(_minimal(environment), _pane(environment)) for _ in range(ROUNDS)]
    minimal, pane = (median(times) for times in zip(*pairs, strict=True))
    detail = f"{1000 * pane:.0f} ms against {1000 * minimal:.0f} ms, medians of {ROUNDS}"
    return [Figure("pane: first rows, daemon running", pane / minimal, "x", 1.5, "a minimal Textual app", detail)]


def as_installed(here: World) -> dict[str, str]:
    """The environment in which programs find their modules compiled from the second start on, as installers leave them.

    A checkout's own may forbid that (PYTHONDONTWRITEBYTECODE), and to compile fifty modules is not what starting takes.
    """
    prefix = str(Path(here.environment["QUARTERDECK_HOME"]) / "bytecode")
    return {**here.environment, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": prefix}


def _minimal(environment: dict[str, str]) -> float:
    return _seconds([sys.executable, "-m", "benchmarks.minimal_app"], "row 040", environment)


def _pane(environment: dict[str, str]) -> float:
    return _seconds([QUARTERDECK, "fleets"], "i-", environment)


def _seconds(command: list[str], text: str, environment: dict[str, str]) -> float:
    terminal = Terminal(command, environment=environment)
    try:
        return terminal.wait_for(text)
    finally:
        terminal.close()
