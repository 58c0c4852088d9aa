"""A store whose writer was killed opens again, with every acknowledged sweep and none by half."""

import json
import subprocess
import sys
from pathlib import Path


def test_killing_the_writer_loses_no_acknowledged_sweep_and_tears_none(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("store_crash.py"))
    done = subprocess.run(
        [sys.executable, script, "10", "7", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["kills"] == 10
    assert figures["acknowledged"] >= 5
    assert figures["inside"] >= 2, "the two writers that waited amid a sweep"
