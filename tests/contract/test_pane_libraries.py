"""A pane that has visited every mode has still mapped no AWS, store or analytics library."""

import os
import sys
from pathlib import Path

from benchmarks.terminal import Terminal

FORBIDDEN = ("duckdb", "polars", "pyarrow", "numpy", "scipy", "sklearn", "statsforecast", "lxml", "pandas", "pydantic")


def test_a_pane_that_visited_every_mode_has_mapped_no_heavy_library(tmp_path: Path) -> None:
    quarterdeck = Path(sys.executable).with_name("quarterdeck")
    environment = {**os.environ, "QUARTERDECK_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    terminal = Terminal([str(quarterdeck), "demo", "--seed", "11"], 160, 48, environment)
    try:
        terminal.wait_for("EC2 instances", timeout=300)
        for key in "1234567 9!?".replace(" ", ""):
            terminal.press(key, quiet=0.5)
        mapped = Path(f"/proc/{terminal.pid}/maps").read_text()
        assert "python" in mapped
        found = [name for name in FORBIDDEN if f"/{name}" in mapped]
        assert not found, f"the pane mapped {found}"
    finally:
        terminal.close()
